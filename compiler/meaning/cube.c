// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/cube.h"

#include <string.h>

#include "base/vec.h"

// ICMP and ICMPv6 echo (RFC 792, RFC 4443).
static const uint64_t echo_request[FAMILY_COUNT] = {8, 128}, echo_reply[FAMILY_COUNT] = {0, 129};

void cube_begin(struct cube *cube, const struct view *view)
{
    // The ranges of a field count only where its number of them is not 0.
    for (size_t i = 0; i < FIELD_COUNT; i++)
        cube->tests[i].count = 0;
    cube->view = view;
    cube->unknowns.items = NULL;
    cube->unknowns.count = cube->unknowns.capacity = 0;
    cube->never = false;
}

// What a field can be at all where the view looks. False where that says nothing.
static bool field_bounds(const struct view *view, enum field field, struct addr_range *bounds)
{
    const struct packet_space *space = view->space;
    uint64_t first = 0, last = 0;

    switch (field) {
    case FIELD_IN:
        if (view->hook != HOOK_OUTPUT)
            return false;
        break;
    case FIELD_OUT: // PREROUTING, raw's too, is ahead of routing
        if (view->hook != HOOK_INPUT && !view->unrouted && !(view->raw && view->hook == HOOK_FORWARD))
            return false;
        break;
    case FIELD_DESTINATION_TYPE:
        if (view->mirrored || view->hook == HOOK_OUTPUT)
            return false;
        first = view->hook == HOOK_FORWARD ? DESTINATION_MULTICAST : DESTINATION_LOCAL;
        last = view->hook == HOOK_FORWARD ? DESTINATION_OTHER : DESTINATION_MULTICAST;
        break;
    case FIELD_FRAGMENT:
        if (!space->defragments && !(view->hook == HOOK_INPUT && space->family == FAMILY_IPV4))
            return false;
        break;
    case FIELD_SOCKET:
        if (view->hook == HOOK_INPUT)
            return false;
        break;
    default:
        return false;
    }
    *bounds = (struct addr_range){{0, first}, {0, last}};
    return true;
}

static bool range_holds(const struct addr_range *outer, const struct addr_range *inner)
{
    return addr_compare(outer->first, inner->first) <= 0 && addr_compare(inner->last, outer->last) <= 0;
}

// Whether it is plain that what the one list has, the other has too.
static bool lies_within(const struct range_list *inner, const struct range_list *outer)
{
    return inner->count && outer->count == 1 &&
           addr_compare(outer->items[0].first, inner->items[0].first) <= 0 &&
           addr_compare(inner->items[inner->count - 1].last, outer->items[0].last) <= 0;
}

static struct addr later(struct addr a, struct addr b)
{
    return addr_compare(a, b) < 0 ? b : a;
}

static struct addr earlier(struct addr a, struct addr b)
{
    return addr_compare(a, b) < 0 ? a : b;
}

static struct range_list common(struct arena *arena, const struct range_list *a, const struct range_list *b)
{
    struct range_list result = {0};

    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        const struct addr_range both = {later(a->items[i].first, b->items[j].first),
                                        earlier(a->items[i].last, b->items[j].last)};

        if (addr_compare(both.first, both.last) <= 0)
            *vec_push(arena, &result) = both;
        if (addr_compare(a->items[i].last, b->items[j].last) < 0)
            i++;
        else
            j++;
    }
    return result;
}

static struct range_list complement(const struct cube *cube, enum field field, const struct range_list *list)
{
    struct range_list result = {0};
    const struct addr last = field_last(cube->view->space->family, field);
    struct addr next = {0, 0};
    bool ended = false;

    for (size_t i = 0; i < list->count && !ended; i++) {
        const struct addr first = list->items[i].first, end = list->items[i].last;

        if (addr_compare(next, first) < 0)
            *vec_push(cube->view->scratch, &result) = (struct addr_range){next, addr_previous(first)};
        ended = addr_compare(end, last) >= 0;
        next = addr_next(end);
    }
    if (!ended)
        *vec_push(cube->view->scratch, &result) = (struct addr_range){next, last};
    return result;
}

