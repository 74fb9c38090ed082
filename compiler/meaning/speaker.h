// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the clauses of a policy's meaning are made of: sets of packets, and what is said of them.
#pragma once

#include "meaning/rules.h"

struct speaker {
    struct packet_space *space;
    const struct policy *policy;
    struct arena scratch;
    struct view view;
    struct walk_list clauses;
};

static const struct outcome accepted = {.walk = WALK_ACCEPT}, dropped = {.walk = WALK_DROP},
                            untracked = {.ct = CT_NOTRACK}, kept_tracked = {.ct = CT_TRACK};

static inline bool tracks(const struct speaker *speaker)
{
    return speaker->policy->tracking != TRACKING_NONE;
}

// A set of packets begins with all of them; each of the others leaves those that are so.
struct cube every_packet(struct speaker *speaker);
void with_interface(struct cube *cube, enum field field, const char *name);
void with_protocol(struct cube *cube, uint8_t protocol); // PROTOCOL_ANY: no test
void without_protocol(struct cube *cube, uint8_t protocol);
void with_opening(struct cube *cube); // of TCP
void without_opening(struct cube *cube);
void with_icmp_type(struct speaker *speaker, struct cube *cube, uint64_t first, uint64_t last);
// One direction of what an entry is about. Asked: the packets of the side that opens; answered: the way back.
enum direction { ASKED, ANSWERED };

// What an entry says of one of its kinds of traffic, whatever the interfaces. Of ICMP as a whole, an answer is any ICMP.
struct cube entry_packets(struct speaker *speaker, const struct entry *entry, const struct traffic *traffic,
                          enum direction direction);

// What is said stands behind what was said before: the first clause that holds a packet decides.
void say(struct speaker *speaker, const struct cube *packets, struct outcome outcome);
void say_verdict(struct speaker *speaker, const struct cube *packets,
                 enum verdict verdict); // a reject may answer TCP in its own way
void say_function(struct speaker *speaker, diagram function);

// All that was said since clause `from`, as one function, which is not said any more.
diagram said_since(struct speaker *speaker, size_t from);

// The rules of a chain that the policy carries verbatim, and whether there are any.
void say_verbatim(struct speaker *speaker, const char *table, const char *chain);
bool policy_has_rules(const struct speaker *speaker, const char *table, const char *chain);
