// SPDX-License-Identifier: GPL-2.0-or-later
//
// The shape of a tree in which no packet walks much further than another. A node asks for one cell after the other, and holds
// what no cell took itself: a packet of the first cell has walked one rule there, one of the last cell as many as there are
// cells. So the first ones hold the most. Not for other folders.
#pragma once

#include "ruleset/ruleset.h"

#define SHAPE_RULES_MAX 63 // on the way to a leaf

struct shape {
    unsigned step; // what going on to another chain costs, in rules
    // How many leaves a packet finds with so many chains ahead of it and rules to walk.
    uint32_t leaves[RULESET_DEPTH_MAX + 1][SHAPE_RULES_MAX + 1];
};

void shape_init(struct shape *shape, unsigned step);

// Which share of so many leaves, of 1 in all, lies in the first cell of a node that has `depth` chains, 1 at least, ahead.
double shape_share(const struct shape *shape, size_t leaves, unsigned depth);
