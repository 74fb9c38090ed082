// SPDX-License-Identifier: GPL-2.0-or-later
//
// Entries of the tracking table that no packet meets any more: raw takes their packets out of tracking, in both directions.
// They would stay until their time is over, up to five days for TCP. And where their packets are tracked again by then, the
// tracker takes these for invalid, since it has not seen those in between.
#pragma once

#include "ruleset/ruleset.h"

struct stale {
    size_t entries;      // that are such
    size_t deleted;      // of these
    bool stopped;        // the time was over before all were looked at
    const char *trouble; // why the table cannot be looked at; NULL: it can, or there is none
};

// Deletes them, in both families: of each family by its raw table, NULL: it is not asked about. Entries of traffic that is
// forwarded or translated, and of zones, stay. Takes at most some seconds. `dry`: nothing is deleted.
struct stale stale_delete(struct arena *arena, const struct ruleset *const rules[FAMILY_COUNT], bool dry);
