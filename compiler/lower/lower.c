// SPDX-License-Identifier: GPL-2.0-or-later
//
// Policy in, ruleset out: the hooks in the kernel's order, the raw table, and what the policy carries verbatim.
#include "lower/lower.h"

#include <string.h>

#include "lower/flow.h"

static bool is_own(const char *table)
{
    return strcmp(table, "filter") == 0 || strcmp(table, "raw") == 0;
}

static enum chain_policy policy_of(const char *word)
{
    return strcmp(word, "ACCEPT") == 0 ? CHAIN_ACCEPT : strcmp(word, "DROP") == 0 ? CHAIN_DROP : CHAIN_USER;
}

// A line `:CHAIN POLICY [packets:bytes]`, which policy/read_verbatim.c has checked.
static void declare_chain(struct lowering *lowering, struct table *table, const char *text)
{
    struct slice rest = {text + 1, strlen(text) - 1};
    const struct slice name = slice_word(&rest), policy = slice_word(&rest);

    table_chain(lowering->arena, table, arena_copy(lowering->arena, name.at, name.length),
                policy_of(arena_copy(lowering->arena, policy.at, policy.length)));
}

// Chains of verbatim text and, but for the hooks that the lowering has done, their rules.
static void carry_verbatim(struct lowering *lowering, struct ruleset *ruleset)
{
    const struct verbatim *verbatim = &lowering->policy->verbatim[lowering->family];

    for (size_t i = 0; i < verbatim->count; i++)
        ruleset_table(lowering->arena, ruleset, verbatim->items[i].table);
    for (size_t i = 0; i < verbatim->count; i++)
        if (!verbatim->items[i].chain)
            declare_chain(lowering, ruleset_table(lowering->arena, ruleset, verbatim->items[i].table),
                          verbatim->items[i].text);
    // A built-in chain needs no line of its own.
    for (size_t i = 0; i < verbatim->count; i++)
        if (verbatim->items[i].chain)
            table_chain(lowering->arena, ruleset_table(lowering->arena, ruleset, verbatim->items[i].table),
                        verbatim->items[i].chain, CHAIN_ACCEPT);
    for (size_t i = 0; i < ruleset->count; i++) {
        struct table *table = &ruleset->items[i];

        for (size_t j = 0; j < table->count; j++)
            if (!is_own(table->name) || table->items[j]->policy == CHAIN_USER)
                append_verbatim(lowering, table, table->items[j]);
    }
}

const struct ruleset *policy_to_ruleset(struct arena *arena, const struct policy *policy, enum family family,
                                        struct lower_options options)
{
    struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
    struct table *tables = arena_calloc(arena, 8, sizeof(*tables));
    struct lowering lowering = {.arena = arena, .policy = policy, .family = family, .options = options};

    // Room for every table there is, so that their addresses stay.
    *ruleset = (struct ruleset){.family = family, .items = tables, .capacity = 8};
    lowering.filter = ruleset_table(arena, ruleset, "filter");
    lowering.raw = ruleset_table(arena, ruleset, "raw");
    lower_input(&lowering);
    lower_forward(&lowering);
    lower_output(&lowering);
    lower_raw(&lowering);
    carry_verbatim(&lowering, ruleset);
    ruleset_sort(ruleset);
    arena_clear(&lowering.scratch);
    return ruleset;
}
