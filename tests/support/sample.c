// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/sample.h"

#include <string.h>

#include "base/vec.h"

// xorshift64* (Vigna, 2014).
static uint64_t next(struct sampler *sampler)
{
    sampler->random ^= sampler->random >> 12;
    sampler->random ^= sampler->random << 25;
    sampler->random ^= sampler->random >> 27;
    return sampler->random * 0x2545F4914F6CDD1D;
}

uint64_t sampler_below(struct sampler *sampler, uint64_t limit)
{
    return (next(sampler) >> 11) % limit;
}

static bool once_in(struct sampler *sampler, unsigned odds)
{
    return sampler_below(sampler, odds) == 0;
}

// Edges.

static void add_edge(struct sampler *sampler, enum field field, field_value value)
{
    for (size_t i = 0; i < sampler->edges[field].count; i++)
        if (addr_compare(sampler->edges[field].items[i], value) == 0)
            return;
    *vec_push(sampler->arena, &sampler->edges[field]) = value;
}

static uint64_t largest(enum field field)
{
    static const uint8_t bits[FIELD_COUNT] = {
#define FIELD(id, width, name) width,
#include "meaning/fields.def"
#undef FIELD
    };

    return ((uint64_t)1 << bits[field]) - 1;
}

static void add_number(struct sampler *sampler, enum field field, uint64_t first, uint64_t last)
{
    add_edge(sampler, field, (field_value){0, first});
    add_edge(sampler, field, (field_value){0, last});
    if (first)
        add_edge(sampler, field, (field_value){0, first - 1});
    if (last < largest(field))
        add_edge(sampler, field, (field_value){0, last + 1});
}

static struct addr before(struct addr address)
{
    return (struct addr){address.high - !address.low, address.low - 1};
}

static struct addr after(struct addr address)
{
    return (struct addr){address.high + (address.low == UINT64_MAX), address.low + 1};
}

static void add_addresses(struct sampler *sampler, enum field field, struct addr_range range)
{
    add_edge(sampler, field, range.first);
    add_edge(sampler, field, range.last);
    if (range.first.high || range.first.low)
        add_edge(sampler, field, before(range.first));
    if (addr_compare(range.last, addr_max(sampler->space->family)) != 0)
        add_edge(sampler, field, after(range.last));
}

static const enum field address_fields[] = {FIELD_SOURCE, FIELD_DESTINATION};
static const enum field port_fields[] = {FIELD_SOURCE_PORT, FIELD_DESTINATION_PORT};

// An address of one side is worth a try on the other, and so is a port.
static void add_both_addresses(struct sampler *sampler, struct addr_range range)
{
    for (int side = 0; side < 2; side++)
        add_addresses(sampler, address_fields[side], range);
}

static void add_both_ports(struct sampler *sampler, struct port_range range)
{
    for (int side = 0; side < 2; side++)
        add_number(sampler, port_fields[side], range.first, range.last);
}

static void add_flags(struct sampler *sampler, uint8_t mask, uint8_t flags)
{
    add_edge(sampler, FIELD_FLAGS, (field_value){0, flags});
    add_edge(sampler, FIELD_FLAGS, (field_value){0, mask});
    add_edge(sampler, FIELD_FLAGS, (field_value){0, flags | (~mask & 0x3Fu)});
}

