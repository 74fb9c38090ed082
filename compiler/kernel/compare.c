// SPDX-License-Identifier: GPL-2.0-or-later
//
// What counts of a rule is written down, and rules are compared by that. The rules that stay are a common subsequence
// of both chains: a longest one, but where a chain has the same rule more than once.
#include "kernel/compare.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/entry.h"
#include "kernel/extensions.h"

static void put(struct buf *out, const void *bytes, size_t length)
{
    buf_append(out, bytes, length);
}

// Names end at their NUL: the kernel does not write what is behind it.
static void put_name(struct buf *out, const char *name, uint8_t revision)
{
    put(out, name, strlen(name) + 1);
    put(out, &revision, 1);
}

// The data of a match or target as far as it counts: all of it, where no wanted rule has one of that kind.
static void put_data(struct buf *out, const struct encoded *encoded, const char *name, uint8_t revision,
                     bool target, const void *data, size_t length)
{
    const uint32_t whole = (uint32_t)length;

    for (size_t i = 0; i < encoded->size_count; i++) {
        const struct extension_size *size = &encoded->sizes[i];

        if (size->target == target && size->revision == revision && strcmp(size->name, name) == 0 &&
            size->size < length)
            length = size->size;
    }
    put(out, &whole, sizeof(whole));
    put(out, data, length);
}

// `standard`: the verdict or chain of a rule that has no target of a plugin; else NULL.
static void put_rule(struct buf *out, const struct encoded *encoded, const char *entry, const char *standard)
{
    const struct entry_layout *layout = &entry_layouts[encoded->ruleset->family];
    const size_t end = entry_number(entry, layout->matches);
    const struct xt_entry_target *target = entry_target(entry, end);

    put(out, entry, layout->header);
    for (size_t at = layout->body; at < end; at += entry_match(entry, at)->u.match_size) {
        const struct xt_entry_match *match = entry_match(entry, at);

        put_name(out, match->u.user.name, match->u.user.revision);
        put_data(out, encoded, match->u.user.name, match->u.user.revision, false, match->data,
                 match->u.match_size - sizeof(*match));
    }
    buf_char(out, standard ? 's' : 't');
    if (standard) {
        put(out, standard, strlen(standard) + 1);
        return;
    }
    put_name(out, target->u.user.name, target->u.user.revision);
    put_data(out, encoded, target->u.user.name, target->u.user.revision, true, target->data,
             target->u.target_size - sizeof(*target));
}

static void put_live(struct buf *out, const struct encoded *encoded, const struct live_rule *rule)
{
    const struct entry_layout *layout = &entry_layouts[encoded->ruleset->family];
    const struct xt_entry_target *target =
        entry_target(rule->entry, entry_number(rule->entry, layout->matches));

    put_rule(out, encoded, rule->entry, target->u.user.name[0] ? NULL : rule->target);
}

// A rule as what counts of it.
struct item {
    uint64_t hash;
    size_t at, length; // in the text of its chain
    size_t number;     // in its chain
};

struct listing {
    struct buf text;
    struct item *items;
    size_t count;
};

static void add_item(struct listing *listing, size_t from)
{
    listing->items[listing->count] =
        (struct item){.at = from, .length = listing->text.length - from, .number = listing->count};
    listing->count++;
}

// Eight bytes at a time. It tells rules apart in one process, and is written nowhere.
static void add_hash(const struct listing *listing, struct item *item)
{
    uint64_t hash = item->length, word;
    size_t at = 0;

    for (; at + sizeof(word) <= item->length; at += sizeof(word)) {
        memcpy(&word, listing->text.bytes + item->at + at, sizeof(word));
        hash = (hash ^ word) * 0x9E3779B97F4A7C15;
        hash ^= hash >> 29;
    }
    for (; at < item->length; at++)
        hash = (hash ^ (unsigned char)listing->text.bytes[item->at + at]) * 0x100000001B3;
    item->hash = hash ^ hash >> 32;
}

static bool same_items(const struct listing *a, const struct item *left, const struct listing *b,
                       const struct item *right)
{
    return left->length == right->length &&
           memcmp(a->text.bytes + left->at, b->text.bytes + right->at, left->length) == 0;
}

static int compare_items(const struct listing *a, const struct item *left, const struct listing *b,
                         const struct item *right)
{
    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    if (left->length != right->length)
        return left->length < right->length ? -1 : 1;
    return memcmp(a->text.bytes + left->at, b->text.bytes + right->at, left->length);
}

static int by_content(const void *a, const void *b, void *context)
{
    const struct item *left = a, *right = b;
    const int order = compare_items(context, left, context, right);

    return order ? order : left->number < right->number ? -1 : left->number > right->number;
}

