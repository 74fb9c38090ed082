// SPDX-License-Identifier: GPL-2.0-or-later
//
// A packet against one rule: its header, then its matches one by one.
#include <string.h>

#include "ipset/ipset.h"
#include "support/passage.h"

// The header of a rule: ip_packet_match() and ip6_packet_match().

static bool has_prefix(enum family family, struct addr address, struct prefix prefix)
{
    const unsigned width = family == FAMILY_IPV4 ? 32 : 128;

    for (unsigned bit = 0; bit < prefix.bits; bit++) {
        const unsigned shift = width - 1 - bit;
        const uint64_t a = shift < 64 ? address.low >> shift : address.high >> (shift - 64);
        const uint64_t b = shift < 64 ? prefix.addr.low >> shift : prefix.addr.high >> (shift - 64);

        if ((a ^ b) & 1)
            return false;
    }
    return true;
}

// A pattern is compared up to its `+`, else with the NUL that ends a name.
static bool fits(const char *name, const char *pattern)
{
    const size_t length = strlen(pattern);

    if (length && pattern[length - 1] == '+')
        return strncmp(name, pattern, length - 1) == 0;
    return strcmp(name, pattern) == 0;
}

static bool header_matches(const struct passage *at, const struct rule *rule)
{
    static const enum field addresses[] = {FIELD_SOURCE, FIELD_DESTINATION};

    for (int side = 0; side < 2; side++)
        if (has_prefix(at->oracle->space->family, at->packet[addresses[side]],
                       rule->addresses[side].prefix) == rule->addresses[side].inverted)
            return false;
    if (rule->in && fits(at->in, rule->in) == rule->in_inverted)
        return false;
    if (rule->out && fits(at->out, rule->out) == rule->out_inverted)
        return false;
    if (rule->protocol && (passage_value(at, FIELD_PROTOCOL) == rule->protocol) == rule->protocol_inverted)
        return false;
    if (rule->later_fragments &&
        (passage_value(at, FIELD_FRAGMENT) == FRAGMENT_LATER) == rule->later_fragments_inverted)
        return false;
    return true;
}

// Matches, as the functions of net/netfilter/xt_*.c.

static bool transport_matches(const struct passage *at, const struct match *match)
{
    const uint64_t ports[] = {passage_value(at, FIELD_SOURCE_PORT),
                              passage_value(at, FIELD_DESTINATION_PORT)};

    if (passage_value(at, FIELD_FRAGMENT) == FRAGMENT_LATER)
        return false;
    for (int side = 0; side < 2; side++) {
        const bool inside = ports[side] >= match->transport.ports[side].first &&
                            ports[side] <= match->transport.ports[side].last;

        if (match->transport.named[side] && inside == match->transport.inverted[side])
            return false;
    }
    if (!match->transport.flags_mask)
        return true;
    return ((passage_value(at, FIELD_FLAGS) & match->transport.flags_mask) == match->transport.flags) !=
           match->transport.flags_inverted;
}

static bool multiport_matches(const struct passage *at, const struct match *match)
{
    const uint64_t source = passage_value(at, FIELD_SOURCE_PORT),
                   destination = passage_value(at, FIELD_DESTINATION_PORT);

    if (passage_value(at, FIELD_FRAGMENT) == FRAGMENT_LATER)
        return false;
    for (size_t i = 0; i < match->multiport.count; i++) {
        const uint64_t first = match->multiport.items[i].first, last = match->multiport.items[i].last;

        if (match->multiport.side != SIDE_DESTINATION && source >= first && source <= last)
            return !match->multiport.inverted;
        if (match->multiport.side != SIDE_SOURCE && destination >= first && destination <= last)
            return !match->multiport.inverted;
    }
    return match->multiport.inverted;
}

