// SPDX-License-Identifier: GPL-2.0-or-later
//
// How a node of a tree parts its items: into cells, ranges that packets are told apart by. Not for other folders.
#pragma once

#include "passes/dimension.h"

#define CELLS_MAX 16

// Cuts items, which are sorted by where they begin, into about so many cells of about as many items. Gives how many, and
// where each begins, and behind the last where the items end.
size_t cut(const struct item *items, size_t count, size_t cells, size_t starts[CELLS_MAX + 1]);

// Items that reach into the cell behind theirs go to `crossing`; the others stay, in their order. `ends` says where those of
// each cell end.
void take_crossing(struct item *items, const size_t *starts, size_t cells, size_t *ends,
                   struct items *crossing, struct arena *arena);

// From where the first item begins to where the last one ends. At least one.
struct addr_range hull_of(const struct item *items, size_t count);

// What a rule asks for to find a cell of addresses: the prefix that holds its hull and nothing of the hulls beside it, which
// is quicker to ask than a range, or else the hull. NULL: there is none beside it.
struct addr_range cell_test(enum family family, struct addr_range hull, const struct addr_range *before,
                            const struct addr_range *behind);