// Pairs what both begin with, and what both end with; of the rest the first of equal rules with the first, the second with
// the second, and so on.
static void pair(struct listing *live, struct listing *wanted, size_t *partner)
{
    size_t first = 0, live_end = live->count, wanted_end = wanted->count, i, j;

    for (; first < live_end && first < wanted_end &&
           same_items(live, &live->items[first], wanted, &wanted->items[first]);
         first++)
        partner[first] = first;
    for (; first < live_end && first < wanted_end &&
           same_items(live, &live->items[live_end - 1], wanted, &wanted->items[wanted_end - 1]);)
        partner[--wanted_end] = --live_end;
    for (i = first; i < live_end; i++)
        add_hash(live, &live->items[i]);
    for (j = first; j < wanted_end; j++)
        add_hash(wanted, &wanted->items[j]);
    if (first < live_end && first < wanted_end) {
        qsort_r(live->items + first, live_end - first, sizeof(*live->items), by_content, live);
        qsort_r(wanted->items + first, wanted_end - first, sizeof(*wanted->items), by_content, wanted);
    }
    for (i = j = first; i < live_end && j < wanted_end;) {
        const int order = compare_items(live, &live->items[i], wanted, &wanted->items[j]);

        if (order == 0)
            partner[wanted->items[j].number] = live->items[i].number;
        i += order <= 0;
        j += order >= 0;
    }
}

// Leaves a longest ascending sequence of the partners, and makes the others RULE_NEW. Gives its length. Each pile's
// top is the least number that a sequence of the pile's length can end with.
static size_t keep_ascending(struct arena *scratch, size_t *partner, size_t count)
{
    size_t *tops = arena_calloc(scratch, count, sizeof(*tops));         // wanted rules
    size_t *previous = arena_calloc(scratch, count, sizeof(*previous)); // of each, in its sequence
    bool *keep = arena_calloc(scratch, count, sizeof(*keep));
    size_t piles = 0;

    for (size_t i = 0; i < count; i++) {
        size_t low = 0, high = piles;

        if (partner[i] == RULE_NEW)
            continue;
        while (low < high) {
            const size_t middle = (low + high) / 2;

            if (partner[tops[middle]] < partner[i])
                low = middle + 1;
            else
                high = middle;
        }
        previous[i] = low ? tops[low - 1] : RULE_NEW;
        tops[low] = i;
        piles += low == piles;
    }
    for (size_t i = piles ? tops[piles - 1] : RULE_NEW; i != RULE_NEW; i = previous[i])
        keep[i] = true;
    for (size_t i = 0; i < count; i++)
        if (!keep[i])
            partner[i] = RULE_NEW;
    return piles;
}

// Rules that were encoded, of one chain.
static void list_wanted(struct listing *listing, struct arena *scratch, const struct encoded *sizes,
                        const struct table *table, void *const *rules, size_t count)
{
    listing->items = arena_calloc(scratch, count, sizeof(*listing->items));
    listing->text.length = listing->count = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t from = listing->text.length;

        put_rule(&listing->text, sizes, rules[i], encoded_standard(table, rules[i], sizes->ruleset->family));
        add_item(listing, from);
    }
}

static size_t chain_start(const struct table *table, const struct chain *chain)
{
    size_t start = 0;

    for (size_t i = 0; table->items[i] != chain; i++)
        start += table->items[i]->count;
    return start;
}

size_t *encoded_partners(struct arena *arena, const struct encoded *encoded, const struct chain *chain,
                         const struct encoded *other)
{
    const struct table *table = &encoded->ruleset->items[0], *others = &other->ruleset->items[0];
    const struct chain *same = table_find_chain(others, chain->name);
    size_t *partners = arena_calloc(arena, chain->count, sizeof(*partners));
    struct listing here = {0}, there = {0};
    struct arena scratch = {0};

    for (size_t i = 0; i < chain->count; i++)
        partners[i] = RULE_NEW;
    list_wanted(&here, &scratch, other, table, encoded->rules + chain_start(table, chain), chain->count);
    if (same)
        list_wanted(&there, &scratch, other, others, other->rules + chain_start(others, same), same->count);
    pair(&there, &here, partners);
    keep_ascending(&scratch, partners, chain->count);
    buf_clear(&here.text);
    buf_clear(&there.text);
    arena_clear(&scratch);
    return partners;
}

struct comparer {
    struct arena *arena, scratch;
    const struct encoded *encoded;
    const struct table *table; // wanted; NULL: none
    struct listing live, wanted;
};

