// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/sort.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

#define MANY    1024 // items: for fewer, going through all bytes of the keys takes longer than comparing
#define BUCKETS 256

struct keyed {
    struct addr key;
    size_t at; // of the item
};

static struct addr key_of(const unsigned char *item, size_t key)
{
    struct addr found;

    memcpy(&found, item + key, sizeof(found));
    return found;
}

static unsigned byte_of(struct addr key, unsigned byte)
{
    return (unsigned)((byte < 8 ? key.low >> 8 * byte : key.high >> 8 * (byte - 8)) & 0xFF);
}

// Puts those of `from` in the order of one byte of theirs; equal ones keep theirs.
static void deal(const struct keyed *from, struct keyed *to, size_t count, unsigned byte)
{
    size_t next[BUCKETS] = {0}, begin = 0;

    for (size_t i = 0; i < count; i++)
        next[byte_of(from[i].key, byte)]++;
    for (size_t i = 0; i < BUCKETS; i++) {
        const size_t size = next[i];

        next[i] = begin;
        begin += size;
    }
    for (size_t i = 0; i < count; i++)
        to[next[byte_of(from[i].key, byte)]++] = from[i];
}

// From the last byte to the first, but for those in which all are equal. Gives which of the two arrays holds them in the end.
static struct keyed *sort_keyed(struct keyed *keyed, struct keyed *other, size_t count)
{
    struct addr differing = {0, 0};

    for (size_t i = 1; i < count; i++) {
        differing.high |= keyed[i].key.high ^ keyed[0].key.high;
        differing.low |= keyed[i].key.low ^ keyed[0].key.low;
    }
    for (unsigned byte = 0; byte < 2 * sizeof(uint64_t); byte++) {
        struct keyed *const from = keyed;

        if (!byte_of(differing, byte))
            continue;
        deal(from, other, count, byte);
        keyed = other;
        other = from;
    }
    return keyed;
}

static void sort_equal(unsigned char *items, const struct keyed *sorted, size_t count, size_t size,
                       int (*compare)(const void *, const void *))
{
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && addr_compare(sorted[end].key, sorted[i].key) == 0;)
            end++;
        if (end - i > 1)
            qsort(items + i * size, end - i, size, compare);
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
    struct keyed *keyed, *sorted;
    unsigned char *copy;

    if (is_sorted(items, count, size, compare))
        return;
    keyed = count < MANY ? NULL : calloc(count, 2 * sizeof(*keyed));
    copy = keyed ? malloc(count * size) : NULL;
    if (!copy) {
        free(keyed);
        qsort(items, count, size, compare);
        return;
    }
    memcpy(copy, items, count * size);
    for (size_t i = 0; i < count; i++)
        keyed[i] = (struct keyed){key_of(copy + i * size, key), i};
    sorted = sort_keyed(keyed, keyed + count, count);
    for (size_t i = 0; i < count; i++)
        memcpy((unsigned char *)items + i * size, copy + sorted[i].at * size, size);
    sort_equal(items, sorted, count, size, compare);
    free(copy);
    free(keyed);
}
