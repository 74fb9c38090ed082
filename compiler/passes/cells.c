// SPDX-License-Identifier: GPL-2.0-or-later
#include "passes/cells.h"

#include "base/vec.h"

static unsigned leading_zeros(struct addr addr)
{
    return addr.high  ? (unsigned)__builtin_clzll(addr.high)
           : addr.low ? 64 + (unsigned)__builtin_clzll(addr.low)
                      : 128;
}

// The smallest prefix that holds both.
static struct prefix hull_prefix(enum family family, struct addr first, struct addr last)
{
    const unsigned skipped = 128 - family_bits(family);
    const unsigned common = leading_zeros((struct addr){first.high ^ last.high, first.low ^ last.low});
    const uint64_t high_mask = common >= 64 ? UINT64_MAX : common ? ~(UINT64_MAX >> common) : 0;
    const uint64_t low_mask = common <= 64 ? 0 : common >= 128 ? UINT64_MAX : ~(UINT64_MAX >> (common - 64));

    return (struct prefix){{first.high & high_mask, first.low & low_mask}, (uint8_t)(common - skipped)};
}

size_t weigh(const struct item *items, size_t count)
{
    size_t weight = 0;

    for (size_t i = 0; i < count; i++)
        weight += items[i].weight;
    return weight;
}

// The first item that begins there or behind.
static size_t first_from(const struct item *items, size_t count, struct addr addr)
{
    size_t low = 0, high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (addr_compare(items[middle].range.first, addr) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Items of a part of all addresses.
struct part {
    size_t from, to;        // those that begin in it
    struct addr last;       // of the part
    size_t weight, count;   // of those that end in it too
    struct addr_range hull; // of them
};

static struct part part_of(const struct item *items, size_t from, size_t to, struct addr last)
{
    struct part part = {.from = from, .to = to, .last = last};

    for (size_t i = from; i < to; i++) {
        if (addr_compare(items[i].range.last, last) > 0)
            continue;
        if (!part.count)
            part.hull = items[i].range;
        else if (addr_compare(items[i].range.last, part.hull.last) > 0)
            part.hull.last = items[i].range.last;
        part.weight += items[i].weight;
        part.count++;
    }
    return part;
}

// How many times one is the other, the larger one over the smaller.
static double times(size_t a, size_t b)
{
    return a > b ? (double)a / (double)b : (double)b / (double)a;
}

// From the prefix that holds everything, by the heavier half, to one that weighs no more than the target; the best on the way.
static bool find_prefix(enum family family, const struct item *items, size_t count, size_t target,
                        struct addr_range *cell)
{
    struct part part = part_of(items, 0, count, addr_max(family));
    size_t best = 0;

    while (part.count) {
        struct prefix prefix = hull_prefix(family, part.hull.first, part.hull.last);
        const struct addr_range range = prefix_range(family, prefix);
        struct part left, right;
        size_t middle;

        if (part.count < count && (!best || times(part.weight, target) < times(best, target))) {
            best = part.weight;
            *cell = range;
        }
        if (part.weight <= target || prefix.bits == family_bits(family))
            break;
        prefix.bits++;
        middle =
            first_from(items + part.from, part.to - part.from, addr_next(prefix_range(family, prefix).last)) +
            part.from;
        left = part_of(items, part.from, middle, prefix_range(family, prefix).last);
        right = part_of(items, middle, part.to, range.last);
        part = left.weight >= right.weight ? left : right;
    }
    return best > 0;
}

// The items that begin first. Ports are few, and any range of them costs the same.
static bool find_range(const struct item *items, size_t count, size_t target, struct addr_range *cell)
{
    size_t weight = 0, best = 0, best_end = 0;

    for (size_t i = 0; i + 1 < count && (!best || weight <= target); i++) {
        weight += items[i].weight;
        if (addr_compare(items[i].range.first, items[i + 1].range.first) != 0 &&
            (!best || times(weight, target) < times(best, target))) {
            best = weight;
            best_end = i + 1;
        }
    }
    if (!best)
        return false;

    const struct part part = part_of(items, 0, best_end, addr_previous(items[best_end].range.first));

    *cell = part.hull;
    return part.count > 0;
}

bool find_cell(enum family family, enum dimension dimension, const struct item *items, size_t count,
               size_t target, struct addr_range *cell)
{
    return dimensions[dimension].protocol ? find_range(items, count, target, cell)
                                          : find_prefix(family, items, count, target, cell);
}

struct taken take_cell(struct item *items, size_t count, struct addr_range cell, struct items *crossing,
                       struct arena *arena)
{
    const size_t from = first_from(items, count, cell.first);
    struct taken taken = {.inside = from};
    size_t i;

    for (i = 0; i < from; i++)
        if (addr_compare(items[i].range.last, cell.first) >= 0)
            *vec_push(arena, crossing) = items[i];
        else
            items[taken.before++] = items[i];
    for (; i < count && addr_compare(items[i].range.first, cell.last) <= 0; i++)
        if (addr_compare(items[i].range.last, cell.last) > 0)
            *vec_push(arena, crossing) = items[i];
        else
            items[from + taken.inside_count++] = items[i];
    taken.behind = i;
    return taken;
}
