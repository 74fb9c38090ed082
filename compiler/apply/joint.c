// SPDX-License-Identifier: GPL-2.0-or-later
//
// Of each hook:
//   INPUT        jumps to the next, and nothing else stands there
//   ctc-joint-L  jumps to the old rules, and goes on by their policy; ahead of that, where the filter is split, what is the
//                new rules' goes there
//   ctc-joint-N  old chains, each for one hook: a verdict that does not settle the packet leads to the new rules of the hook
//   ctc-joint-M  jumps to the new rules, and ends with their policy; so whoever goes here from any depth never comes back
// The new user chains stand as they are.
#include "apply/joint.h"

#include <string.h>

#include "base/vec.h"

const char *const joint_words[JOINT_COUNT] = {[JOINT_OLD_UNTRACKED] = "split",
                                              [JOINT_NEW_UNTRACKED] = "split",
                                              [JOINT_EITHER] = "widened",
                                              [JOINT_BOTH] = "narrowed"};

struct joining {
    struct arena *arena;
    enum joint joint;
    const struct table *before, *after;
    struct table *table;
    size_t names;                      // that were made
    const char *rest;                  // the chain that has the new rules of the hook
    const char **copies;               // of the old chains for the hook, by number; NULL: not copied yet
    VEC(const struct chain *) waiting; // that have a name and no copy yet
    bool failed;
};

static const char *new_name(struct joining *joining)
{
    const char *name;

    do
        name = arena_printf(joining->arena, "ctc-joint-%zu", ++joining->names);
    while (table_find_chain(joining->after, name));
    return name;
}

static struct rule *append(struct joining *joining, struct chain *chain, enum target_kind kind,
                           const char *text)
{
    struct rule *rule = chain_append(joining->arena, chain);

    rule->target = (struct target){kind, text};
    return rule;
}

static bool refuses(const struct target *target)
{
    return target->kind == TARGET_DROP || target->kind == TARGET_REJECT ||
           (target->kind == TARGET_OTHER && target_effect(target) == EFFECT_DROP);
}

static bool settles(const struct joining *joining, bool accepts)
{
    if (joining->joint == JOINT_EITHER || joining->joint == JOINT_BOTH)
        return accepts == (joining->joint == JOINT_EITHER);
    return true;
}

static const char *copy_name(struct joining *joining, const char *name)
{
    const struct chain *chain = table_find_chain(joining->before, name);

    if (!chain) {
        joining->failed = true;
        return name;
    }
    if (!joining->copies[chain->number]) {
        joining->copies[chain->number] = new_name(joining);
        *vec_push(joining->arena, &joining->waiting) = chain;
    }
    return joining->copies[chain->number];
}

static void copy_rule(struct joining *joining, struct chain *chain, const struct rule *rule)
{
    const struct target *target = &rule->target;
    struct rule *copy = chain_append(joining->arena, chain);

    *copy = *rule;
    copy->counters = (struct counters){0};
    if (target->kind == TARGET_JUMP || target->kind == TARGET_GOTO)
        copy->target.text = copy_name(joining, target->text);
    else if ((target->kind == TARGET_ACCEPT && !settles(joining, true)) ||
             (refuses(target) && !settles(joining, false)))
        copy->target = (struct target){TARGET_GOTO, joining->rest};
    else
        return;
    joining->failed = joining->failed || rule->verbatim;
}

static void copy_old(struct joining *joining, const struct chain *hook, struct chain *chain)
{
    joining->copies = arena_calloc(joining->arena, joining->before->count, sizeof(*joining->copies));
    joining->waiting.count = 0;
    append(joining, chain, TARGET_JUMP, copy_name(joining, hook->name));
    for (size_t i = 0; i < joining->waiting.count; i++) {
        const struct chain *from = joining->waiting.items[i];
        struct chain *to =
            table_chain(joining->arena, joining->table, joining->copies[from->number], CHAIN_USER);

        for (size_t j = 0; j < from->count; j++)
            copy_rule(joining, to, &from->items[j]);
    }
}

static void copy_chain(struct joining *joining, const struct chain *from, const char *name)
{
    struct chain *to = table_chain(joining->arena, joining->table, name, CHAIN_USER);

    for (size_t i = 0; i < from->count; i++) {
        struct rule *copy = chain_append(joining->arena, to);

        *copy = from->items[i];
        copy->counters = (struct counters){0};
    }
}

static void put_verdict(struct joining *joining, struct chain *chain, enum chain_policy policy)
{
    append(joining, chain, policy == CHAIN_DROP ? TARGET_DROP : TARGET_ACCEPT, NULL);
}

// What is the new rules' goes to them.
static void split(struct joining *joining, struct chain *chain)
{
    struct match *match = arena_calloc(joining->arena, 1, sizeof(*match));
    struct rule *rule = append(joining, chain, TARGET_GOTO, joining->rest);

    match->kind = MATCH_CONNTRACK;
    match->state.states = STATE_UNTRACKED;
    match->state.inverted = joining->joint == JOINT_OLD_UNTRACKED;
    rule->matches = match;
    rule->match_count = 1;
}

static void join_hook(struct joining *joining, const char *hook)
{
    const struct chain *before = joining->before ? table_find_chain(joining->before, hook) : NULL;
    const struct chain *after = table_find_chain(joining->after, hook);
    const enum chain_policy policy = before ? before->policy : CHAIN_ACCEPT;
    const char *rules = new_name(joining), *old = new_name(joining);
    // It keeps its policy, and what that has counted; no packet meets it.
    struct chain *built_in = table_chain(joining->arena, joining->table, hook, policy), *chain, *rest;

    append(joining, built_in, TARGET_JUMP, old);
    chain = table_chain(joining->arena, joining->table, old, CHAIN_USER);
    joining->rest = new_name(joining);
    rest = table_chain(joining->arena, joining->table, joining->rest, CHAIN_USER);
    if (joining->joint == JOINT_OLD_UNTRACKED || joining->joint == JOINT_NEW_UNTRACKED)
        split(joining, chain);
    if (before)
        copy_old(joining, before, chain);
    if (settles(joining, policy != CHAIN_DROP))
        put_verdict(joining, chain, policy);
    else
        append(joining, chain, TARGET_GOTO, joining->rest);
    if (after)
        copy_chain(joining, after, rules);
    if (after)
        append(joining, rest, TARGET_JUMP, rules);
    put_verdict(joining, rest, after ? after->policy : CHAIN_ACCEPT);
}

const struct ruleset *joint_filter(struct arena *arena, enum family family, const struct table *before,
                                   const struct table *after, enum joint joint)
{
    struct ruleset *ruleset = arena_calloc(arena, 1, sizeof(*ruleset));
    struct joining joining = {.arena = arena, .joint = joint, .before = before, .after = after};

    ruleset->family = family;
    joining.table = ruleset_table(arena, ruleset, after->name);
    for (const char *const *hook = table_hooks(after->name); *hook; hook++)
        join_hook(&joining, *hook);
    for (size_t i = 0; i < after->count; i++)
        if (after->items[i]->policy == CHAIN_USER)
            copy_chain(&joining, after->items[i], after->items[i]->name);
    return joining.failed ? NULL : ruleset;
}
