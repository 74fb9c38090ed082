// SPDX-License-Identifier: GPL-2.0-or-later
//
// A process that is told apart from a later one of its number: by the time at which it was started. Without /proc no process is
// known, and none is ended.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    int64_t id;
    uint64_t start; // clock ticks since the machine started: field 22 of /proc/ID/stat (proc_pid_stat(5))
};

struct process process_of(pid_t id);

enum process_state {
    PROCESS_GONE,    // or not known
    PROCESS_STOPPED, // by SIGSTOP or its like, or by a debugger
    PROCESS_ALIVE,
};

enum process_state process_state(const struct process *process);

// Kills it, and waits for its end, for a second at most. False where it is still there.
bool process_end(const struct process *process);
