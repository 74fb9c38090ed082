// SPDX-License-Identifier: GPL-2.0-or-later
//
//   before                  after                     live                      merged
//   -A INPUT -j THEIRS      -A INPUT -j THEIRS        -A INPUT -s 10.1.1.1 ...  -A INPUT -s 10.1.1.1 ...
//   -A INPUT -i lo ...      -A INPUT -j ctc-INPUT     -A INPUT -j THEIRS        -A INPUT -j THEIRS
//                                                     -A INPUT -j ctc-INPUT     -A INPUT -i lo ...
#include "apply/merge.h"

#include <string.h>

#include "kernel/compare.h"

struct merging {
    struct arena *arena;
    enum family family;
    const struct encoded *before, *after;
    struct table_comparison found; // of the live table with what it was before
    struct table *table;           // that is made
    VEC(const void *) rules;       // of it
};

static const struct table *only_table(const struct encoded *encoded)
{
    return &encoded->ruleset->items[0];
}

static void append(struct merging *merging, struct chain *chain, const void *rule)
{
    *vec_push(merging->arena, &merging->rules) = rule;
    chain->count++;
}

static const void *before_rule(const struct merging *merging, const struct chain_comparison *compared,
                               size_t rule)
{
    return merging->before->rules[compared->first + rule];
}

static bool is_own(const struct merging *merging, const void *rule)
{
    return own_chain(encoded_target(merging->family, rule));
}

// A chain of ctc's, as it was.
static void put_back(struct merging *merging, const struct chain_comparison *compared, struct chain *chain)
{
    for (size_t i = 0; i < compared->wanted->count; i++)
        append(merging, chain, merging->before->rules[compared->first + i]);
}

// The first place of those that come back: where ctc's own stand, unless something stood behind them.
static size_t first_place(const struct chain_comparison *compared, size_t count)
{
    size_t place = 0;

    while (place < compared->live->rules.count && !own_chain(compared->live->rules.items[place].target))
        place++;
    for (size_t i = 0; i < count; i++)
        if (compared->partners[i] != RULE_NEW)
            return compared->partners[i] < place ? compared->partners[i] : place;
    return place;
}

// Rules of others stay, as do those of ctc that were there before. Others come back, but for what others took away since.
static void merge_rules(struct merging *merging, const struct chain_comparison *compared, struct chain *chain)
{
    const struct live_chain *live = compared->live;
    const size_t count = compared->wanted ? compared->wanted->count : 0;
    const size_t *left =
        count ? encoded_partners(merging->arena, merging->before, compared->wanted, merging->after) : NULL;
    const bool built_in = chain->policy != CHAIN_USER;
    size_t next = 0, first = first_place(compared, count);

    for (size_t i = 0; i <= count; i++) {
        const bool there = i < count && compared->partners[i] != RULE_NEW;
        const size_t until = i == count ? live->rules.count : there ? compared->partners[i] : first;

        for (; next < until; next++)
            if (!built_in || !own_chain(live->rules.items[next].target))
                append(merging, chain,
                       encoded_live(merging->arena, merging->family, &live->rules.items[next]));
        if (there)
            append(merging, chain, encoded_live(merging->arena, merging->family, &live->rules.items[next++]));
        else if (i < count && (left[i] == RULE_NEW || is_own(merging, before_rule(merging, compared, i))))
            append(merging, chain, merging->before->rules[compared->first + i]);
        first = there ? next : first;
    }
}

static enum chain_policy merged_policy(const struct merging *merging, const struct chain_comparison *compared)
{
    const struct chain *after = table_find_chain(only_table(merging->after), compared->name);
    const struct chain *before = compared->wanted;
    const enum chain_policy live = compared->live->policy;

    return before && after && after->policy == live && before->policy != CHAIN_UNWRITTEN ? before->policy
                                                                                         : live;
}

static void merge_chain(struct merging *merging, const struct chain_comparison *compared)
{
    const struct chain *after = table_find_chain(only_table(merging->after), compared->name);
    const bool own = own_chain(compared->name);

    if (own || !compared->live) {
        // One of others' that is not there any more was theirs to take away.
        if (compared->wanted && (own || !after))
            put_back(merging, compared,
                     table_chain(merging->arena, merging->table, compared->name, CHAIN_USER));
        return;
    }
    merge_rules(
        merging, compared,
        table_chain(merging->arena, merging->table, compared->name, merged_policy(merging, compared)));
}

// Chains of ctc's that were not there before, and that others lead to: they stay, empty.
static void keep_led_to(struct merging *merging)
{
    for (size_t i = 0; i < merging->rules.count; i++) {
        const char *name = encoded_target(merging->family, merging->rules.items[i]);

        if (own_chain(name))
            table_chain(merging->arena, merging->table, name, CHAIN_USER);
    }
}

struct encoded merge_back(struct arena *arena, const struct kernel_table *live, const struct encoded *before,
                          const struct encoded *after)
{
    struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
    struct merging merging = {.arena = arena, .family = live->family, .before = before, .after = after};

    *ruleset = (struct ruleset){.family = live->family};
    merging.table = ruleset_table(arena, ruleset, live->name);
    merging.found = kernel_table_compare(arena, live, before);
    for (size_t i = 0; i < merging.found.count; i++)
        merge_chain(&merging, &merging.found.chains[i]);
    keep_led_to(&merging);
    return (struct encoded){.ruleset = ruleset,
                            .rules = merging.rules.items,
                            .count = merging.rules.count,
                            .sizes = after->sizes,
                            .size_count = after->size_count};
}
