// SPDX-License-Identifier: GPL-2.0-or-later
//
// Pages ahead of their use. The kernel takes its time to clear a page, and more of it for each fault: pages that will all be
// written are asked for together, or made by another thread a little ahead of who takes them.
#pragma once

#include <stddef.h>

#define PAGES_MIN ((size_t)1 << 20) // bytes: less is not worth asking for

// Asks for the whole pages of memory that will be written. Where the kernel does not know how (before Linux 5.14), they come
// one by one, as ever.
void pages_take(void *memory, size_t size);

// Zeroed memory of `size` bytes, of which another thread makes the pages. NULL where there is none to be had, or less than
// PAGES_MIN is asked for: then it is for the caller to map it when it is needed.
struct store *store_new(size_t size);

// Waits for that thread, unless it is a child's copy, which has none. NULL is fine.
void store_free(struct store *store);

// The next `size` bytes of it, a multiple of alignof(max_align_t). NULL where it has not so much left, or there is no store.
void *store_take(struct store *store, size_t size);
