// SPDX-License-Identifier: GPL-2.0-or-later
#include "rules/order.h"

#include <stdlib.h>

#define FLUSHED SIZE_MAX

static void add(struct arena *arena, struct moves *moves, struct chain *chain, size_t index, size_t place)
{
    const size_t order = moves->list.count;

    *vec_push(arena, &moves->list) = (struct move){chain, order, index, place};
}

void moves_insert(struct arena *arena, struct moves *moves, struct chain *chain, size_t place)
{
    add(arena, moves, chain, chain->count - 1, place);
}

void moves_flush(struct arena *arena, struct moves *moves, struct chain *chain)
{
    if (moves->list.count)
        add(arena, moves, chain, 0, FLUSHED);
}

// Puts the rules of a chain in their order. The last rule that was put in stands where it was put; the one before it takes
// the place among those that are left, and so on: a tree of counts finds each in the logarithm of their number.
static void order_chain(struct arena *arena, struct chain *chain, const struct move *moves, size_t move_count)
{
    struct arena scratch = {0};
    const size_t count = chain->count;
    size_t *places = arena_calloc(&scratch, count, sizeof(*places));
    size_t *tree = arena_calloc(&scratch, count + 1, sizeof(*tree)); // Fenwick's, of free places
    struct rule *items = arena_calloc(arena, count, sizeof(*items));
    size_t top = 1;

    for (size_t i = 0; i < count; i++)
        places[i] = i;
    for (size_t i = 0; i < move_count; i++)
        places[moves[i].index] = moves[i].place;
    while (top * 2 <= count)
        top *= 2;
    for (size_t i = 1; i <= count; i++)
        tree[i] = i & (~i + 1);
    for (size_t i = count; i-- > 0;) {
        size_t at = 0, before = places[i];

        for (size_t step = top; step; step /= 2) {
            if (at + step <= count && tree[at + step] <= before) {
                at += step;
                before -= tree[at];
            }
        }
        items[at] = chain->items[i];
        for (size_t j = at + 1; j <= count; j += j & (~j + 1))
            tree[j]--;
    }
    chain->items = items;
    chain->capacity = count;
    arena_clear(&scratch);
}

static int compare_moves(const void *a, const void *b)
{
    const struct move *left = a, *right = b;
    const uintptr_t chain = (uintptr_t)left->chain, other = (uintptr_t)right->chain;

    return chain != other ? (chain > other) - (chain < other)
                          : (left->order > right->order) - (left->order < right->order);
}

void moves_settle(struct arena *arena, struct moves *moves)
{
    const struct move *items = moves->list.items;
    const size_t count = moves->list.count;

    if (count)
        qsort(moves->list.items, count, sizeof(*items), compare_moves);
    for (size_t i = 0, end; i < count; i = end) {
        size_t first = i;

        for (end = i; end < count && items[end].chain == items[i].chain; end++)
            if (items[end].place == FLUSHED)
                first = end + 1;
        if (first < end)
            order_chain(arena, items[i].chain, &items[first], end - first);
    }
    moves->list.count = 0;
}
