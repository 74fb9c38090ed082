// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/pending.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "apply/good.h"
#include "apply/guard.h"
#include "apply/ownership.h"
#include "apply/stops.h"
#include "base/vec.h"
#include "kernel/lock.h"

#define ELSEWHERE "the last apply was in another network namespace"

// A journal that is there.
struct found {
    int directory, file;
    const char *name;
    bool attended; // somebody holds it: an apply, or a watchdog
    struct journal journal;
};

static void release(struct found *found)
{
    if (found->file >= 0)
        close(found->file);
    if (found->directory >= 0)
        close(found->directory);
}

static enum pending_end find(struct arena *arena, const char *const *names, struct found *found,
                             struct kernel_error *error)
{
    struct slice bytes;

    *found = (struct found){.file = -1};
    found->directory = state_open(error);
    if (found->directory < 0)
        return PENDING_FAILED;
    for (; *names && found->file < 0; names++) {
        found->name = *names;
        found->file = state_read(arena, found->directory, *names, &bytes);
        if (found->file < 0 && errno != ENOENT) {
            kernel_fail(error, KERNEL_FAILED, "cannot read what is remembered of the last apply: %s",
                        strerror(errno));
            return PENDING_FAILED;
        }
    }
    if (found->file < 0)
        return PENDING_NONE;

    const bool read = journal_read(arena, bytes, &found->journal);

    found->attended = flock(found->file, LOCK_SH | LOCK_NB) < 0; // others look, too
    if (read)
        return PENDING_DONE;
    kernel_fail(error, KERNEL_FAILED, JOURNAL_DAMAGED, found->name);
    return PENDING_FAILED;
}

// The number of a process that attends to it and is stopped; 0: none is.
static int64_t stopped_attendant(const struct found *found)
{
    for (size_t i = 0; i < ATTENDANT_COUNT && found->attended && !found->journal.elsewhere; i++)
        if (process_state(&found->journal.attendants[i]) == PROCESS_STOPPED)
            return found->journal.attendants[i].id;
    return 0;
}

// Ends those of its processes that are stopped: whoever asks for it knows better than to wait for them. Whether any was.
static bool end_stopped(const struct found *found)
{
    const bool any = stopped_attendant(found) != 0;

    for (size_t i = 0; i < ATTENDANT_COUNT && any; i++)
        if (process_state(&found->journal.attendants[i]) == PROCESS_STOPPED)
            process_end(&found->journal.attendants[i]);
    return any;
}

// Whether nobody attends to it who could do anything.
static bool all_stopped(const struct found *found)
{
    if (!stopped_attendant(found))
        return false;
    for (size_t i = 0; i < ATTENDANT_COUNT; i++)
        if (process_state(&found->journal.attendants[i]) == PROCESS_ALIVE)
            return false;
    return true;
}

static const char *const pending_names[] = {STATE_PENDING, NULL};
static const char *const unfinished_names[] = {STATE_REVERTING, STATE_PENDING, NULL};
static const char *const all_names[] = {STATE_REVERTING, STATE_PENDING, STATE_LAST, NULL};

enum pending_end pending_confirm(struct kernel_error *error)
{
    struct found found;
    enum pending_end end = find(error->arena, pending_names, &found, error);

    if (end == PENDING_DONE && !found.journal.deadline)
        end = PENDING_NONE;
    if (end == PENDING_DONE && found.journal.elsewhere) {
        kernel_fail(error, KERNEL_FAILED, ELSEWHERE);
        end = PENDING_FAILED;
    }
    if (end == PENDING_DONE)
        end_stopped(&found); // it may have the lock of xtables
    if (end == PENDING_DONE && !state_settle(found.directory, found.file)) {
        kernel_fail(error, KERNEL_FAILED, "too late: the old rules are coming back");
        end = PENDING_FAILED;
    }
    if (end == PENDING_DONE) {
        journal_set_deadline(found.file, 0);
        good_confirm(GOOD_BEHIND, error);
    }
    release(&found);
    return end;
}

