// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/restore.h"

#include <string.h>
#include <time.h>

#include "apply/merge.h"
#include "apply/stale.h"
#include "kernel/compare.h"
#include "kernel/set_names.h"
#include "kernel/text.h"

#define TRIES 5         // where others who take no lock change the table meanwhile
#define AGAIN 50000000L // nanoseconds until all that failed is tried again

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

// A step that is to be taken back: its table, changed and not yet committed.
struct step_back {
    struct kernel_table *table; // NULL: there is nothing to do
    size_t step;
    bool others; // somebody else has changed it since
};

// Of an apply of own chains: what others did to the table stays, before it and since.
static bool prepare_beside(struct restoring *restoring, struct arena *arena, struct kernel_table *table,
                           const struct encoded *before, bool begun, struct step_back *back,
                           struct kernel_error *error)
{
    const struct journal_table *entry = &restoring->journal->tables[back->step];
    const bool stands = own_stands(arena, table, &entry->after, OWN_CHAINS);
    struct table_comparison found;
    struct encoded merged;

    if (!stands && own_stood(arena, restoring->journal, back->step, table))
        return true; // it was never changed, or is back already
    // Where others were at ctc's own, the first step's way back puts all of it right.
    if (!stands && !(begun && journal_is_first(restoring->journal, back->step))) {
        restoring->restored->left += !begun;
        return true;
    }
    merged = merge_back(arena, table, before, &entry->after);
    found = kernel_table_compare(arena, table, &merged);
    if (found.same)
        return true;
    note_raw(restoring, table);
    back->table = table;
    return kernel_table_change(table, &found, &merged, error);
}

static bool prepare(struct restoring *restoring, struct arena *arena, struct kernel_table *table, bool begun,
                    struct step_back *back, struct kernel_error *error)
{
    const struct journal *journal = restoring->journal;
    struct encoded before = journal->tables[back->step].before;

    if (!encoded_find_sets(arena, &before, error))
        return false;
    if (journal->own == OWN_CHAINS)
        return prepare_beside(restoring, arena, table, &before, begun, back, error);

    const struct table_comparison found = kernel_table_compare(arena, table, &before);

    if (!found.same)
        back->others = !kernel_table_compare(arena, table, &journal->tables[back->step].after).same;
    if (found.same || (back->others && stands_earlier(arena, journal, back->step, table)))
        return true; // it was never changed, or is back already
    if (back->others && !begun) {
        restoring->restored->left++;
        return true;
    }
    note_raw(restoring, table);
    back->table = table;
    return kernel_table_change(table, &found, &before, error);
}

// Reads the tables of the steps from `first` to before `end`: the family's at once where they are several.
static bool read_tables(struct restoring *restoring, struct arena *arena, size_t first, size_t end,
                        struct kernel_tables *tables, struct kernel_error *error)
{
    const struct journal_table *entries = restoring->journal->tables;
    const enum family family = entries[first].before.ruleset->family;

    if (end - first > 1 && !kernel_tables_read(arena, restoring->backend, family, tables, error))
        return false;
    for (size_t i = first; i < end; i++) {
        const char *name = table_name(&entries[i].before);
        struct kernel_table *table = kernel_tables_find(tables, family, name);

        if (!table)
            table = kernel_table_read(arena, restoring->backend, family, name, error);
        if (!table)
            return false;
        if (!kernel_tables_find(tables, family, name))
            *vec_push(arena, tables) = table;
    }
    return true;
}

// Takes back the steps from `first` to before `end`, the last one first. They are of one family, and each is of another table.
static bool take_back(struct restoring *restoring, struct arena *arena, size_t first, size_t end,
                      size_t begun, struct kernel_error *error)
{
    const struct journal_table *entries = restoring->journal->tables;
    const enum family family = entries[first].before.ruleset->family;
    struct restored *restored = restoring->restored;
    struct kernel_table **tables = arena_calloc(arena, end - first, sizeof(*tables));
    struct step_back *backs = arena_calloc(arena, end - first, sizeof(*backs));
    struct kernel_tables read = {0};
    bool fine = read_tables(restoring, arena, first, end, &read, error);
    size_t count = 0;

    for (size_t i = end; i-- > first && fine;) {
        struct kernel_table *table = kernel_tables_find(&read, family, table_name(&entries[i].before));

        backs[count] = (struct step_back){.step = i};
        fine = prepare(restoring, arena, table, i < begun, &backs[count], error);
        tables[count] = backs[count].table;
        count += backs[count].table != NULL;
    }
    fine = fine && kernel_tables_commit(tables, count, error);
    for (size_t i = 0; i < count && fine; i++) {
        restored->tables += journal_is_first(restoring->journal, backs[i].step);
        restored->overwritten += backs[i].others;
    }
    kernel_tables_close(&read);
    return fine;
}

// As often as others who take no lock change the table meanwhile.
static bool take_back_one(struct restoring *restoring, size_t step, size_t begun, struct kernel_error *error)
{
    struct kernel_error trouble = {.arena = error->arena};
    bool done = false;

    for (int try = 0; try < TRIES && !done; try++) {
        struct arena scratch = {0};

        done = take_back(restoring, &scratch, step, step + 1, begun, &trouble);
        arena_clear(&scratch);
        if (!done && trouble.trouble != KERNEL_CHANGED)
            break;
    }
    if (!done)
        *error = trouble;
    return done;
}

// Where the steps begin that are taken back together with the one before `end`: a program that is started once for all of them
// waits once for a kernel that is busy.
static size_t first_together(const struct restoring *restoring, size_t end)
{
    const struct journal_table *entries = restoring->journal->tables;
    size_t first = end - 1;

    while (restoring->backend->program && first > 0 &&
           entries[first - 1].before.ruleset->family == entries[end - 1].before.ruleset->family) {
        for (size_t i = first; i < end; i++)
            if (strcmp(table_name(&entries[first - 1].before), table_name(&entries[i].before)) == 0)
                return first;
        first--;
    }
    return first;
}

// All of them, or each by itself where that fails: the others are put back all the same then.
static bool take_back_together(struct restoring *restoring, size_t first, size_t end, size_t begun,
                               struct kernel_error *error)
{
    struct kernel_error ignored = {.arena = error->arena};
    struct restored restored = *restoring->restored;
    struct arena scratch = {0};
    bool fine = end - first > 1 && take_back(restoring, &scratch, first, end, begun, &ignored);

    arena_clear(&scratch);
    if (fine)
        return true;
    *restoring->restored = restored;
    fine = true;
    for (size_t i = end; i-- > first;)
        fine = take_back_one(restoring, i, begun, error) && fine;
    return fine;
}

static bool try_all(const struct kernel_backend *backend, const struct journal *journal, size_t begun,
                    struct restored *restored, struct kernel_error *error)
{
    struct restoring restoring = {.backend = backend, .journal = journal, .restored = restored};
    bool fine = true;

    restored->left = 0;
    for (size_t end = journal->changed; end > 0;) {
        const size_t first = first_together(&restoring, end);

        fine = take_back_together(&restoring, first, end, begun, error) && fine;
        end = first;
    }
    stale_delete(&restoring.arena, restoring.raws, false);
    arena_clear(&restoring.arena);
    return fine;
}

// Whether the sets are there which rules ask for that are to come back.
static bool sets_are_there(const struct journal *journal, struct kernel_error *error)
{
    bool fine = true;

    for (size_t i = 0; i < journal->changed && fine; i++) {
        struct encoded before = journal->tables[i].before;

        fine = encoded_find_sets(error->arena, &before, error);
    }
    return fine;
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

bool restore_tables(const struct kernel_backend *backend, const struct journal *journal, size_t begun,
                    unsigned milliseconds, struct restored *restored, struct kernel_error *error)
{
    const int64_t end = now() + milliseconds;
    bool fine;

    *restored = (struct restored){0};
    // What stands as a whole is not taken back in part.
    if (begun == journal->changed && !sets_are_there(journal, error))
        return false;
    while (!(fine = try_all(backend, journal, begun, restored, error)) && now() < end)
        nanosleep(&(struct timespec){.tv_nsec = AGAIN}, NULL);
    return fine;
}
