// SPDX-License-Identifier: GPL-2.0-or-later
#include "passes/passes.h"

#include <string.h>

#include "passes/pass.h"

const char *const pass_names[PASS_COUNT] = {
#define PASS(id, name, about) name,
#include "passes/passes.def"
#undef PASS
};

static void (*const passes[PASS_COUNT])(struct passing *passing) = {
    [PASS_JOIN] = pass_join,     [PASS_SHADOW] = pass_shadow, [PASS_LIMIT] = pass_limit,
    [PASS_GATHER] = pass_gather, [PASS_INLINE] = pass_inline, [PASS_ORDER] = pass_order,
    [PASS_SETS] = pass_sets,     [PASS_TREE] = pass_tree,
};

// What chains a table has and what rules stand in them may change; the rules' parts are shared.
static struct ruleset *copy_ruleset(struct arena *arena, const struct ruleset *from)
{
    struct ruleset *copy = arena_alloc(arena, sizeof(*copy));

    *copy = (struct ruleset){.family = from->family};
    copy->items = arena_calloc(arena, from->count, sizeof(*copy->items));
    copy->capacity = from->count;
    for (size_t i = 0; i < from->count; i++) {
        struct table *table = ruleset_table(arena, copy, from->items[i].name);

        for (size_t j = 0; j < from->items[i].count; j++) {
            const struct chain *chain = from->items[i].items[j];
            struct chain *made = table_chain(arena, table, chain->name, chain->policy);
            const size_t number = made->number;

            *made = *chain;
            made->number = number;
            made->capacity = chain->count;
            made->borrowed = true;
        }
    }
    return copy;
}

struct rule *own_rules(struct passing *passing, struct chain *chain)
{
    if (chain->borrowed) {
        struct rule *copy = arena_calloc(passing->arena, chain->count, sizeof(*copy));

        if (chain->count)
            memcpy(copy, chain->items, chain->count * sizeof(*copy));
        chain->items = copy;
        chain->capacity = chain->count;
        chain->borrowed = false;
    }
    return chain->items;
}

static bool is_own(const char *table)
{
    return strcmp(table, "filter") == 0 || strcmp(table, "raw") == 0;
}

const struct ruleset *passes_run(struct arena *arena, const struct ruleset *lowered,
                                 struct pass_options options, struct diag_list *diags)
{
    struct ruleset *ruleset = copy_ruleset(arena, lowered);
    bool fine = true;

    for (size_t i = 0; i < ruleset->count && fine; i++) {
        struct passing passing = {arena, ruleset->family, &ruleset->items[i], options.without, options.sets};

        // Tables that a policy carries stay as they are written.
        if (!is_own(passing.table->name))
            continue;
        for (enum pass pass = 0; pass < PASS_COUNT; pass++)
            if (!(options.without >> pass & 1))
                passes[pass](&passing);
        fine = expand_sets(&passing, diags);
    }
    if (!fine)
        return NULL;
    ruleset_sort(ruleset);
    return ruleset;
}