bool pending_awaits(struct arena *arena)
{
    struct kernel_error error = {.arena = arena};
    struct found found;
    const bool awaits = find(arena, pending_names, &found, &error) == PENDING_DONE && found.journal.deadline;

    release(&found);
    return awaits;
}

const struct kernel_backend *pending_backend(struct arena *arena, struct kernel_error *error)
{
    const struct kernel_backend *backend = NULL;
    struct found found;
    const enum pending_end end = find(arena, all_names, &found, error);

    if (end == PENDING_DONE)
        backend = backend_open(arena, found.journal.way, error);
    else if (end == PENDING_NONE)
        kernel_fail(error, KERNEL_FAILED, "nothing is remembered of the last apply");
    release(&found);
    return backend;
}

// A watchdog that is waiting makes way, and one that was told to go may still be there; whoever is at work does not.
static bool may_revert(const struct found *found, struct kernel_error *error)
{
    if (found->journal.elsewhere)
        return kernel_fail(error, KERNEL_FAILED, ELSEWHERE);
    if (found->attended && (strcmp(found->name, STATE_REVERTING) == 0 ||
                            (strcmp(found->name, STATE_PENDING) == 0 && !found->journal.deadline)))
        return kernel_fail(error, KERNEL_BUSY, "an apply is under way");
    return true;
}

void pending_explain(struct kernel_error *error)
{
    struct kernel_error ignored = {.arena = error->arena};
    struct found found;

    if (error->trouble != KERNEL_BUSY)
        return;
    if (find(error->arena, unfinished_names, &found, &ignored) == PENDING_DONE && stopped_attendant(&found))
        kernel_fail(error, KERNEL_BUSY,
                    "another apply is under way, and its process %" PRId64
                    " is stopped: `ctc rollback` ends it and puts the old tables back",
                    stopped_attendant(&found));
    release(&found);
}

// The apply that stood before the last one stands again when that is taken back: what it left in the tables is ctc's. One that
// cannot be read, or is of another start or namespace, is not known any more.
static void stand_again(const struct found *found, struct arena *arena)
{
    struct journal journal;
    struct slice bytes;

    if (state_has(found->directory, STATE_LAST))
        return; // it stood while the one that is taken back was under way

    const int file = state_read(arena, found->directory, STATE_BEFORE, &bytes);
    const bool known = file >= 0 && journal_read(arena, bytes, &journal) && !journal.elsewhere;

    // Where an apply was cut short as it was remembered, the one before it is this one.
    if (known && !state_is(found->directory, found->file, STATE_BEFORE))
        state_rename(found->directory, file, STATE_BEFORE, STATE_LAST);
    else
        state_remove(found->directory, STATE_BEFORE);
    if (file >= 0)
        close(file);
}

// Takes back what is found, which says by now that it is on its way back.
static enum pending_end take_back(const struct found *found, const struct kernel_backend *backend,
                                  struct restored *restored, struct kernel_error *error)
{
    if (!restore_tables(backend, &found->journal, found->journal.changed, RESTORE_WAIT, restored, error))
        return PENDING_FAILED;
    stand_again(found, error->arena);
    state_rename(found->directory, found->file, STATE_REVERTING, STATE_REVERTED);
    if (strcmp(found->name, STATE_LAST) == 0)
        good_revert(error);
    return PENDING_DONE;
}

static enum pending_end rollback(const char *const *names, struct restored *restored,
                                 struct kernel_error *error)
{
    const struct kernel_backend *backend = NULL;
    struct found found;
    enum pending_end end = find(error->arena, names, &found, error);

    if (end == PENDING_DONE &&
        (!may_revert(&found, error) || !(backend = backend_open(error->arena, found.journal.way, error))))
        end = PENDING_FAILED;
    if (end == PENDING_DONE && strcmp(found.name, STATE_REVERTING) != 0 &&
        !state_rename(found.directory, found.file, found.name, STATE_REVERTING)) {
        kernel_fail(error, KERNEL_BUSY, "somebody else is rolling back");
        end = PENDING_FAILED;
    }
    if (end == PENDING_DONE) {
        journal_set_deadline(found.file, 0);
        flock(found.file, LOCK_EX | LOCK_NB); // from now on it is attended to, by this process
        end = take_back(&found, backend, restored, error);
    }
    release(&found);
    return end;
}

