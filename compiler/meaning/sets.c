// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/sets.h"

static uint32_t is_accepted(uint32_t value, uint32_t ignored)
{
    (void)ignored;
    return outcome_of(value).walk == WALK_ACCEPT;
}

static uint32_t is_decided(uint32_t value, uint32_t ignored)
{
    (void)ignored;
    return outcome_of(value).walk != WALK_CONTINUE;
}

static uint32_t is_refused(uint32_t value, uint32_t ignored)
{
    (void)ignored;
    return outcome_of(value).walk == WALK_DROP || outcome_of(value).walk == WALK_REJECT;
}

static uint32_t is_tracked(uint32_t value, uint32_t ignored)
{
    (void)ignored;
    return outcome_of(value).tracked;
}

static const struct diagram_operation op_accepted = {40, is_accepted, NULL},
                                      op_decided = {41, is_decided, NULL},
                                      op_refused = {42, is_refused, NULL},
                                      op_tracked = {43, is_tracked, NULL};

diagram accepted_set(struct packet_space *space, diagram function)
{
    return diagram_apply(space->diagrams, &op_accepted, function, set_all(space));
}

diagram decided_set(struct packet_space *space, diagram function)
{
    return diagram_apply(space->diagrams, &op_decided, function, set_all(space));
}

diagram refused_set(struct packet_space *space, diagram function)
{
    return diagram_apply(space->diagrams, &op_refused, function, set_all(space));
}

diagram tracked_set(struct packet_space *space, diagram function)
{
    return diagram_apply(space->diagrams, &op_tracked, function, set_all(space));
}

// What a function of a filter says of packets as one state: the state is no longer asked for.
static diagram as_state(struct packet_space *space, diagram filter, unsigned state)
{
    return diagram_restrict(space->diagrams, filter, FIELD_STATE, (field_value){0, state});
}

diagram as_untracked(struct packet_space *space, diagram filter)
{
    return diagram_restrict(space->diagrams, as_state(space, filter, PACKET_STATE_UNTRACKED), FIELD_HELPER,
                            (field_value){0, 0});
}

// A protocol, and what holds within it; the first fragment alone has the header.
static diagram of_protocol(struct packet_space *space, uint8_t protocol, diagram within)
{
    return set_and(
        space, field_between(space, FIELD_PROTOCOL, protocol, protocol),
        set_and(space, within, field_between(space, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST)));
}

static diagram icmp_types(struct packet_space *space, uint64_t first, uint64_t last)
{
    return of_protocol(space, space->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6,
                       field_between(space, FIELD_ICMP_TYPE, first, last));
}

diagram tcp_openings(struct packet_space *space)
{
    diagram openings = set_none(space);

    for (unsigned flags = 0; flags < 64; flags++)
        if ((flags & TCP_OPENING_MASK) == TCP_SYN)
            openings = set_or(space, openings, field_between(space, FIELD_FLAGS, flags, flags));
    return of_protocol(space, PROTOCOL_TCP, openings);
}

diagram icmp_errors(struct packet_space *space)
{
    if (space->family == FAMILY_IPV6)
        return icmp_types(space, 1, 4);
    return set_or(space, icmp_types(space, 3, 3), icmp_types(space, 11, 12));
}

// Fragmentation needed (RFC 1191), packet too big (RFC 8201).
diagram path_mtu_errors(struct packet_space *space)
{
    if (space->family == FAMILY_IPV6)
        return icmp_types(space, 2, 2);
    return set_and(space, icmp_types(space, 3, 3), field_between(space, FIELD_ICMP_CODE, 4, 4));
}

diagram neighbour_discovery(struct packet_space *space)
{
    return space->family == FAMILY_IPV6
               ? set_and(space, icmp_types(space, 135, 136), field_between(space, FIELD_HOP_LIMIT, 255, 255))
               : set_none(space);
}

diagram by_loopback(struct packet_space *space)
{
    const uint64_t lo = packet_space_interface(space, "lo");

    return set_or(space, field_between(space, FIELD_IN, lo, lo), field_between(space, FIELD_OUT, lo, lo));
}

// Off lo, what a raw takes out of the packets for this host's own addresses.
static diagram taken_out_of_local(struct packet_space *space, diagram raw)
{
    const diagram local =
        diagram_restrict(space->diagrams, raw, FIELD_DESTINATION_TYPE, (field_value){0, DESTINATION_LOCAL});

    return taken_out(space, only_where(space, set_minus(space, set_all(space), by_loopback(space)), local));
}

