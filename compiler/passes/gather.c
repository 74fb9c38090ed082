// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that one rule can hold are joined though others stand between them: ports of one service ahead of what refuses
// another, and those behind it.
//
//   -A INPUT -p tcp -m tcp --dport 53 -j ACCEPT
//   -A INPUT -p tcp -m tcp --dport 80 -j DROP
//   -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT                  joins the first one
//
// May act on: two rules that the pass `join` would join as neighbours, where that makes fewer rules, and one of them may change
// places with all that stand between: those do the same with their packets, or no packet passes both. Long chains and large
// sets are left as they are, and so are rules far from each other.
#include <string.h>

#include "passes/pass.h"

#define RULES_MAX 512 // of a chain
#define FAR       64  // rules between two that are joined

// Whether the rule at `place` may go past all the rules from `first` to `last`.
static bool may_pass(enum family family, const struct chain *chain, size_t place, size_t first, size_t last)
{
    for (size_t i = first; i <= last; i++)
        if (!rules_commute(family, &chain->items[place], &chain->items[i]))
            return false;
    return true;
}

// Whether they differ in one set at most.
static bool alike(const struct rule *a, const struct rule *b)
{
    const struct rule_sets *left = rule_sets_of(a), *right = rule_sets_of(b);
    int differing = 0;

    for (int side = 0; side < 2 && differing < 2; side++)
        differing += !range_lists_same(left->addresses[side], right->addresses[side]) +
                     !port_sets_same(&left->ports[side], &right->ports[side]);
    return differing < 2;
}

// The two as one rule; false where that is none, or saves none.
static bool join_far(struct passing *passing, const struct rule *a, const struct rule *b, struct rule *joined)
{
    const enum family family = passing->family;

    return alike(a, b) && has_no_order(a) && has_no_order(b) && rules_same_but_sets(a, b) &&
           !rule_is_large(a) && !rule_is_large(b) && join_two(passing, a, b, joined) &&
           expanded_count(family, joined) < expanded_count(family, a) + expanded_count(family, b);
}

// Joins the rule at `place` with one ahead of it. Gives where the joined rule stands; `place`, where there is none.
static size_t gather_rule(struct passing *passing, struct chain *chain, size_t place)
{
    for (size_t i = place; i-- > 0 && place - i <= FAR;) {
        struct rule *rules, joined;
        bool up;

        if (!join_far(passing, &chain->items[i], &chain->items[place], &joined))
            continue;
        up = may_pass(passing->family, chain, place, i + 1, place - 1);
        if (!up && !may_pass(passing->family, chain, i, i + 1, place - 1))
            continue;
        const size_t stays = up ? i : place, gone = up ? place : i;

        rules = own_rules(passing, chain);
        rules[stays] = joined;
        chain->count--;
        memmove(&rules[gone], &rules[gone + 1], (chain->count - gone) * sizeof(*rules));
        return up ? i : place - 1;
    }
    return place;
}

static void gather_chain(struct passing *passing, struct chain *chain)
{
    for (size_t place = 1; place < chain->count;) {
        const size_t count = chain->count, at = gather_rule(passing, chain, place);

        // What has been joined may join others.
        place = chain->count == count ? place + 1 : at ? at : 1;
    }
}

void pass_gather(struct passing *passing)
{
    for (size_t i = 0; i < passing->table->count; i++)
        if (passing->table->items[i]->count <= RULES_MAX)
            gather_chain(passing, passing->table->items[i]);
}
