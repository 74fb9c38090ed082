// SPDX-License-Identifier: GPL-2.0-or-later
//
// A plan carried out: the tables of both families, one after the other, all of them or none.
#pragma once

#include "apply/plan.h"

enum load_end {
    LOAD_DONE,     // the new tables stand
    LOAD_STOOD,    // so they did before, and the last apply is still the last one
    LOAD_WAITS,    // they stand, and the old ones come back without a confirmation
    LOAD_REVERTED, // the old tables stand, as if nothing had been done
    LOAD_STUCK,    // neither: the journal is there, and rollback puts the old ones back
};

static inline bool load_stands(enum load_end end)
{
    return end == LOAD_DONE || end == LOAD_STOOD;
}

// Takes the steps of a plan that is in order. The xtables lock has
// been held since they were read. `policy`: its path, to be remembered; `seconds`: how long a confirmation is awaited, 0: none is.
// On failure `error` says why. `meddled`, unless all is well, names tables that somebody else changed as soon as they
// were loaded.
enum load_end load_plan(struct arena *arena, struct apply_plan *plan, const char *policy, unsigned seconds,
                        int lock, const char **meddled, struct kernel_error *error);

// Whether no earlier apply stands in the way, that is not over. False, and which.
bool load_allowed(int directory, struct kernel_error *error);
bool load_may_begin(struct kernel_error *error); // as the directory of the state says
