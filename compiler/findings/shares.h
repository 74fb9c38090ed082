// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which rules of a passage a set of packets comes to, and which of them decide it.
#pragma once

#include "findings/passages.h"

// A rule, and packets.
struct share {
    struct rule_place place; // index chain->count: the policy of the chain
    diagram packets;
};

struct shares {
    struct share *items;
    size_t count, capacity;
};

// Rules that decide packets of a set, each with these packets, at most `limit` of them.
struct shares passage_deciders(const struct passage *passage, diagram set, size_t limit);

// Rules that take packets of a set out of tracking.
struct shares passage_untrackers(const struct passage *passage, diagram set, size_t limit);

// Rules of a kind, each with the packets that come to it and that it is about.
struct shares passage_comers(const struct passage *passage, bool (*is_meant)(const struct rule *rule));

// The rules of a chain that decide, before rule `index`, packets of a set that come to the chain: the indices of the first
// `limit`. Gives how many there are of these; `*left` are the packets that none of them decides.
size_t passage_blame(const struct passage *passage, const struct passage_chain *built, diagram set,
                     size_t index, size_t *blamed, size_t limit, diagram *left);
