// SPDX-License-Identifier: GPL-2.0-or-later
//
// Addresses beyond the header of a rule: iprange, addrtype, mac.
#include <string.h>

#include "rules/matches.h"
#include "rules/values.h"

enum reading match_read_iprange(struct parts *parts, const struct option *option, struct match *match)
{
    const int side = option_is(option, "dst-range") ? SIDE_DESTINATION : SIDE_SOURCE;
    struct addr_range *range = arena_alloc(parts->arena, sizeof(*range));
    struct slice first = option->values[0], last = first;

    if (match->iprange.ranges[side])
        return match_refuse(parts, option, "this stands twice");
    slice_split(option->values[0], '-', &first, &last);
    if (!address_plain(first, parts->family, &range->first) ||
        !address_plain(last, parts->family, &range->last))
        return match_refuse(parts, option, "a range is ADDRESS-ADDRESS");
    match->iprange.ranges[side] = range;
    match->iprange.inverted[side] = option->inverted;
    // iptables warns that it never matches, and loads it.
    return addr_compare(range->first, range->last) <= 0 ? READ_FINE : READ_OPAQUE;
}

enum reading match_read_addrtype(struct parts *parts, const struct option *option, struct match *match)
{
    static const char *const names[] = {"LOCAL", "BROADCAST", "MULTICAST", NULL}; // by bit

    (void)parts;
    if (!option_is(option, "dst-type") || match->addrtype.types ||
        !match_bits(option->values[0], names, false, &match->addrtype.types))
        return READ_OPAQUE;
    match->addrtype.inverted = option->inverted;
    return READ_FINE;
}

enum reading match_read_mac(struct parts *parts, const struct option *option, struct match *match)
{
    struct slice text = option->values[0], byte;
    uint64_t address = 0;
    unsigned bytes = 0;

    for (; slice_item(&text, ':', &byte); bytes++) {
        char hex[5] = "0x";
        uint64_t value;

        if (bytes == 6 || byte.length < 1 || byte.length > 2)
            return match_refuse(parts, option, "an address of Ethernet is six bytes, XX:XX:XX:XX:XX:XX");
        memcpy(hex + 2, byte.at, byte.length);
        if (!number_read((struct slice){hex, 2 + byte.length}, UINT8_MAX, &value))
            return match_refuse(parts, option, "an address of Ethernet is six bytes, XX:XX:XX:XX:XX:XX");
        address = address << 8 | value;
    }
    if (bytes != 6)
        return match_refuse(parts, option, "an address of Ethernet is six bytes, XX:XX:XX:XX:XX:XX");
    match->mac.address = address;
    match->mac.inverted = option->inverted;
    return READ_FINE;
}
