// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/entry.h"

#define LAYOUT(entry, ip, go_to_flag, protocol_flag, fragment_flag)                                   \
    {                                                                                                 \
        .address_bytes = sizeof(((entry *)NULL)->ip.src),                                             \
        .addresses = {offsetof(entry, ip.src), offsetof(entry, ip.dst)},                              \
        .masks = {offsetof(entry, ip.smsk), offsetof(entry, ip.dmsk)},                                \
        .interfaces = {offsetof(entry, ip.iniface), offsetof(entry, ip.outiface)},                    \
        .interface_masks = {offsetof(entry, ip.iniface_mask), offsetof(entry, ip.outiface_mask)},     \
        .protocol = offsetof(entry, ip.proto), .flags = offsetof(entry, ip.flags),                    \
        .inverted = offsetof(entry, ip.invflags), .header = offsetof(entry, ip.invflags) + 1,         \
        .matches = offsetof(entry, target_offset), .length = offsetof(entry, next_offset),            \
        .counters = offsetof(entry, counters), .body = offsetof(entry, elems), .go_to = (go_to_flag), \
        .protocol_named = (protocol_flag), .fragment = (fragment_flag),                               \
    }

const struct entry_layout entry_layouts[FAMILY_COUNT] = {
    LAYOUT(struct ipt_entry, ip, IPT_F_GOTO, 0, IPT_F_FRAG),
    LAYOUT(struct ip6t_entry, ipv6, IP6T_F_GOTO, IP6T_F_PROTO, 0),
};

_Static_assert(IPT_INV_VIA_IN == IP6T_INV_VIA_IN && IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT &&
                   IPT_INV_SRCIP == IP6T_INV_SRCIP && IPT_INV_DSTIP == IP6T_INV_DSTIP &&
                   IPT_INV_PROTO == IP6T_INV_PROTO,
               "the families invert by different flags");
