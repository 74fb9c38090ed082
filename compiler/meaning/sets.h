// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of packets that promises and findings are about, of any ruleset.
#pragma once

#include "meaning/rules.h"

// Packets for which an outcome is to accept; for which it is anything but "nothing is decided"; and to refuse.
diagram accepted_set(struct packet_space *space, diagram function);
diagram decided_set(struct packet_space *space, diagram function);
diagram refused_set(struct packet_space *space, diagram function);
diagram tracked_set(struct packet_space *space, diagram function); // of a hook's meaning

diagram as_untracked(struct packet_space *space, diagram filter);

diagram tcp_openings(struct packet_space *space); // SYN, and no ACK, RST or FIN
diagram icmp_errors(struct packet_space *space);  // about packets of this host
diagram path_mtu_errors(struct packet_space *space);
diagram neighbour_discovery(struct packet_space *space); // what a host must hear: none in IPv4
diagram by_loopback(struct packet_space *space);         // in or out of lo

// Off lo, for this host's own addresses: untracked as it comes in and tracked as the answer leaves, or the other way
// round. ICMP errors apart. `answers` is what raw does with these: rules_answers() or policy_answers().
diagram asymmetric_packets(struct packet_space *space, const struct meaning *meaning, diagram answers);

// Packets for other hosts that raw takes out of tracking.
diagram untracked_forwarded(struct packet_space *space, const struct meaning *meaning);

// What a hook accepts as UNTRACKED or INVALID and would not accept as NEW; ICMP errors and neighbour discovery apart.
diagram blanket_accepted(struct packet_space *space, const struct meaning *meaning, enum hook hook);

// What input accepts off lo without an ESTABLISHED or RELATED state, from this source port and not from every other.
diagram accepted_by_source_port(struct packet_space *space, const struct meaning *meaning);

// Of a set, the packets that a hook does not accept.
diagram refused_of(struct packet_space *space, const struct meaning *meaning, enum hook hook, diagram set);

// Path MTU errors that input refuses in some state, from senders of whom it accepts anything at all; neighbour discovery that
// a hook refuses.
diagram refused_path_mtu(struct packet_space *space, const struct meaning *meaning);
diagram refused_neighbours(struct packet_space *space, const struct meaning *meaning, enum hook hook);
