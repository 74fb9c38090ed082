// SPDX-License-Identifier: GPL-2.0-or-later
//
// What takes longest of a load of many rules, done while they are proved: the rules are encoded, and a table that has none yet is
// filled with them in this process's memory. The kernel gets to know of that when it is committed, and whoever commits it looks
// first whether the table is still as it was.
#pragma once

#include "apply/guard.h"

struct ahead;

struct ahead *ahead_new(struct arena *arena); // belongs to the arena; to be closed

// By which way tables are to be filled; without it none is, and there is no guard.
void ahead_by(struct ahead *ahead, const struct kernel_backend *backend);

// Starts what is cheapest to start where this process is small yet: see encoder_start() and guard_start().
void ahead_start(struct ahead *ahead);

// Begins with a ruleset that was made, one of a family, which stays as it is. A table of many rules that is not there is made,
// empty, as whoever lists it makes it.
void ahead_begin(struct ahead *ahead, const struct ruleset *ruleset);

// Waits for what was begun, and gives the rules as encoder_end() does.
bool ahead_end(struct ahead *ahead, struct encoded encoded[FAMILY_COUNT], struct kernel_error *error);

// The table that `now` was read from, with new contents, where these were put there ahead of time and it is as it was found then;
// to be closed by the caller. NULL where not. What was begun is over.
struct kernel_table *ahead_take(struct ahead *ahead, const struct kernel_table *now,
                                const struct encoded *contents);

// The guard, to be armed; it may not be started yet.
struct guard *ahead_guard(struct ahead *ahead);

void ahead_close(struct ahead *ahead);
