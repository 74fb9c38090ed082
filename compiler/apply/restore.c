// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/restore.h"

#include "kernel/compare.h"

#define TRIES 5 // where others who take no lock change the table meanwhile

static const char *table_name(const struct encoded *encoded)
{
    return encoded->ruleset->items[0].name;
}

static bool restore_once(struct arena *arena, const struct kernel_backend *backend,
                         const struct journal_table *entry, bool begun, struct restored *restored,
                         struct kernel_error *error)
{
    const struct encoded *before = &entry->before;
    struct kernel_table *table =
        kernel_table_read(arena, backend, before->ruleset->family, table_name(before), error);
    bool fine = table != NULL, others = false;

    if (!table)
        return false;

    const struct table_comparison found = kernel_table_compare(arena, table, before);

    if (!found.same)
        others = !kernel_table_compare(arena, table, &entry->after).same;
    if (found.same) {
        // It was never changed, or is back already.
    } else if (others && !begun) {
        restored->left++;
    } else {
        fine = kernel_table_change(table, &found, before, error) && kernel_table_commit(table, error);
        restored->tables += fine;
        restored->overwritten += fine && others;
    }
    kernel_table_close(table);
    return fine;
}

bool restore_tables(const struct kernel_backend *backend, const struct journal *journal, size_t begun,
                    struct restored *restored, struct kernel_error *error)
{
    bool fine = true;

    *restored = (struct restored){0};
    for (size_t i = journal->changed; i-- > 0;) {
        struct kernel_error trouble = {.arena = error->arena};
        bool done = false;

        for (int try = 0; try < TRIES && !done; try++) {
            struct arena scratch = {0};

            done = restore_once(&scratch, backend, &journal->tables[i], i < begun, restored, &trouble);
            arena_clear(&scratch);
            if (!done && trouble.trouble != KERNEL_CHANGED)
                break;
        }
        if (!done)
            *error = trouble;
        fine = fine && done;
    }
    return fine;
}
