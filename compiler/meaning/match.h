// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a rule asks of a packet, as the kernel's matches do it.
#pragma once

#include "meaning/cube.h"

// The rule as one cube: false where it is none.
bool rule_cube(const struct view *view, const struct rule *rule, struct cube *cube);

// The same for packets that pass `outer` besides.
bool rule_cube_within(const struct cube *outer, const struct rule *rule, struct cube *cube);

// `inside` for the packets that the rule is about, `full` for those that a full table of one of its limits drops on the
// way, 0 for the others.
diagram rule_function(const struct view *view, const struct rule *rule, uint32_t inside, uint32_t full);
