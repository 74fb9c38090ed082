// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the chains of one table do, rule by rule.
#pragma once

#include "meaning/walks.h"

// A rule and where it stands, for outcomes that remember it.
struct rule_place {
    const struct table *table;
    const struct chain *chain;
    size_t index; // in the chain, from 0
};

struct rule_places {
    struct rule_place *items; // of outcome.rule 1, 2, ...
    size_t count;
    size_t capacity;
    bool (*wanted)(const struct rule_place *place); // which are remembered; NULL: all
};

// What a rule's target does to the packets that the rule is about: WALK_LED_ON where it leads to another chain.
struct outcome target_outcome(struct packet_space *space, const struct target *target);

// One chain, with the chains that it leads to, as the walk through it: WALK_CONTINUE at its end. For rules that a policy
// carries verbatim. An empty function where the ruleset has no such chain.
diagram chain_walk(const struct view *view, const struct ruleset *ruleset, const char *table,
                   const char *chain);

// A built-in chain in the same way, to the end of the table: with its policy. An empty function where the ruleset has no such
// chain. `places`, unless it is NULL, is filled with the rules that decide, and outcomes remember them: the last rule's index
// + 1 stands for the policy of a chain.
diagram built_in_chain_walk(const struct view *view, const struct ruleset *ruleset, const char *table,
                            const char *chain, struct rule_places *places);

// Whether rules of raw ask for what the tracker says: walks through it are `staged` then.
bool raw_asks_state(const struct ruleset *ruleset);
