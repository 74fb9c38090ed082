// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/witness.h"

#include <string.h>

#include "analysis/describe.h"
#include "base/kernel.h"
#include "base/protocols.h"
#include "base/vec.h"
#include "packets/flags.h"

// Finding one.

// Puts the first of some values that leave the packet in the set.
static void prefer(struct packet_space *space, diagram set, field_value *packet, enum field field,
                   const field_value *values, size_t count)
{
    const field_value found = packet[field];

    for (size_t i = 0; i < count; i++) {
        packet[field] = values[i];
        if (diagram_evaluate(space->diagrams, set, packet))
            return;
    }
    packet[field] = found;
}

// A network's own address is a rare one for a host, and so are those at the beginning; no service has port 0.
static void make_usual(struct packet_space *space, diagram set, field_value *packet)
{
    static const field_value ports[] = {{0, 443},   {0, 9},     {0, 1},    {0, 1024},
                                        {0, 10000}, {0, 40000}, {0, 65535}};
    static const field_value hosts[FAMILY_COUNT][3] = {
        {{0, 0xCB007109}, {0, 0xC0000209}, {0, 0x0A000009}}, // 203.0.113.9, 192.0.2.9, 10.0.0.9
        {{0x20010DB8FFFF0000, 9}, {0xFD00000000000000, 9}, {0xFE80000000000000, 9}}};

    for (size_t i = 0; i < 2; i++) {
        const field_value found = packet[address_fields[i]];
        const field_value near[] = {{found.high, found.low | (i ? 1 : 9)},
                                    {found.high, found.low | (i ? 9 : 1)}};
        const bool first = space->family == FAMILY_IPV4 ? found.low >> 24 == 0 : found.high >> 60 == 0;

        if (first)
            prefer(space, set, packet, address_fields[i], hosts[space->family], 3);
        if (!(packet[address_fields[i]].low & 0xFF))
            prefer(space, set, packet, address_fields[i], near, 2);
        if (!packet[port_fields[i]].low)
            prefer(space, set, packet, port_fields[i], ports, sizeof(ports) / sizeof(*ports));
    }
}

bool find_packet(struct packet_space *space, enum hook hook, diagram set, field_value *packet)
{
    // And those that are neither: GRE, ESP, SCTP, and one that nobody has (IANA).
    const uint64_t protocols[] = {
        PROTOCOL_TCP, PROTOCOL_UDP, space->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6, 47, 50,
        132,          200};
    const size_t size = (FIELD_COUNT + space->unknowns.count) * sizeof(*packet);
    field_value *usual = arena_calloc(space->arena, 1, size);
    bool opening;

    memcpy(usual, usual_packet(space, hook), size);
    for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
        usual[FIELD_PROTOCOL].low = protocols[i];
        if (!diagram_witness(space->diagrams, set, 1, usual, packet))
            return false;
        if (packet[FIELD_PROTOCOL].low == protocols[i])
            break;
    }
    opening = packet[FIELD_FLAGS].low == TCP_SYN && packet[FIELD_STATE].low == PACKET_STATE_NEW;
    if (packet[FIELD_PROTOCOL].low == PROTOCOL_TCP && !opening) {
        usual[FIELD_PROTOCOL].low = PROTOCOL_TCP;
        usual[FIELD_FLAGS].low = TCP_ACK;
        diagram_witness(space->diagrams, set, 1, usual, packet);
    }
    make_usual(space, set, packet);
    return true;
}

// Saying it.

// Whether people need a field to know what packet is meant.
static bool is_named(enum hook hook, size_t field)
{
    switch (field) {
    case FIELD_IN:
        return hook != HOOK_OUTPUT;
    case FIELD_OUT:
        return hook != HOOK_INPUT;
    case FIELD_PROTOCOL:
    case FIELD_SOURCE:
    case FIELD_DESTINATION:
        return true;
    default:
        return false;
    }
}

