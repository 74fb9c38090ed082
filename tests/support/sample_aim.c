// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets that fit a rule. What it asks the other way round is left to chance.
#include <string.h>

#include "ipset/ipset.h"
#include "support/sampling.h"

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

static void aim_at_set(struct sampler *sampler, const struct match *match, field_value *packet)
{
    const struct ipset *set = match->set.set;
    const struct ipset_type *type = &ipset_types[set->kind];
    const struct ipset_member *member;

    if (!set->count || (type->addresses && set->family != sampler->space->family))
        return;
    member = &set->members[sampler_below(sampler, set->count)];
    if (type->addresses)
        aim_at_addresses(sampler, address_fields[match->set.sides[0]],
                         prefix_range(set->family, member->prefix), packet);
    if (type->ports)
        packet[port_fields[match->set.sides[type->addresses]]].low = member->port;
    if (type->ports && type->addresses)
        packet[FIELD_PROTOCOL].low = member->protocol;
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
    case MATCH_SET:
        aim_at_set(sampler, match, packet);
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

void sampler_aim(struct sampler *sampler, const struct rule *rule, field_value *packet)
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