static enum field mirror_field(enum field field)
{
    switch (field) {
    case FIELD_IN:
        return FIELD_OUT;
    case FIELD_OUT:
        return FIELD_IN;
    case FIELD_SOURCE:
        return FIELD_DESTINATION;
    case FIELD_DESTINATION:
        return FIELD_SOURCE;
    case FIELD_SOURCE_PORT:
        return FIELD_DESTINATION_PORT;
    case FIELD_DESTINATION_PORT:
        return FIELD_SOURCE_PORT;
    default:
        return field;
    }
}

static bool holds_value(const struct range_list *list, uint64_t value)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].first.low <= value && value <= list->items[i].last.low)
            return true;
    return false;
}

// ICMP types with echo request and reply exchanged.
static struct range_list mirror_types(const struct cube *cube, const struct range_list *types)
{
    const uint64_t request = echo_request[cube->view->space->family],
                   reply = echo_reply[cube->view->space->family];
    struct range_list result = {0};

    for (uint64_t value = 0; value <= UINT8_MAX; value++)
        if (holds_value(types, value == request ? reply : value == reply ? request : value))
            *vec_push(cube->view->scratch, &result) = (struct addr_range){{0, value}, {0, value}};
    return result;
}

void cube_ranges(struct cube *cube, enum field field, const struct range_list *ranges)
{
    const struct view *view = cube->view;
    struct range_list test = *ranges;
    struct addr_range bounds;

    if (cube->never)
        return;
    if (field_bounds(view, field, &bounds)) {
        const struct range_list whole = {&bounds, 1, 1};

        test = common(view->scratch, ranges, &whole);
        if (test.count == 1 && range_holds(&test.items[0], &bounds))
            return;
    }
    if (view->mirrored && field == FIELD_ICMP_TYPE)
        test = mirror_types(cube, &test);
    if (view->mirrored)
        field = mirror_field(field);
    if (cube->tests[field].count && !lies_within(&test, &cube->tests[field]))
        test = common(view->scratch, &cube->tests[field], &test);
    cube->never = !test.count;
    cube->tests[field] = test;
}

void cube_not_ranges(struct cube *cube, enum field field, const struct range_list *ranges)
{
    const struct range_list others = complement(cube, field, ranges);

    cube_ranges(cube, field, &others);
}

void cube_values(struct cube *cube, enum field field, uint64_t first, uint64_t last)
{
    struct addr_range *range = arena_alloc(cube->view->scratch, sizeof(*range));

    *range = (struct addr_range){{0, first}, {0, last}};
    cube_ranges(cube, field, &(struct range_list){range, 1, 1});
}

void cube_value(struct cube *cube, enum field field, uint64_t value)
{
    cube_values(cube, field, value, value);
}

void cube_bits(struct cube *cube, enum field field, uint64_t bits)
{
    struct range_list list = {0};

    for (uint64_t value = 0; value < 64; value++) {
        if (!(bits >> value & 1))
            continue;
        if (list.count && vec_last(&list)->last.low + 1 == value)
            vec_last(&list)->last.low = value;
        else
            *vec_push(cube->view->scratch, &list) = (struct addr_range){{0, value}, {0, value}};
    }
    cube_ranges(cube, field, &list);
}

void cube_ports(struct cube *cube, enum field field, const struct port_set *ports)
{
    struct addr_range *ranges = arena_calloc(cube->view->scratch, ports->count, sizeof(*ranges));

    if (!ports->count)
        return;
    for (size_t i = 0; i < ports->count; i++)
        ranges[i] = (struct addr_range){{0, ports->items[i].first}, {0, ports->items[i].last}};
    cube_ranges(cube, field, &(struct range_list){ranges, ports->count, ports->count});
}

void cube_addresses(struct cube *cube, enum field field, const struct addr_set *set)
{
    if (!set)
        return;
    if (!set->families[cube->view->space->family].count)
        cube->never = true;
    else
        cube_ranges(cube, field, &set->families[cube->view->space->family]);
}

// The numbers of the interfaces that one of the patterns fits.
static struct range_list fitting(const struct cube *cube, const struct interfaces *patterns)
{
    const size_t last = INTERFACE_NAMED + cube->view->space->interfaces.count;
    struct range_list list = {0};

