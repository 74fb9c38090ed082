// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/journaling.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/job.h"
#include "kernel/set_names.h"

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
    for (size_t i = 0; i < journal->count; i++) {
        struct encoded *before = &journal->tables[i].before;

        if (!before->ruleset && !record_take(journaling->arena, &standing, before))
            return false;
        encoded_note_sets(journaling->arena, before);
    }
    return true;
}

static struct buf *add_piece(struct journaling *journaling)
{
    return vec_push(journaling->arena, &journaling->pieces);
}

static void add_part(struct journaling *journaling, const char *bytes, size_t length)
{
    if (length)
        *vec_push(journaling->arena, &journaling->parts) = (struct slice){bytes, length};
}

// The rules of a table mostly lie one behind the other, and stay where they are.
static void add_record(struct journaling *journaling, const struct encoded *encoded, const char *name)
{
    struct buf ahead = {0}, behind = {0};
    struct slice rules = {0};

    if (!record_around(&ahead, &rules, &behind, encoded, name)) {
        rules.length = 0;
        record_wanted(&ahead, encoded, name);
    }
    *add_piece(journaling) = ahead;
    *add_piece(journaling) = behind;
    add_part(journaling, ahead.bytes, ahead.length);
    add_part(journaling, rules.at, rules.length);
    add_part(journaling, behind.bytes, behind.length);
}

static void list_parts(struct journaling *journaling)
{
    const struct journal *journal = journaling->journal;

    for (size_t i = 0; i < journal->count; i++) {
        const struct journal_table *entry = &journal->tables[i];
        const char *name = entry->after.ruleset->items[0].name;

        add_record(journaling, &entry->before, name);
        add_record(journaling, &entry->after, name);
    }
    add_part(journaling, journal->basis.at, journal->basis.length);
}

static void write_parts(void *context)
{
    struct journaling *journaling = context;

    for (size_t i = 0; i < journaling->parts.count && !journaling->problem; i++)
        journaling->problem = state_add(journaling->file, journaling->parts.items[i]);
}

static bool has_many_rules(const struct journal *journal)
{
    size_t count = 0;

    for (size_t i = 0; i < journal->count; i++)
        count += journal->tables[i].before.count + journal->tables[i].after.count;
    return count >= MANY;
}

// An errno; 0: the file is as it is to be, and durable.
static int seal(struct journaling *journaling)
{
    struct journal_sum sum = {0};
    struct job writing;

    if (journaling->problem)
        return journaling->problem;
    job_begin(&writing, has_many_rules(journaling->journal), write_parts, journaling);
    for (size_t i = 0; i < journaling->parts.count; i++)
        journal_sum_add(&sum, journaling->parts.items[i]);
    job_end(&writing);
    if (journaling->problem)
        return journaling->problem;
    return journal_seal_file(journaling->file, &journaling->head, &sum) && fsync(journaling->file) == 0
               ? 0
               : errno;
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
    list_parts(journaling);
    return true;
}

bool journaling_end(struct journaling *journaling, struct kernel_error *error)
{
    return state_end(journaling->directory, journaling->file, STATE_PENDING, seal(journaling), error);
}

void journaling_clear(struct journaling *journaling)
{
    buf_clear(&journaling->head);
    buf_clear(&journaling->standing);
    for (size_t i = 0; i < journaling->pieces.count; i++)
        buf_clear(&journaling->pieces.items[i]);
}
