// SPDX-License-Identifier: GPL-2.0-or-later
//
// One apply, as it is remembered: the tables that it changes, as they were and as they become. It holds for the boot and the
// network namespace that it was written in.
#pragma once

#include "apply/process.h"
#include "apply/state.h"
#include "kernel/backend.h"
#include "kernel/record.h"

// What an apply takes for its own.
enum own {
    OWN_UNSAID, // whole tables, unless others have something in them
    OWN_TABLES, // whole tables, whatever stands in them
    OWN_CHAINS, // chains of its own, and the jumps to them
};

struct journal_table {
    struct encoded before, after; // of this one table
};

// Who attends to a journal: the apply, and its guard.
enum { ATTENDANT_APPLY, ATTENDANT_GUARD, ATTENDANT_COUNT };

struct journal {
    int64_t when;     // seconds since 1970
    int64_t deadline; // nanoseconds of CLOCK_BOOTTIME, for the confirmation; 0: none is awaited
    const char *policy;
    enum kernel_way way;                        // by which the tables were changed
    enum own own;                               // never OWN_UNSAID
    bool elsewhere;                             // written in another network namespace
    struct process attendants[ATTENDANT_COUNT]; // once there is a guard
    struct journal_table
        *tables; // in the order in which they are changed, a table perhaps twice; then those that are not
    size_t count, changed;
    struct slice basis; // what it was made from (apply/unchanged.h), behind the tables; empty: not remembered
};

// Begins a journal of that policy, way, and what is owned; `count` tables are to follow, of each record_live() and
// record_wanted(): first the `changed` ones. The basis, if any, is put
// behind them, and then the journal is sealed.
void journal_begin(struct buf *out, const struct journal *journal);
void journal_seal(struct buf *journal);

// The same where the file was written in parts: `begun` is what was begun, and stands there but for what others write in its place
// meanwhile; `rest` the sum of all behind it. False, and errno, where that fails.
struct journal_sum {
    uint64_t sums[4], length;
    char begun[32]; // what is not yet in the sums
};
void journal_sum_add(struct journal_sum *sum, struct slice bytes); // zeroed ahead of the first bytes
bool journal_seal_file(int file, const struct buf *begun, const struct journal_sum *rest);

// Reads one. What it gives belongs to the arena and points into the bytes, which begin where rules may stand (record_take()).
// False where they hold none, or are not as they were sealed: what would come back then is nobody's rules.
bool journal_read(struct arena *arena, struct slice bytes, struct journal *journal);

// Whether no entry behind it is of the same table; and whether none ahead of it is.
bool journal_is_last(const struct journal *journal, size_t entry);
bool journal_is_first(const struct journal *journal, size_t entry);

// The journal of the apply that stands, confirmed or not, in this boot and network namespace. False where there is none.
bool journal_of_last(struct arena *arena, struct journal *journal);

// What is said of one that cannot be read, whose file has that name.
#define JOURNAL_DAMAGED                                                                                    \
    "what is remembered of the last apply is damaged, or another version's, and nobody can take it back: " \
    "remove the file %s from the directory of the state"

// Writes the deadline into a journal's file; 0 once it was confirmed or is taken back. False, and errno, where that fails.
bool journal_set_deadline(int file, int64_t deadline);

// Whether there is a deadline in it; true where that cannot be told.
bool journal_has_deadline(int file);

// Writes into a journal's file who attends to it. Without that nobody is ended who is stopped.
void journal_set_attendants(int file, const struct process attendants[ATTENDANT_COUNT]);

int64_t boot_time(void); // nanoseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps
