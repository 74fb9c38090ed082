// SPDX-License-Identifier: GPL-2.0-or-later
//
// What becomes of a set of packets: its parts, each with a verdict, tracked or not, and what decides it.
#pragma once

#include "analysis/query.h"
#include "analysis/trace.h"

struct part {
    struct outcome outcome;
    bool tracking_told;  // false: packets of the part may be tracked or not
    const char *verdict; // in words
    const char *const
        *boxes; // the packets, in words; those of the parts before it are taken away. "": all that is left
    size_t box_count;
    bool complete; // false: there are more boxes
    struct reason reason;
    struct rule_place place;   // the first rule that decides
    struct rule_place printed; // the same in the text that is made of a policy, for one of the packets
    size_t rules;              // how many do
};

struct explanation {
    enum hook hook;
    struct part *items;
    size_t count, capacity;
    bool undecided; // the rules are too many for an answer
};

// Rules, made ready for questions about the sets that were named.
struct explainer {
    struct arena *arena;
    struct packet_space space;
    const struct ruleset *rules;
    struct meaning meanings[HOOK_COUNT]; // each of its own hook
    bool made[HOOK_COUNT];
    struct rule_places places;
    bool tracking_of_all; // parts are told apart by tracking also where they are refused, or lo alone decides
};

// `policy` may be NULL; it lends names to limits. Every set that will be asked about is among `sets`.
void explainer_open(struct explainer *explainer, struct arena *arena, const struct ruleset *rules,
                    const struct policy *policy, const struct packets *sets, size_t count);
void explainer_close(struct explainer *explainer);

struct explanation explain_packets(struct explainer *explainer, const struct packets *packets);
