// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a ruleset does to one packet, found by walking it rule by rule as net/ipv4/netfilter/ip_tables.c does:
// with no diagram, no set, and no code of compiler/meaning, whose judge it is. Of that it knows the numbers
// of fields and values.
#pragma once

#include "meaning/space.h"

struct oracle {
    const struct packet_space *space; // names of interfaces, helpers and unknowns
    const struct ruleset *ruleset;
    bool tracking; // some rule switches the tracker on; may be set by the caller
    bool whole;    // some rule has fragments put together before any rule sees them
    struct oracle_unknown {
        const struct match *match;
        const struct table *table;
        size_t field; // of the packet, that says what the match answers; 0: the space has none
    } * unknowns;
    size_t unknown_count;
    const char *lacking; // an unknown that the space should have; NULL: none
};

// END_NOWHERE: of other judges, where they have no answer.
enum oracle_end { END_NOWHERE, END_ACCEPT, END_DROP, END_REJECT, END_ELSEWHERE };

struct oracle_outcome {
    enum oracle_end end;
    const char *answer;        // of END_REJECT
    bool tracked;              // false where raw ended the walk
    const struct target *with; // attached to the connection that a tracked packet opens; NULL: nothing
    const struct rule *rule;   // that ended the walk; NULL: the policy of a chain, or all tables let it pass
};

// The ruleset has been added to the space, and the space is open.
void oracle_open(struct oracle *oracle, struct arena *arena, const struct packet_space *space,
                 const struct ruleset *ruleset);

// `packet` has a value for each field and each unknown of the space.
struct oracle_outcome oracle_walk(const struct oracle *oracle, enum hook hook, const field_value *packet);

bool oracle_same(struct oracle_outcome a, struct oracle_outcome b); // what becomes of the packet
bool oracle_opens_alike(struct oracle_outcome a,
                        struct oracle_outcome b); // and of a connection that it opens

// As a word or two: "reject tcp-reset, tracked".
void oracle_describe(struct buf *out, struct oracle_outcome outcome);
