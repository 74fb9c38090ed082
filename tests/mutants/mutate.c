// SPDX-License-Identifier: GPL-2.0-or-later
#include "mutants/mutate.h"

#include <string.h>

#include "base/vec.h"
#include "mutants/change.h"

const char *const mutation_names[MUTATION_COUNT] = {
#define KIND(id, name) name,
#include "mutants/kinds.def"
#undef KIND
};

bool change_chosen(struct change *change)
{
    return change->counting ? change->variant++, false : change->variant-- == 0;
}

struct rule *change_rule(struct change *change)
{
    return &change->chain->items[change->index];
}

struct match *change_edit(struct change *change, size_t index)
{
    struct rule *rule = change_rule(change);
    struct match *matches = arena_calloc(change->arena, rule->match_count, sizeof(*matches));

    memcpy(matches, rule->matches, rule->match_count * sizeof(*matches));
    rule->matches = matches;
    return &matches[index];
}

bool change_in_table(const struct change *change, const char *name)
{
    return strcmp(change->table->name, name) == 0;
}

static void (*const changes[MUTATION_COUNT])(struct change *change) = {
#define KIND(id, name) change_##id,
#include "mutants/kinds.def"
#undef KIND
};

void mutations_list(struct arena *arena, const struct ruleset *ruleset, enum mutation_kind kind,
                    struct mutations *list)
{
    struct ruleset counted = *ruleset;

    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++) {
            struct chain *chain = ruleset->items[i].items[j];
            const size_t places = kind == MUTATION_policy ? 1 : chain->count;

            for (size_t k = 0; k < places; k++) {
                struct change change = {arena, &counted, &ruleset->items[i], chain, k, true, 0};

                changes[kind](&change);
                for (unsigned variant = 0; variant < change.variant; variant++)
                    *vec_push(arena, list) = (struct mutation){kind, i, j, k, variant};
            }
        }
}

static struct ruleset *copy_ruleset(struct arena *arena, const struct ruleset *ruleset)
{
    struct ruleset *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *ruleset;
    copy->items = arena_calloc(arena, ruleset->count, sizeof(*copy->items));
    for (size_t i = 0; i < ruleset->count; i++) {
        struct table *table = &copy->items[i];

        *table = ruleset->items[i];
        table->items = arena_calloc(arena, table->count, sizeof(*table->items));
        for (size_t j = 0; j < table->count; j++) {
            const struct chain *chain = ruleset->items[i].items[j];

            table->items[j] = arena_alloc(arena, sizeof(*chain));
            *table->items[j] = *chain;
            table->items[j]->items = arena_calloc(arena, chain->count, sizeof(*chain->items));
            if (chain->count)
                memcpy(table->items[j]->items, chain->items, chain->count * sizeof(*chain->items));
        }
    }
    return copy;
}

const struct ruleset *mutation_apply(struct arena *arena, const struct ruleset *ruleset,
                                     const struct mutation *mutation)
{
    struct ruleset *copy = copy_ruleset(arena, ruleset);
    struct table *table = &copy->items[mutation->table];
    struct change change = {
        arena, copy, table, table->items[mutation->chain], mutation->rule, false, mutation->variant};

    changes[mutation->kind](&change);
    return copy;
}
