// SPDX-License-Identifier: GPL-2.0-or-later
//
// Boxes one by one, until nothing remains of the set: a box on a path of what remains, widened as far as the set goes. A
// value that a box may take is one for which all the packets of the box are in the set or do not occur. A value for which
// none of them occurs says nothing: a box takes it only where it stands between others, so that there is one range less, or
// where nothing else is missing, so that there is no list at all.
#include "algebra/cover.h"

#include <string.h>

#include "algebra/nodes.h"
#include "base/vec.h"

#define BATCH 8 // functions combined at once at first

struct covering {
    struct arena scratch; // holds one box while it is made
    struct diagram_space *space;
    diagram domain;
    diagram allowed; // the set, and what does not occur
    diagram remaining;
};

static uint32_t implied(uint32_t left, uint32_t right)
{
    return left || !right;
}

static bool is_one(uint32_t left)
{
    return left == 1;
}

static const struct diagram_operation or_not = {OPERATION_IMPLIED, implied, is_one};

// What is left of a function of sets when all fields but one have only the values of a box: the smallest or the largest of
// its values, as a function of that field.
struct projection {
    struct diagram_space *space;
    struct arena *scratch;
    const struct diagram_operation *operation; // diagram_smaller or diagram_larger
    const struct box *box;
    unsigned field;
    uint32_t walk;
    diagram ends[2]; // results that do not change any more, whatever the rest of the box has
};

static diagram project(const struct projection *projection, diagram function);

static bool is_end(const struct projection *projection, diagram so_far)
{
    return so_far == projection->ends[0] || so_far == projection->ends[1];
}

// Functions that are to be combined. They wait until there are as many as were combined before: one by one, functions that
// grow would be copied at each step, and all at once, nothing would be known before the last.
struct batch {
    VEC(diagram) waiting;
    size_t full;
};

static diagram combine_batch(const struct projection *projection, const struct batch *batch)
{
    return diagram_combine(projection->space, projection->operation, batch->waiting.items,
                           batch->waiting.count);
}

// False where more functions would not change the result.
static bool add_to_batch(const struct projection *projection, struct batch *batch, diagram function)
{
    if (is_end(projection, function))
        batch->waiting.count = 0;
    if (!batch->waiting.count || *vec_last(&batch->waiting) != function)
        *vec_push(projection->scratch, &batch->waiting) = function;
    if (batch->waiting.count == batch->full) {
        batch->waiting.items[0] = combine_batch(projection, batch);
        batch->waiting.count = 1;
        batch->full *= 2;
    }
    return batch->waiting.count > 1 || !is_end(projection, batch->waiting.items[0]);
}

// The edges from number `first` on to the one that `last` takes.
static bool project_edges(const struct projection *projection, struct batch *batch, diagram function,
                          uint32_t first, field_value last)
{
    struct diagram_space *space = projection->space;

    for (uint32_t i = first; i < space->nodes[function].edge_count; i++) {
        const struct edge edge = node_edge(space, &space->nodes[function], i);

        if (!add_to_batch(projection, batch, project(projection, edge.to)))
            return false;
        if (!value_before(edge.last, last))
            break;
    }
    return !space->overflowed;
}

static diagram project_others(const struct projection *projection, diagram function)
{
    struct diagram_space *space = projection->space;
    const unsigned field = space->nodes[function].field;
    const struct range_list *list = &projection->box->fields[field];
    struct batch batch = {.full = BATCH};
    bool more = list->count || project_edges(projection, &batch, function, 0, field_max(space, field));

    for (size_t i = 0; i < list->count && more; i++)
        more =
            project_edges(projection, &batch, function,
                          edge_at(space, &space->nodes[function], list->items[i].first), list->items[i].last);
    return combine_batch(projection, &batch);
}

static diagram project_field(const struct projection *projection, diagram function)
{
    struct diagram_space *space = projection->space;
    const size_t base = space->stack_count;

    for (uint32_t i = 0; i < space->nodes[function].edge_count; i++) {
        const struct edge edge = node_edge(space, &space->nodes[function], i);
        const diagram to = project(projection, edge.to);

        if (space->overflowed || !push_edge(space, base, edge.last, to))
            return drop_node(space, base);
    }
    return pop_node(space, projection->field, base);
}

static diagram project(const struct projection *projection, diagram function)
{
    struct diagram_space *space = projection->space;

    if (space->nodes[function].field == LEAF)
        return function;
    if (space->memos[function].walk != projection->walk) {
        const diagram result = space->nodes[function].field == projection->field
                                   ? project_field(projection, function)
                                   : project_others(projection, function);

        space->memos[function] = (struct memo){projection->walk, result};
    }
    return space->memos[function].result;
}

// The first and the last value of the range that are in the set, a function of one field. False if none is.
static bool clip(const struct diagram_space *space, diagram set, struct addr_range *range)
{
    const struct node *node = &space->nodes[set];

    if (node->field == LEAF)
        return node->value != 0;

    // Neighbours lead to different values, so that one step leads into the set.
    uint32_t first = edge_at(space, node, range->first), last = edge_at(space, node, range->last);

    if (node_child(space, node, first) == 0) {
        if (first == last)
            return false;
        range->first = addr_next(node_edge(space, node, first).last);
    }
    if (node_child(space, node, last) == 0)
        range->last = node_edge(space, node, last - 1).last;
    return true;
}

static void add_range(struct arena *arena, struct range_list *list, struct addr_range range)
{
    *vec_push(arena, list) = range;
}

