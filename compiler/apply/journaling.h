// SPDX-License-Identifier: GPL-2.0-or-later
//
// The journal of a plan that is about to be carried out: made of the tables as they stand and as they become, and written, where
// there is much of it by another thread while this one sums it.
#pragma once

#include "apply/plan.h"

struct journaling {
    struct arena *arena;
    const struct apply_plan *plan;
    struct journal *journal; // in the arena
    struct buf standing;     // tables as they stand, recorded: the journal points there
    int directory, file;     // of the state; the pending journal there
    struct buf head;
    struct {
        struct slice *items;
        size_t count, capacity;
    } parts; // of what is behind the head
    struct {
        struct buf *items;
        size_t count, capacity;
    } pieces;    // of these, what stands nowhere else
    int problem; // with writing: an errno
};

// Begins with the plan and the arena set, all else zeroed; `policy`: its path. The file's lock is held as long as this process or
// the guard lives: so others see that the journal is attended to. False, and why, where that cannot be: then nothing is to be
// ended.
bool journaling_begin(struct journaling *journaling, int directory, const char *policy,
                      struct kernel_error *error);

// Writes it. What the journal says is there from now on, whatever comes: it is durable. False, and why, where it is not: then its file is
// closed.
bool journaling_end(struct journaling *journaling, struct kernel_error *error);

// Once nobody looks at the journal any more; also where it was not begun, zeroed.
void journaling_clear(struct journaling *journaling);