static void add_match(struct sampler *sampler, const struct match *match)
{
    switch (match->kind) {
    case MATCH_TCP:
    case MATCH_UDP:
    case MATCH_SCTP:
    case MATCH_DCCP:
    case MATCH_UDPLITE:
        for (int side = 0; side < 2; side++)
            if (match->transport.named[side])
                add_both_ports(sampler, match->transport.ports[side]);
        if (match->transport.flags_mask)
            add_flags(sampler, match->transport.flags_mask, match->transport.flags);
        break;
    case MATCH_MULTIPORT:
        for (size_t i = 0; i < match->multiport.count; i++)
            add_both_ports(sampler, match->multiport.items[i]);
        break;
    case MATCH_IPRANGE:
        for (int side = 0; side < 2; side++)
            if (match->iprange.ranges[side])
                add_both_addresses(sampler, *match->iprange.ranges[side]);
        break;
    case MATCH_ICMP:
    case MATCH_ICMPV6:
        add_number(sampler, FIELD_ICMP_TYPE, match->icmp.type, match->icmp.type);
        add_number(sampler, FIELD_ICMP_CODE, match->icmp.code_first, match->icmp.code_last);
        break;
    case MATCH_MAC:
        add_number(sampler, FIELD_MAC, match->mac.address, match->mac.address);
        add_number(sampler, FIELD_MAC, NO_MAC, NO_MAC);
        break;
    case MATCH_HOPLIMIT:
    case MATCH_TTL:
        add_number(sampler, FIELD_HOP_LIMIT, match->hoplimit.value, match->hoplimit.value);
        break;
    default:
        break;
    }
}

static void add_rule(struct sampler *sampler, const struct rule *rule)
{
    for (int side = 0; side < 2; side++)
        if (rule->addresses[side].prefix.bits)
            add_both_addresses(sampler, prefix_range(sampler->space->family, rule->addresses[side].prefix));
    if (rule->protocol)
        add_number(sampler, FIELD_PROTOCOL, rule->protocol, rule->protocol);
    for (size_t i = 0; i < rule->match_count; i++)
        add_match(sampler, &rule->matches[i]);
    *vec_push(sampler->arena, &sampler->rules) = rule;
}

void sampler_add(struct sampler *sampler, const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            for (size_t k = 0; k < ruleset->items[i].items[j]->count; k++)
                add_rule(sampler, &ruleset->items[i].items[j]->items[k]);
}

// What no rule needs to name: 127.0.0.1, a group, all ones, documentation addresses; ports of clients and of
// servers.
static void add_usual(struct sampler *sampler)
{
    static const struct addr usual[FAMILY_COUNT][7] = {{{0, 0},
                                                        {0, 0x7F000001},
                                                        {0, 0xE0000001},
                                                        {0, UINT32_MAX},
                                                        {0, 0xC6336409},
                                                        {0, 0xCB007105},
                                                        {0, 0x0A000001}},
                                                       {{0, 0},
                                                        {0, 1},
                                                        {0xFF02ULL << 48, 1},
                                                        {UINT64_MAX, UINT64_MAX},
                                                        {0x20010DB8ULL << 32, 9},
                                                        {0xFE80ULL << 48, 1},
                                                        {0xFC00ULL << 48, 1}}};
    static const uint64_t protocols[] = {0, 1, 6, 17, 33, 50, 58, 132, 136, 255},
                          ports[] = {0, 1, 80, 40000, 65535};

    for (size_t i = 0; i < 7; i++)
        add_both_addresses(
            sampler, (struct addr_range){usual[sampler->space->family][i], usual[sampler->space->family][i]});
    for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
        add_edge(sampler, FIELD_PROTOCOL, (field_value){0, protocols[i]});
    for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++)
        for (int side = 0; side < 2; side++)
            add_edge(sampler, port_fields[side], (field_value){0, ports[i]});
    add_number(sampler, FIELD_ICMP_CODE, 0, 0);
    add_number(sampler, FIELD_HOP_LIMIT, 64, 64);
    add_edge(sampler, FIELD_HOP_LIMIT, (field_value){0, 255});
    add_edge(sampler, FIELD_FLAGS, (field_value){0, TCP_SYN});
    add_edge(sampler, FIELD_FLAGS, (field_value){0, TCP_ACK});
    add_edge(sampler, FIELD_FLAGS, (field_value){0, TCP_RST});
}

void sampler_init(struct sampler *sampler, struct arena *arena, const struct packet_space *space,
                  uint64_t seed)
{
    *sampler = (struct sampler){.space = space, .arena = arena, .random = seed * 2 + 1};
    add_usual(sampler);
}

const struct rule *sampler_rule(struct sampler *sampler)
{
    return sampler->rules.count ? sampler->rules.items[sampler_below(sampler, sampler->rules.count)] : NULL;
}

// Values by chance: mostly edges.

