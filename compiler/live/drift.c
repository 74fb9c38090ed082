// SPDX-License-Identifier: GPL-2.0-or-later
#include "live/drift.h"

#include <string.h>

#include "emit/restore.h"

static const char *rule_text(struct arena *arena, const struct rule *rule, enum family family)
{
    struct buf text = {0};
    const char *copy;

    restore_rule(&text, rule, family);
    copy = arena_copy(arena, text.length ? text.bytes + 1 : "", text.length ? text.length - 1 : 0);
    buf_clear(&text);
    return copy;
}

static const char *policy_word(enum chain_policy policy)
{
    return policy == CHAIN_DROP ? "DROP" : "ACCEPT";
}

static const struct chain *live_chain(const struct apply_plan *plan, const struct plan_table *planned,
                                      const char *name)
{
    const struct table *table = ruleset_find_table(plan->live[planned->family], planned->name);

    return table ? table_find_chain(table, name) : NULL;
}

static struct rule_drift *add_rule(struct arena *arena, struct drift *drift, enum rule_drift_kind kind,
                                   const struct plan_table *planned, const char *chain)
{
    struct rule_drift *rule = vec_push(arena, &drift->rules);

    *rule =
        (struct rule_drift){.kind = kind, .family = planned->family, .table = planned->name, .chain = chain};
    return rule;
}

static void add_missing(struct arena *arena, struct drift *drift, const struct plan_table *planned,
                        const struct chain_comparison *compared)
{
    for (size_t i = 0; compared->wanted && i < compared->wanted->count; i++) {
        const struct rule *rule = &compared->wanted->items[i];
        struct rule_drift *found;

        if (compared->partners && compared->partners[i] != RULE_NEW)
            continue;
        found = add_rule(arena, drift, DRIFT_MISSING, planned, compared->name);
        found->number = i + 1;
        found->text = rule_text(arena, rule, planned->family);
        found->reason = (struct reason){rule->section, rule->name, rule->span};
    }
}

// Live rules that are no wanted one's partner.
static void add_foreign(struct arena *arena, struct drift *drift, const struct apply_plan *plan,
                        const struct plan_table *planned, const struct chain_comparison *compared)
{
    const struct chain *chain = compared->live ? live_chain(plan, planned, compared->name) : NULL;
    size_t next = 0, wanted = compared->wanted ? compared->wanted->count : 0;

    for (size_t i = 0; chain && i < chain->count; i++) {
        struct rule_drift *found;

        while (next < wanted && compared->partners[next] == RULE_NEW)
            next++;
        if (next < wanted && compared->partners[next] == i) {
            next++;
            continue;
        }
        found = add_rule(arena, drift, DRIFT_FOREIGN, planned, compared->name);
        found->number = i + 1;
        found->text = rule_text(arena, &chain->items[i], planned->family);
    }
}

static void compare_table(struct arena *arena, struct drift *drift, const struct apply_plan *plan,
                          const struct plan_table *planned)
{
    const struct table_comparison *compared = &planned->comparison;

    if (compared->same)
        return;
    if (!planned->live)
        add_rule(arena, drift, DRIFT_TABLE, planned, NULL);
    for (size_t i = 0; i < compared->count; i++) {
        const struct chain_comparison *chain = &compared->chains[i];

        if (chain->policy != CHAIN_UNWRITTEN && chain->live && chain->live->policy != chain->policy) {
            struct rule_drift *found = add_rule(arena, drift, DRIFT_POLICY, planned, chain->name);

            found->text = policy_word(chain->live->policy);
            found->wanted = policy_word(chain->policy);
        }
        add_foreign(arena, drift, plan, planned, chain);
        add_missing(arena, drift, planned, chain);
    }
}

// The policy by itself, what it leaves to others apart, and all that the kernel has.
static void compare_meanings(struct arena *arena, const struct compilation *compilation,
                             const struct apply_plan *plan, enum family family, size_t regions,
                             struct drift *drift)
{
    drift->difference.left_out = compilation->policy->forwarding == VERDICT_LEAVE ? 1U << HOOK_FORWARD : 0;
    find_changes(arena, compilation->rules[family], compilation->policy, plan->live[family], NULL, regions,
                 &drift->difference);
}

static const char *place_text(struct arena *arena, const struct rule_place *place, enum family family)
{
    const struct rule *rule = place_rule(place);

    return rule ? rule_text(arena, rule, family) : NULL;
}

static void check_promises(struct arena *arena, const struct compilation *compilation,
                           const struct apply_plan *plan, enum family family, struct drift *drift)
{
    struct proof proof;

    proof_open(&proof, arena, compilation->policy, compilation->sources.items[0], compilation->rules[family],
               plan->live[family]);
    drift->undecided = drift->undecided || proof.undecided;
    for (size_t i = 0; i < PROMISE_COUNT && !drift->undecided; i++) {
        struct promise_breach broken;

        if (promise_broken(&proof, i, &broken))
            *vec_push(arena, &drift->promises) = (struct drift_promise){
                .family = family, .broken = broken, .text = place_text(arena, &broken.place, family)};
    }
    drift->undecided = drift->undecided || diagram_overflowed(proof.space.diagrams);
    proof_close(&proof);
}

void drift_find(struct arena *arena, const struct compilation *compilation, const struct apply_plan *plan,
                unsigned families, size_t regions, struct drift *drift)
{
    *drift = (struct drift){.difference.complete = true};
    for (size_t i = 0; i < plan->count; i++)
        if (families >> plan->items[i].family & 1)
            compare_table(arena, drift, plan, &plan->items[i]);
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        if (!(families >> family & 1))
            continue;
        compare_meanings(arena, compilation, plan, family, regions, drift);
        check_promises(arena, compilation, plan, family, drift);
    }
    drift->undecided = drift->undecided || drift->difference.undecided;
}
