// SPDX-License-Identifier: GPL-2.0-or-later
#include "ruleset/ruleset.h"

#include <stdlib.h>
#include <string.h>

const char *const match_names[MATCH_COUNT] = {
#define MATCH(id, name) name,
#include "ruleset/match.def"
#undef MATCH
};

struct table *ruleset_table(struct arena *arena, struct ruleset *ruleset, const char *name)
{
    for (size_t i = 0; i < ruleset->count; i++)
        if (strcmp(ruleset->items[i].name, name) == 0)
            return &ruleset->items[i];

    struct table *table = vec_push(arena, ruleset);

    *table = (struct table){.name = name};
    return table;
}

struct chain *table_chain(struct arena *arena, struct table *table, const char *name,
                          enum chain_policy policy)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->items[i]->name, name) == 0)
            return table->items[i];

    struct chain *chain = arena_alloc(arena, sizeof(*chain));

    *chain = (struct chain){.name = name, .policy = policy};
    *vec_push(arena, table) = chain;
    return chain;
}

struct rule *chain_append(struct arena *arena, struct chain *chain)
{
    struct rule *rule = vec_push(arena, chain);

    *rule = (struct rule){0};
    return rule;
}

static int hook_rank(const struct chain *chain)
{
    static const char *const hooks[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
    int rank = 0;

    while (rank < 5 && strcmp(chain->name, hooks[rank]) != 0)
        rank++;
    return rank;
}

static int compare_chains(const void *a, const void *b)
{
    const struct chain *left = *(const struct chain *const *)a, *right = *(const struct chain *const *)b;
    const int order = hook_rank(left) - hook_rank(right);

    return order ? order : strcmp(left->name, right->name);
}

void ruleset_sort(struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++)
        if (ruleset->items[i].count)
            qsort(ruleset->items[i].items, ruleset->items[i].count, sizeof(*ruleset->items[i].items),
                  compare_chains);
}
