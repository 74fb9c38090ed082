// SPDX-License-Identifier: GPL-2.0-or-later
//
// One packet out of a set, to show what is meant: as usual a one as there is, and said so that it can be asked again.
#pragma once

#include "base/buf.h"
#include "meaning/space.h"

// A packet of the set, as usual a one as there is: false where the set is empty.
bool find_packet(struct packet_space *space, enum hook hook, diagram set, field_value *packet);

// One packet of `set`: `in eth0 tcp from 198.51.100.9 to 192.0.2.1 port 22 new`. Beside who speaks to whom as much is said as
// tells the packet from those outside of the set: what is said, read again, holds no other packet, but for limits and matches
// that the notation has no words for. Limits have room where nothing is said.
void describe_packet(struct buf *out, struct packet_space *space, enum hook hook, const field_value *packet,
                     diagram set);
