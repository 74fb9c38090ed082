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

struct program_call {
    const char *path;
    const char *arguments[6]; // behind its name; NULL ends them
    const struct buf *input;  // to read; NULL: nothing
    unsigned milliseconds;    // for which it may run
    bool in_turn;             // it waits for its turn, as what reads or changes tables has to (kernel/lock.h)
};

// Runs a program to its end, and appends what it prints. It has an environment of its own; it takes no lock of xtables, which
// the caller has; and it ends with this process. False, and why, in its own words where it has any, where it fails, is killed,
// or is not done in time: then it is gone too.
bool program_run(const struct program_call *call, struct buf *output, struct kernel_error *error);
