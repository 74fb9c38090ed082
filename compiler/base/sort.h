// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sorting of many items that hold an address, or another number of up to 128 bits, by it.
#pragma once

#include <stddef.h>

// What qsort() does with `compare`, for items in which that looks at the struct addr at `key` bytes first. Thousands are parted
// by the bytes of their keys, which takes a fifth of the time. Those that are sorted already cost one look at each.
void sort_by_addr(void *items, size_t count, size_t size, size_t key,
                  int (*compare)(const void *, const void *));
