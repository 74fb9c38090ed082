// SPDX-License-Identifier: GPL-2.0-or-later
//
// Of the interfaces of an entry, those that are needed: `eth0` is not, beside `eth+`. What is left has no interface twice, so
// that no packet passes two rules of one entry and is counted twice by its limit.
#include "lower/flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/interface.h"

struct named {
    const char *name;
    size_t place;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    const int order = strcmp(left->name, right->name);

    return order ? order : (left->place > right->place) - (left->place < right->place);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

// Whether a pattern among them holds the name, and is another one.
static bool in_pattern(const struct named *sorted, size_t count, const char *name)
{
    const size_t length = strlen(name);
    char pattern[INTERFACE_MAX + 2];

    for (size_t kept = 0; kept <= length && kept < INTERFACE_MAX; kept++) {
        const struct named key = {pattern, 0};

        memcpy(pattern, name, kept);
        pattern[kept] = '+';
        pattern[kept + 1] = '\0';
        if (strcmp(pattern, name) != 0 && bsearch(&key, sorted, count, sizeof(key), compare_names))
            return true;
    }
    return false;
}

struct interfaces interfaces_needed(const struct lowering *lowering, const struct interfaces *all)
{
    struct named *sorted;
    const char **needed;
    bool *gone;
    size_t count = 0;

    if (all->count < 2)
        return *all;
    sorted = arena_calloc(lowering->arena, all->count, sizeof(*sorted));
    needed = arena_calloc(lowering->arena, all->count, sizeof(*needed));
    gone = arena_calloc(lowering->arena, all->count, sizeof(*gone));
    for (size_t i = 0; i < all->count; i++)
        sorted[i] = (struct named){all->names[i], i};
    qsort(sorted, all->count, sizeof(*sorted), compare_named);
    for (size_t i = 0; i < all->count; i++)
        gone[sorted[i].place] = (i && compare_names(&sorted[i], &sorted[i - 1]) == 0) ||
                                in_pattern(sorted, all->count, sorted[i].name);
    for (size_t i = 0; i < all->count; i++)
        if (!gone[i])
            needed[count++] = all->names[i];
    return (struct interfaces){needed, count};
}
