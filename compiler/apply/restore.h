// SPDX-License-Identifier: GPL-2.0-or-later
//
// The way back: tables as they were before an apply.
#pragma once

#include "apply/journal.h"
#include "kernel/backend.h"

struct restored {
    size_t tables;      // that were put back
    size_t overwritten; // of these, those that somebody else had changed since
    size_t left;        // that somebody else has changed, and the apply has not
};

// Puts the tables of a journal back, the last one first. The first `begun` of them were changed, or may have been: they are put
// back whatever they hold now; the others only where they hold what the apply made of them. Entries of the
// tracking table that went out of date meanwhile are deleted. The lock is the caller's. False, and why, where one of them cannot
// be, which is tried again for so many milliseconds, for the kernel may find the memory by then; the others are put back all the
// same. Nothing is done where all of it stands and a set is gone that rules ask for which are to come back.
bool restore_tables(const struct kernel_backend *backend, const struct journal *journal, size_t begun,
                    unsigned milliseconds, struct restored *restored, struct kernel_error *error);

#define RESTORE_WAIT 2000 // milliseconds, where somebody waits for the end of it
