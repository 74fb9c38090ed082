// SPDX-License-Identifier: GPL-2.0-or-later
//
// Typed growing arrays on an arena. `VEC(struct rule) rules;` declares one; a zeroed one is empty.
#pragma once

#include "base/arena.h"

#define VEC(type)        \
    struct {             \
        type *items;     \
        size_t count;    \
        size_t capacity; \
    }

// Appends one zeroed item and gives its address, valid until the next push.
#define vec_push(arena, vec)                                                                         \
    ((vec)->count == (vec)->capacity                                                                 \
         ? ((vec)->items = vec_grow((arena), (vec)->items, sizeof(*(vec)->items), &(vec)->capacity)) \
         : (vec)->items,                                                                             \
     &(vec)->items[(vec)->count++])

#define vec_last(vec) (&(vec)->items[(vec)->count - 1])

// Room for that many items more, which pushes then take without moving the others.
#define vec_reserve(arena, vec, more)                                                                       \
    ((void)((vec)->capacity - (vec)->count < (more)                                                         \
                ? ((vec)->items = vec_widen((arena), (vec)->items, sizeof(*(vec)->items), &(vec)->capacity, \
                                            (vec)->count + (more)))                                         \
                : (vec)->items))

// Makes an array of `*capacity` items of `size` bytes one of `need`. For vec_reserve.
static inline void *vec_widen(struct arena *arena, void *items, size_t size, size_t *capacity, size_t need)
{
    const size_t old = *capacity;

    *capacity = need;
    return arena_grow(arena, items, old * size, need * size);
}

// Doubles an array of `*capacity` items of `size` bytes. For vec_push.
static inline void *vec_grow(struct arena *arena, void *items, size_t size, size_t *capacity)
{
    const size_t old = *capacity;

    *capacity = old ? old * 2 : 1; // most lists of a policy have one item
    return arena_grow(arena, items, old * size, *capacity * size);
}
