// SPDX-License-Identifier: GPL-2.0-or-later
//
// The steps in which the tables of a plan are loaded. Between two of them the kernel has some old tables and some new ones: the
// order is one in which it never refuses what both the old and the new rules accept, and never accepts what both refuse. Where
// no order is so, a joint filter of both stands there meanwhile, if that is better.
#pragma once

#include "apply/plan.h"

// Puts the tables of each family that change into plan->steps, in order, and says in plan->orders what that order keeps.
// Families do not see each other's packets: IPv4 goes first.
void order_tables(struct arena *arena, struct apply_plan *plan);

// The steps in any order, for when no packet comes.
void order_unproved(struct arena *arena, struct apply_plan *plan);
