// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/ownership.h"

#include <string.h>

#include "kernel/compare.h"

#define OWN_PREFIX "ctc-"

bool own_chain(const char *name)
{
    return strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
}

bool own_rule(const struct rule *rule)
{
    return (rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO) &&
           own_chain(rule->target.text);
}

const char *own_hook(struct arena *arena, const char *hook)
{
    return arena_printf(arena, OWN_PREFIX "%s", hook);
}

// What has the name of ctc's.
static void own_by_name(struct ownership *ownership, struct owned_chain *owned, const struct chain *chain)
{
    owned->whole = chain->policy == CHAIN_USER && own_chain(chain->name);
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];

        owned->rules[i] = owned->whole || (chain->policy != CHAIN_USER && own_rule(rule));
        ownership->stands =
            ownership->stands || (!owned->whole && owned->rules[i] &&
                                  strcmp(rule->target.text + strlen(OWN_PREFIX), chain->name) == 0);
    }
}

// What is in the table as it was recorded: its rules, by what they are, in their order.
static void own_recorded(struct arena *scratch, const struct table *table, const struct kernel_table *kernel,
                         const struct encoded *recorded, struct owned_chain *chains)
{
    const struct table_comparison found = kernel_table_compare(scratch, kernel, recorded);

    for (size_t i = 0; i < found.count; i++) {
        const struct chain_comparison *compared = &found.chains[i];
        const struct chain *chain = compared->live ? table_find_chain(table, compared->name) : NULL;

        if (!chain || !compared->wanted)
            continue;
        chains[chain->number].whole = chain->policy == CHAIN_USER;
        chains[chain->number].policy =
            chain->policy != CHAIN_USER && chain->policy == compared->wanted->policy;
        for (size_t j = 0; j < compared->wanted->count; j++)
            if (compared->partners[j] < chain->count)
                chains[chain->number].rules[compared->partners[j]] = true;
    }
}

static const struct encoded *find_recorded(const struct journal *journal, enum family family,
                                           const char *name)
{
    for (size_t i = 0; journal && journal->own == OWN_TABLES && i < journal->count; i++) {
        const struct encoded *after = &journal->tables[i].after;

        if (after->ruleset->family == family && strcmp(after->ruleset->items[0].name, name) == 0 &&
            journal_is_last(journal, i))
            return after;
    }
    return NULL;
}

struct ownership ownership_find(struct arena *arena, const struct live_tables *live,
                                const struct journal *journal, const struct encoded *wanted)
{
    const struct ruleset *ruleset = live->ruleset;
    struct ownership ownership = {.chains = arena_calloc(arena, ruleset->count, sizeof(*ownership.chains))};
    struct arena scratch = {0};

    for (size_t i = 0; i < ruleset->count; i++) {
        const struct table *table = &ruleset->items[i];
        const struct kernel_table *kernel = kernel_tables_find(live->tables, ruleset->family, table->name);
        const struct encoded *recorded = find_recorded(journal, ruleset->family, table->name);

        ownership.chains[i] = arena_calloc(arena, table->count, sizeof(**ownership.chains));
        for (size_t j = 0; j < table->count; j++) {
            struct owned_chain *owned = &ownership.chains[i][table->items[j]->number];

            owned->rules = arena_calloc(arena, table->items[j]->count, sizeof(*owned->rules));
            own_by_name(&ownership, owned, table->items[j]);
        }
        if (recorded)
            own_recorded(&scratch, table, kernel, recorded, ownership.chains[i]);
        else if (wanted && ruleset_find_table(wanted->ruleset, table->name) &&
                 kernel_table_compare(&scratch, kernel, wanted).same)
            own_recorded(&scratch, table, kernel, wanted, ownership.chains[i]);
        arena_reset(&scratch);
    }
    arena_clear(&scratch);
    return ownership;
}