static bool iprange_matches(const struct passage *at, const struct match *match)
{
    static const enum field addresses[] = {FIELD_SOURCE, FIELD_DESTINATION};

    for (int side = 0; side < 2; side++) {
        const struct addr address = at->packet[addresses[side]];
        const struct addr_range *range = match->iprange.ranges[side];

        if (range && (addr_compare(address, range->first) >= 0 && addr_compare(address, range->last) <= 0) ==
                         match->iprange.inverted[side])
            return false;
    }
    return true;
}

static bool icmp_matches(const struct passage *at, const struct match *match)
{
    const uint64_t type = passage_value(at, FIELD_ICMP_TYPE), code = passage_value(at, FIELD_ICMP_CODE);
    const bool same = match->icmp.any || (type == match->icmp.type && code >= match->icmp.code_first &&
                                          code <= match->icmp.code_last);

    return passage_value(at, FIELD_FRAGMENT) != FRAGMENT_LATER && same != match->icmp.inverted;
}

static bool has_type(enum family family, uint64_t type, unsigned asked)
{
    const bool local = asked & ADDRTYPE_LOCAL, broadcast = asked & ADDRTYPE_BROADCAST,
               multicast = asked & ADDRTYPE_MULTICAST;

    if (family == FAMILY_IPV4)
        return (local && type == DESTINATION_LOCAL) || (broadcast && type == DESTINATION_BROADCAST) ||
               (multicast && type == DESTINATION_MULTICAST);
    // match_type6() asks for each in its turn.
    if (broadcast || (multicast && type != DESTINATION_MULTICAST) || (local && type != DESTINATION_LOCAL))
        return false;
    return true;
}

static bool addrtype_matches(const struct passage *at, const struct match *match)
{
    return has_type(at->oracle->space->family, passage_value(at, FIELD_DESTINATION_TYPE),
                    match->addrtype.types) != match->addrtype.inverted;
}

static bool state_matches(const struct passage *at, const struct match *match)
{
    static const unsigned bits[] = {[PACKET_STATE_NEW] = STATE_NEW,
                                    [PACKET_STATE_ESTABLISHED] = STATE_ESTABLISHED,
                                    [PACKET_STATE_RELATED] = STATE_RELATED,
                                    [PACKET_STATE_INVALID] = STATE_INVALID,
                                    [PACKET_STATE_UNTRACKED] = STATE_UNTRACKED};

    return !!(match->state.states & bits[at->state]) != match->state.inverted;
}

static bool helper_matches(const struct passage *at, const struct match *match)
{
    const char *const *names = at->oracle->space->helpers.items;
    bool same = false;

    if (at->helper && !match->helper.name[0])
        same = true;
    else if (at->helper)
        same = names[at->helper - 1][0] &&
               strncmp(names[at->helper - 1], match->helper.name, strlen(names[at->helper - 1])) == 0;
    return same != match->helper.inverted;
}

static bool hoplimit_matches(const struct passage *at, const struct match *match)
{
    const bool spent = at->hook == HOOK_FORWARD && at->out[0]; // one hop, by forwarding
    const uint64_t hops = passage_value(at, FIELD_HOP_LIMIT),
                   asked = match->hoplimit.value + (spent ? 1U : 0U);
    bool holds = false;

    switch (match->hoplimit.comparison) {
    case COMPARE_EQUAL:
        holds = hops == asked;
        break;
    case COMPARE_LESS:
        holds = hops < asked;
        break;
    case COMPARE_GREATER:
        holds = hops > asked;
        break;
    }
    return holds != match->hoplimit.inverted;
}

static bool socket_matches(const struct passage *at, const struct match *match)
{
    const uint64_t socket = passage_value(at, FIELD_SOCKET);

    return socket == SOCKET_BOUND || socket == SOCKET_CONNECTED ||
           (match->nowildcard && socket == SOCKET_WILDCARD);
}

