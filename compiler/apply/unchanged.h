// SPDX-License-Identifier: GPL-2.0-or-later
//
// An apply that has nothing to do, told without compiling: the rules are a function of the policy's files, of the program and of
// what the caller says, and were proved when they were loaded. What they were made from, and what others had beside them, is
// remembered behind the tables of the journal.
#pragma once

#include "apply/plan.h"
#include "source/source_set.h"

// Appends to `out` what a plan is made from; `own`: as the caller said it. Nothing where that cannot be told again, as with
// what came by a pipe. Only what gave nobody anything to say is to be remembered: no warning, no objection.
void unchanged_put(struct buf *out, const struct apply_plan *plan, enum own own, const struct policy *policy,
                   const struct source_set *sources);

// Whether the policy at `path`, of the same bytes in all its files, is what was applied last by that way, by this program and
// with the same `own`, the kernel's tables are as that left them, and what others have is what it was then. Then `plan` is as
// plan_apply() makes it, but for `live` and `encoded`, which hold nothing. False where any of it is in doubt. The plan is to
// be cleared either way. The xtables lock is held by the caller.
bool unchanged_plan(struct arena *arena, const struct kernel_backend *backend, enum own own, const char *path,
                    struct apply_plan *plan);
