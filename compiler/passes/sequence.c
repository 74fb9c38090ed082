// SPDX-License-Identifier: GPL-2.0-or-later
//
// Trees of rules of which the first that matches decides, and whose verdicts change from one to the next:
//
//   -A INPUT -j ctc-allow-000001
//   -A ctc-allow-000001 -s 10.0.0.0/9 -g ctc-allow-000002
//   -A ctc-allow-000002 -s 10.1.2.3/32 -p tcp -m tcp --dport 25 -j DROP
//   -A ctc-allow-000002 -s 10.1.0.0/16 -p tcp -m tcp --dport 25 -j ACCEPT
//
// A chain holds all rules that a packet in it may match, in their order: what reaches out of a cell stands there, and again
// behind the cell. A packet of the cell does not come there.
//
// May act on: neighbours that end the walk of what they match, and ask for nothing but the packet, so that they may stand
// twice.
#include "passes/cost.h"
#include "passes/tree.h"

#define RULES_OF_ALL 6 // that do not ask for the field, at most: each leaf holds them

// How much weight stands twice or more where each item stands in all the leaves that it reaches into.
static size_t repeated(const struct items *items, size_t leaf)
{
    size_t weight = 0;

    for (size_t i = 0; i < items->count; i++) {
        size_t low = i + 1, high = items->count;

        while (low < high) {
            const size_t middle = low + (high - low) / 2;

            if (addr_compare(items->items[middle].range.first, items->items[i].range.last) <= 0)
                low = middle + 1;
            else
                high = middle;
        }
        weight += (low - i - 1) / leaf * items->items[i].weight;
    }
    return weight;
}

// Whether a tree in that dimension holds the rules without repeating most of them.
static bool suits(struct growing *growing, const struct rule *rules, size_t count, enum dimension dimension)
{
    const uint8_t protocol = dimensions[dimension].protocol;
    size_t of_all = 0;
    struct items items;

    for (size_t i = 0; i < count; i++) {
        if (!target_is_final(&rules[i].target) ||
            (protocol && (rules[i].protocol != protocol || rules[i].protocol_inverted)))
            return false;
        if (!has_dimension(&rules[i], dimension) && ++of_all > RULES_OF_ALL)
            return false;
    }
    items = collect_items(growing, rules, count, dimension);
    return repeated(&items, COST_LEAF_RULES) <= weigh(items.items, items.count);
}

static unsigned suiting(struct growing *growing, const struct rule *rules, size_t count,
                        unsigned dimensions_left)
{
    unsigned suits_them = 0;

    for (enum dimension dimension = 0; dimension < DIMENSION_COUNT; dimension++)
        if (dimensions_left >> dimension & 1 && suits(growing, rules, count, dimension))
            suits_them |= 1U << dimension;
    return suits_them;
}

// Items that a packet of the cell may match go to `inside`; those that lie in it leave the others, which stay in their order.
// Gives what the others are.
static size_t part_items(struct growing *growing, struct item *items, size_t count, struct addr_range cell,
                         struct items *inside)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const struct item item = items[i];

        if (addr_compare(item.range.last, cell.first) >= 0 && addr_compare(item.range.first, cell.last) <= 0)
            *vec_push(growing->arena, inside) = item;
        if (addr_compare(item.range.first, cell.first) < 0 || addr_compare(item.range.last, cell.last) > 0)
            items[kept++] = item;
    }
    return kept;
}

// Fills a node with items, which are sorted by where they begin.
static void grow_ordered(struct growing *growing, const struct crown *crown, struct chain *node,
                         struct item *items, size_t count, unsigned dimensions_left, unsigned depth)
{
    rule_list rest = {0};

    while (weigh(items, count) > crown->leaf * 4 / 3 && depth) {
        const size_t target = cell_weight(crown, weigh(items, count), depth);
        struct items inside = {0};
        struct addr_range cell;
        struct chain *inner;
        size_t left;

        if (!find_cell(growing->passing->family, crown->dimension, items, count, target, &cell))
            break;
        left = part_items(growing, items, count, cell, &inside);
        inner = new_chain(growing);
        append_test(growing, crown, node, cell, inner);
        grow_ordered(growing, crown, inner, inside.items, inside.count, dimensions_left, depth - 1);
        count = left;
    }
    each_part(growing, crown, items, count, collect_part, &rest);
    grow_sequence(growing, node, rest.items, rest.count, dimensions_left & ~(1U << crown->dimension), depth);
}

static void grow_ordered_tree(struct growing *growing, struct chain *chain, const struct rule *rules,
                              size_t count, enum dimension dimension, unsigned dimensions_left,
                              unsigned depth)
{
    struct chain *root = new_chain(growing);
    const struct rule guard = guard_of(rules, count, root);
    const struct rule *own = strip(growing, rules, count, &guard);
    const struct items items = collect_items(growing, own, count, dimension);
    const struct crown crown = {dimension, own,
                                dimensions[dimension].protocol ? &growing->by_port : &growing->by_address,
                                COST_LEAF_RULES};

    append(growing, chain, &guard);
    grow_ordered(growing, &crown, root, items.items, items.count, dimensions_left, depth - 1);
}

// Where the rules that do the same as the first one end.
static size_t end_of_same(const struct rule *rules, size_t count)
{
    size_t end = 1;

    while (end < count && targets_same(&rules[end].target, &rules[0].target))
        end++;
    return end;
}

// How many rules a packet walks where those that do the same have trees of their own.
static size_t walked_apart(enum family family, const struct rule *rules, size_t count)
{
    size_t walked = 0;

    for (size_t i = 0, size; i < count && walked <= COST_TREE_RULES; i += size) {
        size = end_of_same(&rules[i], count - i);
        if (expand_beyond(family, &rules[i], size, COST_TREE_RULES / 2))
            walked += COST_TREE_RULES / 2;
        else
            for (size_t j = i; j < i + size; j++)
                walked += expanded_count(family, &rules[j]);
    }
    return walked;
}

void grow_sequence(struct growing *growing, struct chain *chain, const struct rule *rules, size_t count,
                   unsigned dimensions_left, unsigned depth)
{
    const enum family family = growing->passing->family;
    enum dimension dimension = DIMENSION_COUNT;

    if (depth > 1 && walked_apart(family, rules, count) > COST_TREE_RULES)
        dimension = best_dimension(growing, rules, count, suiting(growing, rules, count, dimensions_left), 1);
    if (dimension != DIMENSION_COUNT) {
        grow_ordered_tree(growing, chain, rules, count, dimension, dimensions_left, depth);
        return;
    }
    for (size_t i = 0, size; i < count; i += size) {
        size = end_of_same(&rules[i], count - i);
        if (expand_beyond(family, &rules[i], size, COST_TREE_RULES))
            grow_rules(growing, chain, &rules[i], size, DIMENSIONS_ALL, depth);
        else
            for (size_t j = i; j < i + size; j++)
                append(growing, chain, &rules[j]);
    }
}
