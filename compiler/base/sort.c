// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/sort.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

#define MANY    1024 // items: for fewer, going through all bytes of the keys takes longer than comparing
#define BUCKETS 256

// An item by one half of its key. Few bytes, for there are many of them.
struct keyed {
    uint64_t half;
    uint32_t at; // of the item
};

struct sorting {
    unsigned char *items;
    size_t count, size, key;
    struct keyed *keyed, *other; // both of `count`; the first holds them
    unsigned char *one;          // room for an item
};

static struct addr key_of(const struct sorting *sorting, size_t item)
{
    struct addr key;

    memcpy(&key, sorting->items + item * sorting->size + sorting->key, sizeof(key));
    return key;
}

// Puts them in the order of one byte, from bit `shift` on; equal ones keep theirs.
static void deal(struct sorting *sorting, unsigned shift)
{
    struct keyed *const from = sorting->keyed, *const to = sorting->other;
    size_t next[BUCKETS] = {0}, begin = 0;

    for (size_t i = 0; i < sorting->count; i++)
        next[from[i].half >> shift & (BUCKETS - 1)]++;
    for (size_t i = 0; i < BUCKETS; i++) {
        const size_t size = next[i];

        next[i] = begin;
        begin += size;
    }
    for (size_t i = 0; i < sorting->count; i++)
        to[next[from[i].half >> shift & (BUCKETS - 1)]++] = from[i];
    sorting->keyed = to;
    sorting->other = from;
}

// Puts them in the order of one half of their keys, from its last byte to its first, but for bytes in which all are equal.
static void deal_half(struct sorting *sorting, bool high)
{
    uint64_t differing = 0;

    for (size_t i = 0; i < sorting->count; i++) {
        const struct addr key = key_of(sorting, sorting->keyed[i].at);

        sorting->keyed[i].half = high ? key.high : key.low;
        differing |= sorting->keyed[i].half ^ sorting->keyed[0].half;
    }
    for (unsigned shift = 0; shift < 64; shift += 8)
        if (differing >> shift & (BUCKETS - 1))
            deal(sorting, shift);
}

// Moves the items to where they belong: around in circles, each of which begins and ends with the one that was taken out.
static void move_items(struct sorting *sorting)
{
    unsigned char *const items = sorting->items;
    const size_t size = sorting->size;

    for (size_t i = 0; i < sorting->count; i++) {
        uint32_t to = (uint32_t)i, from = sorting->keyed[i].at;

        if (from == i)
            continue;
        memcpy(sorting->one, items + i * size, size);
        for (; from != i; to = from, from = sorting->keyed[to].at) {
            memcpy(items + to * size, items + from * size, size);
            sorting->keyed[to].at = to;
        }
        memcpy(items + to * size, sorting->one, size);
        sorting->keyed[to].at = to;
    }
}

static void sort_equal(const struct sorting *sorting, int (*compare)(const void *, const void *))
{
    for (size_t i = 0, end; i < sorting->count; i = end) {
        for (end = i + 1;
             end < sorting->count && addr_compare(key_of(sorting, end), key_of(sorting, i)) == 0;)
            end++;
        if (end - i > 1)
            qsort(sorting->items + i * sorting->size, end - i, sorting->size, compare);
    }
}

static bool is_sorted(const unsigned char *items, size_t count, size_t size,
                      int (*compare)(const void *, const void *))
{
    for (size_t i = 1; i < count; i++)
        if (compare(items + (i - 1) * size, items + i * size) > 0)
            return false;
    return true;
}

void sort_by_addr(void *items, size_t count, size_t size, size_t key,
                  int (*compare)(const void *, const void *))
{
    struct sorting sorting = {.items = items, .count = count, .size = size, .key = key};
    struct keyed *room;

    if (is_sorted(items, count, size, compare))
        return;
    room = count < MANY || count > UINT32_MAX ? NULL : calloc(count, 2 * sizeof(*room));
    sorting.one = room ? malloc(size) : NULL;
    if (!sorting.one) {
        free(room);
        qsort(items, count, size, compare);
        return;
    }
    sorting.keyed = room;
    sorting.other = room + count;
    for (size_t i = 0; i < count; i++)
        sorting.keyed[i].at = (uint32_t)i;
    deal_half(&sorting, false);
    deal_half(&sorting, true);
    move_items(&sorting);
    sort_equal(&sorting, compare);
    free(sorting.one);
    free(room);
}
