// SPDX-License-Identifier: GPL-2.0-or-later
//
// How a node of a tree parts its items: it takes one cell after the other out of them, each a range that packets are told
// apart by. Not for other folders.
#pragma once

#include "passes/dimension.h"

// A cell that weighs about `target`, and not everything: of addresses a prefix, which is quicker to ask for than another
// range. The items, at least one, are sorted by where they begin. False where no cell parts them.
bool find_cell(enum family family, enum dimension dimension, const struct item *items, size_t count,
               size_t target, struct addr_range *cell);

// Takes the items of a cell, some of which lie inside it, out of all: those inside stay where `*inside` says, in their order;
// those that reach out of it go to `crossing`. The others are the first `*before` and those from `*behind` on.
struct taken {
    size_t before, inside, inside_count, behind;
};
struct taken take_cell(struct item *items, size_t count, struct addr_range cell, struct items *crossing,
                       struct arena *arena);

// What all these weigh.
size_t weigh(const struct item *items, size_t count);