    for (size_t number = INTERFACE_NONE; number < last; number++) {
        bool fits = false;

        for (size_t i = 0; i < patterns->count && !fits; i++)
            fits = interface_number_fits(cube->view->space, number, patterns->names[i]);
        if (!fits)
            continue;
        if (list.count && vec_last(&list)->last.low + 1 == number)
            vec_last(&list)->last.low = number;
        else
            *vec_push(cube->view->scratch, &list) = (struct addr_range){{0, number}, {0, number}};
    }
    return list;
}

void cube_interfaces(struct cube *cube, enum field field, const struct interfaces *interfaces)
{
    if (!interfaces->count)
        return;

    const struct range_list numbers = fitting(cube, interfaces);

    cube_ranges(cube, field, &numbers);
}

void cube_interface(struct cube *cube, enum field field, const char *pattern, bool inverted)
{
    const struct interfaces one = {&pattern, 1};

    if (!pattern)
        return;

    const struct range_list numbers = fitting(cube, &one);

    if (inverted)
        cube_not_ranges(cube, field, &numbers);
    else
        cube_ranges(cube, field, &numbers);
}

void cube_helper(struct cube *cube, const char *name, bool inverted)
{
    const struct packet_space *space = cube->view->space;
    struct range_list list = {0};

    for (size_t i = 0; i < space->helpers.count; i++) {
        const char *helper = space->helpers.items[i];

        if (!name[0] || (helper[0] && strncmp(helper, name, strlen(helper)) == 0))
            *vec_push(cube->view->scratch, &list) = (struct addr_range){{0, i + 1}, {0, i + 1}};
    }
    if (inverted)
        cube_not_ranges(cube, FIELD_HELPER, &list);
    else if (list.count)
        cube_ranges(cube, FIELD_HELPER, &list);
    else
        cube->never = true;
}

void cube_flags(struct cube *cube, uint8_t mask, uint8_t flags, bool inverted)
{
    uint64_t bits = 0;

    for (unsigned value = 0; value < 64; value++)
        if (((value & mask) == flags) != inverted)
            bits |= (uint64_t)1 << value;
    if (!bits)
        cube->never = true;
    else
        cube_bits(cube, FIELD_FLAGS, bits);
}

void cube_unknown(struct cube *cube, struct unknown_test test)
{
    size_t at = cube->unknowns.count;
    struct unknown_test *tests;

    // In ascending order, as diagrams test fields; of the same one what both tests pass.
    while (at && cube->unknowns.items[at - 1].unknown > test.unknown)
        at--;
    if (at && cube->unknowns.items[at - 1].unknown == test.unknown) {
        cube->unknowns.items[at - 1].values &= test.values;
        cube->unknowns.items[at - 1].drops_full |= test.drops_full;
        return;
    }
    vec_push(cube->view->scratch, &cube->unknowns);
    tests = cube->unknowns.items;
    memmove(&tests[at + 1], &tests[at], (cube->unknowns.count - 1 - at) * sizeof(*tests));
    tests[at] = test;
}

// One test a value, since those of a limit may lead to three places.
static diagram test_unknown(struct packet_space *space, const struct unknown_test *test, diagram inside,
                            uint32_t full)
{
    const unsigned values = space->unknowns.items[test->unknown].kind == UNKNOWN_HASHLIMIT ? 3 : 2;
    const diagram none = set_none(space);
    diagram result = none;

    for (unsigned value = 0; value < values; value++) {
        const struct addr_range range = {{0, value}, {0, value}};
        const bool drops = value == LIMIT_FULL && test->drops_full;
        diagram to = test->values >> value & 1 ? inside : none;

        if (drops)
            to = diagram_constant(space->diagrams, full);
        result = first_of(space, result,
                          diagram_test(space->diagrams, FIELD_COUNT + test->unknown, &range, 1, to, none));
    }
    return result;
}

diagram cube_function(const struct cube *cube, uint32_t inside, uint32_t full)
{
    struct packet_space *space = cube->view->space;
    const diagram none = set_none(space);
    diagram function = diagram_constant(space->diagrams, inside);

    if (cube->never)
        return none;
    for (size_t i = cube->unknowns.count; i-- > 0;)
        function = test_unknown(space, &cube->unknowns.items[i], function, full);
    for (size_t field = FIELD_COUNT; field-- > 0;)
        if (cube->tests[field].count)
            function = diagram_test(space->diagrams, (unsigned)field, cube->tests[field].items,
                                    cube->tests[field].count, function, none);
    return function;
}
