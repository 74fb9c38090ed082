// SPDX-License-Identifier: GPL-2.0-or-later
//
// A conjunction of tests, at most one for each field: what one rule, or one line of a policy, asks of a packet. It knows
// the hook at which it stands, so that what always or never holds there costs nothing.
#pragma once

#include "meaning/space.h"

// Where packets are looked at. Seen in the mirror, a packet's source is its destination, it comes in where it leaves, and
// an echo request is the reply to it: so that one direction can be compared with the other.
struct view {
    struct packet_space *space;
    struct arena *scratch; // of cubes: may be reset where none is in use
    enum hook hook;
    bool raw;      // ahead of the tracker: nothing has a state
    bool unrouted; // behind the tracker, and ahead of routing: nothing has an interface to leave by
    bool mirrored;
};

struct unknown_test {
    unsigned unknown;
    unsigned values; // a bit for each value that passes
    bool drops_full; // LIMIT_FULL ends the packet's walk
};

struct cube {
    const struct view *view;
    struct range_list tests[FIELD_COUNT]; // count 0: no test
    struct {
        struct unknown_test *items; // in ascending order
        size_t count, capacity;
    } unknowns;
    bool never; // no packet passes
};

void cube_begin(struct cube *cube, const struct view *view);

// Each adds a test; two of one field are one of what both pass. Ranges are sorted and disjoint, and stay as long as the
// cube does.
void cube_ranges(struct cube *cube, enum field field, const struct range_list *ranges);
void cube_not_ranges(struct cube *cube, enum field field, const struct range_list *ranges);
void cube_value(struct cube *cube, enum field field, uint64_t value);
void cube_values(struct cube *cube, enum field field, uint64_t first, uint64_t last);
void cube_bits(struct cube *cube, enum field field, uint64_t bits);                   // bit N: the value N
void cube_ports(struct cube *cube, enum field field, const struct port_set *ports);   // an empty set: no test
void cube_addresses(struct cube *cube, enum field field, const struct addr_set *set); // NULL: no test
void cube_interfaces(struct cube *cube, enum field field,
                     const struct interfaces *interfaces); // none: no test
void cube_interface(struct cube *cube, enum field field, const char *pattern, bool inverted);
// The kernel asks whether the helper's own name is the beginning of `name`, so that ftp-2121 is ftp too
// (net/netfilter/xt_helper.c); an empty one is any helper.
void cube_helper(struct cube *cube, const char *name, bool inverted);
void cube_flags(struct cube *cube, uint8_t mask, uint8_t flags, bool inverted);
void cube_unknown(struct cube *cube, struct unknown_test test);

// `inside` for the packets that pass, 0 for the others. A packet that a full table drops has the value `full`.
diagram cube_function(const struct cube *cube, uint32_t inside, uint32_t full);
