// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/load.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "apply/ahead.h"
#include "apply/guard.h"
#include "apply/journaling.h"
#include "base/job.h"

// Answers that are on their way arrive within that, and programs speak that speak often.
#define PATIENCE 400000000L // nanoseconds

#define MANY ((size_t)1000) // rules of a table whose closing is worth a thread

struct loading {
    struct arena *arena;
    struct apply_plan *plan;
    struct guarded guarded;
    struct journaling journaling;
    struct guard *guard, own; // the one that was started ahead, or this one
    size_t begun;
    const char *meddled;
};

static bool changed_by_others(const struct plan_table *planned, struct kernel_error *error)
{
    return kernel_fail(error, KERNEL_CHANGED, "%s %s: somebody else has changed the table since it was read",
                       family_name(planned->family), planned->name);
}

bool load_allowed(int directory, struct kernel_error *error)
{
    static const char *const names[] = {STATE_PENDING, STATE_REVERTING};
    struct journal journal = {0};
    struct slice bytes;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const int file = state_read(error->arena, directory, names[i], &bytes);

        if (file < 0)
            continue;

        const bool abandoned = flock(file, LOCK_SH | LOCK_NB) == 0;
        const bool read = journal_read(error->arena, bytes, &journal);

        close(file);
        if (!read)
            return kernel_fail(error, KERNEL_FAILED, JOURNAL_DAMAGED, names[i]);
        if (journal.elsewhere)
            return kernel_fail(error, KERNEL_BUSY,
                               "the last apply was in another network namespace, and is not over: say `ctc "
                               "rollback` there, or remove the file %s from the directory of the state "
                               "where that is gone",
                               names[i]);
        if (!abandoned && journal.deadline)
            return kernel_fail(
                error, KERNEL_BUSY,
                "the last apply waits for its confirmation: say `ctc confirm` or `ctc rollback`");
        return kernel_fail(error, KERNEL_BUSY,
                           abandoned ? "the last apply was cut short: `ctc rollback` puts its old tables back"
                                     : "another apply is under way");
    }
    return true;
}

bool load_may_begin(struct kernel_error *error)
{
    const int directory = state_open(error);
    const bool allowed = directory >= 0 && load_allowed(directory, error);

    if (directory >= 0)
        close(directory);
    return allowed;
}

// A table that is not there is made, empty, to be read.
static bool read_missing(struct loading *load, struct kernel_error *error)
{
    for (size_t i = 0; i < load->plan->count; i++) {
        struct plan_table *planned = &load->plan->items[i];

        if (planned->live)
            continue;
        planned->live =
            kernel_table_look(load->arena, load->plan->backend, planned->family, planned->name, error);
        if (!planned->live)
            return false;
        *vec_push(load->arena, &load->plan->tables) = planned->live;
        if (!kernel_table_known(planned->live, error))
            return false;
        if (!kernel_table_is_empty(planned->live))
            return changed_by_others(planned, error);
        planned->comparison =
            kernel_table_compare(load->arena, planned->live, &load->plan->encoded[planned->family]);
    }
    return true;
}

// Arms the guard ahead of writing what the journal is long of, for the guard writes to its file as well, and would wait. Where
// one of the two fails, there is neither.
static bool arm(struct loading *load, const char *policy, struct kernel_error *error)
{
    struct kernel_error ignored = {.arena = load->arena};
    bool guarded;

    load->journaling = (struct journaling){.arena = load->arena, .plan = load->plan};
    if (!journaling_begin(&load->journaling, load->guarded.directory, policy, error))
        return false;
    load->guarded.journal = load->journaling.journal;
    load->guarded.file = load->journaling.file;
    guarded = guard_arm(load->guard, &load->guarded, error);
    if (!journaling_end(&load->journaling, guarded ? error : &ignored)) {
        load->guarded.file = -1;
        if (guarded)
            guard_revert(load->guard, &ignored);
        return false;
    }
    if (!guarded)
        state_remove(load->guarded.directory, STATE_PENDING);
    return guarded;
}

// The same rules, made from something else: that is what the last apply is of from now on. Without it nothing is lost but time.
static void replace_basis(const struct loading *load, struct slice bytes, struct slice before)
{
    const struct slice basis = load->plan->basis;
    struct kernel_error ignored = {.arena = load->arena};
    struct buf text = {0};
    int file;

    if (!basis.length || (basis.length == before.length && memcmp(basis.at, before.at, basis.length) == 0))
        return;
    buf_append(&text, bytes.at, bytes.length - before.length);
    buf_append(&text, basis.at, basis.length);
    journal_seal(&text);
    file = state_write(load->guarded.directory, STATE_LAST, &text, &ignored);
    if (file >= 0)
        close(file);
    buf_clear(&text);
}

