// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/journaling.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#define MANY ((size_t)1000) // rules that are worth a thread

static bool has_step(const struct apply_plan *plan, size_t table)
{
    for (size_t i = 0; i < plan->steps.count; i++)
        if (plan->steps.items[i].table == table)
            return true;
    return false;
}

static size_t count_entries(const struct apply_plan *plan)
{
    size_t count = plan->steps.count;

    for (size_t i = 0; i < plan->count; i++)
        count += !has_step(plan, i);
    return count;
}

// What the journal is to remember of a table that stands, or of one that is in between.
static void begin_entry(struct journaling *journaling, const struct plan_table *planned,
                        const struct encoded *before, const struct encoded *after)
{
    struct journal *journal = journaling->journal;
    struct journal_table *entry = &journal->tables[journal->count++];

    if (before)
        entry->before = encoded_table(journaling->arena, before, planned->name);
    else
        record_live(&journaling->standing, planned->live);
    entry->after = encoded_table(journaling->arena, after, planned->name);
}

// The steps, then the tables that stay as they are.
static void list_entries(struct journaling *journaling)
{
    const struct apply_plan *plan = journaling->plan;

    for (size_t i = 0; i < plan->steps.count; i++) {
        const struct plan_step *step = &plan->steps.items[i];

        begin_entry(journaling, &plan->items[step->table], step->before, step->contents);
    }
    for (size_t i = 0; i < plan->count; i++)
        if (!has_step(plan, i))
            begin_entry(journaling, &plan->items[i], NULL, &plan->encoded[plan->items[i].family]);
}

// The journal as it is read again: what it says of tables that stand is what was recorded of them.
static bool make_journal(struct journaling *journaling, const char *policy)
{
    const struct apply_plan *plan = journaling->plan;
    struct journal *journal = arena_alloc(journaling->arena, sizeof(*journal));
    struct slice standing;

    journaling->journal = journal;
    *journal = (struct journal){.policy = policy,
                                .way = plan->backend->way,
                                .own = plan->own,
                                .changed = plan->steps.count,
                                .basis = plan->basis};
    journal->tables = arena_calloc(journaling->arena, count_entries(plan), sizeof(*journal->tables));
    list_entries(journaling);
    standing = (struct slice){journaling->standing.bytes, journaling->standing.length};
    for (size_t i = 0; i < journal->count; i++)
        if (!journal->tables[i].before.ruleset &&
            !record_take(journaling->arena, &standing, &journal->tables[i].before))
            return false;
    return true;
}

static void write_part(struct journaling *journaling, struct slice part)
{
    journal_sum_add(&journaling->sum, part);
    if (!journaling->problem)
        journaling->problem = state_add(journaling->file, part);
}

static void write_record(struct journaling *journaling, struct buf *bytes, const struct encoded *encoded,
                         const char *name)
{
    struct slice rules;
    struct buf behind = {0};

    bytes->length = 0;
    if (!record_around(bytes, &rules, &behind, encoded, name)) {
        rules.length = 0;
        record_wanted(bytes, encoded, name);
    }

    const struct slice parts[] = {{bytes->bytes, bytes->length}, rules, {behind.bytes, behind.length}};

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        write_part(journaling, parts[i]);
    buf_clear(&behind);
}

// Done by another thread where there is much to write.
static void write_entries(void *context)
{
    struct journaling *journaling = context;
    const struct journal *journal = journaling->journal;
    struct buf bytes = {0};

    for (size_t i = 0; i < journal->count; i++) {
        const struct journal_table *entry = &journal->tables[i];
        const char *name = entry->after.ruleset->items[0].name;

        write_record(journaling, &bytes, &entry->before, name);
        write_record(journaling, &bytes, &entry->after, name);
    }
    write_part(journaling, journal->basis);
    if (!journaling->problem && !journal_seal_file(journaling->file, &journaling->head, &journaling->sum))
        journaling->problem = errno;
    if (!journaling->problem && fsync(journaling->file) < 0)
        journaling->problem = errno;
    buf_clear(&bytes);
}

static bool has_many_rules(const struct journal *journal)
{
    size_t count = 0;

    for (size_t i = 0; i < journal->count; i++)
        count += journal->tables[i].before.count + journal->tables[i].after.count;
    return count >= MANY;
}

bool journaling_begin(struct journaling *journaling, int directory, const char *policy,
                      struct kernel_error *error)
{
    journaling->directory = directory;
    if (!make_journal(journaling, policy))
        return kernel_fail(error, KERNEL_FAILED, "the tables cannot be recorded");
    journaling->file = state_begin(journaling->directory, STATE_PENDING, error);
    if (journaling->file < 0)
        return false;
    flock(journaling->file, LOCK_EX | LOCK_NB);
    journal_begin(&journaling->head, journaling->journal); // the guard writes there
    journaling->problem =
        state_add(journaling->file, (struct slice){journaling->head.bytes, journaling->head.length});
    if (!journaling->problem)
        job_begin(&journaling->writing, has_many_rules(journaling->journal), write_entries, journaling);
    return true;
}

bool journaling_end(struct journaling *journaling, struct kernel_error *error)
{
    job_end(&journaling->writing);
    return state_end(journaling->directory, journaling->file, STATE_PENDING, journaling->problem, error);
}

void journaling_clear(struct journaling *journaling)
{
    buf_clear(&journaling->head);
    buf_clear(&journaling->standing);
}