static field_value any_value(struct sampler *sampler, enum field field)
{
    const size_t count = sampler->edges[field].count;

    if (count && !once_in(sampler, 8))
        return sampler->edges[field].items[sampler_below(sampler, count)];
    if (field != FIELD_SOURCE && field != FIELD_DESTINATION)
        return (field_value){0, next(sampler) & largest(field)};
    if (sampler->space->family == FAMILY_IPV4)
        return (field_value){0, next(sampler) & UINT32_MAX};
    return (field_value){next(sampler), next(sampler)};
}

static void set_any(struct sampler *sampler, enum field field, field_value *packet)
{
    packet[field] = any_value(sampler, field);
    if (field == FIELD_STATE)
        packet[field].low = sampler_below(sampler, PACKET_STATE_UNTRACKED);
    if (field == FIELD_IN || field == FIELD_OUT)
        packet[field].low = INTERFACE_OTHER + sampler_below(sampler, 1 + sampler->space->interfaces.count);
    if (field == FIELD_HELPER)
        packet[field].low = sampler_below(sampler, 1 + sampler->space->helpers.count);
    if (field == FIELD_FRAGMENT)
        packet[field].low = sampler_below(sampler, FRAGMENT_LATER + 1);
}

// Packets that fit a rule. What it asks the other way round is left to chance.

static void aim_at_addresses(struct sampler *sampler, enum field field, struct addr_range range,
                             field_value *packet)
{
    packet[field] = once_in(sampler, 2) ? range.first : range.last;
    if (field == FIELD_DESTINATION && packet[FIELD_DESTINATION_TYPE].low == DESTINATION_MULTICAST)
        packet[FIELD_DESTINATION_TYPE].low = DESTINATION_OTHER;
}

static void aim_at_ports(struct sampler *sampler, int side, struct port_range range, field_value *packet)
{
    packet[port_fields[side]].low =
        range.first + sampler_below(sampler, 1 + (uint64_t)range.last - range.first) * !once_in(sampler, 3);
}

static void aim_at_interface(struct sampler *sampler, enum field field, const char *pattern,
                             field_value *packet)
{
    const size_t count = sampler->space->interfaces.count, length = strlen(pattern),
                 known = length && pattern[length - 1] == '+' ? length - 1 : length + 1;
    const size_t from = sampler_below(sampler, count);

    for (size_t i = 0; i < count; i++)
        if (strncmp(sampler->space->interfaces.items[(from + i) % count], pattern, known) == 0) {
            packet[field].low = INTERFACE_NAMED + (from + i) % count;
            return;
        }
}

static void aim_at_states(struct sampler *sampler, unsigned states, field_value *packet)
{
    static const unsigned bits[] = {[PACKET_STATE_NEW] = STATE_NEW,
                                    [PACKET_STATE_ESTABLISHED] = STATE_ESTABLISHED,
                                    [PACKET_STATE_RELATED] = STATE_RELATED,
                                    [PACKET_STATE_INVALID] = STATE_INVALID};
    const unsigned from = (unsigned)sampler_below(sampler, 4);

    for (unsigned i = 0; i < 4; i++)
        if (states & bits[(from + i) % 4])
            packet[FIELD_STATE].low = (from + i) % 4;
}

// Of the destination; an address that is of the type follows where none is asked for.
static void aim_at_types(struct sampler *sampler, unsigned types, field_value *packet)
{
    const unsigned from = (unsigned)sampler_below(sampler, 3);

    for (unsigned i = 0; i < 3; i++)
        if (types >> (from + i) % 3 & 1)
            packet[FIELD_DESTINATION_TYPE].low = DESTINATION_LOCAL + (from + i) % 3;
}

