// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files share that make the oracle.
#pragma once

#include "support/oracle.h"

// A packet where it is looked at: a station of its hook.
struct passage {
    const struct oracle *oracle;
    const field_value *packet;
    const struct table *table;
    enum hook hook;
    const char *in, *out;                         // names, "" where there is none, or none yet
    unsigned state;                               // as the conntrack match sees it here
    uint64_t helper;                              // number of its name, 0: none
    enum { CT_UNSEEN, CT_TAKEN_OUT, CT_KEPT } ct; // what the first CT target said
    struct oracle_outcome outcome;
};

static inline uint64_t passage_value(const struct passage *at, size_t field)
{
    return at->packet[field].low;
}

// oracle_unknowns.c: what only the space has a value for.

bool oracle_text_begins(const char *text, const char *word); // and a blank, or nothing, follows

// Whether a packet's walk can depend on what matches in the rule.
bool oracle_rule_counts(const struct rule *rule);

// Whether a full table of the limit drops.
bool oracle_per_bucket(const struct match *match);

// Collects the unknowns of a table, along the way of packets.
void oracle_visit_table(struct oracle *oracle, struct arena *arena, const struct table *table);

// The field of an unknown; 0: the space has none. `limit`: the options of a hashlimit, NULL: it is none, or the settings do
// not matter.
size_t oracle_unknown_field(const struct packet_space *space, enum unknown_kind kind, const char *text,
                            unsigned number, const char *limit);

// What the packet says of a match that is an unknown.
uint64_t passage_unknown(const struct passage *at, const struct match *match);

// oracle_rules.c: whether the packet fits a rule. `*drop`: a match of it ends the packet.
bool passage_fits(const struct passage *at, const struct rule *rule, bool *drop);
