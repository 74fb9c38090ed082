// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/plan.h"

#include <limits.h>
#include <string.h>

#include "apply/ahead.h"
#include "apply/compose.h"
#include "kernel/encode.h"
#include "kernel/sets.h"
#include "kernel/text.h"

#define READINGS_MAX 3 // of tables whose rules are replaced, sets and all, while they are read

static const struct ruleset nothing[FAMILY_COUNT] = {
    [FAMILY_IPV4] = {.family = FAMILY_IPV4},
    [FAMILY_IPV6] = {.family = FAMILY_IPV6},
};

const struct ruleset *wanted_here(const struct ruleset *rules)
{
    return kernel_has_family(rules->family) ? rules : &nothing[rules->family];
}

static bool read_live(struct arena *arena, enum family family, struct apply_plan *plan,
                      struct kernel_error *error)
{
    struct diag_list diags = {.arena = arena}; // of rules that are there whatever they are
    const size_t first = plan->tables.count;

    if (!kernel_has_family(family)) {
        struct ruleset *none = arena_alloc(arena, sizeof(*none));

        none->family = family;
        plan->live[family] = none;
        return true;
    }
    if (!kernel_tables_read(arena, plan->backend, family, &plan->tables, error))
        return false;
    plan->live[family] =
        kernel_ruleset(arena, plan->tables.items + first, plan->tables.count - first, family, &diags, error);
    return plan->live[family] != NULL;
}

bool plan_read_live(struct arena *arena, struct apply_plan *plan, struct kernel_error *error)
{
    bool fine = true;

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        fine = fine && read_live(arena, family, plan, error);
    return fine;
}

// Rules first, and then what is in their sets.
static bool read_live_and_sets(struct arena *arena, const struct ipset_list *given, struct apply_plan *plan,
                               struct kernel_error *error)
{
    bool gone = true;

    for (int reading = 0; gone && reading < READINGS_MAX; reading++) {
        kernel_tables_close(&plan->tables);
        if (!plan_read_live(arena, plan, error))
            return false;
        plan->sets_unknown = kernel_sets_know(arena, plan->live, FAMILY_COUNT, given, &gone);
    }
    return true;
}

// False, and why, where a table is not to be changed.
static bool compare_tables(struct arena *arena, const struct encoded *encoded, struct apply_plan *plan,
                           struct kernel_error *error)
{
    for (size_t i = 0; i < encoded->ruleset->count; i++) {
        const struct kernel_table none = {.family = encoded->ruleset->family,
                                          .name = encoded->ruleset->items[i].name};
        struct plan_table *planned = vec_push(arena, plan);

        *planned = (struct plan_table){.family = none.family,
                                       .name = none.name,
                                       .live = kernel_tables_find(&plan->tables, none.family, none.name)};
        if (planned->live && !kernel_table_known(planned->live, error))
            return false;
        planned->comparison = kernel_table_compare(arena, planned->live ? planned->live : &none, encoded);
        plan->same = plan->same && planned->comparison.same;
    }
    return true;
}

static enum chain_policy policy_now(const struct table *before, const char *chain)
{
    const struct chain *found = before ? table_find_chain(before, chain) : NULL;

    return found && found->policy == CHAIN_DROP ? CHAIN_DROP : CHAIN_ACCEPT;
}

// A built-in chain whose policy the rules do not write keeps the one it has, and loses its rules.
static void settle_policies(struct arena *arena, struct table *table, const struct table *before)
{
    for (const char *const *hook = table_hooks(table->name); *hook; hook++) {
        struct chain *chain = table_chain(arena, table, *hook, CHAIN_UNWRITTEN);

        if (chain->policy == CHAIN_UNWRITTEN)
            chain->policy = policy_now(before, *hook);
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

const struct ruleset *rules_between(struct arena *arena, const struct ruleset *live,
                                    const struct ruleset *wanted, unsigned chosen)
{
    struct ruleset *result = arena_alloc(arena, sizeof(*result));

    result->family = wanted->family;
    for (size_t i = 0; i < live->count; i++) {
        const struct table *table = ruleset_find_table(wanted, live->items[i].name);

        if (!table || !(chosen >> (table - wanted->items) & 1))
            *vec_push(arena, result) = live->items[i];
    }
    for (size_t i = 0; i < wanted->count; i++) {
        if (!(chosen >> i & 1))
            continue;

        struct table *table = vec_push(arena, result);

        *table = copy_table(arena, &wanted->items[i]);
        settle_policies(arena, table, ruleset_find_table(live, table->name));
    }
    return result;
}

const struct ruleset *rules_behind(struct arena *arena, const struct apply_plan *plan, enum family family,
                                   size_t step)
{
    const struct ruleset *rules = plan->live[family];

    for (size_t i = 0; i <= step; i++) {
        const struct plan_table *planned = &plan->items[plan->steps.items[i].table];
        const struct ruleset *contents = plan->steps.items[i].contents->ruleset;

        if (planned->family == family)
            rules = rules_between(arena, rules, contents,
                                  1u << (ruleset_find_table(contents, planned->name) - contents->items));
    }
    return rules;
}

static bool compare(struct arena *arena, const struct policy *policy, enum family family, size_t regions,
                    struct apply_plan *plan, struct kernel_error *error)
{
    const struct ruleset *live = plan->live[family];

    if (!compare_tables(arena, &plan->encoded[family], plan, error))
        return false;
    if (regions)
        find_changes(arena, live, NULL, rules_between(arena, live, plan->encoded[family].ruleset, UINT_MAX),
                     policy, regions, &plan->difference);
    return true;
}

// What both families have of ctc's, and what is to become of it.
struct owning {
    struct live_tables live[FAMILY_COUNT];
    struct ownership ownership[FAMILY_COUNT];
    const struct wanted *wanted;
};

static void find_owned(struct arena *arena, const struct apply_plan *plan, const struct encoded *encoded,
                       struct owning *owning)
{
    struct journal journal;
    const bool known = journal_of_last(arena, &journal) && ways_share_tables(journal.way, plan->backend->way);

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        owning->live[family] = (struct live_tables){plan->live[family], &plan->tables};
        owning->ownership[family] = ownership_find(arena, &owning->live[family], known ? &journal : NULL,
                                                   encoded ? &encoded[family] : NULL);
    }
}

// Whether somebody else has something in a table that the rules have something in.
static bool beside_others(struct arena *arena, const struct owning *owning)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < owning->wanted->rules[family]->count; i++) {
            const struct others others =
                ownership_others(arena, &owning->ownership[family], owning->live[family].ruleset,
                                 owning->wanted->rules[family]->items[i].name);

            if (others.rules || others.chains)
                return true;
        }
    return false;
}

