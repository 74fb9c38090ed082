// SPDX-License-Identifier: GPL-2.0-or-later
//
// What -m set asks of a packet, the members of the set being known; an unknown where they may change (ruleset's sets_vary).
#pragma once

#include "meaning/cube.h"

// Whether the packets that the match is about are no single cube: pairs of an address and a port, or all but some ports.
bool set_needs_parts(const struct packet_space *space, const struct match *match);

// Adds what the match asks for: all of it where it needs no parts, else nothing.
void add_set(struct cube *cube, const struct match *match);

// The packets of a match that needs parts.
diagram set_packets(const struct view *view, const struct match *match);
