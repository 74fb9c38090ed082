// SPDX-License-Identifier: GPL-2.0-or-later
//
// The chains that every tree is made of, and the tree of one field: items of rules are cut into cells, each of which goes to a
// chain of its own while it holds more than a leaf does.
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "passes/cost.h"
#include "passes/tree.h"

static void grow(struct growing *growing, const struct crown *crown, struct chain *node, struct item *items,
                 size_t count, unsigned dimensions_left, unsigned depth);

struct chain *new_chain(struct growing *growing)
{
    // Names that begin so are nobody else's.
    return table_chain(growing->arena, growing->passing->table,
                       arena_printf(growing->arena, "ctc-%s-%06zu", growing->section, ++growing->number),
                       CHAIN_USER);
}

void append(struct growing *growing, struct chain *chain, const struct rule *rule)
{
    *chain_append(growing->arena, chain) = *rule;
}

// Rules lie far apart, each over some lines of the cache: all are asked for before the first one is needed.
static void fetch_rules(const struct rule *rules, const struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *rule = (const char *)&rules[items[i].rule];

        __builtin_prefetch(rule);
        __builtin_prefetch(rule + sizeof(*rules) / 2);
    }
    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(rules[items[i].rule].sets);
}

void each_part(struct growing *growing, const struct crown *crown, struct item *items, size_t count,
               void (*act)(struct growing *growing, void *closure, const struct rule *part), void *closure)
{
    bool sorted = true;

    for (size_t i = 1; i < count && sorted; i++)
        sorted = compare_rules(&items[i - 1], &items[i]) < 0;
    if (!sorted)
        qsort(items, count, sizeof(*items), compare_rules);
    fetch_rules(crown->rules, items, count);
    for (size_t i = 0, end; i < count; i = end) {
        struct rule part;

        for (end = i + 1; end < count && items[end].rule == items[i].rule; end++)
            ;
        part = crown->rules[items[i].rule];
        // Items of one rule differ, so that as many as it has ranges are all of them.
        if (has_dimension(&part, crown->dimension) && end - i < range_count(&part, crown->dimension))
            part = with_ranges(growing->arena, &part, crown->dimension, &items[i], end - i);
        act(growing, closure, &part);
    }
}

static void append_part(struct growing *growing, void *closure, const struct rule *part)
{
    append(growing, closure, part);
}

void collect_part(struct growing *growing, void *closure, const struct rule *part)
{
    rule_list *parts = closure;

    *vec_push(growing->arena, parts) = *part;
}

// Items that no cut parts are sorted by another field, if by any.
static void grow_otherwise(struct growing *growing, const struct crown *crown, struct chain *chain,
                           struct item *items, size_t count, unsigned dimensions_left, unsigned depth)
{
    rule_list parts = {0};

    each_part(growing, crown, items, count, collect_part, &parts);
    grow_rules(growing, chain, parts.items, parts.count, dimensions_left, depth);
}

void append_test(struct growing *growing, const struct crown *crown, struct chain *node,
                 struct addr_range range, const struct chain *inner)
{
    const struct item item = {range, 0, 1};
    struct rule test = {.protocol = dimensions[crown->dimension].protocol,
                        .section = crown->rules[0].section,
                        .target = {TARGET_GOTO, inner->name}};

    test = with_ranges(growing->arena, &test, crown->dimension, &item, 1);
    append(growing, node, &test);
}

size_t cell_weight(const struct crown *crown, size_t weight, unsigned depth)
{
    const size_t leaves = (weight + crown->leaf - 1) / crown->leaf;
    const size_t part = (size_t)((double)weight * shape_share(crown->shape, leaves, depth));

    return part > crown->leaf * 3 / 4 ? part : crown->leaf * 3 / 4;
}

// A cell of a node: few rules stand in the node itself.
static void grow_cell(struct growing *growing, const struct crown *crown, struct chain *node,
                      struct addr_range cell, struct item *items, size_t count, unsigned dimensions_left,
                      unsigned depth)
{
    struct chain *inner;

    if (weigh(items, count) <= COST_INLINE_RULES) {
        each_part(growing, crown, items, count, append_part, node);
        return;
    }
    inner = new_chain(growing);
    append_test(growing, crown, node, cell, inner);
    grow(growing, crown, inner, items, count, dimensions_left, depth - 1);
}

