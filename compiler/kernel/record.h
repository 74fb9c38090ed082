// SPDX-License-Identifier: GPL-2.0-or-later
//
// A table's contents as one piece of bytes, for the same kernel alone: to be put back later, or by another process.
#pragma once

#include "kernel/encoded.h"
#include "kernel/table.h"

// Appends a table as it was read, counters included.
void record_live(struct buf *out, const struct kernel_table *table);

// The same with counters of 0, to tell whether it changes.
void record_uncounted(struct buf *out, const struct kernel_table *table);

// Appends what a table is to become, with the names of its sets, where they were noted; a ruleset that does not have it makes it
// empty.
void record_wanted(struct buf *out, const struct encoded *encoded, const char *name);

// The same in three parts, of which the second one stays where it is: for who writes a record of very many rules, and need not
// copy them. `ahead` holds a multiple of 16 bytes. False, and nothing was done, where the rules do not lie one behind the
// other.
bool record_around(struct buf *ahead, struct slice *rules, struct buf *behind, const struct encoded *encoded,
                   const char *name);

// Takes one record off the front of the bytes, which are at a multiple of 16. It stands as the ruleset of that one table,
// whose rules have no fields; it belongs to the arena, and its rules stay where they are in the bytes. False where those hold
// none.
bool record_take(struct arena *arena, struct slice *bytes, struct encoded *encoded);
