// SPDX-License-Identifier: GPL-2.0-or-later
//
// What speaks against a load, for what others have in the kernel: the promises of every policy, the expectations of this one and
// what it says of packets are looked at in the tables as they would be, and a rule of others that breaks one is named.
#pragma once

#include "apply/plan.h"

// Fills plan->objections. `source`: of the policy. Where others have nothing in the tables, nothing is looked at.
void find_objections(struct arena *arena, struct apply_plan *plan, const struct policy *policy,
                     const struct source *source);
