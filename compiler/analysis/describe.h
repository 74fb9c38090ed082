// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets and sets of them in words: in ctc's own notation as far as it goes, so that what is printed can be asked again.
#pragma once

#include "algebra/cover.h"
#include "base/buf.h"
#include "meaning/outcome.h"
#include "meaning/space.h"

// A box, in the order of the notation: `from 198.51.100.0/24 port 1024-65535 to port 22`. Nothing where it holds everything.
// Of flags that no packet of `domain` has, what is shorter is said.
void describe_box(struct buf *out, struct packet_space *space, const struct box *box, diagram domain);

// A set as at most `limit` boxes that are told together: what one holds another does not repeat. Values outside of `domain` do
// not occur (cover.h); of the set, the packets of `meant` are to be told. The boxes are from the arena.
struct cover boxes_to_tell(struct arena *arena, struct packet_space *space, diagram set, diagram domain,
                           diagram meant, size_t limit);

// `accept`, `drop`, `reject`, `elsewhere`: names that do not change.
const char *walk_name(enum walk walk);

// `accept`, `drop`, `reject with tcp-reset`.
void describe_verdict(struct buf *out, const struct packet_space *space, struct outcome outcome);

// The order in which boxes are widened, so that they come out as people think of them: states and limits first, ports and
// addresses last. FIELD_COUNT + unknowns fields, from the arena.
const unsigned *usual_order(struct packet_space *space);
