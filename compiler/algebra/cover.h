// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of packets as few readable boxes. A box names for each field the values it takes; a box is maximal where no field
// could take one value more without leaving the set. "tcp port 80 from anywhere, and everything from 10.0.0.0/8" is two
// maximal boxes that overlap, where cutting them apart would make three fragments.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "algebra/diagram.h"
#include "base/arena.h"

// One box: a range list for each field, sorted, disjoint and no two adjacent. `count` 0: every value of the field.
struct box {
    struct range_list *fields;
};

struct cover {
    struct box *items;
    size_t count;
    size_t capacity;
    bool complete; // false: the set has more than these boxes hold
};

// Maximal boxes that together are the set where `set` is 1, at most `limit` of them, in an order that depends on the set
// alone. `set` is a function to 0 and 1. Values outside of `domain` (also to 0 and 1) do not occur: a box holds them where
// they are all that a field lacks, so that what always holds is not repeated in each box, or where they stand between two
// ranges that they join; it lists no others. Fields are widened in the order of `widen_first`, which names each field
// once: the earlier a field stands there, the more a box holds of it. Where the space overflows, the boxes found before
// are right, and the cover is not complete.
struct cover cover_boxes(struct arena *arena, struct diagram_space *space, diagram set, diagram domain,
                         const unsigned *widen_first, size_t limit);

// The packets of a box, as a function to 0 and 1.
diagram box_function(struct diagram_space *space, const struct box *box);

// Takes from boxes that cover_boxes() made for `set` what others of them hold as well (trim.c): they are the same set as
// before, and each has a packet that no other has. The field `as_it_is` keeps its values. Where the space overflows, fewer
// are trimmed.
void cover_trim(struct diagram_space *space, struct cover *cover, diagram set, unsigned as_it_is);
