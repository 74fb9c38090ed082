// SPDX-License-Identifier: GPL-2.0-or-later
//
// What becomes of an apply afterwards: confirmed, rolled back, or looked at.
#pragma once

#include "apply/restore.h"

enum pending_end {
    PENDING_DONE,
    PENDING_NONE,   // there is nothing of the kind
    PENDING_FAILED, // and why
};

// Keeps what waits for a confirmation.
enum pending_end pending_confirm(struct kernel_error *error);

// Whether something waits for one now.
bool pending_awaits(struct arena *arena);

// The way by which what was applied last was. NULL, and why, where that is gone or nothing was.
const struct kernel_backend *pending_backend(struct arena *arena, struct kernel_error *error);

// Puts back the tables of before the last apply, whether it stands, waits for its confirmation or was cut short. Processes that
// attend to it and are stopped are ended first.
enum pending_end pending_rollback(struct restored *restored, struct kernel_error *error);

// Puts back what was cut short, where nobody is at it any more or all who are have been stopped, or forgets it where that
// cannot be. False, and why, where somebody is.
bool pending_settle(struct kernel_error *error);

// Says who it is, where the lock of xtables was not to be had because an apply holds it that does not get on.
void pending_explain(struct kernel_error *error);

enum applied {
    APPLIED_NOTHING,
    APPLIED_LAST,      // the last apply stands
    APPLIED_WAITS,     // it stands until the deadline
    APPLIED_UNDERWAY,  // somebody is at it
    APPLIED_ABANDONED, // it was cut short: rollback puts the old tables back
};

struct drift {
    enum family family;
    const char *table;
};

struct standing {
    enum applied what;
    bool watched;                         // of APPLIED_WAITS: the watchdog is alive
    int64_t stopped;                      // the process that attends to it and is stopped; 0: none is
    struct journal journal;               // of what is APPLIED
    const struct kernel_backend *backend; // of APPLIED_LAST and APPLIED_WAITS: by which it was
    double seconds;                       // of APPLIED_WAITS: until the deadline
    struct {
        struct drift *items; // tables that are not as they were loaded
        size_t count, capacity;
    } drifted;
};

// What there is. False, and why, where it cannot be told.
bool pending_status(struct arena *arena, struct standing *standing, struct kernel_error *error);
