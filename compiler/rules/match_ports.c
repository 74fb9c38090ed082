// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ports and flags: tcp, udp, sctp, dccp, udplite and multiport.
#include <string.h>
#include <strings.h>

#include "rules/matches.h"
#include "rules/values.h"

// The number of a port, or of the name of one; opaque where only the host can say.
static enum reading read_port(const struct parts *parts, const struct option *option, struct slice text,
                              uint16_t *port)
{
    static const struct {
        const char *name;
        uint16_t number;
    } names[] = {
#define PORT(name, number) {name, number},
#include "rules/ports.def"
#undef PORT
    };
    uint64_t number;

    if (number_read(text, UINT16_MAX, &number)) {
        *port = (uint16_t)number;
        return READ_FINE;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (slice_is(text, names[i].name)) {
            *port = names[i].number;
            return READ_FINE;
        }
    }
    if (!text.length || memchr(text.at, '!', text.length))
        return match_refuse(parts, option, "a port is missing");
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return READ_OPAQUE;
    return match_refuse(parts, option, "ports end at 65535");
}

// `22`, `1024:65535`, and without an end `:1023` or `1024:`.
static enum reading read_port_range(const struct parts *parts, const struct option *option, struct slice text,
                                    struct port_range *range)
{
    struct slice first = text, last;
    enum reading reading;

    if (!slice_split(text, ':', &first, &last)) {
        reading = read_port(parts, option, text, &range->first);
        range->last = range->first;
        return reading;
    }
    *range = (struct port_range){0, UINT16_MAX};
    if (first.length && (reading = read_port(parts, option, first, &range->first)) != READ_FINE)
        return reading;
    if (last.length && (reading = read_port(parts, option, last, &range->last)) != READ_FINE)
        return reading;
    return range->first <= range->last ? READ_FINE
                                       : match_refuse(parts, option, "the range ends before it begins");
}

static bool read_flags(struct slice list, uint8_t *flags)
{
    static const struct {
        const char *name;
        uint8_t flags;
    } names[] = {{"SYN", TCP_SYN}, {"ACK", TCP_ACK}, {"FIN", TCP_FIN}, {"RST", TCP_RST},
                 {"PSH", TCP_PSH}, {"URG", TCP_URG}, {"ALL", 0x3F},    {"NONE", 0}};

    struct slice name;

    *flags = 0;
    while (slice_item(&list, ',', &name)) {
        bool known = false;

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
            if (name.length == strlen(names[i].name) &&
                strncasecmp(name.at, names[i].name, name.length) == 0) {
                *flags |= names[i].flags;
                known = true;
            }
        }
        if (!known)
            return false;
    }
    return true;
}

static enum reading read_tcp_flags(struct parts *parts, const struct option *option, struct match *match)
{
    if (match->transport.flags_mask)
        return match_refuse(parts, option, "--syn and --tcp-flags are one option");
    match->transport.flags_inverted = option->inverted;
    match->transport.flags_mask = TCP_OPENING_MASK;
    match->transport.flags = TCP_SYN;
    if (option_is(option, "syn"))
        return READ_FINE;
    if (!read_flags(option->values[0], &match->transport.flags_mask) ||
        !read_flags(option->values[1], &match->transport.flags))
        return match_refuse(parts, option, "flags are FIN,SYN,RST,PSH,ACK,URG, ALL or NONE");
    // Without a mask it is always true, or negated never.
    return match->transport.flags_mask || (!option->inverted && !match->transport.flags) ? READ_FINE
                                                                                         : READ_OPAQUE;
}

enum reading match_read_transport(struct parts *parts, const struct option *option, struct match *match)
{
    int side = SIDE_SOURCE;

    if (option_is(option, "syn") || option_is(option, "tcp-flags"))
        return read_tcp_flags(parts, option, match);
    if (option_is(option, "dport") || option_is(option, "destination-port"))
        side = SIDE_DESTINATION;
    else if (!option_is(option, "sport") && !option_is(option, "source-port"))
        return READ_OPAQUE;
    if (match->transport.named[side])
        return match_refuse(parts, option, "this stands twice");
    match->transport.named[side] = true;
    match->transport.inverted[side] = option->inverted;

    const enum reading reading =
        read_port_range(parts, option, option->values[0], &match->transport.ports[side]);

    // Any port is none in particular.
    if (reading == READ_FINE && match->transport.ports[side].first == 0 &&
        match->transport.ports[side].last == UINT16_MAX && !option->inverted)
        match->transport.named[side] = false;
    return reading;
}

enum reading match_read_multiport(struct parts *parts, const struct option *option, struct match *match)
{
    struct port_range items[MULTIPORT_SLOTS], *copy;
    struct slice list = option->values[0], item;
    size_t slots = 0, count = 0;

    if (match->multiport.count)
        return match_refuse(parts, option, "a second list needs a second -m multiport");
    for (; slice_item(&list, ',', &item); count++) {
        struct slice last;
        const bool range = slice_split(item, ':', &item, &last);
        enum reading reading;

        slots += range ? 2 : 1;
        if (slots > MULTIPORT_SLOTS)
            return match_refuse(parts, option, "multiport takes 15 ports, a range counting as two");
        reading = read_port(parts, option, item, &items[count].first);
        if (reading != READ_FINE)
            return reading;
        items[count].last = items[count].first;
        if (!range)
            continue;
        reading = read_port(parts, option, last, &items[count].last);
        if (reading != READ_FINE)
            return reading;
        if (items[count].first >= items[count].last)
            return match_refuse(parts, option, "the range ends before it begins");
    }
    copy = arena_calloc(parts->arena, count, sizeof(*copy));
    memcpy(copy, items, count * sizeof(*copy));
    match->multiport.items = copy;
    match->multiport.count = count;
    match->multiport.inverted = option->inverted;
    match->multiport.side = option_is(option, "ports") ? SIDE_EITHER
                            : option_is(option, "dports") || option_is(option, "destination-ports")
                                ? SIDE_DESTINATION
                                : SIDE_SOURCE;
    return READ_FINE;
}
