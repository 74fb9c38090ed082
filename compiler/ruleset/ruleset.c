// SPDX-License-Identifier: GPL-2.0-or-later
#include "ruleset/ruleset.h"

#include <stdlib.h>
#include <string.h>

const char *const match_names[MATCH_COUNT] = {
#define MATCH(id, name) name,
#include "ruleset/match.def"
#undef MATCH
};

const struct table_kind table_kinds[] = {
    {"filter", {"INPUT", "FORWARD", "OUTPUT"}},
    {"mangle", {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}},
    {"nat", {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}},
    {"raw", {"PREROUTING", "OUTPUT"}},
    {"security", {"INPUT", "FORWARD", "OUTPUT"}},
};

const size_t table_kind_count = sizeof(table_kinds) / sizeof(*table_kinds);

const char *const *table_hooks(const char *table)
{
    static const char *const none[] = {NULL};

    for (size_t i = 0; i < table_kind_count; i++)
        if (strcmp(table_kinds[i].name, table) == 0)
            return table_kinds[i].hooks;
    return none;
}

bool table_has_hook(const char *table, struct slice chain)
{
    for (const char *const *hook = table_hooks(table); *hook; hook++)
        if (slice_is(chain, *hook))
            return true;
    return false;
}

enum target_effect target_effect(const struct target *target)
{
    static const struct {
        const char *name;
        enum target_effect effect;
    } effects[] = {
#define TARGET(name, effect) {name, EFFECT_##effect},
#include "ruleset/target.def"
#undef TARGET
    };
    const size_t length = strcspn(target->text, " ");

    for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++)
        if (strlen(effects[i].name) == length && memcmp(effects[i].name, target->text, length) == 0)
            return effects[i].effect;
    return EFFECT_UNKNOWN;
}

const struct table *ruleset_find_table(const struct ruleset *ruleset, const char *name)
{
    for (size_t i = 0; i < ruleset->count; i++)
        if (strcmp(ruleset->items[i].name, name) == 0)
            return &ruleset->items[i];
    return NULL;
}

static bool rule_knows_sets(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_SET)
            return true;
    return false;
}

bool ruleset_knows_sets(const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count && !ruleset->sets_vary; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++) {
            const struct chain *chain = ruleset->items[i].items[j];

            for (size_t k = 0; k < chain->count; k++)
                if (rule_knows_sets(&chain->items[k]))
                    return true;
        }
    return false;
}

const struct ruleset *ruleset_with_varying_sets(struct arena *arena, const struct ruleset *ruleset)
{
    struct ruleset *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *ruleset;
    copy->sets_vary = true;
    return copy;
}

struct table *ruleset_table(struct arena *arena, struct ruleset *ruleset, const char *name)
{
    for (size_t i = 0; i < ruleset->count; i++)
        if (strcmp(ruleset->items[i].name, name) == 0)
            return &ruleset->items[i];

    struct table *table = vec_push(arena, ruleset);

    *table = (struct table){.name = name};
    return table;
}

// The chain's place in the index, or the empty one where it would stand. FNV-1a.
static struct chain **index_slot(const struct table *table, const char *name)
{
    uint64_t hash = 0xCBF29CE484222325;

    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001B3;

    size_t slot = (size_t)(hash ^ hash >> 32) & (table->index_size - 1);

    while (table->index[slot] && strcmp(table->index[slot]->name, name) != 0)
        slot = (slot + 1) & (table->index_size - 1);
    return &table->index[slot];
}

static void fill_index(struct table *table)
{
    memset(table->index, 0, table->index_size * sizeof(*table->index));
    for (size_t i = 0; i < table->count; i++)
        *index_slot(table, table->items[i]->name) = table->items[i];
}

static void grow_index(struct arena *arena, struct table *table)
{
    table->index_size = table->index_size ? table->index_size * 4 : 16;
    table->index = arena_calloc(arena, table->index_size, sizeof(*table->index));
    fill_index(table);
}

struct chain *table_find_chain(const struct table *table, const char *name)
{
    return table->index_size ? *index_slot(table, name) : NULL;
}

struct chain *table_chain(struct arena *arena, struct table *table, const char *name,
                          enum chain_policy policy)
{
    struct chain *chain = table_find_chain(table, name);

    if (chain)
        return chain;
    chain = arena_alloc(arena, sizeof(*chain));
    *chain = (struct chain){.name = name, .policy = policy, .number = table->count};
    *vec_push(arena, table) = chain;
    if (table->count * 2 > table->index_size)
        grow_index(arena, table);
    else
        *index_slot(table, name) = chain;
    return chain;
}

void table_remove_chain(struct table *table, const struct chain *chain)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i]->number > chain->number)
            table->items[i]->number--;
        if (table->items[i] != chain)
            table->items[kept++] = table->items[i];
    }
    table->count = kept;
    fill_index(table);
}

size_t table_rule_count(const struct table *table)
{
    size_t count = 0;

    for (size_t i = 0; i < table->count; i++)
        count += table->items[i]->count;
    return count;
}

size_t ruleset_rule_count(const struct ruleset *ruleset)
{
    size_t count = 0;

    for (size_t i = 0; i < ruleset->count; i++)
        count += table_rule_count(&ruleset->items[i]);
    return count;
}

void chain_reserve(struct arena *arena, struct chain *chain, size_t more)
{
    vec_reserve(arena, chain, more);
}

struct rule *chain_append(struct arena *arena, struct chain *chain)
{
    struct rule *rule = vec_push(arena, chain);

    *rule = (struct rule){0};
    return rule;
}

struct rule_sets *rule_sets_copy(struct arena *arena, const struct rule_sets *sets)
{
    struct rule_sets *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *sets;
    return copy;
}

const struct rule_sets rule_sets_none = {0};

bool rule_asks_nothing(const struct rule *rule)
{
    bool asks = false;

    for (size_t i = 0; i < rule->match_count; i++)
        asks = asks || rule->matches[i].kind != MATCH_COMMENT;
    return !asks && !rule->sets && !rule->in && !rule->out && !rule->protocol && !rule->later_fragments &&
           !rule->addresses[SIDE_SOURCE].prefix.bits && !rule->addresses[SIDE_SOURCE].inverted &&
           !rule->addresses[SIDE_DESTINATION].prefix.bits && !rule->addresses[SIDE_DESTINATION].inverted;
}

#define HOOKS 5

static int hook_rank(const struct chain *chain)
{
    static const char *const hooks[HOOKS] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
    int rank = chain->policy == CHAIN_USER ? HOOKS : 0;

    while (rank < HOOKS && strcmp(chain->name, hooks[rank]) != 0)
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
