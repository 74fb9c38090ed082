// SPDX-License-Identifier: GPL-2.0-or-later
//
// Limits that two rulesets have with other settings. To the algebra they are two limits that have nothing to do with each
// other; to people, one that was changed.
#pragma once

#include "meaning/space.h"

struct limit_pair {
    unsigned before, now; // the unknowns that they are
    unsigned kept;        // the one of them that stands for both
    bool mixed;           // only one of the two has a table that can be full
    bool widens;          // what it lets pass is not bounded by what it let pass before
};

struct limit_pairs {
    struct limit_pair *items;
    size_t count, capacity;
};

// Pairs the limits that only one of two rulesets of an open space has, by what ctc's names begin with (policy/read_limit.c:
// the entry), and has one of each pair stand for both: meanings that are made behind it treat a packet that is over the one
// as over the other.
struct limit_pairs limits_join(struct packet_space *space, const struct ruleset *before,
                               const struct ruleset *now);
