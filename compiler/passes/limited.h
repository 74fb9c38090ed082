// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules with a limit, and what is made of them. Not for other folders.
#pragma once

#include "passes/pass.h"

// The rule's limit of openings; NULL: none.
const struct match *limit_of(const struct rule *rule);

// The same rule for what is within its limit or above it, and with another target; and without the limit.
struct rule with_limit(struct passing *passing, const struct rule *rule, bool above, struct target target);
struct rule without_limit(struct passing *passing, const struct rule *rule, struct target target);