struct others ownership_others(struct arena *arena, const struct ownership *ownership,
                               const struct ruleset *live, const char *name)
{
    const struct table *table = ruleset_find_table(live, name);
    VEC(const char *) names = {0};
    size_t rules = 0;

    for (size_t i = 0; table && i < table->count; i++) {
        const struct chain *chain = table->items[i];
        const struct owned_chain *owned = &ownership->chains[table - live->items][chain->number];

        if (chain->policy == CHAIN_USER && !owned->whole)
            *vec_push(arena, &names) = chain->name;
        for (size_t j = 0; j < chain->count; j++)
            rules += !owned->rules[j];
    }
    return (struct others){rules, names.count, names.items};
}

// A policy's rules in chains of ctc's own.

struct moving {
    struct arena *arena;
    const struct table *from;
    struct table *to;
    const char **names; // of the chains that `from` has, by number
};

// A name that no chain of the table has: what is too long is cut.
static const char *free_name(const struct moving *moving, const char *name)
{
    const char *found =
        arena_printf(moving->arena, OWN_PREFIX "%.*s", (int)(CHAIN_NAME_MAX - strlen(OWN_PREFIX)), name);

    for (unsigned i = 2; table_find_chain(moving->from, found) || table_find_chain(moving->to, found); i++)
        found = arena_printf(moving->arena, OWN_PREFIX "%.*s~%u", CHAIN_NAME_MAX - 12, name, i);
    return found;
}

static void name_chains(struct moving *moving)
{
    moving->names = arena_calloc(moving->arena, moving->from->count, sizeof(*moving->names));
    for (size_t i = 0; i < moving->from->count; i++) {
        const struct chain *chain = moving->from->items[i];

        moving->names[chain->number] = own_chain(chain->name) ? chain->name : free_name(moving, chain->name);
        if (chain->policy == CHAIN_USER || chain->count || chain->policy == CHAIN_DROP)
            table_chain(moving->arena, moving->to, moving->names[chain->number], CHAIN_USER);
    }
}

static void move_rules(struct moving *moving, const struct chain *chain, struct chain *to)
{
    chain_reserve(moving->arena, to, chain->count + 1);
    for (size_t i = 0; i < chain->count; i++) {
        struct rule *rule = chain_append(moving->arena, to);
        const struct chain *inner;

        *rule = chain->items[i];
        if (rule->target.kind != TARGET_JUMP && rule->target.kind != TARGET_GOTO)
            continue;
        inner = table_find_chain(moving->from, rule->target.text);
        if (!inner || strcmp(moving->names[inner->number], rule->target.text) == 0)
            continue;
        rule->target.text = moving->names[inner->number];
        rule->verbatim = NULL; // it names the old one
    }
}

static bool decides_all(const struct chain *chain)
{
    const struct rule *last = chain->count ? &chain->items[chain->count - 1] : NULL;

    return last && rule_asks_nothing(last) &&
           (last->target.kind == TARGET_ACCEPT || last->target.kind == TARGET_DROP ||
            last->target.kind == TARGET_REJECT);
}

// Whether some rules end the walk through a chain without a verdict.
static bool comes_back(const struct table *table, const struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct target *target = &chain->items[i].target;
        const struct chain *next = target->kind == TARGET_GOTO ? table_find_chain(table, target->text) : NULL;

        if (target->kind == TARGET_RETURN || (next && (!decides_all(next) || comes_back(table, next))))
            return true;
    }
    return false;
}

static struct rule *append_jump(struct arena *arena, struct chain *chain, const char *to)
{
    struct rule *rule = chain_append(arena, chain);

    rule->target = (struct target){TARGET_JUMP, to};
    rule->section = "own chains";
    return rule;
}

// A built-in chain. What its policy would drop, a rule does; where rules end the walk through the chain that hold them,
// the drop stands in a chain around it.
static void move_hook(struct moving *moving, const struct chain *chain, struct chain *hook)
{
    const char *name = moving->names[chain->number];
    struct chain *outer = table_find_chain(moving->to, name), *inner = outer;

    if (!outer)
        return;
    if (chain->policy == CHAIN_DROP && comes_back(moving->from, chain)) {
        const char *within = free_name(moving, arena_printf(moving->arena, "rules-%s", chain->name));

        inner = table_chain(moving->arena, moving->to, within, CHAIN_USER);
        append_jump(moving->arena, outer, within);
    }
    move_rules(moving, chain, inner);
    if (chain->policy == CHAIN_DROP && (outer != inner || !decides_all(chain))) {
        struct rule *rule = chain_append(moving->arena, outer);

        rule->target = (struct target){.kind = TARGET_DROP};
        rule->section = "default";
        rule->span = chain->span;
    }
    outer->ours = chain->ours;
    outer->span = chain->span;
    append_jump(moving->arena, hook, name);
}

