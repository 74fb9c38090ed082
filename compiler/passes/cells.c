// SPDX-License-Identifier: GPL-2.0-or-later
#include "passes/cells.h"

#include "base/vec.h"

static unsigned leading_zeros(struct addr addr)
{
    return addr.high  ? (unsigned)__builtin_clzll(addr.high)
           : addr.low ? 64 + (unsigned)__builtin_clzll(addr.low)
                      : 128;
}

// How many leading bits two addresses share.
static unsigned common_bits(struct addr a, struct addr b)
{
    return leading_zeros((struct addr){a.high ^ b.high, a.low ^ b.low});
}

// The place near `at` where a cut parts what shares the fewest bits: there a prefix is likely to name each side. 0: none.
static size_t cut_near(const struct item *items, size_t count, size_t at, size_t slack)
{
    const size_t from = at > slack ? at - slack : 1, to = at + slack < count ? at + slack : count - 1;
    unsigned fewest = 129;
    size_t best = 0;

    for (size_t i = from; i <= to; i++) {
        const struct addr left = items[i - 1].range.first, right = items[i].range.first;
        const unsigned common = common_bits(left, right);
        const size_t distance = i > at ? i - at : at - i, best_distance = best > at ? best - at : at - best;

        if (addr_compare(left, right) == 0)
            continue;
        if (common < fewest || (common == fewest && distance < best_distance)) {
            fewest = common;
            best = i;
        }
    }
    return best;
}

size_t cut(const struct item *items, size_t count, size_t cells, size_t starts[CELLS_MAX + 1])
{
    size_t made = 1;

    starts[0] = 0;
    for (size_t i = 1; i < cells; i++) {
        const size_t at = cut_near(items, count, count * i / cells, count / cells / 4);

        if (at > starts[made - 1])
            starts[made++] = at;
    }
    starts[made] = count;
    return made;
}

void take_crossing(struct item *items, const size_t *starts, size_t cells, size_t *ends,
                   struct items *crossing, struct arena *arena)
{
    for (size_t cell = 0; cell < cells; cell++) {
        const bool last = cell + 1 == cells;
        const struct addr bound = items[starts[last ? cell : cell + 1]].range.first; // but of the last cell
        size_t kept = starts[cell];

        for (size_t i = starts[cell]; i < starts[cell + 1]; i++)
            if (!last && addr_compare(items[i].range.last, bound) >= 0)
                *vec_push(arena, crossing) = items[i];
            else
                items[kept++] = items[i];
        ends[cell] = kept;
    }
}

struct addr_range hull_of(const struct item *items, size_t count)
{
    struct addr_range hull = items[0].range;

    for (size_t i = 1; i < count; i++)
        if (addr_compare(items[i].range.last, hull.last) > 0)
            hull.last = items[i].range.last;
    return hull;
}

struct addr_range cell_test(enum family family, struct addr_range hull, const struct addr_range *before,
                            const struct addr_range *behind)
{
    const unsigned skipped = 128 - family_bits(family);
    const unsigned common = common_bits(hull.first, hull.last);
    const uint8_t bits = (uint8_t)(common > 128 ? 128 - skipped : common - skipped);
    const uint64_t high_mask = common >= 64 ? UINT64_MAX : common ? ~(UINT64_MAX >> common) : 0;
    const uint64_t low_mask = common <= 64 ? 0 : common >= 128 ? UINT64_MAX : ~(UINT64_MAX >> (common - 64));
    const struct prefix prefix = {{hull.first.high & high_mask, hull.first.low & low_mask}, bits};
    const struct addr_range range = prefix_range(family, prefix);

    if ((before && addr_compare(before->last, range.first) >= 0) ||
        (behind && addr_compare(behind->first, range.last) <= 0))
        return hull;
    return range;
}
