// SPDX-License-Identifier: GPL-2.0-or-later
//
// One apply, as it is remembered: the tables that it changes, as they were and as they become. It holds for the boot and the
// network namespace that it was written in.
#pragma once

#include "apply/state.h"
#include "kernel/backend.h"
#include "kernel/record.h"

struct journal_table {
    struct encoded before, after; // of this one table
};

struct journal {
    int64_t when;     // seconds since 1970
    int64_t deadline; // nanoseconds of CLOCK_BOOTTIME, for the confirmation; 0: none is awaited
    const char *policy;
    enum kernel_way way; // by which the tables were changed
    bool elsewhere;      // written in another network namespace
    struct journal_table
        *tables; // in the order in which they are changed, a table perhaps twice; then those that are not
    size_t count, changed;
};

// Begins a journal; `count` tables are to follow, of each record_live() and record_wanted(): first the ones that change.
void journal_begin(struct buf *out, const char *policy, enum kernel_way way, size_t count, size_t changed);

// Reads one. What it gives belongs to the arena, and not to the bytes. False where they hold none.
bool journal_read(struct arena *arena, struct slice bytes, struct journal *journal);

// Whether no entry behind it is of the same table; and whether none ahead of it is.
bool journal_is_last(const struct journal *journal, size_t entry);
bool journal_is_first(const struct journal *journal, size_t entry);

// Writes the deadline into a journal's file. False, and errno, where that fails.
bool journal_set_deadline(int file, int64_t deadline);

int64_t boot_time(void); // nanoseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps
