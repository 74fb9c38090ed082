// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ports and sets of ports.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

struct port_range {
    uint16_t first, last;
};

// Sorted, disjoint, no two ranges adjacent. What an empty set means, the user of one says.
struct port_set {
    struct port_range *items;
    size_t count;
    size_t capacity;
};

// Reads `N` or `N-M`, 1 to 65535. NULL, or what is wrong with it.
const char *port_range_parse(struct slice text, struct port_range *range);

// 1024-65535: what no service with a privileged port holds (RFC 6335, 6).
extern const struct port_set port_set_high;

void port_set_add(struct arena *arena, struct port_set *set,
                  struct port_range range);    // keeps the set canonical
void port_set_normalise(struct port_set *set); // makes it canonical, whatever stands in it
struct port_set port_set_others(struct arena *arena, const struct port_set *set); // of 0 to 65535
bool port_set_overlap(const struct port_set *a, const struct port_set *b);
void port_set_print(struct buf *out, const struct port_set *set); // 80,443,6881-6999
