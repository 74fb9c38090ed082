// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which packets there are at a hook.
#include "meaning/space.h"

static diagram between(struct packet_space *space, enum field field, uint64_t first, uint64_t last,
                       diagram inside, diagram outside)
{
    const struct addr_range range = {{0, first}, {0, last}};

    return diagram_test(space->diagrams, field, &range, 1, inside, outside);
}

// Multicast (RFC 5771, RFC 4291), this host's loopback (RFC 1122, RFC 4291), and broadcast: that of the loopback network,
// which the kernel keeps beside its addresses (net/ipv4/fib_frontend.c, fib_add_ifaddr), and the limited one (RFC 919).
static const struct addr_range multicast[FAMILY_COUNT] = {{{0, 0xE0000000}, {0, 0xEFFFFFFF}},
                                                          {{0xFFULL << 56, 0}, {UINT64_MAX, UINT64_MAX}}};
static const struct addr_range loopback[FAMILY_COUNT] = {{{0, 0x7F000000}, {0, 0x7FFFFFFF}},
                                                         {{0, 1}, {0, 1}}};
static const struct addr_range broadcasts[] = {{{0, 0x7FFFFFFF}, {0, 0x7FFFFFFF}},
                                               {{0, UINT32_MAX}, {0, UINT32_MAX}}};

// What routing can see in a destination at a hook: a multicast address in a multicast address, and so on; an address of
// a subnet can be its broadcast address, of which IPv6 has none. What is forwarded is for another host.
static diagram destinations(struct packet_space *space, enum hook hook)
{
    const enum family family = space->family;
    const diagram all = set_all(space), none = set_none(space);
    diagram is[DESTINATION_OTHER + 1], rest = none;

    for (unsigned type = 0; type <= DESTINATION_OTHER; type++)
        is[type] = between(space, FIELD_DESTINATION_TYPE, type, type, all, none);
    if (hook == HOOK_FORWARD)
        is[DESTINATION_LOCAL] = is[DESTINATION_BROADCAST] = none;
    if (family == FAMILY_IPV6)
        is[DESTINATION_BROADCAST] = none;
    if (hook != HOOK_FORWARD)
        rest = set_or(space, is[DESTINATION_LOCAL], is[DESTINATION_BROADCAST]);
    if (hook != HOOK_INPUT)
        rest = set_or(space, rest, is[DESTINATION_OTHER]);
    rest = choose(space, diagram_test(space->diagrams, FIELD_DESTINATION, &loopback[family], 1, all, none),
                  is[DESTINATION_LOCAL], rest);
    if (family == FAMILY_IPV4)
        rest = choose(space, diagram_test(space->diagrams, FIELD_DESTINATION, broadcasts, 2, all, none),
                      is[DESTINATION_BROADCAST], rest);
    return choose(space, diagram_test(space->diagrams, FIELD_DESTINATION, &multicast[family], 1, all, none),
                  is[DESTINATION_MULTICAST], rest);
}

// The kernel looks for sockets of TCP and UDP, and of what an ICMP error quotes (net/netfilter/xt_socket.c). Ahead of
// forwarding and behind a program of this host there is none to look for.
static diagram sockets(struct packet_space *space, enum hook hook)
{
    const diagram all = set_all(space), none = set_none(space);
    const diagram no_socket = between(space, FIELD_SOCKET, SOCKET_NONE, SOCKET_NONE, all, none);
    diagram some;

    if (hook != HOOK_INPUT)
        return no_socket;
    some = between(space, FIELD_PROTOCOL, PROTOCOL_UDP, PROTOCOL_UDP, all, no_socket);
    some = set_or(space, some, between(space, FIELD_PROTOCOL, PROTOCOL_TCP, PROTOCOL_TCP, all, none));
    return space->family == FAMILY_IPV4
               ? set_or(space, some, between(space, FIELD_PROTOCOL, PROTOCOL_ICMP, PROTOCOL_ICMP, all, none))
               : set_or(space, some,
                        between(space, FIELD_PROTOCOL, PROTOCOL_ICMPV6, PROTOCOL_ICMPV6, all, none));
}

// Of IPv6 the protocol is what stands behind the extension headers, which is none of these (net/ipv6/exthdrs_core.c,
// ipv6_find_hdr): hop-by-hop options, routing, fragment, destination options. The authentication header is a protocol to
// nf_tables, and one more of these to legacy tables.
static diagram protocols(struct packet_space *space)
{
    static struct addr_range headers[] = {{{0, 0}, {0, 0}}, {{0, 43}, {0, 44}}, {{0, 60}, {0, 60}}};

    return space->family == FAMILY_IPV6
               ? diagram_test(space->diagrams, FIELD_PROTOCOL, headers, 3, set_none(space), set_all(space))
               : set_all(space);
}

