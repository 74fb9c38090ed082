// SPDX-License-Identifier: GPL-2.0-or-later
//
// The part of a policy that a rule or a verdict comes from, as JSON.
#pragma once

#include "analysis/trace.h"
#include "base/json.h"

// The keys `section`, `name`, `file` and `line`, null where there is none.
void set_reason(json_t *object, const struct reason *reason);
