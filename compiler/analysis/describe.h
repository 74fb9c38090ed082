// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets and sets of them in words: in ctc's own notation as far as it goes, so that what is printed can be asked again.
#pragma once

#include "algebra/cover.h"
#include "base/buf.h"
#include "meaning/outcome.h"
#include "meaning/space.h"

// A packet of the set, as usual a one as there is: false where the set is empty.
bool find_packet(struct packet_space *space, enum hook hook, diagram set, field_value *packet);

// One packet of `set`: `in eth0 tcp from 198.51.100.9 to 192.0.2.1 port 22 new`. Beside who speaks to whom as much is said as
// tells the packet from those outside of the set: what is said, read again, holds no other packet, but for limits and matches
// that the notation has no words for. Limits have room where nothing is said.
void describe_packet(struct buf *out, struct packet_space *space, enum hook hook, const field_value *packet,
                     diagram set);

// A box, in the order of the notation: `from 198.51.100.0/24 port 1024-65535 to port 22`. Nothing where it holds everything.
void describe_box(struct buf *out, const struct packet_space *space, const struct box *box);

// `accept`, `drop`, `reject`, `elsewhere`: names that do not change.
const char *walk_name(enum walk walk);

// `accept`, `drop`, `reject with tcp-reset`.
void describe_verdict(struct buf *out, const struct packet_space *space, struct outcome outcome);

// The order in which boxes are widened, so that they come out as people think of them: states and limits first, ports and
// addresses last. FIELD_COUNT + unknowns fields, from the arena.
const unsigned *usual_order(struct packet_space *space);
