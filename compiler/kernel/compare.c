// SPDX-License-Identifier: GPL-2.0-or-later
//
// What two chains begin and end with is told rule by rule; of what lies between, the content is written down, and rules are
// paired by that. The rules that stay are a common subsequence of both chains: a longest one, but where a chain has the same
// rule more than once.
#include "kernel/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/job.h"
#include "kernel/content.h"

#define MANY ((size_t)1000) // rules that are worth a thread

// A rule as what counts of it.
struct item {
    uint64_t hash;
    size_t at, length; // in the text of its chain
    size_t number;     // in its chain
};

// Some rules of a chain that stand beside each other.
struct listing {
    struct buf text;
    struct item *items;
    size_t first, count;
};

static void begin_listing(struct listing *listing, struct arena *scratch, size_t first, size_t count)
{
    listing->items = arena_calloc(scratch, count, sizeof(*listing->items));
    listing->text.length = listing->count = 0;
    listing->first = first;
}

static void add_item(struct listing *listing, size_t from)
{
    listing->items[listing->count] = (struct item){
        .at = from, .length = listing->text.length - from, .number = listing->first + listing->count};
    listing->count++;
}

static void add_hash(const struct listing *listing, struct item *item)
{
    item->hash = slice_hash((struct slice){listing->text.bytes + item->at, item->length});
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
        partner[wanted->items[first].number] = live->items[first].number;
    for (; first < live_end && first < wanted_end &&
           same_items(live, &live->items[live_end - 1], wanted, &wanted->items[wanted_end - 1]);
         live_end--, wanted_end--)
        partner[wanted->items[wanted_end - 1].number] = live->items[live_end - 1].number;
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

// Rules that were encoded, of one chain: from `first` to `end`.
static void list_wanted(struct listing *listing, struct arena *scratch, const struct encoded *sizes,
                        const struct table *table, const void *const *rules, size_t first, size_t end)
{
    begin_listing(listing, scratch, first, end - first);
    for (size_t i = first; i < end; i++) {
        const size_t from = listing->text.length;

        content_of_wanted(&listing->text, sizes, table, rules[i]);
        add_item(listing, from);
    }
}

static void list_live(struct listing *listing, struct arena *scratch, const struct encoded *sizes,
                      const struct live_rule *rules, size_t first, size_t end)
{
    begin_listing(listing, scratch, first, end - first);
    for (size_t i = first; i < end; i++) {
        const size_t from = listing->text.length;

        content_of_live(&listing->text, sizes, &rules[i]);
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
    list_wanted(&here, &scratch, other, table, encoded->rules + chain_start(table, chain), 0, chain->count);
    if (same)
        list_wanted(&there, &scratch, other, others, other->rules + chain_start(others, same), 0,
                    same->count);
    pair(&there, &here, partners);
    keep_ascending(&scratch, partners, chain->count);
    buf_clear(&here.text);
    buf_clear(&there.text);
    arena_clear(&scratch);
    return partners;
}

// Compares some chains of a table.
struct comparer {
    struct arena scratch;
    const struct encoded *encoded;
    const struct table *table; // wanted; NULL: none
    struct chain_comparison *chains;
    size_t count;
    struct listing live, wanted;
};

static void compare_rules(struct comparer *comparer, struct chain_comparison *chain)
{
    const struct live_rule *live = chain->live ? chain->live->rules.items : NULL;
    const size_t live_count = chain->live ? chain->live->rules.count : 0;
    const size_t count = chain->wanted ? chain->wanted->count : 0;
    const void *const *wanted = count ? comparer->encoded->rules + chain->first : NULL;
    size_t first = 0, live_end = live_count, end = count, *partners = chain->partners;

    for (; first < live_end && first < end &&
           live_is_wanted(comparer->encoded, comparer->table, &live[first], wanted[first]);
         first++)
        partners[first] = first;
    for (; first < live_end && first < end &&
           live_is_wanted(comparer->encoded, comparer->table, &live[live_end - 1], wanted[end - 1]);)
        partners[--end] = --live_end;
    for (size_t i = first; i < end; i++)
        partners[i] = RULE_NEW;
    chain->kept = first + count - end;
    if (first < live_end && first < end) {
        arena_reset(&comparer->scratch);
        list_live(&comparer->live, &comparer->scratch, comparer->encoded, live, first, live_end);
        list_wanted(&comparer->wanted, &comparer->scratch, comparer->encoded, comparer->table, wanted, first,
                    end);
        pair(&comparer->live, &comparer->wanted, partners);
        chain->kept = keep_ascending(&comparer->scratch, partners, count);
    }
    chain->removed = live_count - chain->kept;
    chain->added = count - chain->kept;
}

// The policy that a chain gets in place of another.
static enum chain_policy new_policy(const struct chain_comparison *chain)
{
    const bool written =
        chain->wanted && (chain->wanted->policy == CHAIN_ACCEPT || chain->wanted->policy == CHAIN_DROP);

    return written && chain->live && chain->live->policy != chain->wanted->policy ? chain->wanted->policy
                                                                                  : CHAIN_UNWRITTEN;
}

static void compare_chains(void *context)
{
    struct comparer *comparer = context;

    for (size_t i = 0; i < comparer->count; i++) {
        compare_rules(comparer, &comparer->chains[i]);
        comparer->chains[i].policy = new_policy(&comparer->chains[i]);
    }
    buf_clear(&comparer->live.text);
    buf_clear(&comparer->wanted.text);
    arena_clear(&comparer->scratch);
}

// How many chains have half of the rules.
static size_t half_of(const struct chain_comparison *chains, size_t count)
{
    size_t rules = 0, half = 0, seen = 0;

    for (size_t i = 0; i < count; i++)
        rules += chains[i].wanted ? chains[i].wanted->count : 0;
    while (half < count && seen < rules / 2)
        seen += chains[half].wanted ? chains[half].wanted->count : 0, half++;
    return half;
}

// The two halves of very many rules beside each other.
static void compare_halves(const struct encoded *encoded, const struct table *table,
                           struct chain_comparison *chains, size_t count)
{
    const size_t half = half_of(chains, count);
    struct comparer first = {.encoded = encoded, .table = table, .chains = chains, .count = half};
    struct comparer second = {
        .encoded = encoded, .table = table, .chains = chains + half, .count = count - half};
    struct job job;

    job_begin(&job, table && table_rule_count(table) >= MANY, compare_chains, &second);
    compare_chains(&first);
    job_end(&job);
}

struct table_comparison kernel_table_compare(struct arena *arena, const struct kernel_table *table,
                                             const struct encoded *encoded)
{
    const struct table *wanted = ruleset_find_table(encoded->ruleset, table->name);
    const size_t wanted_count = wanted ? wanted->count : 0;
    struct table_comparison result = {.same = true};
    struct table names = {0}; // of the live chains, for their numbers
    size_t first = wanted ? encoded_table_start(encoded, wanted) : 0;
    size_t *partners = arena_calloc(arena, wanted ? table_rule_count(wanted) : 0, sizeof(*partners));

    result.chains = arena_calloc(arena, table->chains.count + wanted_count, sizeof(*result.chains));
    result.count = table->chains.count;
    for (size_t i = 0; i < table->chains.count; i++) {
        const struct live_chain *chain = &table->chains.items[i];

        result.chains[i] =
            (struct chain_comparison){.name = chain->name, .live = chain, .partners = partners};
        table_chain(arena, &names, chain->name, chain->policy);
    }
    for (size_t i = 0; i < wanted_count; i++) {
        const struct chain *chain = wanted->items[i];
        const struct chain *live = table_find_chain(&names, chain->name);
        const size_t at = live ? live->number : result.count++;

        result.chains[at].name = chain->name;
        result.chains[at].wanted = chain;
        result.chains[at].first = first;
        result.chains[at].partners = partners;
        first += chain->count;
        partners += chain->count;
    }
    compare_halves(encoded, wanted, result.chains, result.count);
    for (size_t i = 0; i < result.count; i++) {
        const struct chain_comparison *chain = &result.chains[i];

        result.kept += chain->kept;
        result.removed += chain->removed;
        result.added += chain->added;
        result.chains_added += !chain->live && chain->wanted->policy == CHAIN_USER;
        result.chains_removed += !chain->wanted && chain->live->policy == CHAIN_USER;
        result.same = result.same && chain->live && chain->policy == CHAIN_UNWRITTEN;
    }
    result.same = result.same && !result.removed && !result.added && !result.chains_removed;
    return result;
}

static bool same_chains(const struct live_chain *a, const struct live_chain *b, const struct encoded *encoded)
{
    if (strcmp(a->name, b->name) != 0 || a->policy != b->policy || a->rules.count != b->rules.count)
        return false;
    for (size_t i = 0; i < a->rules.count; i++)
        if (!live_rules_same(encoded, &a->rules.items[i], &b->rules.items[i]))
            return false;
    return true;
}

bool kernel_tables_same(const struct kernel_table *a, const struct kernel_table *b,
                        const struct encoded *encoded)
{
    if (a->chains.count != b->chains.count)
        return false;
    for (size_t i = 0; i < a->chains.count; i++)
        if (!same_chains(&a->chains.items[i], &b->chains.items[i], encoded))
            return false;
    return true;
}
