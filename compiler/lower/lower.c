// SPDX-License-Identifier: GPL-2.0-or-later
//
// Policy in, ruleset out: the hooks in the kernel's order, the raw table, and what the policy carries verbatim.
#include "lower/lower.h"

#include <string.h>

#include "lower/flow.h"

static bool is_own(const char *table)
{
    return strcmp(table, "filter") == 0 || strcmp(table, "raw") == 0;
}

static enum chain_policy policy_of(const char *word)
{
    return strcmp(word, "ACCEPT") == 0 ? CHAIN_ACCEPT : strcmp(word, "DROP") == 0 ? CHAIN_DROP : CHAIN_USER;
}

// A line `:CHAIN POLICY [packets:bytes]`, which policy/read_verbatim.c has checked.
static void declare_chain(struct lowering *lowering, struct table *table, const char *text)
{
    if (!*text)
        return;

    struct slice rest = {text + 1, strlen(text) - 1};
    const struct slice name = slice_word(&rest), policy = slice_word(&rest);

    table_chain(lowering->arena, table, arena_copy(lowering->arena, name.at, name.length),
                policy_of(arena_copy(lowering->arena, policy.at, policy.length)));
}

// Built-in chains of carried tables have their policies written, so that nothing depends on what was loaded before.
static void write_policies(struct lowering *lowering, struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++) {
        struct table *table = &ruleset->items[i];

        for (const char *const *hook = table_hooks(table->name); *hook && !is_own(table->name); hook++)
            table_chain(lowering->arena, table, *hook, CHAIN_ACCEPT);
    }
}

// Chains of verbatim text and, but for the hooks that the lowering has done, their rules.
static void carry_verbatim(struct lowering *lowering, struct ruleset *ruleset)
{
    const struct verbatim *verbatim = &lowering->policy->verbatim[lowering->family];
    const struct verbatim_line *last = NULL;
    struct chain *chain = NULL;

    for (size_t i = 0; i < verbatim->count; i++)
        if (!verbatim->items[i].chain)
            declare_chain(lowering, ruleset_table(lowering->arena, ruleset, verbatim->items[i].table),
                          verbatim->items[i].text);
    write_policies(lowering, ruleset);
    for (size_t i = 0; i < verbatim->count; i++) {
        const struct verbatim_line *line = &verbatim->items[i];

        if (!line->chain)
            continue;

        // A built-in chain needs no line of its own. Rules of one chain mostly stand together.
        if (!last || strcmp(last->table, line->table) != 0 || strcmp(last->chain, line->chain) != 0)
            chain = table_chain(lowering->arena, ruleset_table(lowering->arena, ruleset, line->table),
                                line->chain, CHAIN_ACCEPT);
        last = line;
        if (!is_own(line->table) || chain->policy == CHAIN_USER)
            append_verbatim_line(lowering, chain, line);
    }
}

static void add_untracked(struct arena *arena, struct port_set *set, const struct port_set *ports)
{
    const struct port_range all = {0, UINT16_MAX};

    if (!ports->count)
        port_set_add(arena, set, all);
    for (size_t i = 0; i < ports->count; i++)
        port_set_add(arena, set, ports->items[i]);
}

// Of the entries that accept nothing, or of all.
static struct untracked untracked_ports(struct arena *arena, const struct policy *policy, bool refusing)
{
    struct untracked untracked = {0};
    const struct port_set all = {0};

    for (size_t i = 0; i < policy->allow.count && policy->tracking == TRACKING_SELECTIVE; i++) {
        const struct entry *entry = &policy->allow.items[i];

        if (entry->track != CHOICE_NO || (refusing && entry->verdict == VERDICT_ACCEPT))
            continue;
        for (size_t j = 0; j < entry->traffic_count; j++) {
            const struct traffic *traffic = &entry->traffic[j];

            if (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_ANY)
                add_untracked(arena, &untracked.tcp, traffic->kind == TRAFFIC_ANY ? &all : &traffic->ports);
            if (traffic->kind == TRAFFIC_UDP || traffic->kind == TRAFFIC_ANY)
                add_untracked(arena, &untracked.udp, traffic->kind == TRAFFIC_ANY ? &all : &traffic->ports);
        }
    }
    return untracked;
}

// What an entry of `allow` untracks that accepts is answered as that one's; but what `connect` untracks may come from any port.
static struct untracked unanswered_ports(struct arena *arena, const struct policy *policy)
{
    bool asks = false;

    for (size_t i = 0; i < policy->connect.count; i++)
        asks = asks || policy->connect.items[i].track == CHOICE_NO;
    return untracked_ports(arena, policy, !asks);
}

// The ends of the hooks stand for the policy's defaults.
static void sign_chains(struct lowering *lowering)
{
    static const char *const hooks[] = {"INPUT", "FORWARD", "OUTPUT"};

    for (size_t i = 0; i < 3; i++) {
        struct chain *chain = table_find_chain(lowering->filter, hooks[i]);

        if (!chain)
            continue;
        chain->ours = true;
        chain->span = lowering->policy->default_spans[i];
    }
}

struct ruleset *policy_to_ruleset(struct arena *arena, const struct policy *policy, enum family family,
                                  struct lower_options options, struct diag_list *diags)
{
    struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
    struct table *tables = arena_calloc(arena, 8, sizeof(*tables));
    struct lowering lowering = {.arena = arena, .policy = policy, .family = family, .options = options};

    // Room for every table there is, so that their addresses stay.
    *ruleset = (struct ruleset){.family = family, .items = tables, .capacity = 8};
    lowering.filter = ruleset_table(arena, ruleset, "filter");
    lowering.raw = ruleset_table(arena, ruleset, "raw");
    lowering.untracked = untracked_ports(arena, policy, false);
    lowering.unanswered = unanswered_ports(arena, policy);
    lower_input(&lowering);
    lower_forward(&lowering);
    lower_output(&lowering);
    lower_raw(&lowering);
    carry_verbatim(&lowering, ruleset);
    ruleset_sort(ruleset);
    sign_chains(&lowering);
    if (!lowering.too_many)
        return ruleset;
    diag_add(diags, DIAG_TOO_LARGE, lowering.too_many_at,
             "the interfaces of this entry make more than %zu rules", RULESET_RULES_MAX);
    diag_hint(diags, "name fewer of them together");
    return NULL;
}