// Whether a packet has the field, so that it can be said. A later fragment has no ports, types and flags.
static bool has_field(const struct packet_space *space, size_t field, const field_value *packet)
{
    const uint64_t protocol = packet[FIELD_PROTOCOL].low,
                   icmp = space->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    const bool later = packet[FIELD_FRAGMENT].low == FRAGMENT_LATER;

    switch (field) {
    case FIELD_SOURCE_PORT:
    case FIELD_DESTINATION_PORT:
        return !later && protocol_has_ports((uint8_t)protocol);
    case FIELD_FLAGS:
        return !later && protocol == PROTOCOL_TCP;
    case FIELD_ICMP_TYPE:
    case FIELD_ICMP_CODE:
        return !later && protocol == icmp;
    default:
        return true;
    }
}

// The packets that a field is said to have, in the notation: of flags those that are named, and of the ones that open and
// close no others.
static diagram said_values(struct packet_space *space, size_t field, const field_value *packet)
{
    const uint64_t flags = flag_set_named((uint8_t)packet[FIELD_FLAGS].low);
    diagram set = set_none(space);

    if (field != FIELD_FLAGS)
        return diagram_test(space->diagrams, (unsigned)field,
                            &(struct addr_range){packet[field], packet[field]}, 1, set_all(space), set);
    for (unsigned value = 0; value < 64; value++)
        if (flags >> value & 1)
            set = set_or(space, set, field_between(space, FIELD_FLAGS, value, value));
    return set;
}

// What is so where nothing is said: room in every limit, no later fragment where ports are, TCP for this host itself.
static diagram unsaid(struct packet_space *space, enum hook hook, const field_value *packet, diagram set)
{
    if (has_field(space, FIELD_DESTINATION_PORT, packet) || has_field(space, FIELD_ICMP_TYPE, packet))
        set = set_and(space, set, field_between(space, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST));
    if (hook == HOOK_INPUT && packet[FIELD_PROTOCOL].low == PROTOCOL_TCP &&
        packet[FIELD_DESTINATION_TYPE].low == DESTINATION_LOCAL)
        set = set_and(space, set, said_values(space, FIELD_DESTINATION_TYPE, packet));
    for (size_t i = 0; i < space->unknowns.count; i++) {
        const enum unknown_kind kind = space->unknowns.items[i].kind;

        if ((kind == UNKNOWN_LIMIT || kind == UNKNOWN_HASHLIMIT) &&
            packet[FIELD_COUNT + i].low == LIMIT_WITHIN &&
            diagram_depends_on(space->diagrams, set, (unsigned)(FIELD_COUNT + i)))
            set = set_and(space, set, said_values(space, FIELD_COUNT + i, packet));
    }
    return set;
}

// Chooses the fields that are said, so that what is said holds no packet outside of `set`.
static void choose_fields(struct packet_space *space, enum hook hook, const field_value *packet, diagram set,
                          bool *said)
{
    // What people know of a packet comes first.
    static const enum field order[] = {
        FIELD_DESTINATION_PORT, FIELD_ICMP_TYPE, FIELD_STATE,    FIELD_FLAGS,
        FIELD_SOURCE_PORT,      FIELD_ICMP_CODE, FIELD_FRAGMENT, FIELD_DESTINATION_TYPE,
        FIELD_HOP_LIMIT,        FIELD_SOCKET,    FIELD_HELPER,   FIELD_MAC};
    const size_t known = sizeof(order) / sizeof(*order), count = known + space->unknowns.count;
    diagram others = hook_domain(space, hook);

    for (size_t field = 0; field < FIELD_COUNT; field++) {
        said[field] = is_named(hook, field) ||
                      (field == FIELD_DESTINATION_PORT && has_field(space, field, packet)) ||
                      (field == FIELD_ICMP_TYPE && has_field(space, field, packet));
        if (said[field])
            others = set_and(space, others, said_values(space, field, packet));
    }
    others = unsaid(space, hook, packet, set_minus(space, others, set));
    for (size_t i = 0; i < count && others != set_none(space); i++) {
        const size_t field = i < known ? order[i] : FIELD_COUNT + i - known;
        diagram fewer;

        if (said[field] || !has_field(space, field, packet) ||
            !diagram_depends_on(space->diagrams, others, (unsigned)field))
            continue;
        fewer = set_and(space, others, said_values(space, field, packet));
        said[field] = fewer != others;
        others = fewer;
    }
}

