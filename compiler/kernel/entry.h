// SPDX-License-Identifier: GPL-2.0-or-later
//
// A rule as the kernel has it, struct ipt_entry or struct ip6t_entry: one code for both, since they differ only in
// where things stand. Not for other folders.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <net/if.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <libiptc/libxtc.h>

#include "base/addr.h"

struct entry_layout {
    size_t address_bytes;
    size_t addresses[2], masks[2];            // by side, in network order
    size_t interfaces[2], interface_masks[2]; // in, out; of IFNAMSIZ bytes
    size_t protocol;                          // uint16_t
    size_t flags, inverted;                   // uint8_t
    size_t header;                            // where what a packet is compared with ends
    size_t matches;                           // uint16_t: where they end and the target begins
    size_t length;                            // uint16_t
    size_t counters;                          // struct xt_counters
    size_t body;                              // where the matches begin
    uint8_t go_to, protocol_named, fragment;  // flags; 0 where the family has none
};

extern const struct entry_layout entry_layouts[FAMILY_COUNT];

// Inversions, the same in both families.
enum {
    INVERTED_IN = IPT_INV_VIA_IN,
    INVERTED_OUT = IPT_INV_VIA_OUT,
    INVERTED_SOURCE = IPT_INV_SRCIP,
    INVERTED_DESTINATION = IPT_INV_DSTIP,
    INVERTED_FRAGMENT = IPT_INV_FRAG,
    INVERTED_PROTOCOL = IPT_INV_PROTO,
};

static inline uint16_t entry_number(const void *entry, size_t at)
{
    uint16_t number;

    memcpy(&number, (const char *)entry + at, sizeof(number));
    return number;
}

static inline void entry_put_number(void *entry, size_t at, size_t number)
{
    const uint16_t small = (uint16_t)number;

    memcpy((char *)entry + at, &small, sizeof(small));
}

#define ENTRY_BYTES_MAX UINT16_MAX // struct ipt_entry has 16 bits for its length
#define ENTRY_TOO_LONG  "the rule has more bytes than the kernel takes, %d", ENTRY_BYTES_MAX

// Where a match or the target stands.
static inline const struct xt_entry_match *entry_match(const void *entry, size_t at)
{
    return (const void *)((const char *)entry + at);
}

static inline const struct xt_entry_target *entry_target(const void *entry, size_t at)
{
    return (const void *)((const char *)entry + at);
}

// Writes what stands ahead of the matches, of as many bytes, from the fields of a rule; the lengths are left 0. The names of
// its interfaces are shorter than IFNAMSIZ.
struct rule;
void entry_put_header(char *entry, const struct entry_layout *layout, const struct rule *rule);

// A verdict or a jump of a live rule is a number, which is of no use elsewhere: it is named, as libiptc takes it.
static inline void entry_name_verdict(void *entry, const struct entry_layout *layout, const char *name)
{
    struct xt_entry_target *target = (void *)((char *)entry + entry_number(entry, layout->matches));

    if (target->u.user.name[0])
        return;
    memset(target->u.user.name, 0, sizeof(target->u.user.name));
    memcpy(target->u.user.name, name, strnlen(name, sizeof(target->u.user.name) - 1));
}
