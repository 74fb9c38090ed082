// SPDX-License-Identifier: GPL-2.0-or-later
//
// What most packets look for stands first: the rule for established connections ahead of those for rare messages, and so on.
//
// May act on: two neighbours of which no packet cares for the order: both are pure, have a final target and the same one; or
// no packet passes both.
#include <string.h>

#include "passes/cost.h"
#include "passes/pass.h"

#define RULES_MAX 256 // of a chain: longer ones become trees

#define CLEARLY \
    10 // times as many packets: less does not pay for rules that stand in another order than the policy

static bool goes_ahead(enum family family, const struct rule *rule, const struct rule *of)
{
    return section_share(rule->section) >= CLEARLY * section_share(of->section) &&
           rules_commute(family, of, rule);
}

static void order_chain(struct passing *passing, struct chain *chain)
{
    struct rule *rules = own_rules(passing, chain);

    for (size_t i = 1; i < chain->count; i++)
        for (size_t j = i; j && goes_ahead(passing->family, &rules[j], &rules[j - 1]); j--) {
            const struct rule rule = rules[j];

            rules[j] = rules[j - 1];
            rules[j - 1] = rule;
        }
}

void pass_order(struct passing *passing)
{
    // Raw has no order that matters: its rules are walked to the end.
    if (strcmp(passing->table->name, "filter") != 0)
        return;
    for (size_t i = 0; i < passing->table->count; i++)
        if (passing->table->items[i]->count <= RULES_MAX && passing->table->items[i]->policy != CHAIN_USER)
            order_chain(passing, passing->table->items[i]);
}
