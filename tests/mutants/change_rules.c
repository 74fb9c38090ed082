// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules as a whole, and their targets.
#include "mutants/change.h"

#include <string.h>

static void insert_rule(struct change *change, struct chain *chain, size_t at, struct rule rule)
{
    struct rule *items = arena_calloc(change->arena, chain->count + 1, sizeof(*items));

    memcpy(items, chain->items, at * sizeof(*items));
    items[at] = rule;
    memcpy(&items[at + 1], &chain->items[at], (chain->count - at) * sizeof(*items));
    chain->items = items;
    chain->count++;
}

static struct rule remove_rule(struct chain *chain, size_t at)
{
    const struct rule rule = chain->items[at];

    memmove(&chain->items[at], &chain->items[at + 1], (chain->count - at - 1) * sizeof(rule));
    chain->count--;
    return rule;
}

void change_drop(struct change *change)
{
    if (change_chosen(change))
        remove_rule(change->chain, change->index);
}

void change_duplicate(struct change *change)
{
    const struct rule rule = *change_rule(change);

    if (change_chosen(change)) // beside itself, and at the end
        insert_rule(change, change->chain, change->index, rule);
    if (change->index + 1 < change->chain->count && change_chosen(change))
        insert_rule(change, change->chain, change->chain->count, rule);
}

void change_swap(struct change *change)
{
    struct rule rule;

    if (change->index + 1 < change->chain->count && change_chosen(change)) {
        rule = remove_rule(change->chain, change->index);
        insert_rule(change, change->chain, change->index + 1, rule);
    }
}

static void move_rule(struct change *change, size_t to)
{
    const struct rule rule = remove_rule(change->chain, change->index);

    insert_rule(change, change->chain, to, rule);
}

void change_move(struct change *change)
{
    const size_t count = change->chain->count, index = change->index;

    if (index > 1 && change_chosen(change))
        move_rule(change, 0);
    if (index + 2 < count && change_chosen(change))
        move_rule(change, count - 1);
    if (index > 3 && change_chosen(change))
        move_rule(change, index / 2);
    if (index + 4 < count && change_chosen(change))
        move_rule(change, (index + count) / 2);
}

// The name of an interface changes its option where the hook asks for it.
static void move_to(struct change *change, const char *name, bool turned)
{
    struct rule rule = remove_rule(change->chain, change->index);
    struct chain *to = NULL;

    for (size_t i = 0; i < change->table->count; i++)
        if (strcmp(change->table->items[i]->name, name) == 0)
            to = change->table->items[i];
    if (turned) {
        const char *in = rule.in;
        const bool inverted = rule.in_inverted;

        rule.in = rule.out;
        rule.in_inverted = rule.out_inverted;
        rule.out = in;
        rule.out_inverted = inverted;
    }
    if (to)
        insert_rule(change, to, change->index < to->count ? change->index : to->count, rule);
}

void change_hook(struct change *change)
{
    static const char *const pairs[][2] = {{"INPUT", "OUTPUT"},      {"OUTPUT", "INPUT"},
                                           {"INPUT", "FORWARD"},     {"PREROUTING", "OUTPUT"},
                                           {"OUTPUT", "PREROUTING"}, {"FORWARD", "INPUT"}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        const bool there =
            table_has_hook(change->table->name, (struct slice){pairs[i][1], strlen(pairs[i][1])});
        const bool leaves = strcmp(pairs[i][0], "OUTPUT") == 0 || strcmp(pairs[i][1], "OUTPUT") == 0;

        if (there && strcmp(change->chain->name, pairs[i][0]) == 0 && change_chosen(change))
            move_to(change, pairs[i][1], leaves);
    }
}

void change_policy(struct change *change)
{
    struct chain *chain = change->chain;

    if (chain->policy != CHAIN_USER && chain->policy != CHAIN_UNWRITTEN && change_chosen(change))
        chain->policy = chain->policy == CHAIN_ACCEPT ? CHAIN_DROP : CHAIN_ACCEPT;
}

static const char *default_answer(const struct change *change)
{
    return change->ruleset->family == FAMILY_IPV4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
}

void change_verdict(struct change *change)
{
    static const enum target_kind kinds[] = {TARGET_ACCEPT, TARGET_DROP, TARGET_RETURN, TARGET_NONE,
                                             TARGET_REJECT};
    struct target *target = &change_rule(change)->target;
    const enum target_kind now = target->kind;

    if (now == TARGET_NOTRACK || now == TARGET_HELPER)
        return;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (kinds[i] != now && (kinds[i] != TARGET_REJECT || change_in_table(change, "filter")) &&
            change_chosen(change))
            *target = (struct target){kinds[i], kinds[i] == TARGET_REJECT ? default_answer(change) : NULL};
}

void change_answer(struct change *change)
{
    static const char *const answers[FAMILY_COUNT][3] = {
        {"icmp-port-unreachable", "icmp-admin-prohibited", "tcp-reset"},
        {"icmp6-port-unreachable", "icmp6-addr-unreachable", "tcp-reset"}};
    struct target *target = &change_rule(change)->target;

    for (size_t i = 0; target->kind == TARGET_REJECT && i < 3; i++)
        if (strcmp(answers[change->ruleset->family][i], target->text) != 0 && change_chosen(change)) {
            target->text = answers[change->ruleset->family][i];
            return;
        }
}

void change_tracking(struct change *change)
{
    static const struct target targets[] = {{TARGET_ACCEPT, NULL},
                                            {TARGET_NOTRACK, NULL},
                                            {TARGET_NONE, NULL},
                                            {TARGET_RETURN, NULL},
                                            {TARGET_HELPER, "ftp"}};
    struct target *target = &change_rule(change)->target;
    const enum target_kind now = target->kind;

    for (size_t i = 0; change_in_table(change, "raw") && i < sizeof(targets) / sizeof(*targets); i++)
        if (now != targets[i].kind && change_chosen(change))
            *target = targets[i];
}

void change_jump(struct change *change)
{
    struct target *target = &change_rule(change)->target;

    if (target->kind == TARGET_JUMP && change_chosen(change))
        target->kind = TARGET_GOTO;
    else if (target->kind == TARGET_GOTO && change_chosen(change))
        target->kind = TARGET_JUMP;
}