diagram asymmetric_packets(struct packet_space *space, const struct meaning *meaning, diagram answers)
{
    static const struct addr_range unicast[FAMILY_COUNT] = {
        {{0, 0}, {0, 0xDFFFFFFF}},
        {{0, 0}, {0xFEFFFFFFFFFFFFFF, UINT64_MAX}}}; // below multicast (RFC 5771, RFC 4291)
    // Alike where all is well, so that there is nothing left to look at.
    diagram packets = differences(space, taken_out_of_local(space, meaning->raws[HOOK_INPUT]),
                                  taken_out_of_local(space, answers));

    if (packets == set_none(space))
        return packets;
    packets = set_and(space, packets, hook_domain(space, HOOK_INPUT));
    packets = set_minus(space, packets, refused_set(space, meaning->raws[HOOK_INPUT]));
    packets = set_minus(space, packets, icmp_errors(space));
    packets = set_and(space, packets,
                      field_between(space, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL, DESTINATION_LOCAL));
    return set_and(space, packets,
                   diagram_test(space->diagrams, FIELD_SOURCE, &unicast[space->family], 1, set_all(space),
                                set_none(space)));
}

diagram untracked_forwarded(struct packet_space *space, const struct meaning *meaning)
{
    const diagram untracked =
        set_and(space, taken_out(space, meaning->raws[HOOK_FORWARD]), meaning->domains[HOOK_FORWARD]);

    return set_and(space, untracked,
                   field_between(space, FIELD_DESTINATION_TYPE, DESTINATION_OTHER, DESTINATION_OTHER));
}

// Neighbour discovery, multicast listeners and the errors: what belongs to no connection and must be heard all the same.
static diagram meant_for_hosts(struct packet_space *space)
{
    diagram meant = icmp_errors(space);

    if (space->family == FAMILY_IPV6)
        meant = set_or(space, meant, set_or(space, icmp_types(space, 130, 137), icmp_types(space, 143, 143)));
    return meant;
}

// Of each state, as it is met in the filter.
static diagram accepted_by_filter(struct packet_space *space, const struct meaning *meaning, enum hook hook)
{
    return diagram_apply_once(space->diagrams, &op_accepted, meaning->filters[hook], set_all(space));
}

// A function for packets of a state that no helper follows.
static diagram without_helper(struct packet_space *space, diagram filter, unsigned state)
{
    return diagram_restrict(space->diagrams, as_state(space, filter, state), FIELD_HELPER,
                            (field_value){0, 0});
}

diagram blanket_accepted(struct packet_space *space, const struct meaning *meaning, enum hook hook)
{
    const diagram accepted = accepted_by_filter(space, meaning, hook),
                  as_new = without_helper(space, accepted, PACKET_STATE_NEW);
    const diagram untracked =
        set_minus(space, without_helper(space, accepted, PACKET_STATE_UNTRACKED), as_new);
    const diagram invalid = set_minus(space, without_helper(space, accepted, PACKET_STATE_INVALID), as_new);

    return set_and(space, set_minus(space, set_or(space, untracked, invalid), meant_for_hosts(space)),
                   meaning->domains[hook]);
}

diagram accepted_by_source_port(struct packet_space *space, const struct meaning *meaning)
{
    const diagram filter = accepted_by_filter(space, meaning, HOOK_INPUT);
    const diagram accepted =
        set_or(space, as_untracked(space, filter), without_helper(space, filter, PACKET_STATE_NEW));
    const diagram from_all = diagram_smallest(space->diagrams, accepted, FIELD_SOURCE_PORT);

    return set_and(space, set_minus(space, set_minus(space, accepted, from_all), by_loopback(space)),
                   meaning->domains[HOOK_INPUT]);
}

diagram refused_of(struct packet_space *space, const struct meaning *meaning, enum hook hook, diagram set)
{
    const diagram asked = set_and(space, set, meaning->domains[hook]);

    return set_minus(space, asked, accepted_set(space, hook_outcomes(space, meaning, hook, asked)));
}

// Interfaces and addresses of the packets of a set, as a set that asks for nothing else.
static diagram senders_of(struct packet_space *space, diagram set)
{
    for (unsigned field = 0; field < FIELD_COUNT + space->unknowns.count; field++)
        if (field != FIELD_IN && field != FIELD_SOURCE && field != FIELD_DESTINATION)
            set = diagram_largest(space->diagrams, set, field);
    return set;
}

diagram refused_path_mtu(struct packet_space *space, const struct meaning *meaning)
{
    const diagram refused = refused_of(space, meaning, HOOK_INPUT, path_mtu_errors(space));
    diagram senders, heard;

    if (refused == set_none(space))
        return refused;
    // Of those whose errors are refused, who may send this host anything at all: few of a long list of denied ones, so that
    // their packets are looked at alone.
    senders = senders_of(space, refused);
    // Whatever state the tracker would give them, mostly none.
    heard = accepted_set(space, only_where(space, senders, meaning->filters[HOOK_INPUT]));
    if (heard == set_none(space))
        return heard;
    heard = accepted_set(space, hook_outcomes(space, meaning, HOOK_INPUT, senders));
    return set_and(space, refused, senders_of(space, heard));
}

diagram refused_neighbours(struct packet_space *space, const struct meaning *meaning, enum hook hook)
{
    return refused_of(space, meaning, hook, neighbour_discovery(space));
}
