// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/ports.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

static struct port_range high_ports[] = {{1024, UINT16_MAX}};

const struct port_set port_set_high = {high_ports, 1, 1};

const char *port_range_parse(struct slice text, struct port_range *range)
{
    struct slice first = text, last = text;
    uint64_t low, high;

    slice_split(text, '-', &first, &last);
    if (!parse_number(first, UINT16_MAX, &low) || !parse_number(last, UINT16_MAX, &high)) {
        if (first.length > 1 && first.at[0] == '0')
            return "numbers are decimal, without a leading zero";
        if (text.length && memchr(text.at, ':', text.length))
            return "a range is written with a dash: 6881-6999; ports are not mapped here";
        if (text.length && memchr(text.at, ';', text.length))
            return "a list has brackets and commas: [80, 443]";
        if (text.length && memchr(text.at, ' ', text.length))
            return memchr(text.at, '-', text.length) ? "a range is written without blanks: 6881-6999"
                                                     : "a list has brackets and commas: [80, 443]";
        if (text.length > 1 && text.at[text.length - 1] == '-')
            return "a range has both ends: 1024-65535";
        if (slice_is(text, "any") || slice_is(text, "all") || slice_is(text, "*"))
            return "all ports are 1-65535";
        return "a port is a number from 1 to 65535, a range is written a-b";
    }
    if (!low || !high)
        return "ports begin at 1";
    if (low > high)
        return "the range ends before it begins";
    *range = (struct port_range){(uint16_t)low, (uint16_t)high};
    return NULL;
}

void port_set_add(struct arena *arena, struct port_set *set, struct port_range range)
{
    size_t from = 0, to;

    // What the new range meets or touches lies in [from, to) and becomes one range.
    for (size_t high = set->count; from < high;) {
        const size_t middle = from + (high - from) / 2;

        if ((uint32_t)set->items[middle].last + 1 < range.first)
            from = middle + 1;
        else
            high = middle;
    }
    for (to = from; to < set->count && set->items[to].first <= (uint32_t)range.last + 1; to++) {
        if (set->items[to].first < range.first)
            range.first = set->items[to].first;
        if (set->items[to].last > range.last)
            range.last = set->items[to].last;
    }
    if (from == to) {
        vec_push(arena, set);
        memmove(set->items + from + 1, set->items + from, (set->count - 1 - from) * sizeof(*set->items));
    } else {
        memmove(set->items + from + 1, set->items + to, (set->count - to) * sizeof(*set->items));
        set->count -= to - from - 1;
    }
    set->items[from] = range;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct port_range *left = a, *right = b;

    return (left->first > right->first) - (left->first < right->first);
}

void port_set_normalise(struct port_set *set)
{
    size_t kept = 0;

    if (set->count)
        qsort(set->items, set->count, sizeof(*set->items), compare_ranges);
    for (size_t i = 0; i < set->count; i++) {
        const struct port_range range = set->items[i];

        if (kept && range.first <= (uint32_t)set->items[kept - 1].last + 1) {
            if (range.last > set->items[kept - 1].last)
                set->items[kept - 1].last = range.last;
        } else {
            set->items[kept++] = range;
        }
    }
    set->count = kept;
}

bool port_set_overlap(const struct port_set *a, const struct port_set *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (a->items[i].first <= b->items[j].last && b->items[j].first <= a->items[i].last)
                return true;
    return false;
}

void port_set_print(struct buf *out, const struct port_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (i)
            buf_char(out, ',');
        buf_number(out, set->items[i].first);
        if (set->items[i].last != set->items[i].first) {
            buf_char(out, '-');
            buf_number(out, set->items[i].last);
        }
    }
}

struct port_set port_set_others(struct arena *arena, const struct port_set *set)
{
    struct port_set others = {0};
    uint32_t next = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].first > next)
            port_set_add(arena, &others,
                         (struct port_range){(uint16_t)next, (uint16_t)(set->items[i].first - 1)});
        next = (uint32_t)set->items[i].last + 1;
    }
    if (next <= UINT16_MAX)
        port_set_add(arena, &others, (struct port_range){(uint16_t)next, UINT16_MAX});
    return others;
}
