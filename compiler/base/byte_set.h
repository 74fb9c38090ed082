// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of the values of one byte: protocols, ICMP types, hop limits.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct byte_set {
    uint64_t words[4]; // bit N % 64 of word N / 64: the value N
};

static inline bool byte_set_has(const struct byte_set *set, unsigned value)
{
    return set->words[value / 64] >> value % 64 & 1;
}

static inline void byte_set_add(struct byte_set *set, unsigned first, unsigned last)
{
    for (unsigned value = first; value <= last; value++)
        set->words[value / 64] |= (uint64_t)1 << value % 64;
}

static inline bool byte_set_empty(const struct byte_set *set)
{
    return !(set->words[0] | set->words[1] | set->words[2] | set->words[3]);
}

static inline void byte_set_invert(struct byte_set *set)
{
    for (int i = 0; i < 4; i++)
        set->words[i] = ~set->words[i];
}