diagram hook_domain(struct packet_space *space, enum hook hook)
{
    const diagram all = set_all(space), none = set_none(space);
    const uint64_t last_interface = INTERFACE_NAMED + space->interfaces.count - 1;
    // Only what belongs to a connection, or is related to one, can have a helper.
    const diagram no_helper = between(space, FIELD_HELPER, 0, 0, all, none);
    const diagram helpers = between(space, FIELD_HELPER, 0, space->helpers.count, all, none);
    static const struct addr_range states[] = {{{0, PACKET_STATE_NEW}, {0, PACKET_STATE_NEW}},
                                               {{0, PACKET_STATE_ESTABLISHED}, {0, PACKET_STATE_RELATED}},
                                               {{0, PACKET_STATE_INVALID}, {0, PACKET_STATE_INVALID}}};
    const diagram by_state[] = {no_helper, helpers, no_helper};
    diagram domain = diagram_switch(space->diagrams, FIELD_STATE, states, by_state, 3, none);

    domain =
        set_and(space, domain,
                hook == HOOK_OUTPUT ? between(space, FIELD_IN, INTERFACE_NONE, INTERFACE_NONE, all, none)
                                    : between(space, FIELD_IN, INTERFACE_OTHER, last_interface, all, none));
    domain =
        set_and(space, domain,
                hook == HOOK_INPUT ? between(space, FIELD_OUT, INTERFACE_NONE, INTERFACE_NONE, all, none)
                                   : between(space, FIELD_OUT, INTERFACE_OTHER, last_interface, all, none));
    domain = set_and(space, domain, destinations(space, hook));
    domain = set_and(space, domain, sockets(space, hook));

    // IPv4 packets for this host are put together before INPUT, whatever else happens (net/ipv4/ip_input.c). Left out is
    // IPv6 in pieces by lo: what the tracker saw as one is cut again on its way out, and only raw sockets send such.
    const bool whole = space->defragments || (hook == HOOK_INPUT && space->family == FAMILY_IPV4);

    domain = set_and(
        space, domain,
        between(space, FIELD_FRAGMENT, FRAGMENT_NONE, whole ? FRAGMENT_NONE : FRAGMENT_LATER, all, none));
    domain = set_and(space, domain, protocols(space));
    for (size_t i = 0; i < space->unknowns.count; i++)
        if (space->unknowns.items[i].kind == UNKNOWN_HASHLIMIT)
            domain =
                set_and(space, domain,
                        between(space, (enum field)(FIELD_COUNT + i), LIMIT_WITHIN, LIMIT_FULL, all, none));
    // What leaves has no MAC yet; forwarded packets still have the one they came with.
    const diagram no_mac = between(space, FIELD_MAC, NO_MAC, NO_MAC, all, none);
    const uint64_t lo = packet_space_interface(space, "lo");

    return set_and(space, domain,
                   hook == HOOK_OUTPUT ? no_mac : between(space, FIELD_IN, lo, lo, no_mac, all));
}

// Documentation addresses (RFC 5737, RFC 3849), a port a client would have, a TCP connection that opens.
const field_value *usual_packet(struct packet_space *space, enum hook hook)
{
    field_value *packet = arena_calloc(space->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    const bool ipv4 = space->family == FAMILY_IPV4;
    const field_value peer = ipv4 ? (field_value){0, 0xC6336409} : (field_value){0x20010DB8ULL << 32, 9};
    const field_value own = ipv4 ? (field_value){0, 0xC0000201} : (field_value){0x20010DB8ULL << 32 | 1, 1};

    packet[FIELD_STATE].low = PACKET_STATE_NEW;
    packet[FIELD_IN].low = hook == HOOK_OUTPUT ? INTERFACE_NONE : INTERFACE_OTHER;
    packet[FIELD_OUT].low = hook == HOOK_INPUT ? INTERFACE_NONE : INTERFACE_OTHER;
    packet[FIELD_PROTOCOL].low = PROTOCOL_TCP;
    packet[FIELD_SOURCE] = hook == HOOK_OUTPUT ? own : peer;
    packet[FIELD_DESTINATION] = hook == HOOK_OUTPUT ? peer : own;
    packet[FIELD_SOURCE_PORT].low = 40000;
    packet[FIELD_DESTINATION_PORT].low = 8080;
    packet[FIELD_DESTINATION_TYPE].low = hook == HOOK_INPUT ? DESTINATION_LOCAL : DESTINATION_OTHER;
    packet[FIELD_FLAGS].low = TCP_SYN;
    packet[FIELD_ICMP_TYPE].low = ipv4 ? 8 : 128; // echo request (RFC 792, RFC 4443)
    packet[FIELD_HOP_LIMIT].low = 64;
    packet[FIELD_SOCKET].low = SOCKET_NONE;
    packet[FIELD_MAC].low = NO_MAC;
    return packet;
}
