// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/query.h"

#include <string.h>

#include "meaning/cube.h"
#include "meaning/sets.h"

enum hook packets_hook(const struct packets *packets)
{
    if (packets->in.said && packets->out.said)
        return HOOK_FORWARD;
    return packets->out.said ? HOOK_OUTPUT : HOOK_INPUT;
}

bool packets_in_family(const struct packets *packets, enum family family)
{
    const struct addr_set *sides[] = {packets->from, packets->to};

    for (size_t i = 0; i < 2; i++)
        if (sides[i] && !sides[i]->families[family].count)
            return false;
    return !packets->families || packets->families >> family & 1;
}

// One of these, or none of them.
static diagram by_interfaces(struct packet_space *space, const struct view *view, enum field field,
                             const struct packet_interfaces *interfaces)
{
    diagram set = set_none(space);

    if (!interfaces->count)
        return set_all(space);
    for (size_t i = 0; i < interfaces->count; i++) {
        struct cube cube;

        cube_begin(&cube, view);
        cube_interface(&cube, field, interfaces->items[i], false);
        set = set_or(space, set, cube_function(&cube, 1, 1));
    }
    return interfaces->inverted ? set_minus(space, set_all(space), set) : set;
}

static diagram of_bytes(struct packet_space *space, enum field field, const struct byte_set *bytes)
{
    struct addr_range ranges[(UINT8_MAX + 1) / 2];
    size_t count = 0;

    if (byte_set_empty(bytes))
        return set_all(space);
    for (unsigned value = 0; value <= UINT8_MAX; value++) {
        if (!byte_set_has(bytes, value))
            continue;
        if (count && ranges[count - 1].last.low + 1 == value)
            ranges[count - 1].last.low = value;
        else
            ranges[count++] = (struct addr_range){{0, value}, {0, value}};
    }
    return diagram_test(space->diagrams, (unsigned)field, ranges, count, set_all(space), set_none(space));
}

// Values by bits; none: all.
static void add_bits(struct cube *cube, enum field field, uint64_t bits)
{
    if (bits)
        cube_bits(cube, field, bits);
}

// States that the tracker gives; none of them: all.
static uint64_t state_bits(const struct packets *packets)
{
    static const struct {
        unsigned state, value;
    } states[] = {{PACKET_NEW, PACKET_STATE_NEW},
                  {PACKET_ESTABLISHED, PACKET_STATE_ESTABLISHED},
                  {PACKET_RELATED, PACKET_STATE_RELATED},
                  {PACKET_INVALID, PACKET_STATE_INVALID}};
    uint64_t bits = 0;

    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
        if (packets->states & states[i].state)
            bits |= (uint64_t)1 << states[i].value;
    return bits;
}

diagram people_mean(struct packet_space *space, enum hook hook, diagram set)
{
    if (hook != HOOK_INPUT)
        return set;
    return set_minus(
        space, set,
        set_and(space, field_between(space, FIELD_PROTOCOL, PROTOCOL_TCP, PROTOCOL_TCP),
                field_between(space, FIELD_DESTINATION_TYPE, DESTINATION_BROADCAST, DESTINATION_OTHER)));
}

diagram packets_set(struct packet_space *space, const struct packets *packets)
{
    struct arena scratch = {0};
    const struct view view = {.space = space, .scratch = &scratch, .hook = packets_hook(packets)};
    const bool ports = packets->from_ports.count || packets->to_ports.count;
    struct cube cube;

    cube_begin(&cube, &view);
    cube_addresses(&cube, FIELD_SOURCE, packets->from);
    cube_addresses(&cube, FIELD_DESTINATION, packets->to);
    cube_ports(&cube, FIELD_SOURCE_PORT, &packets->from_ports);
    cube_ports(&cube, FIELD_DESTINATION_PORT, &packets->to_ports);
    if (packets->has_mac)
        cube_value(&cube, FIELD_MAC, packets->mac);
    add_bits(&cube, FIELD_FRAGMENT, packets->fragments);
    add_bits(&cube, FIELD_SOCKET, packets->sockets);
    add_bits(&cube, FIELD_DESTINATION_TYPE, packets->casts);
    add_bits(&cube, FIELD_FLAGS, packets->flags);
    // Ports, types and flags stand in the first fragment alone.
    if ((ports || packets->flags || !byte_set_empty(&packets->types)) && !packets->fragments)
        cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    if (state_bits(packets) && !(packets->states & PACKET_UNTRACKED))
        cube_bits(&cube, FIELD_STATE, state_bits(packets));

    diagram set = set_and(space, cube_function(&cube, 1, 1), hook_domain(space, view.hook));

    set = set_and(space, set, by_interfaces(space, &view, FIELD_IN, &packets->in));
    set = set_and(space, set, by_interfaces(space, &view, FIELD_OUT, &packets->out));
    set = set_and(space, set, of_bytes(space, FIELD_PROTOCOL, &packets->protocols));
    set = set_and(space, set, of_bytes(space, FIELD_ICMP_TYPE, &packets->types));
    set = set_and(space, set, of_bytes(space, FIELD_ICMP_CODE, &packets->codes));
    set = set_and(space, set, of_bytes(space, FIELD_HOP_LIMIT, &packets->hop_limits));
    if (!packets->casts)
        set = people_mean(space, view.hook, set);
    arena_clear(&scratch);
    return set;
}

static uint32_t is_untracked(uint32_t value, uint32_t ignored)
{
    (void)ignored;
    return value && !outcome_of(value).tracked;
}

static const struct diagram_operation op_untracked = {32, is_untracked, NULL};

diagram packets_of_state(struct packet_space *space, const struct packets *packets, diagram set,
                         diagram function)
{
    const unsigned untracked = packets->states & PACKET_UNTRACKED;
    diagram fitting = diagram_apply(space->diagrams, &op_untracked, function, set_all(space));

    if (!untracked)
        return set;
    for (unsigned state = 0; state < PACKET_STATE_UNTRACKED; state++) {
        const struct addr_range one = {{0, state}, {0, state}};

        if (state_bits(packets) >> state & 1)
            fitting =
                set_or(space, fitting,
                       diagram_test(space->diagrams, FIELD_STATE, &one, 1, set_all(space), set_none(space)));
    }
    return set_and(space, set, fitting);
}

// What the tracker leaves alone: neighbour discovery, multicast listeners and routers (RFC 4861, 2710, 3810, 4286).
static diagram neighbour_messages(struct packet_space *space)
{
    static const uint64_t types[][2] = {{130, 136}, {143, 143}, {151, 152}};
    diagram set = set_none(space);

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        set = set_or(space, set, field_between(space, FIELD_ICMP_TYPE, types[i][0], types[i][1]));
    return space->family == FAMILY_IPV4
               ? set_none(space)
               : set_and(space, field_between(space, FIELD_PROTOCOL, PROTOCOL_ICMPV6, PROTOCOL_ICMPV6), set);
}

diagram packets_without_state(struct packet_space *space, const struct meaning *meaning, enum hook hook)
{
    const diagram untracked =
        meaning->tracking ? set_or(space, taken_out(space, meaning->raws[hook]), neighbour_messages(space))
                          : set_all(space);

    return set_minus(space, untracked,
                     set_or(space, by_loopback(space),
                            field_between(space, FIELD_STATE, PACKET_STATE_NEW, PACKET_STATE_NEW)));
}
