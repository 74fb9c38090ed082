// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/traffic.h"

uint8_t traffic_protocol(const struct traffic *traffic, enum family family)
{
    switch (traffic->kind) {
    case TRAFFIC_TCP:
        return PROTOCOL_TCP;
    case TRAFFIC_UDP:
        return PROTOCOL_UDP;
    case TRAFFIC_ICMP:
    case TRAFFIC_ECHO:
        return family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    case TRAFFIC_PROTOCOL:
        return traffic->number;
    case TRAFFIC_ANY:
        break;
    }
    return PROTOCOL_ANY;
}

bool traffic_in_family(const struct traffic *traffic, enum family family)
{
    if (traffic->kind != TRAFFIC_PROTOCOL)
        return true;
    return traffic->number != (family == FAMILY_IPV4 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP);
}

void traffic_print(struct buf *out, const struct traffic *traffic)
{
    switch (traffic->kind) {
    case TRAFFIC_ANY:
        buf_text(out, "any");
        break;
    case TRAFFIC_TCP:
    case TRAFFIC_UDP:
        buf_text(out, traffic->kind == TRAFFIC_TCP ? "tcp" : "udp");
        if (traffic->ports.count)
            buf_char(out, ' ');
        port_set_print(out, &traffic->ports);
        break;
    case TRAFFIC_ICMP:
        buf_text(out, "icmp");
        break;
    case TRAFFIC_ECHO:
        buf_text(out, "ping");
        break;
    case TRAFFIC_PROTOCOL:
        if (protocol_name(traffic->number))
            buf_text(out, protocol_name(traffic->number));
        else
            buf_printf(out, "protocol %u", traffic->number);
        break;
    }
}
