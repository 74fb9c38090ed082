// SPDX-License-Identifier: GPL-2.0-or-later
//
// Work in a process of its own. libxtables needs one: it serves one address family for as long as a process lives, and
// where a plugin dislikes something, it calls exit().
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/text.h"

struct child {
    pid_t pid;
    int output, errors; // what it writes comes out here
};

// Starts `work` with the memory of the caller as it is now. It writes its result to the descriptor `output`, says on
// standard error what keeps it from one, and its exit status is what it returns; its standard output leads nowhere.
// False, and errno, where there is no process to be had.
bool child_start(struct child *child, int (*work)(const void *context, int output), const void *context);

// Waits for its end for at most so long, and appends what it wrote. Its status as waitpid(2) has it; -1 where time was over:
// then it is killed, and the group of processes that it leads, where it leads one.
int child_wait(struct child *child, unsigned milliseconds, struct buf *output, struct buf *errors);

// The same, for as long as it takes. False where its status is not 0, or a signal ended it.
bool child_finish(struct child *child, struct buf *output, struct buf *errors);

// The last line of what it said, which is the reason why it failed; what precedes it are warnings.
const char *child_reason(struct buf *said);

// Writes all of it; false, and errno, where that fails.
bool child_write(int output, struct slice bytes);