static void compare_rules(struct comparer *comparer, struct chain_comparison *chain)
{
    struct listing *live = &comparer->live, *wanted = &comparer->wanted;
    const size_t live_count = chain->live ? chain->live->rules.count : 0;
    const size_t wanted_count = chain->wanted ? chain->wanted->count : 0;

    arena_reset(&comparer->scratch);
    live->items = arena_calloc(&comparer->scratch, live_count, sizeof(*live->items));
    live->text.length = live->count = 0;
    for (size_t i = 0; i < live_count; i++) {
        const size_t from = live->text.length;

        put_live(&live->text, comparer->encoded, &chain->live->rules.items[i]);
        add_item(live, from);
    }
    list_wanted(wanted, &comparer->scratch, comparer->encoded, comparer->table,
                wanted_count ? comparer->encoded->rules + chain->first : NULL, wanted_count);
    chain->partners = arena_calloc(comparer->arena, wanted_count, sizeof(*chain->partners));
    for (size_t i = 0; i < wanted_count; i++)
        chain->partners[i] = RULE_NEW;
    pair(live, wanted, chain->partners);
    chain->kept = keep_ascending(&comparer->scratch, chain->partners, wanted_count);
    chain->removed = live_count - chain->kept;
    chain->added = wanted_count - chain->kept;
}

// The policy that a chain gets in place of another.
static enum chain_policy new_policy(const struct chain_comparison *chain)
{
    const bool written =
        chain->wanted && (chain->wanted->policy == CHAIN_ACCEPT || chain->wanted->policy == CHAIN_DROP);

    return written && chain->live && chain->live->policy != chain->wanted->policy ? chain->wanted->policy
                                                                                  : CHAIN_UNWRITTEN;
}

struct table_comparison kernel_table_compare(struct arena *arena, const struct kernel_table *table,
                                             const struct encoded *encoded)
{
    struct comparer comparer = {
        .arena = arena, .encoded = encoded, .table = ruleset_find_table(encoded->ruleset, table->name)};
    const size_t wanted_count = comparer.table ? comparer.table->count : 0;
    struct table_comparison result = {.same = true};
    struct table names = {0}; // of the live chains, for their numbers
    size_t first = comparer.table ? encoded_table_start(encoded, comparer.table) : 0;

    result.chains = arena_calloc(arena, table->chains.count + wanted_count, sizeof(*result.chains));
    result.count = table->chains.count;
    for (size_t i = 0; i < table->chains.count; i++) {
        const struct live_chain *chain = &table->chains.items[i];

        result.chains[i] = (struct chain_comparison){.name = chain->name, .live = chain};
        table_chain(arena, &names, chain->name, chain->policy);
    }
    for (size_t i = 0; i < wanted_count; i++) {
        const struct chain *chain = comparer.table->items[i];
        const struct chain *live = table_find_chain(&names, chain->name);
        const size_t at = live ? live->number : result.count++;

        result.chains[at].name = chain->name;
        result.chains[at].wanted = chain;
        result.chains[at].first = first;
        first += chain->count;
    }
    for (size_t i = 0; i < result.count; i++) {
        struct chain_comparison *chain = &result.chains[i];

        compare_rules(&comparer, chain);
        chain->policy = new_policy(chain);
        result.kept += chain->kept;
        result.removed += chain->removed;
        result.added += chain->added;
        result.chains_added += !chain->live && chain->wanted->policy == CHAIN_USER;
        result.chains_removed += !chain->wanted && chain->live->policy == CHAIN_USER;
        result.same = result.same && chain->live && chain->policy == CHAIN_UNWRITTEN;
    }
    result.same = result.same && !result.removed && !result.added && !result.chains_removed;
    buf_clear(&comparer.live.text);
    buf_clear(&comparer.wanted.text);
    arena_clear(&comparer.scratch);
    return result;
}

static void put_chains(struct buf *out, const struct kernel_table *table, const struct encoded *encoded)
{
    for (size_t i = 0; i < table->chains.count; i++) {
        const struct live_chain *chain = &table->chains.items[i];

        put_name(out, chain->name, (uint8_t)chain->policy);
        put(out, &chain->rules.count, sizeof(chain->rules.count));
        for (size_t j = 0; j < chain->rules.count; j++)
            put_live(out, encoded, &chain->rules.items[j]);
    }
}

bool kernel_tables_same(const struct kernel_table *a, const struct kernel_table *b,
                        const struct encoded *encoded)
{
    struct buf left = {0}, right = {0};
    bool same;

    put_chains(&left, a, encoded);
    put_chains(&right, b, encoded);
    same = left.length == right.length && (!left.length || memcmp(left.bytes, right.bytes, left.length) == 0);
    buf_clear(&left);
    buf_clear(&right);
    return same;
}