static void aim_at_match(struct sampler *sampler, const struct match *match, field_value *packet)
{
    switch (match->kind) {
    case MATCH_TCP:
    case MATCH_UDP:
    case MATCH_SCTP:
    case MATCH_DCCP:
    case MATCH_UDPLITE:
        for (int side = 0; side < 2; side++)
            if (match->transport.named[side])
                aim_at_ports(sampler, side, match->transport.ports[side], packet);
        if (match->transport.flags_mask)
            packet[FIELD_FLAGS].low = (packet[FIELD_FLAGS].low & ~(uint64_t)match->transport.flags_mask) |
                                      (match->transport.flags_inverted ? 0 : match->transport.flags);
        break;
    case MATCH_MULTIPORT:
        if (match->multiport.count)
            aim_at_ports(sampler,
                         match->multiport.side == SIDE_EITHER ? once_in(sampler, 2)
                                                              : (int)match->multiport.side,
                         match->multiport.items[sampler_below(sampler, match->multiport.count)], packet);
        break;
    case MATCH_IPRANGE:
        for (int side = 0; side < 2; side++)
            if (match->iprange.ranges[side])
                aim_at_addresses(sampler, address_fields[side], *match->iprange.ranges[side], packet);
        break;
    case MATCH_ICMP:
    case MATCH_ICMPV6:
        packet[FIELD_ICMP_TYPE].low = match->icmp.type;
        packet[FIELD_ICMP_CODE].low = once_in(sampler, 2) ? match->icmp.code_first : match->icmp.code_last;
        break;
    case MATCH_ADDRTYPE:
        aim_at_types(sampler, match->addrtype.types, packet);
        break;
    case MATCH_CONNTRACK:
    case MATCH_STATE:
        aim_at_states(sampler, match->state.inverted ? ~match->state.states : match->state.states, packet);
        break;
    case MATCH_HELPER:
        for (size_t i = 0; i < sampler->space->helpers.count; i++)
            if (strcmp(sampler->space->helpers.items[i], match->helper.name) == 0)
                packet[FIELD_HELPER].low = i + 1;
        break;
    case MATCH_MAC:
        packet[FIELD_MAC].low = match->mac.address;
        break;
    case MATCH_SOCKET:
        packet[FIELD_SOCKET].low = SOCKET_WILDCARD + sampler_below(sampler, 3);
        break;
    case MATCH_HOPLIMIT:
    case MATCH_TTL:
        packet[FIELD_HOP_LIMIT].low = match->hoplimit.value;
        break;
    default:
        break;
    }
}

static void aim_at(struct sampler *sampler, const struct rule *rule, field_value *packet)
{
    for (int side = 0; side < 2; side++)
        if (rule->addresses[side].prefix.bits)
            aim_at_addresses(sampler, address_fields[side],
                             prefix_range(sampler->space->family, rule->addresses[side].prefix), packet);
    if (rule->in)
        aim_at_interface(sampler, FIELD_IN, rule->in, packet);
    if (rule->out)
        aim_at_interface(sampler, FIELD_OUT, rule->out, packet);
    if (rule->protocol)
        packet[FIELD_PROTOCOL].low = rule->protocol;
    for (size_t i = 0; i < rule->match_count; i++)
        aim_at_match(sampler, &rule->matches[i], packet);
}

// What there is at a hook. Where fields contradict each other, the type of the destination gives way, then
// the address.

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
        *address = family == FAMILY_IPV4 ? (struct addr){0, 0xE0000000 | (next(sampler) & 3)}
                                         : (struct addr){0xFF02ULL << 48, next(sampler) & 3};
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

static void settle(struct sampler *sampler, enum hook hook, field_value *packet)
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

void sampler_packet(struct sampler *sampler, enum hook hook, const struct rule *aim, field_value *packet)
{
    for (enum field field = 0; field < FIELD_COUNT; field++)
        set_any(sampler, field, packet);
    for (size_t i = 0; i < sampler->space->unknowns.count; i++) {
        const bool full = sampler->space->unknowns.items[i].kind == UNKNOWN_HASHLIMIT;

        packet[FIELD_COUNT + i] = (field_value){0, sampler_below(sampler, full ? 3 : 2)};
    }
    if (aim) {
        aim_at(sampler, aim, packet);
        if (once_in(sampler, 4))
            set_any(sampler, (enum field)sampler_below(sampler, FIELD_COUNT), packet);
    }
    settle(sampler, hook, packet);
}
