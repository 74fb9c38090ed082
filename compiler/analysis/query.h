// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of packets that people name, in the packet model.
#pragma once

#include "meaning/outcome.h"
#include "meaning/rules.h"
#include "meaning/space.h"

// The hook that the packets pass: both interfaces forward, `out` alone output, else input.
enum hook packets_hook(const struct packets *packets);

// Whether the packets can be of the family: none of their parts is of the other one.
bool packets_in_family(const struct packets *packets, enum family family);

// The set. What is left out stands for all values; but TCP for this host goes to an address of its own. The state `untracked`
// is no state of the tracker: it is asked of the outcome.
diagram packets_set(struct packet_space *space, const struct packets *packets);

// Without what nobody means: TCP to a group.
diagram people_mean(struct packet_space *space, enum hook hook, diagram set);

// Off lo, the packets that have no state but UNTRACKED to the filter, where the tracker would call them anything but new: to
// people, no such packet is established or invalid.
diagram packets_without_state(struct packet_space *space, const struct meaning *meaning, enum hook hook);

// Of the packets in `set`, those for which `function`, a hook's outcome, fits what the packets say about tracking.
diagram packets_of_state(struct packet_space *space, const struct packets *packets, diagram set,
                         diagram function);
