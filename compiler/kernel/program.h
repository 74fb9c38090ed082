// SPDX-License-Identifier: GPL-2.0-or-later
//
// Programs of the host that read and change the kernel's tables, run to their end.
#pragma once

#include "base/buf.h"
#include "kernel/error.h"

// The directories where programs are looked for, whatever the caller's PATH says, in words.
#define PROGRAM_DIRECTORIES "/usr/sbin, /sbin and /usr/local/sbin"

// The path of a program; NULL where there is none.
const char *program_find(struct arena *arena, const char *name);

// Runs a program when it is its turn (kernel/lock.h), with `input`, which may be NULL, to read, for at most so long, and
// appends what it prints. `argument` may be NULL, as may those behind it. It has an environment of its own; it takes no lock
// of xtables, which the caller has; and it ends with this process. False, and why, in its own words where it has any, where it
// fails, is killed, or is not done in time: then it is gone too.
struct program_call {
    const char *path;
    const char *arguments[4]; // behind its name; NULL ends them
    const struct buf *input;  // to read; NULL: nothing
    unsigned milliseconds;    // for which it may run
};
bool program_run(const struct program_call *call, struct buf *output, struct kernel_error *error);
