// SPDX-License-Identifier: GPL-2.0-or-later
//
// The guard of an apply: a process in a session of its own, which puts the old tables back as soon as whoever changes them
// says so or is gone. It is started where its caller is small yet, for it begins as a copy of that, and knows of nothing and does
// nothing before it is armed: then it has the journal, which it reads when it has to, and the xtables lock, and shares both with its
// caller. Where a confirmation is awaited it stays as the watchdog, and puts them back when the time is over.
//
// Neither waits for the other without a bound. Whoever is stopped, or hangs, is killed by the other one, which does then what is
// left to do.
#pragma once

#include "apply/restore.h"

struct guard {
    pid_t process; // 0: there is none
    int socket;    // to it; closed when it has answered
    bool armed;
    unsigned milliseconds; // that it may take to put the old tables back
};

// What a guard is to know.
struct guarded {
    const struct kernel_backend *backend;
    const struct journal *journal;
    int directory; // of the state
    int file;      // the pending journal there, whole before any table is begun
    int lock;      // of xtables; -1: it was not to be had
};

// Starts one, zeroed, which ends with its caller or by guard_dismiss(). False, and why, where there is no process to be had.
bool guard_start(struct guard *guard, const struct kernel_backend *backend, struct kernel_error *error);

// Arms it; starts it where it was not. False, and why, where it is not to be had: then there is none.
bool guard_arm(struct guard *guard, const struct guarded *guarded, struct kernel_error *error);

// Sends away one that was started and is not armed; of any other nothing is done.
void guard_dismiss(struct guard *guard);

// Tells it that the next table of the journal is about to be changed. False where the guard is gone.
bool guard_begin_table(struct guard *guard);

// Takes that back: the table was not changed, and what others have made of it stays.
bool guard_spare_table(struct guard *guard);

enum guard_end {
    GUARD_KEPT,     // the new tables stand
    GUARD_WAITS,    // they stand until the deadline
    GUARD_REVERTED, // the old tables are back
    GUARD_FAILED,   // not all of them are; the journal is still there
    GUARD_GONE,     // it was killed before it could do anything, or because it did not answer; likewise
};

// Has it keep the new tables, for so many seconds without a confirmation (0: for good); or put the old ones back. Closes it.
// `error` says why where it fails.
enum guard_end guard_keep(struct guard *guard, unsigned seconds, struct kernel_error *error);
enum guard_end guard_revert(struct guard *guard, struct kernel_error *error);

// Puts the old tables back in this process, as a guard does, and files the journal. What fails is tried again for so many
// milliseconds.
enum guard_end revert(const struct guarded *guarded, size_t begun, unsigned milliseconds,
                      struct restored *restored, struct kernel_error *error);