// Whether the last apply put there what the kernel has and the plan wants: then it stays the last one, so that there is a way
// back from it.
static bool stands_already(const struct loading *load)
{
    struct arena scratch = {0};
    struct journal journal = {0};
    struct slice bytes;
    const int file =
        load->plan->same ? state_read(&scratch, load->guarded.directory, STATE_LAST, &bytes) : -1;
    bool same = file >= 0 && journal_read(&scratch, bytes, &journal) && !journal.elsewhere &&
                journal.way == load->plan->backend->way && journal.own == load->plan->own &&
                journal.count >= load->plan->count;

    for (size_t i = 0; i < journal.count && same; i++) {
        const struct encoded *after = &journal.tables[i].after;
        bool found = !journal_is_last(&journal, i);

        for (size_t j = 0; j < load->plan->count && !found; j++) {
            const struct plan_table *planned = &load->plan->items[j];

            found = planned->family == after->ruleset->family &&
                    strcmp(planned->name, after->ruleset->items[0].name) == 0 &&
                    own_stands(&scratch, planned->live, after, journal.own);
        }
        same = found;
    }
    if (same)
        replace_basis(load, bytes, journal.basis);
    if (file >= 0)
        close(file);
    arena_clear(&scratch);
    return same;
}

// Whether a table is what the step finds there by the plan.
static bool is_as_planned(struct arena *arena, const struct loading *load, const struct plan_step *step,
                          const struct kernel_table *table)
{
    return step->before ? kernel_table_compare(arena, table, step->before).same
                        : kernel_tables_same(load->plan->items[step->table].live, table, step->contents);
}

// The same, right now. What happens to the table from here on is nobody's who was seen.
static bool still_as_planned(const struct loading *load, const struct plan_step *step,
                             struct kernel_table *table, struct kernel_error *error)
{
    const struct plan_table *planned = &load->plan->items[step->table];
    struct arena scratch = {0};
    struct kernel_table *now =
        kernel_table_look(&scratch, load->plan->backend, planned->family, planned->name, error);
    const bool same = now && is_as_planned(&scratch, load, step, now);

    if (now)
        table->generation = now->generation;
    if (now && !same)
        changed_by_others(planned, error);
    kernel_table_close(now);
    arena_clear(&scratch);
    return same;
}

// "IPv4 filter, IPv6 raw"
static const char *add_name(struct arena *arena, const char *list, const struct plan_table *planned)
{
    return arena_printf(arena, "%s%s%s %s", list ? list : "", list ? ", " : "", family_name(planned->family),
                        planned->name);
}

// What a table holds once it was committed, whatever came of that.
enum outcome_of_commit { COMMITTED, COMMITTED_NOT, COMMITTED_UNKNOWN };

// Rules of others beside all of ours: somebody was quick.
static enum outcome_of_commit look_again(struct loading *load, const struct plan_step *step,
                                         struct kernel_error *error)
{
    const struct plan_table *planned = &load->plan->items[step->table];
    struct arena scratch = {0};
    struct kernel_table *now =
        kernel_table_look(&scratch, load->plan->backend, planned->family, planned->name, error);
    enum outcome_of_commit outcome = COMMITTED_UNKNOWN;

    if (now) {
        const struct table_comparison found = kernel_table_compare(&scratch, now, step->contents);

        outcome = found.same || (!found.added && !found.chains_added) ? COMMITTED : COMMITTED_NOT;
        if (!found.same && outcome == COMMITTED)
            load->meddled = add_name(load->arena, load->meddled, planned);
    }
    kernel_table_close(now);
    arena_clear(&scratch);
    return outcome;
}

static void close_table(void *table)
{
    kernel_table_close(table);
}

// Where the commit fails, the table is as it was, or the kernel has the new one and something went wrong with its counters;
// or others were at it.
static bool commit(struct loading *load, const struct plan_step *step, struct kernel_table *table,
                   struct kernel_error *error)
{
    struct kernel_error trouble = {.arena = load->arena};
    enum outcome_of_commit outcome;
    struct job closing;

    if (!guard_begin_table(load->guard))
        return kernel_fail(error, KERNEL_FAILED, "the guard process was killed");
    load->begun++;

    const bool fine = kernel_table_commit(table, error);

    job_begin(&closing, step->contents->count >= MANY, close_table, table);
    outcome = look_again(load, step, fine ? error : &trouble);
    job_end(&closing);
    switch (outcome) {
    case COMMITTED:
        return true;
    case COMMITTED_NOT:
        if (fine)
            return changed_by_others(&load->plan->items[step->table], error);
        load->begun -= guard_spare_table(load->guard);
        return false;
    default:
        return false;
    }
}

// A joint filter has none of the rules where they stood: what those that stay have counted goes to where they come back.
static void save_counters(const struct loading *load, const struct plan_table *planned,
                          const struct kernel_table *now)
{
    const struct encoded *encoded = &load->plan->encoded[planned->family];
    const struct live_chain *first = planned->live->chains.items;

    for (size_t i = 0; i < planned->comparison.count; i++) {
        const struct chain_comparison *chain = &planned->comparison.chains[i];

        for (size_t j = 0; chain->live && chain->wanted && j < chain->wanted->count; j++)
            if (chain->partners[j] != RULE_NEW)
                encoded_count(load->arena, encoded, chain->first + j,
                              now->chains.items[chain->live - first].rules.items[chain->partners[j]].entry);
    }
}

