// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the passes share. Not for other folders.
#pragma once

#include "passes/passes.h"

// One table on its way. Its chains may be changed; what their rules point to may not.
struct passing {
    struct arena *arena;
    enum family family;
    struct table *table;
    unsigned without;        // of struct pass_options
    struct ipset_list *sets; // of struct pass_options
};

// The chain's rules, to be changed.
struct rule *own_rules(struct passing *passing, struct chain *chain);

void pass_join(struct passing *passing);
void pass_shadow(struct passing *passing);
void pass_limit(struct passing *passing);
void pass_gather(struct passing *passing);
void pass_inline(struct passing *passing);
void pass_order(struct passing *passing);
void pass_sets(struct passing *passing);
void pass_tree(struct passing *passing);

// Two rules that may change places with each other as one; false where that is none.
bool join_two(struct passing *passing, const struct rule *a, const struct rule *b, struct rule *joined);

// The last step, which always runs: sets become rules. False, and reported, where they are too many.
bool expand_sets(struct passing *passing, struct diag_list *diags);

// How many rules a rule stands for; SIZE_MAX where that is beyond counting.
size_t expanded_count(enum family family, const struct rule *rule);

// How many rules the addresses or ports of one side stand for, 1 where there is no set.
size_t address_rules(enum family family, const struct rule *rule, enum side side);
size_t port_rules(const struct rule *rule, enum side side);

// Whether a rule's answer depends on the packet alone: no limit, nothing that is not modelled, no text that is kept as it
// is. Such a rule may be asked twice, or not at all.
bool rule_is_pure(const struct rule *rule);
bool match_is_pure(const struct match *match);

// Whether its sets are so large that looking at them rule by rule does not pay.
bool rule_is_large(const struct rule *rule);

// Whether a policy carries the rule as it is.
bool rule_is_verbatim(const struct rule *rule);

// Whether one of these packets, once it passed the rule, ends its walk there.
bool target_is_final(const struct target *target);

// Whether it makes no difference to any packet which of two such rules with the same target comes first.
bool has_no_order(const struct rule *rule);

// Whether two neighbours may change places: no packet cares for their order, or none passes both.
bool rules_commute(enum family family, const struct rule *a, const struct rule *b);

bool targets_same(const struct target *a, const struct target *b);

// Whether two rules differ in nothing but their sets, and where they come from.
bool rules_same_but_sets(const struct rule *a, const struct rule *b);

// Whether their sets are the same.
bool rule_sets_same(const struct rule *a, const struct rule *b);

// Equal for rules of which rules_same_but_sets() holds.
uint64_t rule_hash(const struct rule *rule);

bool range_lists_same(const struct range_list *a, const struct range_list *b); // NULL: any
bool port_sets_same(const struct port_set *a, const struct port_set *b);
uint64_t range_list_hash(const struct range_list *list);
uint64_t port_set_hash(const struct port_set *set);
