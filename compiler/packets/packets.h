// SPDX-License-Identifier: GPL-2.0-or-later
//
// The notation for sets of packets, in the words of pf and tcpdump:
//
//   [in IF] [out IF] [PROTOCOL] [from ADDRESS] [port P] [to ADDRESS] [port P] [type T] [code C] [STATE...] [FLAG...]
//   [hop N] [fragment none/first/later] [socket none/wildcard/bound/connected] [cast local/broadcast/multicast/other]
//   [mac ADDRESS]
//
// Interfaces, protocols, addresses, ports and numbers are lists with commas, and `not` before a list is all that it leaves
// out; so it is before a state. A protocol is a name or a number, with `protocol` before it or without. Flags: see flags.h.
// For example `in eth0 tcp from 2001:db8::/32 port 1024-65535 to port 22 new`. Both interfaces: the packet is forwarded;
// `in` alone or neither: it is for this host; `out` alone: it leaves this host.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/byte_set.h"
#include "base/ports.h"
#include "base/text.h"

enum packet_state {
    PACKET_NEW = 1 << 0,
    PACKET_ESTABLISHED = 1 << 1,
    PACKET_RELATED = 1 << 2,
    PACKET_INVALID = 1 << 3,
    PACKET_UNTRACKED = 1 << 4,
};

// Words of the notation, in the order of the values that they stand for; a NULL ends them.
extern const char *const packet_state_words[], *const packet_fragment_words[], *const packet_socket_words[],
                                                                                   *const packet_cast_words[];

// Interfaces by name. `any` is said without one.
struct packet_interfaces {
    const char **items;
    size_t count, capacity;
    bool said;
    bool inverted; // all but these
};

// What is left out stands for all values, or for what the reader of the set takes as usual.
struct packets {
    struct packet_interfaces in, out;
    struct byte_set protocols;        // empty: left out
    unsigned families;                // a bit for each that what is said of protocols is about; 0: both
    bool from_any, to_any;            // `from any`, `to any`
    const struct addr_set *from, *to; // NULL: left out, or any
    struct port_set from_ports, to_ports;
    struct byte_set types, codes; // of ICMP; empty: left out
    struct byte_set hop_limits;   // or times to live; empty: left out
    unsigned states;              // of enum packet_state; 0: left out
    uint64_t flags;               // combinations of TCP flags, see flags.h; 0: left out
    unsigned fragments;           // a bit for each word of the notation, in its order; 0: left out
    unsigned sockets;             // what this host has open for the packet, likewise
    unsigned casts;               // the type of the destination, likewise
    bool has_mac;                 // `mac` is said
    uint64_t mac;                 // the source's
};

// Whether packets come, or leave, by that interface alone.
bool packets_only_by(const struct packet_interfaces *interfaces, const char *name);

// Reads one set. On failure false, with `*bad` the word that does not fit and `*problem` what is wrong with it.
bool packets_parse(struct arena *arena, struct slice text, struct packets *packets, struct slice *bad,
                   const char **problem);
