// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/region.h"

#include <string.h>

#include "algebra/cover.h"
#include "analysis/describe.h"
#include "base/protocols.h"
#include "base/vec.h"
#include "meaning/sets.h"

#define COMMON_MAX 3 // ranges of one field

static bool list_holds(const struct range_list *list, uint64_t number)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].first.low <= number && number <= list->items[i].last.low)
            return true;
    return false;
}

// Off lo is where people look.
static bool is_off_loopback(const struct packet_space *space, const struct range_list *interfaces)
{
    const size_t lo = packet_space_interface(space, "lo"), count = INTERFACE_NAMED + space->interfaces.count;

    for (size_t number = INTERFACE_OTHER; number < count; number++)
        if (list_holds(interfaces, number) == (number == lo))
            return false;
    return true;
}

// What is not on lo, with lo: regions leave it out.
static void add_loopback(struct arena *arena, const struct packet_space *space, struct range_list *interfaces)
{
    const uint64_t lo = packet_space_interface(space, "lo"),
                   count = INTERFACE_NAMED + space->interfaces.count;
    struct range_list wider = {0};

    if (!interfaces->count || !list_holds(interfaces, INTERFACE_OTHER))
        return;
    for (uint64_t number = 0; number < count; number++)
        if (number == lo || list_holds(interfaces, number))
            *vec_push(arena, &wider) = (struct addr_range){{0, number}, {0, number}};
    *interfaces = wider;
}

const char *region_in_words(struct arena *arena, struct packet_space *space, enum hook hook,
                            const struct box *region)
{
    const size_t fields = FIELD_COUNT + space->unknowns.count;
    const enum field sides[] = {FIELD_IN, FIELD_OUT};
    static const char *const any[] = {"in any", "out any"};
    struct range_list *lists = arena_calloc(arena, fields, sizeof(*lists));
    struct range_list *alone = arena_calloc(arena, fields, sizeof(*alone));
    struct buf text = {0};

    memcpy(lists, region->fields, fields * sizeof(*lists));
    for (size_t i = 0; i < 2; i++) {
        if (is_off_loopback(space, &lists[sides[i]]))
            lists[sides[i]].count = 0;
        add_loopback(arena, space, &lists[sides[i]]);
        alone[sides[i]] = lists[sides[i]];
        lists[sides[i]].count = 0;
        if (hook == (i ? HOOK_INPUT : HOOK_OUTPUT))
            continue;
        if (alone[sides[i]].count)
            describe_box(&text, space, &(struct box){alone}, set_all(space));
        else
            buf_printf(&text, "%s%s", text.length ? " " : "", any[i]);
        alone[sides[i]].count = 0;
    }
    describe_box(&text, space, &(struct box){lists}, set_all(space));
    return buf_to_arena(&text, arena);
}

// The values of a field that packets of the set have.
static struct range_list values_of(struct arena *arena, struct packet_space *space, diagram set,
                                   enum field field)
{
    const size_t fields = FIELD_COUNT + space->unknowns.count;
    struct field_choice *choices = arena_calloc(arena, fields, sizeof(*choices));

    for (size_t i = 0; i < fields; i++)
        choices[i].how = i == field ? CHOOSE_KEEP : CHOOSE_LARGEST;

    const struct cover cover =
        cover_boxes(arena, space->diagrams, diagram_settle(space->diagrams, set, choices), set_all(space),
                    usual_order(space), 1);

    return cover.count ? cover.items[0].fields[field] : (struct range_list){0};
}

// Whether a list is about some values, not about all but some.
static bool names_values(const struct packet_space *space, enum field field, const struct range_list *list)
{
    const struct addr first = list->items[0].first, last = vec_last(list)->last;

    if (field == FIELD_IN || field == FIELD_OUT)
        return !list_holds(list, INTERFACE_OTHER);
    return addr_compare(first, (struct addr){0, 0}) != 0 &&
           addr_compare(last, field_last(space->family, field)) != 0;
}

static void add_value(struct arena *arena, struct range_list *list, uint64_t first, uint64_t last)
{
    *vec_push(arena, list) = (struct addr_range){{0, first}, {0, last}};
}

// Packets that have no state are told as new ones.
static bool is_one_state(const struct range_list *states)
{
    return states->count == 1 && states->items[0].first.low == states->items[0].last.low &&
           states->items[0].first.low != PACKET_STATE_NEW;
}

// What packets of the set have in common, as far as it is said by naming it. A default may treat TCP in its own way.
static struct box common_values(struct arena *arena, struct packet_space *space, diagram set)
{
    static const enum field told[] = {
        FIELD_IN,          FIELD_OUT,         FIELD_PROTOCOL,         FIELD_SOURCE,
        FIELD_SOURCE_PORT, FIELD_DESTINATION, FIELD_DESTINATION_PORT, FIELD_ICMP_TYPE};
    const struct box box = {arena_calloc(arena, FIELD_COUNT + space->unknowns.count, sizeof(*box.fields))};
    const diagram tcp = field_between(space, FIELD_PROTOCOL, PROTOCOL_TCP, PROTOCOL_TCP);
    const struct range_list states = values_of(arena, space, set, FIELD_STATE);

    for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
        const struct range_list values = values_of(arena, space, set, told[i]);

        if (values.count && values.count <= COMMON_MAX && names_values(space, told[i], &values))
            box.fields[told[i]] = values;
    }
    if (is_one_state(&states))
        box.fields[FIELD_STATE] = states;
    if (!box.fields[FIELD_PROTOCOL].count && set_and(space, set, tcp) == set_none(space)) {
        add_value(arena, &box.fields[FIELD_PROTOCOL], 0, PROTOCOL_TCP - 1);
        add_value(arena, &box.fields[FIELD_PROTOCOL], PROTOCOL_TCP + 1, UINT8_MAX);
    }
    return box;
}

const char *rest_in_words(struct arena *arena, struct packet_space *space, enum hook hook, diagram set,
                          bool new)
{
    const struct box box = common_values(arena, space, set);

    return arena_printf(arena, "%s%s, all else", region_in_words(arena, space, hook, &box),
                        new ? " new" : "");
}
