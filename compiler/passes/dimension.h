// SPDX-License-Identifier: GPL-2.0-or-later
//
// The fields that a tree sorts packets by, and the ranges that rules have there. Not for other folders.
#pragma once

#include "ruleset/ruleset.h"

// The fields that a tree can sort by.
enum dimension {
    DIMENSION_SOURCE,
    DIMENSION_DESTINATION,
    DIMENSION_TCP_SOURCE_PORT,
    DIMENSION_TCP_DESTINATION_PORT,
    DIMENSION_UDP_SOURCE_PORT,
    DIMENSION_UDP_DESTINATION_PORT,
    DIMENSION_COUNT
};

struct dimension_field {
    enum side side;
    uint8_t protocol; // of a port; 0: an address
};
extern const struct dimension_field dimensions[DIMENSION_COUNT];

// A range of one of the rules that a tree is made of. Ports stand in `low`.
struct item {
    struct addr_range range;
    uint32_t rule;
    uint32_t weight; // how many rules it makes
};

struct items {
    struct item *items;
    size_t count;
    size_t capacity;
};

// Whether a rule has a set there.
bool has_dimension(const struct rule *rule, enum dimension dimension);

// How many ranges its set has, and one of them.
size_t range_count(const struct rule *rule, enum dimension dimension);
struct addr_range range_at(const struct rule *rule, enum dimension dimension, size_t i);

// The rule with other ranges there; none: any.
struct rule with_ranges(struct arena *arena, const struct rule *rule, enum dimension dimension,
                        const struct item *items, size_t count);

// By where they begin.
void sort_items(struct items *items);

// For qsort(): by rule.
int compare_rules(const void *a, const void *b);
