// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/plan.h"

#include <string.h>

#include "kernel/text.h"

// The tables of a family as they are.
struct live {
    VEC(struct kernel_table *) tables;
    const struct ruleset *rules;
};

static bool read_live(struct arena *arena, enum family family, struct live *live, struct kernel_error *error)
{
    struct diag_list diags = {.arena = arena}; // of rules that are there whatever they are
    const char *const *names = kernel_tables(arena, family, error);

    if (!names)
        return false;
    for (; *names; names++) {
        struct kernel_table *table = kernel_table_read(arena, family, *names, error);

        if (!table)
            return false;
        *vec_push(arena, &live->tables) = table;
    }
    live->rules = kernel_ruleset(arena, live->tables.items, live->tables.count, family, &diags, error);
    return live->rules != NULL;
}

static void close_live(struct live *live)
{
    for (size_t i = 0; i < live->tables.count; i++)
        kernel_table_close(live->tables.items[i]);
}

// NULL: it is not there.
static const struct kernel_table *find_live(const struct live *live, const char *name)
{
    for (size_t i = 0; i < live->tables.count; i++)
        if (strcmp(live->tables.items[i]->name, name) == 0)
            return live->tables.items[i];
    return NULL;
}

static void compare_tables(struct arena *arena, const struct live *live, const struct encoded *encoded,
                           struct apply_plan *plan)
{
    for (size_t i = 0; i < encoded->ruleset->count; i++) {
        const struct kernel_table none = {.family = encoded->ruleset->family,
                                          .name = encoded->ruleset->items[i].name};
        const struct kernel_table *table = find_live(live, none.name);
        struct plan_table *planned = vec_push(arena, plan);

        *planned = (struct plan_table){.family = none.family, .name = none.name, .there = table != NULL};
        planned->comparison = kernel_table_compare(arena, table ? table : &none, encoded);
        plan->same = plan->same && planned->comparison.same;
    }
}

static enum chain_policy policy_now(const struct table *before, const char *chain)
{
    const struct chain *found = before ? table_find_chain(before, chain) : NULL;

    return found && found->policy == CHAIN_DROP ? CHAIN_DROP : CHAIN_ACCEPT;
}

// A built-in chain whose policy the rules do not write keeps the one it has, and loses its rules.
static void settle_policies(struct arena *arena, struct table *table, const struct table *before)
{
    for (size_t i = 0; i < table_kind_count; i++)
        for (size_t j = 0; strcmp(table_kinds[i].name, table->name) == 0 && table_kinds[i].hooks[j]; j++) {
            const char *hook = table_kinds[i].hooks[j];
            struct chain *chain = table_chain(arena, table, hook, CHAIN_UNWRITTEN);

            if (chain->policy == CHAIN_UNWRITTEN)
                chain->policy = policy_now(before, hook);
        }
}

static struct table copy_table(struct arena *arena, const struct table *table)
{
    struct table copy = {.name = table->name};

    for (size_t i = 0; i < table->count; i++) {
        const struct chain *chain = table->items[i];
        struct chain *copied = table_chain(arena, &copy, chain->name, chain->policy);
        const size_t number = copied->number;

        *copied = *chain;
        copied->number = number;
    }
    return copy;
}

// The live rules as they will be.
static const struct ruleset *rules_afterwards(struct arena *arena, const struct ruleset *live,
                                              const struct ruleset *wanted)
{
    struct ruleset *result = arena_alloc(arena, sizeof(*result));

    result->family = wanted->family;
    for (size_t i = 0; i < live->count; i++)
        if (!ruleset_find_table(wanted, live->items[i].name))
            *vec_push(arena, result) = live->items[i];
    for (size_t i = 0; i < wanted->count; i++) {
        struct table *table = vec_push(arena, result);

        *table = copy_table(arena, &wanted->items[i]);
        settle_policies(arena, table, ruleset_find_table(live, table->name));
    }
    return result;
}

static void compare(struct arena *arena, const struct policy *policy, const struct live *live,
                    const struct encoded *encoded, size_t regions, struct apply_plan *plan)
{
    compare_tables(arena, live, encoded, plan);
    find_changes(arena, live->rules, NULL, rules_afterwards(arena, live->rules, encoded->ruleset), policy,
                 regions, &plan->difference);
}

bool plan_apply(struct arena *arena, const struct policy *policy,
                const struct ruleset *const wanted[FAMILY_COUNT], size_t regions, struct apply_plan *plan,
                struct kernel_error *error)
{
    struct live live[FAMILY_COUNT];
    struct encoded encoded[FAMILY_COUNT];
    bool fine = true;

    memset(live, 0, sizeof(live));
    memset(encoded, 0, sizeof(encoded));
    *plan = (struct apply_plan){.same = true, .difference.complete = true};
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        fine = fine && read_live(arena, family, &live[family], error);
    fine = fine && encode_rulesets(arena, wanted, encoded, error);
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        if (fine)
            compare(arena, policy, &live[family], &encoded[family], regions, plan);
        close_live(&live[family]);
    }
    encoded_clear(encoded);
    return fine;
}