// The ranges of `set`, a function of one field, as far as they hold what is in `occurring`.
static struct range_list list_values(struct covering *covering, diagram set, diagram occurring)
{
    const struct diagram_space *space = covering->space;
    const struct node *node = &space->nodes[set];
    struct range_list list = {0};
    field_value first = {0, 0};

    for (uint32_t i = 0; i < node->edge_count; i++) {
        const struct edge edge = node_edge(space, node, i);
        struct addr_range range = {first, edge.last};

        if (edge.to != 0 && clip(space, occurring, &range))
            add_range(&covering->scratch, &list, range);
        first = addr_next(edge.last);
    }
    return list;
}

// The values of the field for which all packets of the box are allowed. `least`, its own, are among them.
static diagram allowed_values(struct covering *covering, const struct box *box, unsigned field, diagram least)
{
    const struct projection projection = {covering->space, &covering->scratch,          &diagram_smaller, box,
                                          field,           begin_walk(covering->space), {least, 0}};

    return projection.walk ? project(&projection, covering->allowed) : 0;
}

// The values of the field for which some packets of the box occur.
static diagram occurring_values(struct covering *covering, const struct box *box, unsigned field,
                                diagram most)
{
    const struct projection projection = {covering->space, &covering->scratch,          &diagram_larger, box,
                                          field,           begin_walk(covering->space), {most, most}};

    return projection.walk ? project(&projection, covering->domain) : 0;
}

static diagram list_function(struct diagram_space *space, unsigned field, const struct range_list *list,
                             diagram inside)
{
    return list->count ? diagram_test(space, field, list->items, list->count, inside, 0) : inside;
}

// Whether the field took more values.
static bool widen_field(struct covering *covering, struct box *box, unsigned field)
{
    struct diagram_space *space = covering->space;
    struct range_list *list = &box->fields[field];
    const diagram one = diagram_constant(space, 1);

    if (!list->count)
        return false;

    // The box is within what is allowed: its own values are the least there can be.
    const diagram least = list_function(space, field, list, one);
    const diagram allowed = allowed_values(covering, box, field, least);

    if (space->overflowed || allowed == least)
        return false;
    if (allowed == one) {
        *list = (struct range_list){0};
        return true;
    }

    const diagram occurring = occurring_values(covering, box, field, one);

    if (space->overflowed)
        return false;

    const struct range_list wider = list_values(covering, allowed, occurring);

    if (!wider.count || (wider.count == list->count &&
                         memcmp(wider.items, list->items, list->count * sizeof(*list->items)) == 0))
        return false;
    *list = wider;
    return true;
}

// The box on the first path of the function that leads into the set: at each node, all the values that lead on alike.
static struct box first_box(struct covering *covering)
{
    const struct diagram_space *space = covering->space;
    struct box box = {arena_calloc(&covering->scratch, space->field_count, sizeof(*box.fields))};
    diagram at = covering->remaining;

    while (space->nodes[at].field != LEAF) {
        const struct node *node = &space->nodes[at];
        const diagram to = node_child(space, node, node_child(space, node, 0) == 0);
        field_value first = {0, 0};

        for (uint32_t i = 0; i < node->edge_count; i++) {
            const struct edge edge = node_edge(space, node, i);

            if (edge.to == to)
                add_range(&covering->scratch, &box.fields[node->field],
                          (struct addr_range){first, edge.last});
            first = addr_next(edge.last);
        }
        at = to;
    }
    return box;
}

diagram box_function(struct diagram_space *space, const struct box *box)
{
    diagram function = diagram_constant(space, 1);

    for (size_t field = space->field_count; field-- > 0;)
        function = list_function(space, (unsigned)field, &box->fields[field], function);
    return function;
}

static struct box copy_box(struct arena *arena, const struct box *box, size_t field_count)
{
    const struct box copy = {arena_calloc(arena, field_count, sizeof(*copy.fields))};

    for (size_t i = 0; i < field_count; i++) {
        const struct range_list *list = &box->fields[i];

        if (!list->count)
            continue;
        copy.fields[i] = (struct range_list){arena_calloc(arena, list->count, sizeof(*list->items)),
                                             list->count, list->count};
        memcpy(copy.fields[i].items, list->items, list->count * sizeof(*list->items));
    }
    return copy;
}

struct cover cover_boxes(struct arena *arena, struct diagram_space *space, diagram set, diagram domain,
                         const unsigned *widen_first, size_t limit)
{
    struct covering covering = {.space = space,
                                .domain = domain,
                                .allowed = diagram_apply(space, &or_not, set, domain),
                                .remaining = diagram_apply(space, &diagram_smaller, set, domain)};
    struct cover cover = {0};

    while (covering.remaining != 0 && cover.count < limit) {
        struct box box = first_box(&covering);

        // A field may be able to take more once others have taken more, so that new values occur.
        for (bool wider = true; wider && !space->overflowed;) {
            wider = false;
            for (size_t i = 0; i < space->field_count; i++)
                wider = widen_field(&covering, &box, widen_first[i]) || wider;
        }
        covering.remaining =
            diagram_apply(space, &diagram_without, covering.remaining, box_function(space, &box));
        if (space->overflowed)
            break;
        *vec_push(arena, &cover) = copy_box(arena, &box, space->field_count);
        arena_reset(&covering.scratch);
    }
    arena_clear(&covering.scratch);
    cover.complete = covering.remaining == 0 && !space->overflowed;
    return cover;
}
