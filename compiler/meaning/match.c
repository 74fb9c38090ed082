// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/match.h"

#include <stdlib.h>

#include "base/vec.h"
#include "meaning/match_set.h"

// The matches of protocols look into the first fragment alone (net/netfilter/xt_tcpudp.c, xt_multiport.c: fragoff).
static void whole_or_first(struct cube *cube)
{
    cube_values(cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
}

static void add_ranges(struct cube *cube, enum field field, const struct range_list *ranges, bool inverted)
{
    if (inverted)
        cube_not_ranges(cube, field, ranges);
    else
        cube_ranges(cube, field, ranges);
}

static void add_range(struct cube *cube, enum field field, struct addr_range range, bool inverted)
{
    struct addr_range *kept = arena_alloc(cube->view->scratch, sizeof(*kept));

    *kept = range;
    add_ranges(cube, field, &(struct range_list){kept, 1, 1}, inverted);
}

static void add_number(struct cube *cube, enum field field, uint64_t first, uint64_t last, bool inverted)
{
    add_range(cube, field, (struct addr_range){{0, first}, {0, last}}, inverted);
}

static void add_header(struct cube *cube, const struct rule *rule)
{
    const enum family family = cube->view->space->family;

    for (int side = 0; side < 2; side++)
        if (rule->addresses[side].prefix.bits)
            add_range(cube, address_fields[side], prefix_range(family, rule->addresses[side].prefix),
                      rule->addresses[side].inverted);
        else if (rule->addresses[side].inverted)
            cube->never = true; // not any address
    for (int side = 0; side < 2 && rule->sets; side++) {
        if (rule->sets->addresses[side])
            cube_ranges(cube, address_fields[side], rule->sets->addresses[side]);
        if (rule->sets->ports[side].count)
            whole_or_first(cube);
        cube_ports(cube, port_fields[side], &rule->sets->ports[side]);
    }
    cube_interface(cube, FIELD_IN, rule->in, rule->in_inverted);
    cube_interface(cube, FIELD_OUT, rule->out, rule->out_inverted);
    if (rule->protocol)
        add_number(cube, FIELD_PROTOCOL, rule->protocol, rule->protocol, rule->protocol_inverted);
    if (rule->later_fragments)
        add_number(cube, FIELD_FRAGMENT, FRAGMENT_LATER, FRAGMENT_LATER, rule->later_fragments_inverted);
}

static void add_transport(struct cube *cube, const struct match *match)
{
    whole_or_first(cube);
    for (int side = 0; side < 2; side++)
        if (match->transport.named[side])
            add_number(cube, port_fields[side], match->transport.ports[side].first,
                       match->transport.ports[side].last, match->transport.inverted[side]);
    if (match->transport.flags_mask)
        cube_flags(cube, match->transport.flags_mask, match->transport.flags,
                   match->transport.flags_inverted);
}

static int compare_ranges(const void *a, const void *b)
{
    return addr_compare(((const struct addr_range *)a)->first, ((const struct addr_range *)b)->first);
}

// As people write them: in any order, and overlapping.
static struct range_list sorted_ports(struct cube *cube, const struct match *match)
{
    struct range_list list = {0};
    size_t kept = 0;

    for (size_t i = 0; i < match->multiport.count; i++)
        *vec_push(cube->view->scratch, &list) =
            (struct addr_range){{0, match->multiport.items[i].first}, {0, match->multiport.items[i].last}};
    if (list.count)
        qsort(list.items, list.count, sizeof(*list.items), compare_ranges);
    for (size_t i = 0; i < list.count; i++)
        if (kept && list.items[i].first.low <= list.items[kept - 1].last.low + 1)
            list.items[kept - 1].last.low = list.items[i].last.low > list.items[kept - 1].last.low
                                                ? list.items[i].last.low
                                                : list.items[kept - 1].last.low;
        else
            list.items[kept++] = list.items[i];
    list.count = kept;
    return list;
}

static void add_multiport(struct cube *cube, const struct match *match)
{
    const struct range_list ports = sorted_ports(cube, match);

    whole_or_first(cube);
    if (match->multiport.side != SIDE_EITHER) {
        add_ranges(cube, port_fields[match->multiport.side], &ports, match->multiport.inverted);
    } else if (match->multiport.inverted) { // neither is one of them
        cube_not_ranges(cube, FIELD_SOURCE_PORT, &ports);
        cube_not_ranges(cube, FIELD_DESTINATION_PORT, &ports);
    }
}

// Types and codes: an inverted pair is no single range of either, so that `any_of` gets the other part.
static void add_icmp(struct cube *cube, const struct match *match)
{
    whole_or_first(cube);
    if (match->icmp.any) {
        cube->never = cube->never || match->icmp.inverted;
        return;
    }

    const bool every_code = match->icmp.code_first == 0 && match->icmp.code_last == UINT8_MAX;

    if (match->icmp.inverted && !every_code)
        return; // rule_function() subtracts it
    add_number(cube, FIELD_ICMP_TYPE, match->icmp.type, match->icmp.type, match->icmp.inverted);
    if (!every_code)
        add_number(cube, FIELD_ICMP_CODE, match->icmp.code_first, match->icmp.code_last, false);
}

// IPv4 asks for one of the types, IPv6 for all of them (net/netfilter/xt_addrtype.c, match_type6), and a destination has
// one.
static void add_addrtype(struct cube *cube, const struct match *match)
{
    const unsigned types = match->addrtype.types;
    const bool several = types & (types - 1);
    const bool impossible =
        cube->view->space->family == FAMILY_IPV6 && (several || types & ADDRTYPE_BROADCAST);
    uint64_t bits = 0;

    if (types & ADDRTYPE_LOCAL)
        bits |= 1 << DESTINATION_LOCAL;
    if (types & ADDRTYPE_BROADCAST)
        bits |= 1 << DESTINATION_BROADCAST;
    if (types & ADDRTYPE_MULTICAST)
        bits |= 1 << DESTINATION_MULTICAST;
    if (impossible)
        bits = 0;
    if (match->addrtype.inverted)
        bits = ~bits & 0xF;
    if (!bits)
        cube->never = true;
    // In the mirror the destination is the peer, which is none of this host's.
    else if (cube->view->mirrored)
        cube->never = cube->never || !(bits >> DESTINATION_OTHER & 1);
    else
        cube_bits(cube, FIELD_DESTINATION_TYPE, bits);
}

static void add_states(struct cube *cube, const struct match *match)
{
    static const struct {
        unsigned state, value;
    } values[] = {{STATE_NEW, PACKET_STATE_NEW},
                  {STATE_ESTABLISHED, PACKET_STATE_ESTABLISHED},
                  {STATE_RELATED, PACKET_STATE_RELATED},
                  {STATE_INVALID, PACKET_STATE_INVALID},
                  {STATE_UNTRACKED, PACKET_STATE_UNTRACKED}};
    uint64_t bits = 0;

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        if (!!(match->state.states & values[i].state) != match->state.inverted)
            bits |= (uint64_t)1 << values[i].value;
    if (bits)
        cube_bits(cube, FIELD_STATE, bits);
    else
        cube->never = true;
}

// Forwarding takes one hop before FORWARD and POSTROUTING look at the packet (net/ipv4/ip_forward.c; net/ipv6/ip6_output.c,
// ip6_forward). The field is the packet's as it comes in.
static uint64_t hops_spent(const struct view *view)
{
    return view->hook == HOOK_FORWARD && !view->raw && !view->unrouted ? 1 : 0;
}

static void add_hoplimit(struct cube *cube, const struct match *match)
{
    const uint64_t value = match->hoplimit.value + hops_spent(cube->view);
    uint64_t first = 0, end = UINT8_MAX + 1;

    if (match->hoplimit.comparison != COMPARE_LESS)
        first = match->hoplimit.comparison == COMPARE_EQUAL ? value : value + 1;
    if (match->hoplimit.comparison != COMPARE_GREATER && value < UINT8_MAX + 1)
        end = match->hoplimit.comparison == COMPARE_EQUAL ? value + 1 : value;
    if (first < end)
        add_number(cube, FIELD_HOP_LIMIT, first, end - 1, match->hoplimit.inverted);
    else
        cube->never = cube->never || !match->hoplimit.inverted;
}

static void add_hashlimit(struct cube *cube, const struct match *match, bool above, bool buckets)
{
    cube_unknown(cube, (struct unknown_test){
                           .unknown = packet_space_match(cube->view->space, match),
                           .values = 1U << (above ? LIMIT_OVER : LIMIT_WITHIN),
                           .drops_full = buckets,
                       });
}

static void add_match(struct cube *cube, const struct match *match)
{
    struct packet_space *space = cube->view->space;

    switch (match->kind) {
    case MATCH_TCP:
    case MATCH_UDP:
    case MATCH_SCTP:
    case MATCH_DCCP:
    case MATCH_UDPLITE:
        add_transport(cube, match);
        break;
    case MATCH_MULTIPORT:
        add_multiport(cube, match);
        break;
    case MATCH_IPRANGE:
        for (int side = 0; side < 2; side++)
            if (match->iprange.ranges[side])
                add_range(cube, address_fields[side], *match->iprange.ranges[side],
                          match->iprange.inverted[side]);
        break;
    case MATCH_ICMP:
    case MATCH_ICMPV6:
        add_icmp(cube, match);
        break;
    case MATCH_ADDRTYPE:
        add_addrtype(cube, match);
        break;
    case MATCH_CONNTRACK:
    case MATCH_STATE:
        add_states(cube, match);
        break;
    case MATCH_HELPER:
        cube_helper(cube, match->helper.name, match->helper.inverted);
        break;
    case MATCH_MAC: // without one the match fails, either way (net/netfilter/xt_mac.c)
        add_number(cube, FIELD_MAC, match->mac.address, match->mac.address, match->mac.inverted);
        cube_values(cube, FIELD_MAC, 0, NO_MAC - 1);
        break;
    case MATCH_SOCKET:
        cube_values(cube, FIELD_SOCKET, match->nowildcard ? SOCKET_WILDCARD : SOCKET_BOUND, SOCKET_CONNECTED);
        break;
    case MATCH_HOPLIMIT:
    case MATCH_TTL:
        add_hoplimit(cube, match);
        break;
    case MATCH_SET:
        add_set(cube, match);
        break;
    case MATCH_FRAGMENT:
        cube_values(cube, FIELD_FRAGMENT, FRAGMENT_FIRST,
                    match->fragment_first ? FRAGMENT_FIRST : FRAGMENT_LATER);
        break;
    case MATCH_LIMIT:
        add_hashlimit(cube, match, false, false);
        break;
    case MATCH_HASHLIMIT:
        add_hashlimit(cube, match, match->limit.above, match->limit.per_source);
        break;
    case MATCH_HASHLIMIT_TEXT:
        add_hashlimit(cube, match, match->hashlimit.above, match->hashlimit.buckets);
        break;
    case MATCH_OPAQUE:
        cube_unknown(cube, (struct unknown_test){packet_space_match(space, match), 1U << UNKNOWN_YES, false});
        break;
    case MATCH_COMMENT:
    case MATCH_COUNT:
        break;
    }
}

// The header and the first `count` matches as one cube.
static void add_rule(struct cube *cube, const struct rule *rule, size_t count)
{
    add_header(cube, rule);
    for (size_t i = 0; i < count; i++)
        add_match(cube, &rule->matches[i]);
}

// The packets that a match is about and that are no single cube: a port of either side, all but one pair of type and code,
// some sets.
static bool needs_parts(const struct packet_space *space, const struct match *match)
{
    const bool either =
        match->kind == MATCH_MULTIPORT && match->multiport.side == SIDE_EITHER && !match->multiport.inverted;
    const bool pair = (match->kind == MATCH_ICMP || match->kind == MATCH_ICMPV6) && match->icmp.inverted &&
                      !match->icmp.any && (match->icmp.code_first != 0 || match->icmp.code_last != UINT8_MAX);

    return either || pair || (match->kind == MATCH_SET && set_needs_parts(space, match));
}

static diagram match_parts(const struct view *view, const struct match *match)
{
    struct packet_space *space = view->space;
    struct match part = *match;
    struct cube cube;
    diagram parts = set_none(space);

    if (match->kind == MATCH_SET)
        return set_packets(view, match);
    for (int side = 0; side < 2; side++) {
        cube_begin(&cube, view);
        if (match->kind == MATCH_MULTIPORT) {
            part.multiport.side = (enum side)side;
            add_multiport(&cube, &part);
        } else {
            part.icmp.inverted = false;
            add_icmp(&cube, &part);
        }
        parts = set_or(space, parts, cube_function(&cube, 1, 1));
    }
    return match->kind == MATCH_MULTIPORT ? parts : set_minus(space, set_all(space), parts);
}

static bool fills_table(const struct match *match)
{
    return (match->kind == MATCH_HASHLIMIT && match->limit.per_source) ||
           (match->kind == MATCH_HASHLIMIT_TEXT && match->hashlimit.buckets);
}

static bool is_last(const struct rule *rule, size_t index)
{
    while (++index < rule->match_count)
        if (rule->matches[index].kind != MATCH_COMMENT)
            return false;
    return true;
}

// The header and the first `count` matches, of packets that no table drops.
static diagram passing(const struct view *view, const struct rule *rule, size_t count,
                       const struct unknown_test *also, uint32_t inside)
{
    struct cube cube;
    diagram function;

    cube_begin(&cube, view);
    add_rule(&cube, rule, count);
    if (also)
        cube_unknown(&cube, *also);
    for (size_t i = 0; i < cube.unknowns.count; i++)
        cube.unknowns.items[i].drops_full = false;
    function = cube_function(&cube, inside, 0);
    for (size_t i = 0; i < count; i++)
        if (needs_parts(view->space, &rule->matches[i]))
            function = only_where(view->space, match_parts(view, &rule->matches[i]), function);
    return function;
}

// A full table drops what comes to its match: what passed those before it, whatever those behind it ask.
static diagram dropped_on_the_way(const struct view *view, const struct rule *rule, uint32_t full)
{
    diagram dropped = set_none(view->space);

    for (size_t i = 0; i < rule->match_count; i++) {
        struct unknown_test test = {.values = 1U << LIMIT_FULL};

        if (!fills_table(&rule->matches[i]))
            continue;
        test.unknown = packet_space_match(view->space, &rule->matches[i]);
        dropped = first_of(view->space, dropped, passing(view, rule, i, &test, full));
    }
    return dropped;
}

static bool add_cube(struct cube *cube, const struct rule *rule)
{
    bool limited = false, plain = true;

    add_rule(cube, rule, rule->match_count);
    for (size_t i = 0; i < rule->match_count; i++) {
        const bool fills = fills_table(&rule->matches[i]);

        limited = limited || fills;
        plain = plain && !needs_parts(cube->view->space, &rule->matches[i]) && (!fills || is_last(rule, i));
    }
    // One table, asked last, is one test of the cube.
    return plain && (!limited || cube->unknowns.count == 1);
}

bool rule_cube(const struct view *view, const struct rule *rule, struct cube *cube)
{
    cube_begin(cube, view);
    return add_cube(cube, rule);
}

bool rule_cube_within(const struct cube *outer, const struct rule *rule, struct cube *cube)
{
    *cube = *outer;
    return add_cube(cube, rule);
}

diagram rule_function(const struct view *view, const struct rule *rule, uint32_t inside, uint32_t full)
{
    struct cube cube;

    if (rule_cube(view, rule, &cube))
        return cube_function(&cube, inside, full);
    return first_of(view->space, passing(view, rule, rule->match_count, NULL, inside),
                    dropped_on_the_way(view, rule, full));
}
