// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets that open something at this host: of a service, and of none.
#include <string.h>

#include "analysis/query.h"
#include "meaning/sets.h"
#include "report/classes.h"

bool same_traffic(const struct traffic *a, const struct traffic *b)
{
    return a->kind == b->kind && a->number == b->number && a->ports.count == b->ports.count &&
           (!a->ports.count ||
            memcmp(a->ports.items, b->ports.items, a->ports.count * sizeof(*a->ports.items)) == 0);
}

const struct packets opening_packets = {.states = PACKET_NEW, .fragments = 1U << FRAGMENT_NONE};

diagram openings(struct packet_space *space, const struct packets *packets)
{
    const diagram tcp = field_between(space, FIELD_PROTOCOL, PROTOCOL_TCP, PROTOCOL_TCP),
                  set = set_minus(space, packets_set(space, packets), by_loopback(space));

    return set_minus(space, set, set_minus(space, tcp, tcp_openings(space)));
}

static diagram traffic_openings(struct packet_space *space, const struct traffic *traffic)
{
    const enum family family = space->family;
    const uint8_t protocol = traffic_protocol(traffic, family),
                  echo = family == FAMILY_IPV4 ? 8 : 128; // RFC 792, RFC 4443
    struct packets packets = opening_packets;

    if (!traffic_in_family(traffic, family))
        return set_none(space);
    packets.casts = 1U << DESTINATION_LOCAL;
    if (traffic->kind != TRAFFIC_ANY)
        byte_set_add(&packets.protocols, protocol, protocol);
    if (traffic->kind == TRAFFIC_ECHO)
        byte_set_add(&packets.types, echo, echo);
    if (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP)
        packets.to_ports = traffic->ports;
    return openings(space, &packets);
}

// What every host must hear is nobody's service, and an ICMP error opens nothing.
static diagram without_the_needed(struct report_meaning *meaning, diagram set)
{
    struct packet_space *space = &meaning->space;

    set = set_minus(space, set, never_tracked(space));
    set = set_minus(space, set, icmp_errors(space));
    return set_minus(space, set, accepted_set(space, meaning->sets.neighbours));
}

diagram service_openings(struct report_meaning *meaning, const struct entry *entry)
{
    struct packet_space *space = &meaning->space;
    diagram set = set_none(space);

    for (size_t i = 0; i < entry->traffic_count; i++)
        set = set_or(space, set, traffic_openings(space, &entry->traffic[i]));
    return without_the_needed(meaning, set);
}

// All traffic that entries name, as few of each kind: those with ports are two.
struct named {
    struct traffic ports[2]; // by kind: TCP, UDP
    bool any[2], all[2];     // some are named; all are
    VEC(struct traffic) others;
};

static void add_named(struct arena *arena, struct named *named, const struct traffic *traffic)
{
    const unsigned kind = traffic->kind == TRAFFIC_UDP;

    if (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP) {
        named->any[kind] = true;
        named->all[kind] = named->all[kind] || !traffic->ports.count;
        for (size_t i = 0; i < traffic->ports.count; i++)
            port_set_add(arena, &named->ports[kind].ports, traffic->ports.items[i]);
        return;
    }
    for (size_t i = 0; i < named->others.count; i++)
        if (same_traffic(&named->others.items[i], traffic))
            return;
    *vec_push(arena, &named->others) = *traffic;
}

static diagram named_openings(struct packet_space *space, const struct policy *policy)
{
    struct named named = {.ports = {{.kind = TRAFFIC_TCP}, {.kind = TRAFFIC_UDP}}};
    diagram set = set_none(space);

    for (size_t i = 0; i < policy->allow.count; i++)
        for (size_t j = 0; j < policy->allow.items[i].traffic_count; j++)
            add_named(space->arena, &named, &policy->allow.items[i].traffic[j]);
    for (unsigned kind = 0; kind < 2; kind++) {
        if (named.all[kind])
            named.ports[kind].ports.count = 0;
        if (named.any[kind])
            set = set_or(space, set, traffic_openings(space, &named.ports[kind]));
    }
    for (size_t i = 0; i < named.others.count; i++)
        set = set_or(space, set, traffic_openings(space, &named.others.items[i]));
    return set;
}

// What is no service of `allow`, and nothing that every host must hear. Replies come through windows of their own, to
// sockets that asked.
diagram other_openings(struct report_meaning *meaning, const struct policy *policy)
{
    struct packet_space *space = &meaning->space;
    const struct traffic all = {.kind = TRAFFIC_ANY};
    diagram set = set_minus(space, traffic_openings(space, &all), named_openings(space, policy));

    set = without_the_needed(meaning, set);
    set = set_minus(space, set, as_untracked(space, accepted_set(space, meaning->sets.windows)));
    return set_minus(space, set, field_between(space, FIELD_SOCKET, SOCKET_BOUND, SOCKET_CONNECTED));
}
