// SPDX-License-Identifier: GPL-2.0-or-later
//
// The entries of a policy that decide at a hook, in their order, as sets of packets.
#pragma once

#include "meaning/cube.h"

struct entry_sets {
    struct arena *arena;
    struct arena scratch;
    const struct policy *policy;
    struct packet_space space; // of the family that is looked at
    enum hook hook;
    const struct entry **entries;
    size_t count;
};

// Trust and deny, where the hook has them, then allow, forward or connect. Closed by entry_sets_close().
void entry_sets_open(struct entry_sets *sets, struct arena *arena, const struct policy *policy,
                     enum hook hook);
void entry_sets_close(struct entry_sets *sets);

// Opens the space of a family, which packet_space_close() closes. False where memory is short.
bool entry_sets_of(struct entry_sets *sets, enum family family);

// `value` for the packets that an entry is about, whatever decides them, 0 for the others.
diagram entry_sets_packets(struct entry_sets *sets, size_t number, uint32_t value);
