// SPDX-License-Identifier: GPL-2.0-or-later
//
// How a plan of apply is printed, as text and as JSON.
#pragma once

#include "apply/plan.h"
#include "base/json.h"

// One row a table, their order, and the traffic that changes.
void put_plan(struct buf *out, struct arena *arena, const struct apply_plan *plan);

// The keys `own`, `objections`, `orders`, `same`, `tables`, `changes` and `complete`.
void set_plan(json_t *object, const struct apply_plan *plan);
