// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/classes.h"

#include <stdlib.h>
#include <string.h>

#include "algebra/cover.h"
#include "analysis/describe.h"
#include "meaning/sets.h"

#define CELL_BITS (2 * REACH_BITS)

static uint32_t reach_bit(uint32_t value, uint32_t ignored)
{
    const struct outcome outcome = outcome_of(value);

    (void)ignored;
    switch (outcome.walk) {
    case WALK_ACCEPT:
        return outcome.tracked ? REACH_TRACKED : REACH_UNTRACKED;
    case WALK_REJECT:
        return REACH_REJECTED;
    case WALK_DROP:
        return REACH_DROPPED;
    case WALK_ELSEWHERE:
        return REACH_ELSEWHERE;
    default:
        return 0;
    }
}

static uint32_t has_bit(uint32_t left, uint32_t right)
{
    return left == right;
}

static uint32_t join_bits(uint32_t left, uint32_t right)
{
    return left | right;
}

static const struct diagram_operation op_reach = {72, reach_bit, NULL}, op_has_bit = {73, has_bit, NULL},
                                      op_join = {74 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME |
                                                     DIAGRAM_COMMUTES,
                                                 join_bits, NULL};

// What becomes of packets by interface and source alone: all that can, with every limit as said.
static diagram by_sender(struct classes *classes, diagram bits, uint64_t limits, unsigned shift)
{
    struct packet_space *space = &classes->meaning->space;
    diagram joined = set_none(space);

    for (size_t i = 0; i < space->unknowns.count; i++) {
        const enum unknown_kind kind = space->unknowns.items[i].kind;
        struct field_choice *choice = &classes->choices[FIELD_COUNT + i];

        *choice = (struct field_choice){.how = CHOOSE_LARGEST};
        if (kind == UNKNOWN_LIMIT || kind == UNKNOWN_HASHLIMIT)
            *choice = (struct field_choice){CHOOSE_VALUE, {0, limits}};
    }
    for (unsigned bit = 0; bit < REACH_BITS; bit++) {
        const diagram one = diagram_constant(space->diagrams, 1U << bit),
                      all = diagram_constant(space->diagrams, 1U << bit << shift);
        const diagram where = diagram_settle(
            space->diagrams, diagram_apply(space->diagrams, &op_has_bit, bits, one), classes->choices);

        joined = diagram_apply(space->diagrams, &op_join, joined, only_where(space, where, all));
    }
    return joined;
}

static diagram cells_by_sender(struct classes *classes, diagram set)
{
    struct packet_space *space = &classes->meaning->space;
    const diagram bits =
        diagram_apply(space->diagrams, &op_reach,
                      hook_outcomes(space, &classes->meaning->meaning, HOOK_INPUT, set), set_all(space));

    return diagram_apply(space->diagrams, &op_join, by_sender(classes, bits, LIMIT_WITHIN, 0),
                         by_sender(classes, bits, LIMIT_OVER, REACH_BITS));
}

// Classes.

static uint32_t refine(uint32_t number, uint32_t cell)
{
    return number ? number << CELL_BITS | cell : 0;
}

static const struct diagram_operation op_refine = {75, refine, NULL};

struct values {
    struct arena *arena;
    uint32_t *items;
    size_t count, capacity;
};

static void add_value(uint32_t value, void *context)
{
    struct values *values = context;

    if (value)
        *vec_push(values->arena, values) = value;
}

static int compare_values(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static uint32_t value_number(uint32_t value, void *context)
{
    const struct values *values = context;
    const uint32_t *found =
        bsearch(&value, values->items, values->count, sizeof(*values->items), compare_values);

    return found ? (uint32_t)(found - values->items) + 1 : 0;
}

bool classes_refine(struct classes *classes, struct arena *arena, diagram set, size_t services)
{
    struct packet_space *space = &classes->meaning->space;
    const diagram cells = cells_by_sender(classes, set);
    const diagram refined = diagram_apply(space->diagrams, &op_refine, classes->numbers, cells);
    struct values values = {.arena = arena};
    struct classes finer = *classes;

    diagram_each_value(space->diagrams, refined, add_value, &values);
    if (values.count > CLASSES_MAX || !values.count)
        return false;
    qsort(values.items, values.count, sizeof(*values.items), compare_values);
    finer.numbers = diagram_map(space->diagrams, refined, value_number, &values);
    finer.count = values.count + 1;
    finer.items = arena_calloc(arena, finer.count, sizeof(*finer.items));
    for (size_t i = 0; i < values.count; i++) {
        const uint32_t value = values.items[i];
        struct reach_cell *row = arena_calloc(arena, services, sizeof(*row));

        if (classes->services)
            memcpy(row, classes->items[value >> CELL_BITS].cells, classes->services * sizeof(*row));
        row[classes->services] = (struct reach_cell){value & ((1U << REACH_BITS) - 1),
                                                     value >> REACH_BITS & ((1U << REACH_BITS) - 1)};
        finer.items[i + 1].cells = row;
    }
    finer.services++;
    *classes = finer;
    return true;
}

static uint32_t is_class(uint32_t value, void *context)
{
    return value == *(const uint32_t *)context;
}

diagram class_set(const struct classes *classes, uint32_t number)
{
    return diagram_map(classes->meaning->space.diagrams, classes->numbers, is_class, &number);
}

static double range_size(const struct addr_range *range)
{
    return ((double)range->last.high - (double)range->first.high) * 0x1p64 + (double)range->last.low -
           (double)range->first.low + 1;
}

// How many addresses of a class come in by an interface that nothing names.
static double class_size(const struct classes *classes, struct arena *arena, uint32_t number)
{
    struct packet_space *space = &classes->meaning->space;
    const diagram sources = diagram_restrict(space->diagrams, class_set(classes, number), FIELD_IN,
                                             (field_value){0, INTERFACE_OTHER});
    const struct cover cover =
        cover_boxes(arena, space->diagrams, sources, set_all(space), usual_order(space), 1);
    const struct range_list *list = cover.count ? &cover.items[0].fields[FIELD_SOURCE] : NULL;
    const struct addr_range whole = {{0, 0}, addr_max(space->family)};
    double size = list && !list->count ? range_size(&whole) : 0;

    for (size_t i = 0; list && i < list->count; i++)
        size += range_size(&list->items[i]);
    return size;
}

#define SIZED_MAX 100 // classes

uint32_t largest_class(const struct classes *classes, struct arena *arena)
{
    struct packet_space *space = &classes->meaning->space;
    uint32_t largest = diagram_evaluate(space->diagrams, classes->numbers, usual_packet(space, HOOK_INPUT));
    double most = -1;

    for (uint32_t i = 1; i < classes->count && classes->count <= SIZED_MAX; i++) {
        const double size = class_size(classes, arena, i);

        if (size > most) {
            most = size;
            largest = i;
        }
    }
    return largest;
}

struct classes classes_open(struct report_meaning *meaning, struct arena *arena)
{
    struct packet_space *space = &meaning->space;
    struct classes classes = {
        .meaning = meaning,
        .choices = arena_calloc(arena, FIELD_COUNT + space->unknowns.count, sizeof(*classes.choices))};

    for (size_t i = 0; i < FIELD_COUNT; i++)
        classes.choices[i].how = i == FIELD_IN || i == FIELD_SOURCE ? CHOOSE_KEEP : CHOOSE_LARGEST;
    classes.numbers =
        diagram_settle(space->diagrams, set_minus(space, hook_domain(space, HOOK_INPUT), by_loopback(space)),
                       classes.choices);
    return classes;
}