size_t close_gap(struct item **items, size_t count, const struct taken *taken)
{
    const size_t gap = taken->behind - taken->before, behind = count - taken->behind;

    if (taken->before < behind) {
        memmove(*items + gap, *items, taken->before * sizeof(**items));
        *items += gap;
    } else {
        memmove(*items + taken->before, *items + taken->behind, behind * sizeof(**items));
    }
    return count - gap;
}

// Fills a node with items, which are sorted by where they begin.
static void grow(struct growing *growing, const struct crown *crown, struct chain *node, struct item *items,
                 size_t count, unsigned dimensions_left, unsigned depth)
{
    size_t weight = weigh(items, count);

    while (weight > crown->leaf * 4 / 3 && depth) {
        const size_t target = cell_weight(crown, weight, depth);
        struct items crossing = {0};
        struct addr_range cell;
        struct taken taken;

        if (!find_cell(growing->passing->family, crown->dimension, items, count, target, &cell)) {
            grow_otherwise(growing, crown, node, items, count, dimensions_left & ~(1U << crown->dimension),
                           depth);
            return;
        }
        taken = take_cell(items, count, cell, &crossing, growing->arena);
        // What crosses stands ahead of the cell: a packet of the cell does not come back from there.
        if (crossing.count)
            grow_otherwise(growing, crown, node, crossing.items, crossing.count,
                           weigh(crossing.items, crossing.count) * 2 > weight
                               ? dimensions_left & ~(1U << crown->dimension)
                               : dimensions_left,
                           depth);
        grow_cell(growing, crown, node, cell, &items[taken.inside], taken.inside_count, dimensions_left,
                  depth);
        count = close_gap(&items, count, &taken);
        weight = weigh(items, count);
    }
    chain_reserve(growing->arena, node, count);
    each_part(growing, crown, items, count, append_part, node);
}

static struct addr_range everything(enum family family, enum dimension dimension)
{
    const struct addr last = dimensions[dimension].protocol ? (struct addr){0, UINT16_MAX} : addr_max(family);

    return (struct addr_range){{0, 0}, last};
}

static size_t item_count(const struct rule *rule, enum dimension dimension)
{
    return has_dimension(rule, dimension) ? range_count(rule, dimension) : 1;
}

struct items collect_items(struct growing *growing, const struct rule *rules, size_t count,
                           enum dimension dimension)
{
    const enum family family = growing->passing->family;
    struct items items = {0};

    for (size_t i = 0; i < count; i++)
        items.capacity += item_count(&rules[i], dimension);
    items.items = arena_calloc(growing->arena, items.capacity, sizeof(*items.items));
    for (size_t i = 0; i < count; i++) {
        const bool asks = has_dimension(&rules[i], dimension);
        const size_t ranges = item_count(&rules[i], dimension);
        const size_t one = expanded_count(family, &rules[i]) / ranges;
        const uint32_t weight = one ? (uint32_t)one : 1;

        for (size_t j = 0; j < ranges; j++)
            *vec_push(growing->arena, &items) =
                (struct item){asks ? range_at(&rules[i], dimension, j) : everything(family, dimension),
                              (uint32_t)i, weight};
    }
    sort_items(&items);
    return items;
}

void grow_tree(struct growing *growing, struct chain *root, const struct rule *rules, size_t count,
               enum dimension dimension, unsigned dimensions_left, unsigned depth)
{
    const struct items items = collect_items(growing, rules, count, dimension);
    const bool ports = dimensions[dimension].protocol;
    // Of one rule, fifteen ports make a rule.
    const struct crown crown = {dimension, rules, ports ? &growing->by_port : &growing->by_address,
                                ports && count == 1 ? COST_LEAF_MULTIPORTS * MULTIPORT_SLOTS
                                                    : COST_LEAF_RULES};

    grow(growing, &crown, root, items.items, items.count, dimensions_left, depth);
}
