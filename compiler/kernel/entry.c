// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/entry.h"

#include "ruleset/ruleset.h"

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

// The last `bytes` bytes of an address in network order.
static void put_address(char *out, struct addr addr, size_t bytes)
{
    for (size_t i = bytes; i-- > 0; addr.low = addr.low >> 8 | addr.high << 56, addr.high >>= 8)
        out[i] = (char)addr.low;
}

static void put_mask(char *out, unsigned bits)
{
    memset(out, 0xFF, bits / 8);
    if (bits % 8)
        out[bits / 8] = (char)(0xFF << (8 - bits % 8));
}

// As xtables_parse_interface(): eth+ means all that begin so, and keeps its sign.
static void put_interface(char *entry, const struct entry_layout *layout, int side, const char *name)
{
    const size_t length = strlen(name);

    memcpy(entry + layout->interfaces[side], name, length + 1);
    memset(entry + layout->interface_masks[side], 0xFF,
           length && name[length - 1] == '+' ? length - 1 : length + 1);
}

void entry_put_header(char *entry, const struct entry_layout *layout, const struct rule *rule)
{
    memset(entry, 0, layout->body);
    for (int side = 0; side < 2; side++) {
        const struct rule_address *address = &rule->addresses[side];

        put_address(entry + layout->addresses[side], address->prefix.addr, layout->address_bytes);
        put_mask(entry + layout->masks[side], address->prefix.bits);
    }
    if (rule->in)
        put_interface(entry, layout, 0, rule->in);
    if (rule->out)
        put_interface(entry, layout, 1, rule->out);
    entry_put_number(entry, layout->protocol, rule->protocol);
    entry[layout->flags] = (char)((rule->protocol ? layout->protocol_named : 0) |
                                  (rule->later_fragments ? layout->fragment : 0) |
                                  (rule->target.kind == TARGET_GOTO ? layout->go_to : 0));
    entry[layout->inverted] =
        (char)((rule->addresses[SIDE_SOURCE].inverted ? INVERTED_SOURCE : 0) |
               (rule->addresses[SIDE_DESTINATION].inverted ? INVERTED_DESTINATION : 0) |
               (rule->in && rule->in_inverted ? INVERTED_IN : 0) |
               (rule->out && rule->out_inverted ? INVERTED_OUT : 0) |
               (rule->protocol && rule->protocol_inverted ? INVERTED_PROTOCOL : 0) |
               (rule->later_fragments && rule->later_fragments_inverted ? INVERTED_FRAGMENT : 0));
    if (rule->counters.present) {
        const struct xt_counters counters = {.pcnt = rule->counters.packets, .bcnt = rule->counters.bytes};

        memcpy(entry + layout->counters, &counters, sizeof(counters));
    }
}
