// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/match_set.h"

#include "ipset/ipset.h"
#include "meaning/walks.h"

static const struct ipset_type *type_of(const struct match *match)
{
    return &ipset_types[match->set.set->kind];
}

bool set_needs_parts(const struct packet_space *space, const struct match *match)
{
    return packet_space_knows_set(space, match) && type_of(match)->ports &&
           (type_of(match)->addresses || match->set.inverted);
}

static struct range_list member_addresses(const struct cube *cube, const struct ipset *set)
{
    struct range_list list = {arena_calloc(cube->view->scratch, set->count, sizeof(*list.items)), set->count,
                              set->count};

    for (size_t i = 0; i < set->count; i++)
        list.items[i] = prefix_range(set->family, set->members[i].prefix);
    range_list_normalise(&list);
    return list;
}

static struct range_list member_ports(const struct cube *cube, const struct ipset *set)
{
    struct range_list list = {arena_calloc(cube->view->scratch, set->count, sizeof(*list.items)), set->count,
                              set->count};

    for (size_t i = 0; i < set->count; i++)
        list.items[i] = (struct addr_range){{0, set->members[i].port}, {0, set->members[i].port}};
    range_list_normalise(&list);
    return list;
}

// Later fragments have no ports (net/netfilter/ipset/ip_set_getport.c).
static void add_ports(struct cube *cube, const struct match *match)
{
    const struct range_list ports = member_ports(cube, match->set.set);

    cube_values(cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    // Ports without an address are those of TCP and UDP.
    cube_bits(cube, FIELD_PROTOCOL, (uint64_t)1 << PROTOCOL_TCP | (uint64_t)1 << PROTOCOL_UDP);
    cube_ranges(cube, port_fields[match->set.sides[0]], &ports);
}

static void add_addresses(struct cube *cube, const struct match *match)
{
    const struct range_list addresses = member_addresses(cube, match->set.set);
    const enum field field = address_fields[match->set.sides[0]];

    if (match->set.inverted)
        cube_not_ranges(cube, field, &addresses);
    else
        cube_ranges(cube, field, &addresses);
}

void add_set(struct cube *cube, const struct match *match)
{
    const struct packet_space *space = cube->view->space;

    if (set_needs_parts(space, match))
        return;
    if (!packet_space_knows_set(space, match))
        cube_unknown(cube, (struct unknown_test){packet_space_match(space, match), 1U << UNKNOWN_YES, false});
    else if (!match->set.set->count)
        cube->never = cube->never || !match->set.inverted;
    else if (type_of(match)->addresses)
        add_addresses(cube, match);
    else
        add_ports(cube, match);
}

static void add_pair(struct walk_list *list, const struct view *view, const struct match *match,
                     const struct ipset_member *member)
{
    struct addr_range range = prefix_range(match->set.set->family, member->prefix);
    struct cube cube;

    cube_begin(&cube, view);
    cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    cube_value(&cube, FIELD_PROTOCOL, member->protocol);
    cube_ranges(&cube, address_fields[match->set.sides[0]], &(struct range_list){&range, 1, 1});
    cube_value(&cube, port_fields[match->set.sides[1]], member->port);
    walk_list_add_cube(list, &cube, 1, 1);
}

diagram set_packets(const struct view *view, const struct match *match)
{
    struct packet_space *space = view->space;
    const struct ipset *set = match->set.set;
    diagram packets;

    if (!type_of(match)->addresses) {
        struct cube cube;

        cube_begin(&cube, view);
        cube.never = !set->count;
        if (set->count)
            add_ports(&cube, match);
        packets = cube_function(&cube, 1, 1);
    } else {
        struct walk_list list = {0};

        for (size_t i = 0; i < set->count; i++)
            add_pair(&list, view, match, &set->members[i]);
        packets = walk_list_join(space, &list, 0);
        walk_list_clear(&list);
    }
    return match->set.inverted ? set_minus(space, set_all(space), packets) : packets;
}