// Reads the table of a step, and gives it its new contents. NULL, and why, where it is not as planned.
static struct kernel_table *change_table(struct loading *load, const struct plan_step *step,
                                         struct kernel_error *error)
{
    const struct plan_table *planned = &load->plan->items[step->table];
    const struct encoded *encoded = step->contents;
    struct kernel_table *table =
        kernel_table_read(load->arena, load->plan->backend, planned->family, planned->name, error);
    bool fine = table && kernel_table_known(table, error);

    if (fine && !is_as_planned(load->arena, load, step, table))
        fine = changed_by_others(planned, error);
    if (fine && encoded != &load->plan->encoded[planned->family])
        save_counters(load, planned, table);
    if (fine) {
        const struct table_comparison found = kernel_table_compare(load->arena, table, encoded);

        fine = kernel_table_change(table, &found, encoded, error);
    }
    if (fine)
        return table;
    kernel_table_close(table);
    return NULL;
}

// What is read just before the commit closes the window in which a change by somebody else would be lost, but for the moment
// in between: the kernel itself notices only that the number of rules has changed.
static bool load_table(struct loading *load, const struct plan_step *step, struct kernel_error *error)
{
    const struct plan_table *planned = &load->plan->items[step->table];
    struct kernel_table *table;
    bool fine;

    if (step->patient)
        nanosleep(&(struct timespec){.tv_nsec = PATIENCE}, NULL);
    table = load->plan->ahead ? ahead_take(load->plan->ahead, planned->live, step->contents) : NULL;
    if (!table)
        table = change_table(load, step, error);
    fine = table && still_as_planned(load, step, table, error) && commit(load, step, table, error);
    if (fine && table->raced)
        load->plan->raced = add_name(load->arena, load->plan->raced, planned);
    kernel_table_close(table);
    return fine;
}

// What is left to do where the guard was killed is done here.
static enum load_end keep_alone(struct loading *load, unsigned seconds, struct kernel_error *error)
{
    struct restored restored;

    if (!seconds && (state_is(load->guarded.directory, load->guarded.file, STATE_LAST) ||
                     state_settle(load->guarded.directory, load->guarded.file)))
        return LOAD_DONE;
    return revert(&load->guarded, load->begun, RESTORE_WAIT, &restored, error) == GUARD_REVERTED
               ? LOAD_REVERTED
               : LOAD_STUCK;
}

static enum load_end finish(struct loading *load, bool fine, unsigned seconds, struct kernel_error *error)
{
    struct kernel_error trouble = {.arena = load->arena};
    struct restored restored;
    enum guard_end end;

    end = fine ? guard_keep(load->guard, seconds, error) : guard_revert(load->guard, &trouble);
    if (fine && end == GUARD_GONE)
        return keep_alone(load, seconds, error);
    if (end == GUARD_GONE || (fine && end == GUARD_FAILED))
        end = revert(&load->guarded, load->begun, RESTORE_WAIT, &restored, &trouble);
    switch (end) {
    case GUARD_KEPT:
        return LOAD_DONE;
    case GUARD_WAITS:
        return LOAD_WAITS;
    case GUARD_REVERTED:
        return LOAD_REVERTED;
    default:
        kernel_fail(error, error->trouble, "%s; and then: %s", error->text, trouble.text);
        return LOAD_STUCK;
    }
}

enum load_end load_plan(struct arena *arena, struct apply_plan *plan, const char *policy, unsigned seconds,
                        int lock, const char **meddled, struct kernel_error *error)
{
    struct loading load = {.arena = arena, .plan = plan, .guarded = {.backend = plan->backend, .lock = lock}};
    enum load_end end = LOAD_REVERTED;
    bool fine;

    load.guard = plan->ahead ? ahead_guard(plan->ahead) : &load.own;
    load.guarded.directory = state_open(error);
    load.guarded.file = -1;
    if (load.guarded.directory < 0)
        return LOAD_REVERTED;
    fine = load_allowed(load.guarded.directory, error) && read_missing(&load, error);
    if (fine && stands_already(&load)) {
        close(load.guarded.directory);
        return LOAD_STOOD;
    }
    fine = fine && arm(&load, policy, error);
    if (fine) {
        for (size_t i = 0; i < plan->steps.count && fine; i++)
            fine = load_table(&load, &plan->steps.items[i], error);
        end = finish(&load, fine, seconds, error);
    }
    if (load.guarded.file >= 0)
        close(load.guarded.file);
    close(load.guarded.directory);
    journaling_clear(&load.journaling);
    *meddled = load.meddled;
    return end;
}
