// SPDX-License-Identifier: GPL-2.0-or-later
//
// One packet's way through a ruleset: which rule decides it, and which one decides whether it is tracked.
#pragma once

#include "meaning/outcome.h"
#include "meaning/rules.h"

struct trace {
    struct outcome outcome;       // of the whole way
    struct rule_place verdict;    // the rule that decides; index chain->count: the policy of the chain
    struct rule_place tracking;   // the CT target that decides; no chain: none
};

// The packet has a value for each field and unknown of the space, and is in the hook's domain; `meaning` is the ruleset's.
struct trace trace_packet(struct packet_space *space, const struct ruleset *ruleset, const struct meaning *meaning,
                          enum hook hook, const field_value *packet);

// The rule at a place; NULL where it is the policy of a chain, or nowhere.
const struct rule *place_rule(const struct rule_place *place);

// `filter INPUT 9`, `filter INPUT policy`.
void describe_place(struct buf *out, const struct rule_place *place);
