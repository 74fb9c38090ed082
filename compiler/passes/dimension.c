// SPDX-License-Identifier: GPL-2.0-or-later
#include "passes/dimension.h"

#include "base/protocols.h"
#include "base/sort.h"

const struct dimension_field dimensions[DIMENSION_COUNT] = {
    [DIMENSION_SOURCE] = {SIDE_SOURCE, 0},
    [DIMENSION_DESTINATION] = {SIDE_DESTINATION, 0},
    [DIMENSION_TCP_SOURCE_PORT] = {SIDE_SOURCE, PROTOCOL_TCP},
    [DIMENSION_TCP_DESTINATION_PORT] = {SIDE_DESTINATION, PROTOCOL_TCP},
    [DIMENSION_UDP_SOURCE_PORT] = {SIDE_SOURCE, PROTOCOL_UDP},
    [DIMENSION_UDP_DESTINATION_PORT] = {SIDE_DESTINATION, PROTOCOL_UDP},
};

bool has_dimension(const struct rule *rule, enum dimension dimension)
{
    const struct rule_sets *sets = rule_sets_of(rule);
    const enum side side = dimensions[dimension].side;

    if (!dimensions[dimension].protocol)
        return sets->addresses[side];
    return rule->protocol == dimensions[dimension].protocol && !rule->protocol_inverted &&
           sets->ports[side].count;
}

// How many ranges a rule has there.
size_t range_count(const struct rule *rule, enum dimension dimension)
{
    const struct rule_sets *sets = rule_sets_of(rule);
    const enum side side = dimensions[dimension].side;

    return dimensions[dimension].protocol ? sets->ports[side].count : sets->addresses[side]->count;
}

struct addr_range range_at(const struct rule *rule, enum dimension dimension, size_t i)
{
    const struct rule_sets *sets = rule_sets_of(rule);
    const enum side side = dimensions[dimension].side;

    if (!dimensions[dimension].protocol)
        return sets->addresses[side]->items[i];
    return (struct addr_range){{0, sets->ports[side].items[i].first}, {0, sets->ports[side].items[i].last}};
}

struct rule with_ranges(struct arena *arena, const struct rule *rule, enum dimension dimension,
                        const struct item *items, size_t count)
{
    struct rule_sets sets = *rule_sets_of(rule);
    const enum side side = dimensions[dimension].side;
    struct rule made = *rule;

    if (dimensions[dimension].protocol) {
        struct port_range *ports = arena_calloc(arena, count, sizeof(*ports));

        for (size_t i = 0; i < count; i++)
            ports[i] =
                (struct port_range){(uint16_t)items[i].range.first.low, (uint16_t)items[i].range.last.low};
        sets.ports[side] = (struct port_set){ports, count, count};
    } else if (count) {
        struct range_list *list = arena_alloc(arena, sizeof(*list));
        struct addr_range *ranges = arena_calloc(arena, count, sizeof(*ranges));

        for (size_t i = 0; i < count; i++)
            ranges[i] = items[i].range;
        *list = (struct range_list){ranges, count, count};
        sets.addresses[side] = list;
    } else {
        sets.addresses[side] = NULL;
    }
    made.sets = sets.addresses[0] || sets.addresses[1] || sets.ports[0].count || sets.ports[1].count
                    ? rule_sets_copy(arena, &sets)
                    : NULL;
    return made;
}

static int compare_places(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    const int order = addr_compare(left->range.first, right->range.first);

    if (order)
        return order;
    return left->rule < right->rule ? -1 : left->rule > right->rule;
}

void sort_items(struct items *items)
{
    sort_by_addr(items->items, items->count, sizeof(*items->items), offsetof(struct item, range.first),
                 compare_places);
}

int compare_rules(const void *a, const void *b)
{
    const struct item *left = a, *right = b;

    return left->rule < right->rule   ? -1
           : left->rule > right->rule ? 1
                                      : addr_compare(left->range.first, right->range.first);
}