// ip_set_test() of the types that are known, member by member.
static bool set_matches(const struct passage *at, const struct match *match)
{
    static const enum field addresses[] = {FIELD_SOURCE, FIELD_DESTINATION};
    static const enum field ports[] = {FIELD_SOURCE_PORT, FIELD_DESTINATION_PORT};
    const struct ipset *set = match->set.set;
    const struct ipset_type *type = &ipset_types[set->kind];
    const uint64_t protocol = passage_value(at, FIELD_PROTOCOL);
    const bool of_family = !type->addresses || set->family == at->oracle->space->family;
    const bool has_port = passage_value(at, FIELD_FRAGMENT) != FRAGMENT_LATER;
    bool in = false;

    for (size_t i = 0; i < set->count && of_family && (has_port || !type->ports) && !in; i++) {
        const struct ipset_member *member = &set->members[i];

        in = true;
        if (type->addresses)
            in = has_prefix(set->family, at->packet[addresses[match->set.sides[0]]], member->prefix);
        if (type->ports)
            in = in && passage_value(at, ports[match->set.sides[type->addresses]]) == member->port;
        if (type->ports && type->addresses)
            in = in && protocol == member->protocol;
        else if (type->ports)
            in = in && (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP);
    }
    return in != match->set.inverted;
}

static bool fragment_matches(const struct passage *at, const struct match *match)
{
    const uint64_t fragment = passage_value(at, FIELD_FRAGMENT);

    return fragment == FRAGMENT_FIRST || (fragment == FRAGMENT_LATER && !match->fragment_first);
}

// `*drop`: the match itself ends the packet.
static bool limit_matches(const struct passage *at, const struct match *match, bool *drop)
{
    const bool above = match->kind == MATCH_HASHLIMIT_TEXT ? match->hashlimit.above
                       : match->kind == MATCH_HASHLIMIT    ? match->limit.above
                                                           : false;
    const uint64_t value = passage_unknown(at, match);

    *drop = oracle_per_bucket(match) && value == LIMIT_FULL;
    return !*drop && (value == LIMIT_OVER) == above;
}

static bool match_matches(const struct passage *at, const struct match *match, bool *drop)
{
    switch (match->kind) {
    case MATCH_TCP:
    case MATCH_UDP:
    case MATCH_SCTP:
    case MATCH_DCCP:
    case MATCH_UDPLITE:
        return transport_matches(at, match);
    case MATCH_MULTIPORT:
        return multiport_matches(at, match);
    case MATCH_IPRANGE:
        return iprange_matches(at, match);
    case MATCH_ICMP:
    case MATCH_ICMPV6:
        return icmp_matches(at, match);
    case MATCH_ADDRTYPE:
        return addrtype_matches(at, match);
    case MATCH_CONNTRACK:
    case MATCH_STATE:
        return state_matches(at, match);
    case MATCH_HELPER:
        return helper_matches(at, match);
    case MATCH_MAC:
        return passage_value(at, FIELD_MAC) != NO_MAC &&
               (passage_value(at, FIELD_MAC) == match->mac.address) != match->mac.inverted;
    case MATCH_SOCKET:
        return socket_matches(at, match);
    case MATCH_HOPLIMIT:
    case MATCH_TTL:
        return hoplimit_matches(at, match);
    case MATCH_SET:
        return set_matches(at, match);
    case MATCH_FRAGMENT:
        return fragment_matches(at, match);
    case MATCH_LIMIT:
    case MATCH_HASHLIMIT:
    case MATCH_HASHLIMIT_TEXT:
        return limit_matches(at, match, drop);
    case MATCH_OPAQUE:
        return passage_unknown(at, match) == UNKNOWN_YES;
    case MATCH_COMMENT:
    case MATCH_COUNT:
        break;
    }
    return true;
}

bool passage_fits(const struct passage *at, const struct rule *rule, bool *drop)
{
    if (!header_matches(at, rule))
        return false;
    for (size_t i = 0; i < rule->match_count; i++)
        if (!match_matches(at, &rule->matches[i], drop))
            return false;
    return true;
}
