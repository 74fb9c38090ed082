// SPDX-License-Identifier: GPL-2.0-or-later
//
// IANA protocol numbers and the words for them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { PROTOCOL_ANY = 0, PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58 };

// TCP flags (RFC 9293, 3.1).
enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10, TCP_URG = 0x20 };

// A segment that opens a connection has SYN of these, and no other: what iptables calls --syn.
#define TCP_OPENING_MASK (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)

// The number of a protocol's name or of decimal digits, 1 to 255; 0 where it is neither.
uint8_t protocol_find(struct slice word);

// The name that iptables-save prints on every host, from its own list; NULL where it asks /etc/protocols.
const char *protocol_builtin_name(uint8_t number);

// A name for people; NULL where there is none.
const char *protocol_name(uint8_t number);

// Whether packets of the protocol bear ports where the rules look for them (IANA; RFC 9293, 768, 4340, 9260, 3828).
bool protocol_has_ports(uint8_t number);

// All names, ended by NULL.
extern const char *const protocol_names[];
