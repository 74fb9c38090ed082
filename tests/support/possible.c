// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which packets there are at a hook, said once more than by the program (meaning/domain.c). Where the fields of a packet made
// by chance contradict each other, the type of the destination gives way, then the address.
#include "support/sampling.h"

static bool is_multicast(enum family family, struct addr address)
{
    return family == FAMILY_IPV4 ? address.low >> 28 == 0xE : address.high >> 56 == 0xFF;
}

static bool is_loopback(enum family family, struct addr address)
{
    return family == FAMILY_IPV4 ? address.low >> 24 == 0x7F : !address.high && address.low == 1;
}

static bool is_broadcast(enum family family, struct addr address)
{
    return family == FAMILY_IPV4 && (address.low == UINT32_MAX || address.low == 0x7FFFFFFF);
}

static void settle_destination(struct sampler *sampler, enum hook hook, field_value *packet)
{
    const enum family family = sampler->space->family;
    struct addr *address = &packet[FIELD_DESTINATION];
    uint64_t *type = &packet[FIELD_DESTINATION_TYPE].low;

    if (*type == DESTINATION_MULTICAST && !is_multicast(family, *address))
        *address = family == FAMILY_IPV4 ? (struct addr){0, 0xE0000000 | (sampler_number(sampler) & 3)}
                                         : (struct addr){0xFF02ULL << 48, sampler_number(sampler) & 3};
    if (hook == HOOK_FORWARD && (is_loopback(family, *address) || is_broadcast(family, *address)))
        *address =
            family == FAMILY_IPV4 ? (struct addr){0, 0xC0000201} : (struct addr){0x20010DB8ULL << 32, 1};
    if (is_multicast(family, *address))
        *type = DESTINATION_MULTICAST;
    else if (is_broadcast(family, *address))
        *type = DESTINATION_BROADCAST;
    else if (is_loopback(family, *address))
        *type = DESTINATION_LOCAL;
    else if (hook == HOOK_FORWARD)
        *type = DESTINATION_OTHER;
    else if (*type == DESTINATION_BROADCAST)
        *type = family == FAMILY_IPV4 ? DESTINATION_BROADCAST : DESTINATION_LOCAL;
    else if (*type != DESTINATION_LOCAL)
        *type = hook == HOOK_INPUT ? DESTINATION_LOCAL : DESTINATION_OTHER;
}

// Headers of IPv6 that are not the protocol of a packet.
static bool is_extension(uint64_t protocol)
{
    return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60;
}

void sampler_settle(struct sampler *sampler, enum hook hook, field_value *packet)
{
    const struct packet_space *space = sampler->space;
    const uint64_t lo = packet_space_interface(space, "lo");
    const uint64_t protocol = packet[FIELD_PROTOCOL].low, state = packet[FIELD_STATE].low,
                   icmp = space->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;

    settle_destination(sampler, hook, packet);
    if (hook == HOOK_OUTPUT)
        packet[FIELD_IN].low = INTERFACE_NONE;
    if (hook == HOOK_OUTPUT || packet[FIELD_IN].low == lo)
        packet[FIELD_MAC].low = NO_MAC;
    if (hook == HOOK_INPUT)
        packet[FIELD_OUT].low = INTERFACE_NONE;
    if (hook != HOOK_INPUT || (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP && protocol != icmp))
        packet[FIELD_SOCKET].low = SOCKET_NONE;
    if (space->family == FAMILY_IPV6 && is_extension(protocol))
        packet[FIELD_PROTOCOL].low = PROTOCOL_UDP;
    if (space->defragments || (hook == HOOK_INPUT && space->family == FAMILY_IPV4))
        packet[FIELD_FRAGMENT].low = FRAGMENT_NONE;
    if (state != PACKET_STATE_ESTABLISHED && state != PACKET_STATE_RELATED)
        packet[FIELD_HELPER].low = 0;
}

static bool possible_type(enum family family, enum hook hook, const field_value *packet)
{
    const struct addr address = packet[FIELD_DESTINATION];

    switch (packet[FIELD_DESTINATION_TYPE].low) {
    case DESTINATION_MULTICAST:
        return is_multicast(family, address);
    case DESTINATION_LOCAL:
        return hook != HOOK_FORWARD && !is_multicast(family, address) && !is_broadcast(family, address);
    case DESTINATION_BROADCAST:
        return hook != HOOK_FORWARD && family == FAMILY_IPV4 && !is_multicast(family, address) &&
               (!is_loopback(family, address) || is_broadcast(family, address));
    default:
        return hook != HOOK_INPUT && !is_multicast(family, address) && !is_broadcast(family, address) &&
               !is_loopback(family, address);
    }
}

static bool possible_interface(const struct packet_space *space, uint64_t number, bool there)
{
    return there ? number != INTERFACE_NONE && number < INTERFACE_NAMED + space->interfaces.count
                 : number == INTERFACE_NONE;
}

bool packet_possible(const struct packet_space *space, enum hook hook, const field_value *packet)
{
    const uint64_t protocol = packet[FIELD_PROTOCOL].low, state = packet[FIELD_STATE].low;
    const bool has_socket =
        hook == HOOK_INPUT && (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP ||
                               protocol == (space->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6));
    const bool whole = space->defragments || (hook == HOOK_INPUT && space->family == FAMILY_IPV4);
    const bool has_helper = state == PACKET_STATE_ESTABLISHED || state == PACKET_STATE_RELATED;

    for (size_t i = 0; i < space->unknowns.count; i++)
        if (packet[FIELD_COUNT + i].low >
            (space->unknowns.items[i].kind == UNKNOWN_HASHLIMIT ? LIMIT_FULL : 1u))
            return false;
    return possible_type(space->family, hook, packet) &&
           possible_interface(space, packet[FIELD_IN].low, hook != HOOK_OUTPUT) &&
           possible_interface(space, packet[FIELD_OUT].low, hook != HOOK_INPUT) &&
           (space->family == FAMILY_IPV4 || !is_extension(protocol)) && state <= PACKET_STATE_INVALID &&
           (has_socket || packet[FIELD_SOCKET].low == SOCKET_NONE) &&
           packet[FIELD_FRAGMENT].low <= (whole ? FRAGMENT_NONE : FRAGMENT_LATER) &&
           packet[FIELD_HELPER].low <= (has_helper ? space->helpers.count : 0) &&
           ((hook != HOOK_OUTPUT && packet[FIELD_IN].low != packet_space_interface(space, "lo")) ||
            packet[FIELD_MAC].low == NO_MAC);
}
