// SPDX-License-Identifier: GPL-2.0-or-later
//
// Work that is done beside the thread that asks for it, on a second processor where there is one. It may read what both have,
// and writes what is its own alone; what it found out stands when job_end() is back. It computes: a thread of work has no
// capabilities.
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct job {
    void (*work)(void *context);
    void *context;
    pthread_t thread;
    bool running;
};

// Begins to run `work`; the job stays where it is until its end. Where it is not long enough to be worth a thread, a few
// hundred microseconds, or the system has none to give, it is done before this returns.
void job_begin(struct job *job, bool is_long, void (*work)(void *context), void *context);

// Begins it beside the caller or not at all: false where the system has no thread to give.
bool job_try(struct job *job, void (*work)(void *context), void *context);

// Waits for it. One that was not begun, zeroed, is at its end.
void job_end(struct job *job);