static bool has_rules(const struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->items[i]->count || table->items[i]->policy == CHAIN_DROP)
            return true;
    return false;
}

static void move_table(struct arena *arena, const struct table *table, struct ruleset *result)
{
    struct moving moving = {.arena = arena, .from = table, .to = ruleset_table(arena, result, table->name)};

    name_chains(&moving);
    for (size_t i = 0; i < table->count; i++) {
        const struct chain *chain = table->items[i];

        if (chain->policy == CHAIN_USER)
            move_rules(&moving, chain, table_find_chain(moving.to, moving.names[chain->number]));
        else
            move_hook(&moving, chain, table_chain(arena, moving.to, chain->name, CHAIN_UNWRITTEN));
    }
}

const struct ruleset *rules_in_own_chains(struct arena *arena, const struct ruleset *wanted)
{
    struct ruleset *result = arena_alloc(arena, sizeof(*result));

    *result = (struct ruleset){.family = wanted->family};
    for (size_t i = 0; i < wanted->count; i++)
        if (has_rules(&wanted->items[i]))
            move_table(arena, &wanted->items[i], result);
    ruleset_sort(result);
    return result;
}

// What is ctc's by name alone.

static struct kernel_table own_part(struct arena *arena, const struct kernel_table *table)
{
    struct kernel_table part = {.family = table->family, .name = table->name};

    for (size_t i = 0; i < table->chains.count; i++) {
        const struct live_chain *chain = &table->chains.items[i];
        struct live_chain kept = {.name = chain->name, .policy = chain->policy};

        if (chain->policy == CHAIN_USER && !own_chain(chain->name))
            continue;
        for (size_t j = 0; j < chain->rules.count; j++)
            if (chain->policy == CHAIN_USER || own_chain(chain->rules.items[j].target))
                *vec_push(arena, &kept.rules) = chain->rules.items[j];
        *vec_push(arena, &part.chains) = kept;
    }
    return part;
}

static struct encoded own_part_encoded(struct arena *arena, const struct encoded *encoded)
{
    const struct table *table = &encoded->ruleset->items[0];
    struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
    struct encoded part = {.ruleset = ruleset, .sizes = encoded->sizes, .size_count = encoded->size_count};
    size_t at = 0;

    *ruleset = (struct ruleset){.family = encoded->ruleset->family};
    part.rules = arena_calloc(arena, encoded->count, sizeof(*part.rules));

    struct table *own = ruleset_table(arena, ruleset, table->name);

    for (size_t i = 0; i < table->count; i++) {
        const struct chain *chain = table->items[i];
        const bool built_in = chain->policy != CHAIN_USER;
        struct chain *kept;

        if (!built_in && !own_chain(chain->name)) {
            at += chain->count;
            continue;
        }
        kept = table_chain(arena, own, chain->name, built_in ? CHAIN_UNWRITTEN : CHAIN_USER);
        for (size_t j = 0; j < chain->count; j++, at++)
            if (!built_in || own_chain(encoded_target(encoded->ruleset->family, encoded->rules[at]))) {
                part.rules[part.count++] = encoded->rules[at];
                kept->count++;
            }
    }
    return part;
}

bool own_stands(struct arena *arena, const struct kernel_table *table, const struct encoded *after,
                enum own own)
{
    if (own == OWN_TABLES)
        return kernel_table_compare(arena, table, after).same;

    const struct kernel_table part = own_part(arena, table);
    const struct encoded wanted = own_part_encoded(arena, after);

    return kernel_table_compare(arena, &part, &wanted).same;
}
