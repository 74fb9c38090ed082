// SPDX-License-Identifier: GPL-2.0-or-later
//
// Edges: values that a rule names, and those beside them.
#include "base/vec.h"
#include "ipset/ipset.h"
#include "support/sampling.h"

static void add_edge(struct sampler *sampler, enum field field, field_value value)
{
    for (size_t i = 0; i < sampler->edges[field].count; i++)
        if (addr_compare(sampler->edges[field].items[i], value) == 0)
            return;
    *vec_push(sampler->arena, &sampler->edges[field]) = value;
}

static void add_number(struct sampler *sampler, enum field field, uint64_t first, uint64_t last)
{
    add_edge(sampler, field, (field_value){0, first});
    add_edge(sampler, field, (field_value){0, last});
    if (first)
        add_edge(sampler, field, (field_value){0, first - 1});
    if (last < field_last(sampler->space->family, field).low)
        add_edge(sampler, field, (field_value){0, last + 1});
}

static void add_addresses(struct sampler *sampler, enum field field, struct addr_range range)
{
    add_edge(sampler, field, range.first);
    add_edge(sampler, field, range.last);
    if (range.first.high || range.first.low)
        add_edge(sampler, field, addr_previous(range.first));
    if (addr_compare(range.last, addr_max(sampler->space->family)) != 0)
        add_edge(sampler, field, addr_next(range.last));
}

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

// The first, the last and some between: of many more, most packets are aimed at members anyway.
#define MEMBERS 16
static void add_set(struct sampler *sampler, const struct ipset *set)
{
    const struct ipset_type *type = &ipset_types[set->kind];

    if (type->addresses && set->family != sampler->space->family)
        return;
    for (size_t i = 0; i < set->count; i += 1 + (set->count - i > MEMBERS ? set->count / MEMBERS : 0)) {
        const struct ipset_member *member = &set->members[i];

        if (type->addresses)
            add_both_addresses(sampler, prefix_range(set->family, member->prefix));
        if (type->ports)
            add_both_ports(sampler, (struct port_range){member->port, member->port});
        if (type->ports && type->addresses)
            add_number(sampler, FIELD_PROTOCOL, member->protocol, member->protocol);
    }
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
    case MATCH_SET:
        add_set(sampler, match->set.set);
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
void sampler_add_usual(struct sampler *sampler)
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
