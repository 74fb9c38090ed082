// SPDX-License-Identifier: GPL-2.0-or-later
//
// The notation for sets of packets, in the words of pf and tcpdump:
//
//   [in IF] [out IF] [PROTOCOL] [from ADDRESS] [port P] [to ADDRESS] [port P] [type T] [code C] [STATE...] [FLAG...]
//   [hop N] [fragment none|first|later] [socket none|wildcard|bound|connected] [cast local|broadcast|multicast|other]
//   [mac ADDRESS]
//
// Addresses and ports are lists with commas; a protocol is a name or a number, with `protocol` before it or without;
// fin, syn, rst and ack that are not named are not set where any flag is, and `no-flags` is a segment without any. For
// example `in eth0 tcp from 2001:db8::/32 port 1024-65535 to port 22 new`. Both interfaces: the packet is forwarded;
// `in` alone or neither: it is for this host; `out` alone: it leaves this host.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/ports.h"
#include "base/text.h"

enum packet_state {
    PACKET_NEW = 1 << 0,
    PACKET_ESTABLISHED = 1 << 1,
    PACKET_RELATED = 1 << 2,
    PACKET_INVALID = 1 << 3,
    PACKET_UNTRACKED = 1 << 4,
};

// What is left out stands for all values, or for what the reader of the set takes as usual.
struct packets {
    const char *in, *out;             // NULL: left out; "any" is said as it is
    uint8_t protocol;                 // 0: left out
    bool from_any, to_any;            // `from any`, `to any`
    const struct addr_set *from, *to; // NULL: left out, or any
    struct port_set from_ports, to_ports;
    int type;        // ICMP type; -1: left out
    unsigned states; // of enum packet_state; 0: left out
    uint8_t flags;   // TCP flags that are set, as the header has them (RFC 9293, 3.1); 0: left out
    bool no_flags;   // no TCP flag is set at all
    int code;        // ICMP code; -1: left out
    int hop_limit;   // or time to live; -1: left out
    int fragment;    // by the words of the notation, from 0; -1: left out
    int socket;      // what this host has open for the packet, likewise
    int cast;        // the type of the destination, likewise
    bool has_mac;    // `mac` is said
    uint64_t mac;    // the source's
};

// Reads one set. On failure false, with `*bad` the word that does not fit and `*problem` what is wrong with it.
bool packets_parse(struct arena *arena, struct slice text, struct packets *packets, struct slice *bad,
                   const char **problem);