// Whether no rule tells an interface of that name from the one of the model.
static bool stands_for(const struct packet_space *space, uint64_t number, const char *name)
{
    if (strlen(name) > INTERFACE_MAX || packet_space_interface(space, name) != INTERFACE_OTHER)
        return false;
    for (size_t i = 0; i < space->interfaces.count; i++) {
        const char *pattern = space->interfaces.items[i];
        const size_t length = strlen(pattern);
        const bool matches = length && pattern[length - 1] == '+' && strncmp(pattern, name, length - 1) == 0;

        if (matches != interface_number_fits(space, number, pattern))
            return false;
    }
    return true;
}

// A usual name for such an interface; NULL: there is none.
static const char *usual_interface(const struct packet_space *space, uint64_t number, const char *taken)
{
    static const char *const names[] = {"eth0", "eth1", "eth2", "eth7", "ens3", "ens4", "net0", "net1", NULL};
    const char *pattern = number >= INTERFACE_NAMED ? space->interfaces.items[number - INTERFACE_NAMED] : "";

    for (size_t i = 0; names[i]; i++)
        if ((!taken || strcmp(taken, names[i]) != 0) && stands_for(space, number, names[i]))
            return names[i];
    for (int digit = 0; digit < 10 && pattern[0]; digit++) {
        const char *name = arena_printf(space->arena, "%.*s%d", (int)strlen(pattern) - 1, pattern, digit);

        if ((!taken || strcmp(taken, name) != 0) && stands_for(space, number, name))
            return name;
    }
    return NULL;
}

// By the name that it is given.
static const char *put_interface(struct buf *out, const struct packet_space *space, const char *word,
                                 uint64_t number, const char *taken)
{
    const bool named = number >= INTERFACE_NAMED;
    const char *name = named ? space->interfaces.items[number - INTERFACE_NAMED] : "any", *usual = NULL;

    if (number == INTERFACE_NONE)
        return NULL;
    if (!named || (name[0] && name[strlen(name) - 1] == '+'))
        usual = usual_interface(space, number, taken);
    buf_printf(out, "%s %s ", word, usual ? usual : name);
    return usual;
}

static struct range_list named_flags(struct packet_space *space, uint8_t flags)
{
    const uint64_t set = flag_set_named(flags);
    struct range_list list = {0};

    for (unsigned value = 0; value < 64; value++)
        if (set >> value & 1)
            *vec_push(space->arena, &list) = (struct addr_range){{0, value}, {0, value}};
    range_list_normalise(&list);
    return list;
}

void describe_packet(struct buf *out, struct packet_space *space, enum hook hook, const field_value *packet,
                     diagram set)
{
    const size_t count = FIELD_COUNT + space->unknowns.count;
    struct addr_range *ranges = arena_calloc(space->arena, count, sizeof(*ranges));
    struct range_list *lists = arena_calloc(space->arena, count, sizeof(*lists));
    bool *said = arena_calloc(space->arena, count, sizeof(*said));

    choose_fields(space, hook, packet, set, said);
    put_interface(out, space, "out", packet[FIELD_OUT].low,
                  put_interface(out, space, "in", packet[FIELD_IN].low, NULL));
    said[FIELD_IN] = said[FIELD_OUT] = false;
    for (size_t field = 0; field < count; field++) {
        if (!said[field])
            continue;
        ranges[field] = (struct addr_range){packet[field], packet[field]};
        lists[field] = (struct range_list){&ranges[field], 1, 1};
    }
    if (said[FIELD_FLAGS])
        lists[FIELD_FLAGS] = named_flags(space, (uint8_t)packet[FIELD_FLAGS].low);
    describe_box(out, space, &(struct box){lists}, set_all(space));
}
