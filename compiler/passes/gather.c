// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that one rule can hold are joined though others stand between them: ports of one service ahead of what refuses
// another, and those behind it.
//
//   -A INPUT -p tcp -m tcp --dport 53 -j ACCEPT
//   -A INPUT -p tcp -m tcp --dport 80 -j DROP
//   -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT                  joins the first one
//
// Few rules are also looked at address by address, where that makes fewer: what one address may reach is one rule, whomever
// else its entries name.
//
// May act on: two rules that the pass `join` would join as neighbours, where that makes fewer rules, and one of them may
// change places with all that stand between: those do the same with their packets, or no packet passes both. Long chains and
// large sets are left as they are, and so are rules far from each other.
#include <string.h>

#include "passes/pass.h"

#define RULES_MAX 512 // of a chain
#define FAR       64  // rules between two that are joined
#define FEW_RULES 64  // that are looked at address by address

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

static void gather_rules(struct passing *passing, struct chain *chain)
{
    for (size_t place = 1; place < chain->count;) {
        const size_t count = chain->count, at = gather_rule(passing, chain, place);

        // What has been joined may join others.
        place = chain->count == count ? place + 1 : at ? at : 1;
    }
}

static size_t count_expanded(enum family family, const struct chain *chain)
{
    size_t count = 0;

    for (size_t i = 0; i < chain->count && count <= FEW_RULES; i++)
        count += expanded_count(family, &chain->items[i]);
    return count;
}

// Adds the rule to the chain, once for each range of one side's addresses.
static void add_apart(struct passing *passing, struct chain *chain, const struct rule *rule, enum side side)
{
    const struct range_list *all = rule_sets_of(rule)->addresses[side];

    for (size_t i = 0; i < (all ? all->count : 1); i++) {
        struct rule part = *rule;

        if (all) {
            struct rule_sets *sets = rule_sets_copy(passing->arena, rule->sets);
            struct range_list *one = arena_alloc(passing->arena, sizeof(*one));

            *one = (struct range_list){&all->items[i], 1, 1};
            sets->addresses[side] = one;
            part.sets = sets;
        }
        if (side == SIDE_SOURCE)
            add_apart(passing, chain, &part, SIDE_DESTINATION);
        else
            *vec_push(passing->arena, chain) = part;
    }
}

// The same chain, rules with a set of addresses apart.
static struct chain take_apart(struct passing *passing, const struct chain *chain)
{
    struct chain apart = *chain;

    apart.items = NULL;
    apart.count = apart.capacity = 0;
    apart.borrowed = false;
    for (size_t i = 0; i < chain->count; i++)
        if (has_no_order(&chain->items[i]))
            add_apart(passing, &apart, &chain->items[i], SIDE_SOURCE);
        else
            *vec_push(passing->arena, &apart) = chain->items[i];
    return apart;
}

static void gather_chain(struct passing *passing, struct chain *chain)
{
    size_t count;

    gather_rules(passing, chain);
    count = count_expanded(passing->family, chain);
    if (count > FEW_RULES || count == chain->count)
        return;

    struct chain apart = take_apart(passing, chain);

    gather_rules(passing, &apart);
    if (count_expanded(passing->family, &apart) < count)
        *chain = apart;
}

void pass_gather(struct passing *passing)
{
    for (size_t i = 0; i < passing->table->count; i++)
        if (passing->table->items[i]->count <= RULES_MAX)
            gather_chain(passing, passing->table->items[i]);
}
