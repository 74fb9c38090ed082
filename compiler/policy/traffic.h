// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an entry is about: a protocol, with ports where it has them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/ports.h"
#include "base/protocols.h"

enum traffic_kind {
    TRAFFIC_ANY,      // every protocol
    TRAFFIC_TCP,      // with ports
    TRAFFIC_UDP,      // with ports
    TRAFFIC_ICMP,     // ICMP in IPv4, ICMPv6 in IPv6: all types
    TRAFFIC_ECHO,     // of these, the echo request (ping)
    TRAFFIC_PROTOCOL, // another protocol, by number
};

struct traffic {
    enum traffic_kind kind;
    uint8_t number;        // TRAFFIC_PROTOCOL
    struct port_set ports; // TRAFFIC_TCP and TRAFFIC_UDP: of the serving side; none: all
};

// The protocol number of the traffic in a family, PROTOCOL_ANY for every one.
uint8_t traffic_protocol(const struct traffic *traffic, enum family family);

// False for the ICMP of the other family.
bool traffic_in_family(const struct traffic *traffic, enum family family);

void traffic_print(struct buf *out, const struct traffic *traffic); // tcp 80,443
