// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/restore.h"

#include <string.h>

#include "apply/merge.h"
#include "apply/stale.h"
#include "kernel/compare.h"
#include "kernel/text.h"

#define TRIES 5 // where others who take no lock change the table meanwhile

static const char *table_name(const struct encoded *encoded)
{
    return encoded->ruleset->items[0].name;
}

// Whether a table is as an earlier step of its own found it: this one was not taken, or is taken back.
static bool stands_earlier(struct arena *arena, const struct journal *journal, size_t step,
                           const struct kernel_table *table)
{
    for (size_t i = 0; i < step; i++) {
        const struct encoded *before = &journal->tables[i].before;

        if (before->ruleset->family == table->family && strcmp(table_name(before), table->name) == 0 &&
            kernel_table_compare(arena, table, before).same)
            return true;
    }
    return false;
}

struct restoring {
    struct arena arena;
    const struct kernel_backend *backend;
    const struct journal *journal;
    struct restored *restored;
    const struct ruleset *raws[FAMILY_COUNT]; // that were taken away; NULL: none was
};

// What its raw rules took out of tracking, the tracker has lost sight of. No harm is done where they cannot be read.
static void note_raw(struct restoring *restoring, struct kernel_table *table)
{
    struct diag_list diags = {.arena = &restoring->arena};
    struct kernel_error error = {.arena = &restoring->arena};

    if (strcmp(table->name, "raw") == 0)
        restoring->raws[table->family] =
            kernel_ruleset(&restoring->arena, &table, 1, table->family, &diags, &error);
}

// Whether ctc's own part of a table is as a step ahead of this one found it.
static bool own_stood(struct arena *arena, const struct journal *journal, size_t step,
                      const struct kernel_table *table)
{
    for (size_t i = 0; i <= step; i++) {
        const struct encoded *before = &journal->tables[i].before;

        if (before->ruleset->family == table->family && strcmp(table_name(before), table->name) == 0 &&
            own_stands(arena, table, before, OWN_CHAINS))
            return true;
    }
    return false;
}

// Of an apply of own chains: what others did to the table stays, before it and since.
static bool restore_beside(struct restoring *restoring, struct arena *arena, size_t step, bool begun,
                           struct kernel_table *table, struct kernel_error *error)
{
    const struct journal_table *entry = &restoring->journal->tables[step];
    const bool stands = own_stands(arena, table, &entry->after, OWN_CHAINS);
    struct table_comparison found;
    struct encoded merged;

    if (!stands && own_stood(arena, restoring->journal, step, table))
        return true; // it was never changed, or is back already
    // Where others were at ctc's own, the first step's way back puts all of it right.
    if (!stands && !(begun && journal_is_first(restoring->journal, step))) {
        restoring->restored->left += !begun;
        return true;
    }
    merged = merge_back(arena, table, &entry->before, &entry->after);
    found = kernel_table_compare(arena, table, &merged);
    if (found.same)
        return true;
    note_raw(restoring, table);
    if (!kernel_table_change(table, &found, &merged, error) || !kernel_table_commit(table, error))
        return false;
    restoring->restored->tables += journal_is_first(restoring->journal, step);
    return true;
}

static bool restore_once(struct restoring *restoring, struct arena *arena, size_t step, bool begun,
                         struct kernel_error *error)
{
    const struct journal *journal = restoring->journal;
    const struct encoded *before = &journal->tables[step].before;
    struct restored *restored = restoring->restored;
    struct kernel_table *table =
        kernel_table_read(arena, restoring->backend, before->ruleset->family, table_name(before), error);
    bool fine = table != NULL, others = false;

    if (!table)
        return false;
    if (journal->own == OWN_CHAINS) {
        fine = restore_beside(restoring, arena, step, begun, table, error);
        kernel_table_close(table);
        return fine;
    }

    const struct table_comparison found = kernel_table_compare(arena, table, before);

    if (!found.same)
        others = !kernel_table_compare(arena, table, &journal->tables[step].after).same;
    if (found.same || (others && stands_earlier(arena, journal, step, table))) {
        // It was never changed, or is back already.
    } else if (others && !begun) {
        restored->left++;
    } else {
        note_raw(restoring, table);
        fine = kernel_table_change(table, &found, before, error) && kernel_table_commit(table, error);
        restored->tables += fine && journal_is_first(journal, step);
        restored->overwritten += fine && others;
    }
    kernel_table_close(table);
    return fine;
}

bool restore_tables(const struct kernel_backend *backend, const struct journal *journal, size_t begun,
                    struct restored *restored, struct kernel_error *error)
{
    struct restoring restoring = {.backend = backend, .journal = journal, .restored = restored};
    bool fine = true;

    *restored = (struct restored){0};
    for (size_t i = journal->changed; i-- > 0;) {
        struct kernel_error trouble = {.arena = error->arena};
        bool done = false;

        for (int try = 0; try < TRIES && !done; try++) {
            struct arena scratch = {0};

            done = restore_once(&restoring, &scratch, i, i < begun, &trouble);
            arena_clear(&scratch);
            if (!done && trouble.trouble != KERNEL_CHANGED)
                break;
        }
        if (!done)
            *error = trouble;
        fine = fine && done;
    }
    stale_delete(&restoring.arena, restoring.raws, false);
    arena_clear(&restoring.arena);
    return fine;
}
