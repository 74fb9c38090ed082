// SPDX-License-Identifier: GPL-2.0-or-later
//
// Region allocator: one arena per compilation holds document, policy, ruleset and diagnostics, and is freed once.
// An allocation never fails to its caller: when the system has no memory left, the process says so and exits with
// EXIT_WORLD, because no stage could do anything better.
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct arena_chunk;
struct arena_block;
struct store;

struct arena {
    struct arena_chunk *chunks; // newest first
    struct arena_block *blocks; // large allocations, each mapped on its own
    struct store *store;        // memory made ahead; NULL: none
};

// Frees everything that was allocated; the arena is empty and usable afterwards. A zeroed arena is an empty one.
void arena_clear(struct arena *arena);

// The same, but keeps memory for the next allocations: for scratch space that is used over and over.
void arena_reset(struct arena *arena);

// Takes over all that was allocated in `from`, which is empty afterwards, and for which no memory was expected.
void arena_join(struct arena *arena, struct arena *from);

// Has memory of up to that many bytes made by another thread, a little ahead of what is taken of it, while this one works: the
// kernel takes its time to clear pages.
void arena_expect(struct arena *arena, size_t size);

// Zeroed memory, aligned for any object type. `size` may be 0.
void *arena_alloc(struct arena *arena, size_t size);

// `count` zeroed objects of `size` bytes; the product is checked.
void *arena_calloc(struct arena *arena, size_t count, size_t size);

// Enlarges `old` (of `old_size` bytes as it was allocated, or NULL) to `new_size`: in place where it was the newest
// allocation, without touching its bytes where it is large.
void *arena_grow(struct arena *arena, void *old, size_t old_size, size_t new_size);

// Copies of text, NUL-terminated.
char *arena_copy(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
