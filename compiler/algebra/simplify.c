// SPDX-License-Identifier: GPL-2.0-or-later
//
// A function of which only a part counts. Where packets do not count, an interval of values joins its neighbour; a field
// that only they need is not tested at all (the restrict operator of Coudert and Madre, 1990).
#include <stdlib.h>

#include "algebra/nodes.h"

#define OPERATION (DIAGRAM_OPERATION_IDS + 0x100) // beyond those of walk.c

static diagram simplify(struct diagram_space *space, diagram function, diagram care);

// One interval of a node under construction.
struct interval {
    field_value last;
    diagram to;
    bool counts;
};

struct intervals {
    struct interval *items;
    size_t count, capacity;
};

static bool add_interval(struct intervals *intervals, field_value last, diagram to, bool counts)
{
    if (!grow((void **)&intervals->items, &intervals->capacity, intervals->count + 1,
              sizeof(*intervals->items)))
        return false;
    intervals->items[intervals->count++] = (struct interval){last, to, counts};
    return true;
}

// The intervals of `function`, whose field is `field`, cut where `care` is.
static bool collect_intervals(struct diagram_space *space, diagram function, diagram care, unsigned field,
                              struct intervals *intervals)
{
    const field_value max = field_max(space, field);
    const bool cares = space->nodes[care].field == field;
    uint32_t i = 0, j = 0;

    for (bool more = true; more;) {
        const struct edge a = node_edge(space, &space->nodes[function], i);
        const struct edge b = cares ? node_edge(space, &space->nodes[care], j) : (struct edge){max, care};
        const bool a_ends = !value_before(b.last, a.last), b_ends = !value_before(a.last, b.last);
        const field_value last = a_ends ? a.last : b.last;

        if (!add_interval(intervals, last, b.to ? simplify(space, a.to, b.to) : 0, b.to != 0) ||
            space->overflowed)
            return false;
        more = !values_equal(last, max);
        i += a_ends;
        j += b_ends;
    }
    return true;
}

// What does not count goes with what stands before it, or at the beginning with what comes first.
static diagram make_node(struct diagram_space *space, unsigned field, const struct intervals *intervals)
{
    const size_t base = space->stack_count;
    diagram to = 0;

    for (size_t i = intervals->count; i-- > 0;)
        if (intervals->items[i].counts)
            to = intervals->items[i].to;
    for (size_t i = 0; i < intervals->count; i++) {
        if (intervals->items[i].counts)
            to = intervals->items[i].to;
        if (!push_edge(space, base, intervals->items[i].last, to))
            return drop_node(space, base);
    }
    return pop_node(space, field, base);
}

static diagram simplify_remembered(struct diagram_space *space, diagram function, diagram care)
{
    const unsigned field = space->nodes[function].field;
    const struct result *known = result_slot(space, OPERATION, function, care);
    struct intervals intervals = {0};
    diagram result = 0;

    if (known->operation == OPERATION && known->left == function && known->right == care)
        return known->result;
    if (collect_intervals(space, function, care, field, &intervals))
        result = make_node(space, field, &intervals);
    else
        give_up(space);
    free(intervals.items);
    if (!space->overflowed)
        *result_slot(space, OPERATION, function, care) = (struct result){OPERATION, function, care, result};
    return result;
}

static diagram simplify(struct diagram_space *space, diagram function, diagram care)
{
    // A field that the function does not test must not come in by what counts.
    while (space->nodes[care].field < space->nodes[function].field && !space->overflowed)
        care = diagram_largest(space, care, space->nodes[care].field);
    if (space->nodes[function].field == LEAF || space->nodes[care].field == LEAF || space->overflowed)
        return function;
    return simplify_remembered(space, function, care);
}

diagram diagram_simplify(struct diagram_space *space, diagram function, diagram care)
{
    if (space->overflowed)
        return 0;
    return care ? simplify(space, function, care) : function;
}