// An apply that is under way as this begins may take itself back while the lock is waited for: it is that one's tables that
// were asked for, and not those of the apply before it.
static enum pending_end rollback_locked(const char *const *names, struct restored *restored,
                                        struct kernel_error *error)
{
    struct kernel_error ignored = {.arena = error->arena};
    struct found asked;
    bool underway, back;
    sigset_t before;
    int lock;

    *restored = (struct restored){0};
    underway = find(error->arena, names, &asked, &ignored) == PENDING_DONE && asked.attended;
    if (underway)
        end_stopped(&asked);
    lock = xtables_lock(XTABLES_WAIT, error);
    if (lock < 0)
        pending_explain(error);
    ends_hold(&before);
    back = underway && state_is(asked.directory, asked.file, STATE_REVERTED);
    release(&asked);

    const enum pending_end end = lock < 0 ? PENDING_FAILED
                                 : back   ? PENDING_DONE
                                          : rollback(names, restored, error);

    xtables_unlock(lock);
    stops_release(&before);
    return end;
}

enum pending_end pending_rollback(struct restored *restored, struct kernel_error *error)
{
    return rollback_locked(all_names, restored, error);
}

static void forget(const char *const *names, struct kernel_error *error)
{
    const int directory = state_open(error);

    for (; *names && directory >= 0; names++)
        state_remove(directory, *names);
    if (directory >= 0)
        close(directory);
}

bool pending_settle(struct kernel_error *error)
{
    struct restored restored;
    struct found found;
    enum pending_end end = find(error->arena, unfinished_names, &found, error);
    const bool attended =
        end == PENDING_DONE && found.attended && !(all_stopped(&found) && end_stopped(&found));

    release(&found);
    if (attended)
        return kernel_fail(error, KERNEL_BUSY,
                           "an apply is under way, or waits for its confirmation: it is left alone");
    if (end == PENDING_DONE)
        end = rollback_locked(unfinished_names, &restored, error);
    if (end == PENDING_FAILED)
        forget(unfinished_names, error);
    return true;
}

static bool find_drift(struct arena *arena, struct standing *standing, struct kernel_error *error)
{
    const struct kernel_backend *backend = backend_open(arena, standing->journal.way, error);

    standing->backend = backend;
    if (!backend)
        return false;
    for (size_t i = 0; i < standing->journal.count; i++) {
        const struct encoded *after = &standing->journal.tables[i].after;
        const char *name = after->ruleset->items[0].name;

        if (!journal_is_last(&standing->journal, i))
            continue;
        struct kernel_table *table = kernel_table_look(arena, backend, after->ruleset->family, name, error);

        if (!table)
            return false;
        if (!own_stands(arena, table, after, standing->journal.own))
            *vec_push(arena, &standing->drifted) = (struct drift){after->ruleset->family, name};
        kernel_table_close(table);
    }
    return true;
}

bool pending_status(struct arena *arena, struct standing *standing, struct kernel_error *error)
{
    struct found found;
    const enum pending_end end = find(arena, all_names, &found, error);
    bool fine = end != PENDING_FAILED;

    *standing = (struct standing){.what = APPLIED_NOTHING};
    if (end == PENDING_DONE) {
        standing->journal = found.journal;
        standing->watched = found.attended;
        standing->stopped = stopped_attendant(&found);
        standing->seconds = (double)(found.journal.deadline - boot_time()) / 1e9;
        standing->what = strcmp(found.name, STATE_LAST) == 0                                ? APPLIED_LAST
                         : strcmp(found.name, STATE_PENDING) == 0 && found.journal.deadline ? APPLIED_WAITS
                         : found.attended                                                   ? APPLIED_UNDERWAY
                                          : APPLIED_ABANDONED;
        if (found.journal.elsewhere)
            fine = kernel_fail(error, KERNEL_FAILED, ELSEWHERE);
        else if (standing->what == APPLIED_LAST || standing->what == APPLIED_WAITS)
            fine = find_drift(arena, standing, error);
    }
    release(&found);
    return fine;
}
