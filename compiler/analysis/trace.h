// SPDX-License-Identifier: GPL-2.0-or-later
//
// One packet's way through a ruleset: which rule decides it, and which one decides whether it is tracked.
#pragma once

#include "meaning/outcome.h"
#include "meaning/rules.h"

struct trace {
    struct outcome outcome;     // of the whole way
    struct rule_place verdict;  // the rule that decides; index chain->count: the policy of the chain
    struct rule_place tracking; // the CT target that decides; no chain: none
};

// The packet has a value for each field and unknown of the space, and is in the hook's domain; `meaning` is the ruleset's.
struct trace trace_packet(struct packet_space *space, const struct ruleset *ruleset,
                          const struct meaning *meaning, enum hook hook, const field_value *packet);

// The same without raw, with the state that the packet has, UNTRACKED among them, whatever raw would make of it.
struct trace trace_with_state(struct packet_space *space, const struct ruleset *ruleset, enum hook hook,
                              const field_value *packet);

// The place in the rules that were printed of a packet that the rules of a policy decide: `place` itself where the ruleset
// is nobody's but its writer's.
struct rule_place printed_place(struct packet_space *space, const struct ruleset *ruleset,
                                const struct meaning *meaning, enum hook hook, const field_value *packet,
                                struct rule_place place);

// What a place stands for: the part of a policy, with its entry; of a ruleset only the line.
struct reason {
    const char *section; // NULL: a ruleset's
    const char *name;    // NULL: none
    struct span span;    // no source: none
};
struct reason place_reason(const struct rule_place *place);

// `allow: ssh`; nothing where there is no section.
void describe_reason(struct buf *out, const struct reason *reason);

// Whether the place decides what nothing before it did: the default of a policy, the policy of a chain, or a rule of a
// built-in chain that asks for nothing.
bool place_is_end(const struct rule_place *place);

// The rule at a place; NULL where it is the policy of a chain, or nowhere.
const struct rule *place_rule(const struct rule_place *place);

// `filter INPUT 9`, `filter INPUT policy`.
void describe_place(struct buf *out, const struct rule_place *place);
