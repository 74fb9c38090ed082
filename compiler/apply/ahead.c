// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/ahead.h"

#include <string.h>

#include "kernel/compare.h"
#include "kernel/encode.h"

#define MANY ((size_t)1000) // rules of a table that are worth it

// A table in the making.
struct filled {
    struct kernel_table found;  // as it was before: its chains without rules
    struct kernel_table *table; // NULL: it was taken
    bool fine;
};

struct filling {
    struct arena *arena, own;      // of the thread that began it; of the one that works
    const struct ruleset *ruleset; // that the tables are filled with
    struct {
        struct filled *items;
        size_t count, capacity;
    } tables;
};

struct ahead {
    const struct kernel_backend *backend; // NULL: nothing is loaded
    struct encoder *encoder;
    struct guard guard;
    struct filling families[FAMILY_COUNT];
};

struct ahead *ahead_new(struct arena *arena)
{
    struct ahead *ahead = arena_alloc(arena, sizeof(*ahead));

    ahead->encoder = encoder_new(arena, false);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        ahead->families[family].arena = arena;
    return ahead;
}

void ahead_by(struct ahead *ahead, const struct kernel_backend *backend)
{
    ahead->backend = backend;
}

// The guard comes last: what was started behind it would keep its caller's end of the socket open. Where there is none to be had,
// whoever arms it is told why.
void ahead_start(struct ahead *ahead)
{
    struct kernel_error ignored = {.arena = ahead->families[FAMILY_IPV4].arena};

    encoder_start(ahead->encoder);
    if (ahead->backend)
        guard_start(&ahead->guard, ahead->backend, &ignored);
}

struct guard *ahead_guard(struct ahead *ahead)
{
    return &ahead->guard;
}

// Where the table cannot be read, whoever loads it is told why.
static void open_table(const struct ahead *ahead, struct filling *filling, enum family family,
                       const struct table *wanted)
{
    struct kernel_error ignored = {.arena = filling->arena};
    struct kernel_table *table =
        kernel_table_read(filling->arena, ahead->backend, family, wanted->name, &ignored);

    if (!table || !kernel_table_known(table, &ignored) || !kernel_table_is_empty(table)) {
        kernel_table_close(table);
        return;
    }

    struct filled *filled = vec_push(filling->arena, &filling->tables);

    *filled = (struct filled){.found = *table, .table = table};
    filled->found.handle = NULL;
}

static void fill(void *context, const struct encoded *encoded)
{
    struct filling *filling = context;
    struct kernel_error ignored = {.arena = &filling->own};

    for (size_t i = 0; i < filling->tables.count; i++) {
        struct filled *filled = &filling->tables.items[i];
        const struct table_comparison all = kernel_table_compare(&filling->own, filled->table, encoded);

        filled->fine = kernel_table_change(filled->table, &all, encoded, &ignored);
    }
}

// Programs are given a table as a whole, when it is committed.
void ahead_begin(struct ahead *ahead, const struct ruleset *ruleset)
{
    struct filling *filling = &ahead->families[ruleset->family];
    const bool fills = ahead->backend && !ahead->backend->program;

    filling->ruleset = ruleset;
    for (size_t i = 0; i < ruleset->count && fills; i++)
        if (table_rule_count(&ruleset->items[i]) >= MANY)
            open_table(ahead, filling, ruleset->family, &ruleset->items[i]);
    encoder_then(ahead->encoder, ruleset->family, fill, filling);
    encoder_begin(ahead->encoder, ruleset);
}

bool ahead_end(struct ahead *ahead, struct encoded encoded[FAMILY_COUNT], struct kernel_error *error)
{
    return encoder_end(ahead->encoder, encoded, error);
}

struct kernel_table *ahead_take(struct ahead *ahead, const struct kernel_table *now,
                                const struct encoded *contents)
{
    struct filling *filling = &ahead->families[now->family];

    for (size_t i = 0; i < filling->tables.count && filling->ruleset == contents->ruleset; i++) {
        struct filled *filled = &filling->tables.items[i];
        struct kernel_table *table = filled->table;

        if (!filled->fine || !table || strcmp(table->name, now->name) != 0 ||
            !kernel_tables_same(&filled->found, now, contents))
            continue;
        filled->table = NULL;
        return table;
    }
    return NULL;
}

void ahead_close(struct ahead *ahead)
{
    guard_dismiss(&ahead->guard);
    encoder_close(ahead->encoder);
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct filling *filling = &ahead->families[family];

        for (size_t i = 0; i < filling->tables.count; i++)
            kernel_table_close(filling->tables.items[i].table);
        arena_clear(&filling->own);
    }
}
