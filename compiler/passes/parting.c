// SPDX-License-Identifier: GPL-2.0-or-later
//
// How well a field tells rules apart, tried on a sample of them.
#include <math.h>

#include "passes/cost.h"
#include "passes/tree.h"

// How many items stay together in the largest of some cells, with what crosses all of them.
#define SAMPLE_CELLS 9
static size_t largest_cell(struct growing *growing, enum dimension dimension, struct item *items,
                           size_t count)
{
    const size_t target = count / SAMPLE_CELLS + 1;
    struct items crossing = {0};
    struct addr_range cell;
    size_t largest = 0;

    while (count > target && find_cell(growing->passing->family, dimension, items, count, target, &cell)) {
        const struct taken taken = take_cell(items, count, cell, &crossing, growing->arena);

        if (taken.inside_count > largest)
            largest = taken.inside_count;
        count = close_gap(&items, count, &taken);
    }
    return (count > largest ? count : largest) + crossing.count;
}

// How much of a sample of the rules a cut in one dimension leaves together: a share from 0 to 1, of which less is better.
#define SAMPLE 4096
static double left_together(struct growing *growing, const struct rule *rules, size_t count,
                            enum dimension dimension)
{
    const enum family family = growing->passing->family;
    const size_t step = count / SAMPLE + 1;
    struct items items = {0};
    size_t ranges = 0, apart = 0;

    for (size_t i = 0; i < count; i += step)
        ranges += has_dimension(&rules[i], dimension) ? range_count(&rules[i], dimension) : 0;
    if (!ranges)
        return 1;

    const size_t range_step = ranges / SAMPLE + 1;

    for (size_t i = 0; i < count; i += step) {
        if (!has_dimension(&rules[i], dimension)) {
            apart += expanded_count(family, &rules[i]) / range_step + 1;
            continue;
        }
        for (size_t j = i % range_step; j < range_count(&rules[i], dimension); j += range_step)
            *vec_push(growing->arena, &items) = (struct item){range_at(&rules[i], dimension, j), 0, 1};
    }
    if (items.count < 2)
        return 1;
    sort_items(&items);
    return (double)(apart + largest_cell(growing, dimension, items.items, items.count)) /
           (double)(items.count + apart);
}

enum dimension best_dimension(struct growing *growing, const struct rule *rules, size_t count,
                              unsigned dimensions_left, double most_together)
{
    enum dimension best = DIMENSION_COUNT;
    double most = 0;

    for (enum dimension dimension = 0; dimension < DIMENSION_COUNT; dimension++) {
        double together, parted;

        if (!(dimensions_left >> dimension & 1))
            continue;
        together = left_together(growing, rules, count, dimension);
        parted = -log2(together) / (dimensions[dimension].protocol ? COST_PORT_RULES : 1);
        if (together < most_together && parted > most) {
            most = parted;
            best = dimension;
        }
    }
    return best;
}