static bool has_own_chains(const struct owning *owning)
{
    return owning->ownership[FAMILY_IPV4].stands || owning->ownership[FAMILY_IPV6].stands;
}

static bool encode_wanted(const struct wanted *wanted, struct encoded encoded[FAMILY_COUNT],
                          struct kernel_error *error)
{
    return wanted->ahead ? ahead_end(wanted->ahead, encoded, error)
                         : encode_rulesets(wanted->rules, encoded, error);
}

// What others have may be just what is wanted, loaded by whomever: then it is ctc's, and whole tables are.
static bool choose_own(struct arena *arena, struct owning *owning, struct apply_plan *plan,
                       struct kernel_error *error)
{
    find_owned(arena, plan, NULL, owning);
    if (plan->own == OWN_TABLES ||
        (plan->own == OWN_UNSAID && !has_own_chains(owning) && !beside_others(arena, owning))) {
        plan->own = OWN_TABLES;
        return encode_wanted(owning->wanted, plan->encoded, error);
    }
    if (beside_others(arena, owning)) {
        if (!encode_wanted(owning->wanted, plan->encoded, error))
            return false;
        find_owned(arena, plan, plan->encoded, owning);
        if (plan->own == OWN_UNSAID && !has_own_chains(owning) && !beside_others(arena, owning)) {
            plan->own = OWN_TABLES;
            return true;
        }
        encoded_clear(plan->encoded);
    }
    plan->moves_in = plan->own == OWN_UNSAID && !has_own_chains(owning);
    plan->own = OWN_CHAINS;
    return true;
}

static bool compose_families(struct arena *arena, const struct owning *owning, struct apply_plan *plan,
                             struct kernel_error *error)
{
    const struct ruleset *own[FAMILY_COUNT];

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        own[family] = rules_in_own_chains(arena, owning->wanted->rules[family]);
    if (!encode_rulesets(own, plan->encoded, error))
        return false;
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct composition composition =
            compose(arena, &owning->live[family], &owning->ownership[family], own[family]);

        plan->encoded[family] =
            compose_encoded(arena, &composition, &owning->live[family], &plan->encoded[family]);
    }
    return true;
}

static void count_others(struct arena *arena, const struct owning *owning, struct apply_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        plan->items[i].others =
            ownership_others(arena, &owning->ownership[plan->items[i].family],
                             owning->live[plan->items[i].family].ruleset, plan->items[i].name);
}

bool plan_apply(struct arena *arena, const struct kernel_backend *backend, const struct policy *policy,
                const struct wanted *wanted, enum own own, size_t regions, struct apply_plan *plan,
                struct kernel_error *error)
{
    struct owning owning = {.wanted = wanted};
    bool fine;

    *plan = (struct apply_plan){
        .backend = backend, .own = own, .same = true, .difference.complete = true, .ahead = wanted->ahead};
    fine = read_live_and_sets(arena, wanted->sets, plan, error) && choose_own(arena, &owning, plan, error);
    if (fine && plan->own == OWN_CHAINS)
        fine = compose_families(arena, &owning, plan, error);
    for (enum family family = 0; family < FAMILY_COUNT && fine; family++)
        fine = compare(arena, policy, family, regions, plan, error);
    if (fine && plan->own == OWN_CHAINS)
        count_others(arena, &owning, plan);
    plan->told = plan->same || (regions && !plan->difference.undecided);
    return fine;
}

void plan_clear(struct apply_plan *plan)
{
    kernel_tables_close(&plan->tables);
    encoded_clear(plan->encoded);
    encoded_clear(plan->joint);
}
