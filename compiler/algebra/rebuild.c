// SPDX-License-Identifier: GPL-2.0-or-later
//
// Functions made of another one node by node: with other values, with fields held at one, and with fields left out.
#include <stdlib.h>

#include "algebra/nodes.h"

// A function rebuilt node by node: `rebuild` gives the result for a node that is not taken apart, UINT32_MAX for others.
struct rebuilding {
    struct diagram_space *space;
    diagram (*rebuild)(struct rebuilding *rebuilding, diagram function);
    uint32_t walk;
    uint32_t (*map)(uint32_t value, void *context);
    void *context;
    unsigned field;
    field_value value;
    const struct diagram_operation *operation;
};

static diagram rebuild(struct rebuilding *rebuilding, diagram function)
{
    struct diagram_space *space = rebuilding->space;
    const size_t base = space->stack_count;

    if (space->memos[function].walk == rebuilding->walk)
        return space->memos[function].result;

    diagram result = rebuilding->rebuild(rebuilding, function);

    if (result == UINT32_MAX) {
        bool same = true;

        for (uint32_t i = 0; i < space->nodes[function].edge_count; i++) {
            const struct edge edge = node_edge(space, &space->nodes[function], i);
            const diagram to = rebuild(rebuilding, edge.to);

            same = same && to == edge.to;
            if (space->overflowed || !push_edge(space, base, edge.last, to))
                return drop_node(space, base);
        }
        // A node that stays as it is needs no search for it.
        if (same)
            space->stack_count = base;
        result = same ? function : pop_node(space, space->nodes[function].field, base);
    }
    space->memos[function] = (struct memo){rebuilding->walk, result};
    return result;
}

static diagram start_rebuilding(struct rebuilding *rebuilding, diagram function)
{
    if (rebuilding->space->overflowed)
        return 0;
    rebuilding->walk = begin_walk(rebuilding->space);

    const diagram result = rebuilding->walk ? rebuild(rebuilding, function) : 0;

    return rebuilding->space->overflowed ? 0 : result;
}

static diagram map_leaf(struct rebuilding *mapping, diagram function)
{
    const struct node *node = &mapping->space->nodes[function];

    if (node->field != LEAF)
        return UINT32_MAX;
    return diagram_constant(mapping->space, mapping->map(node->value, mapping->context));
}

diagram diagram_map(struct diagram_space *space, diagram function,
                    uint32_t (*map)(uint32_t value, void *context), void *context)
{
    return start_rebuilding(
        &(struct rebuilding){.space = space, .rebuild = map_leaf, .map = map, .context = context}, function);
}

struct joining {
    const struct diagram_operation *operation;
    uint32_t right;
};

static uint32_t join_value(uint32_t left, void *context)
{
    const struct joining *joining = context;

    return joining->operation->combine(left, joining->right);
}

diagram diagram_apply_once(struct diagram_space *space, const struct diagram_operation *operation,
                           diagram left, diagram right)
{
    struct joining joining = {operation, space->nodes[right].value};
    const struct result *known = result_slot(space, operation->id, left, right);
    diagram result;

    if (space->nodes[right].field != LEAF || space->nodes[left].field == LEAF)
        return diagram_apply(space, operation, left, right);
    if (known->operation == operation->id && known->left == left && known->right == right)
        return known->result;
    result = diagram_map(space, left, join_value, &joining);
    if (!space->overflowed)
        *result_slot(space, operation->id, left, right) = (struct result){operation->id, left, right, result};
    return result;
}

static diagram hold_field(struct rebuilding *holding, diagram function)
{
    const struct node *node = &holding->space->nodes[function];

    if (node->field < holding->field)
        return UINT32_MAX;
    return node->field > holding->field
               ? function
               : node_child(holding->space, node, edge_at(holding->space, node, holding->value));
}

diagram diagram_restrict(struct diagram_space *space, diagram function, unsigned field, field_value value)
{
    if (!diagram_depends_on(space, function, field))
        return space->overflowed ? 0 : function;
    return start_rebuilding(
        &(struct rebuilding){.space = space, .rebuild = hold_field, .field = field, .value = value},
        function);
}

static uint32_t smaller_of(uint32_t left, uint32_t right)
{
    return left < right ? left : right;
}

static uint32_t larger_of(uint32_t left, uint32_t right)
{
    return left > right ? left : right;
}

static bool is_zero(uint32_t value)
{
    return value == 0;
}

static bool is_largest(uint32_t value)
{
    return value == UINT32_MAX;
}

static uint32_t without(uint32_t left, uint32_t right)
{
    return left && !right;
}

const struct diagram_operation diagram_without = {OPERATION_WITHOUT | DIAGRAM_ZERO_RIGHT, without, is_zero};
const struct diagram_operation diagram_smaller = {OPERATION_SMALLER | DIAGRAM_SAME | DIAGRAM_COMMUTES,
                                                  smaller_of, is_zero};
const struct diagram_operation diagram_larger = {OPERATION_LARGER | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT |
                                                     DIAGRAM_SAME | DIAGRAM_COMMUTES,
                                                 larger_of, is_largest};

// Combines the functions that edges lead to.
static diagram fold_edges(struct diagram_space *space, const struct diagram_operation *operation,
                          const struct node *node)
{
    const uint32_t count = node->edge_count;
    diagram *functions = malloc(count * sizeof(*functions));

    if (!functions)
        return give_up(space);
    for (uint32_t i = 0; i < count; i++)
        functions[i] = node_child(space, node, i);

    const diagram result = diagram_combine(space, operation, functions, count);

    free(functions);
    return result;
}

static diagram fold_field(struct rebuilding *folding, diagram function)
{
    const struct node *node = &folding->space->nodes[function];

    if (node->field < folding->field)
        return UINT32_MAX;
    return node->field > folding->field ? function : fold_edges(folding->space, folding->operation, node);
}

diagram diagram_smallest(struct diagram_space *space, diagram function, unsigned field)
{
    if (!diagram_depends_on(space, function, field))
        return space->overflowed ? 0 : function;
    return start_rebuilding(
        &(struct rebuilding){
            .space = space, .rebuild = fold_field, .field = field, .operation = &diagram_smaller},
        function);
}

diagram diagram_largest(struct diagram_space *space, diagram function, unsigned field)
{
    if (!diagram_depends_on(space, function, field))
        return space->overflowed ? 0 : function;
    return start_rebuilding(
        &(struct rebuilding){
            .space = space, .rebuild = fold_field, .field = field, .operation = &diagram_larger},
        function);
}

struct settling {
    struct diagram_space *space;
    const struct field_choice *choices;
    uint32_t walk;
};

static diagram settle(const struct settling *settling, diagram function);

static diagram settle_edges(const struct settling *settling, diagram function)
{
    struct diagram_space *space = settling->space;
    const size_t base = space->stack_count;

    for (uint32_t i = 0; i < space->nodes[function].edge_count; i++) {
        const struct edge edge = node_edge(space, &space->nodes[function], i);
        const diagram to = settle(settling, edge.to);

        if (space->overflowed || !push_edge(space, base, edge.last, to))
            return drop_node(space, base);
    }
    return pop_node(space, space->nodes[function].field, base);
}

static diagram settle_all(const struct settling *settling, diagram function,
                          const struct diagram_operation *operation)
{
    struct diagram_space *space = settling->space;
    const uint32_t count = space->nodes[function].edge_count;
    diagram *functions = malloc(count * sizeof(*functions)), result;

    if (!functions)
        return give_up(space);
    for (uint32_t i = 0; i < count; i++)
        functions[i] = settle(settling, node_child(space, &space->nodes[function], i));
    result = diagram_combine(space, operation, functions, count);
    free(functions);
    return result;
}

static diagram settle(const struct settling *settling, diagram function)
{
    struct diagram_space *space = settling->space;
    const struct node *node = &space->nodes[function];
    const struct field_choice *choice;
    diagram result = 0;

    if (node->field == LEAF || space->overflowed)
        return function;
    if (space->memos[function].walk == settling->walk)
        return space->memos[function].result;
    choice = &settling->choices[node->field];
    switch (choice->how) {
    case CHOOSE_KEEP:
        result = settle_edges(settling, function);
        break;
    case CHOOSE_VALUE:
        result = settle(settling, node_child(space, node, edge_at(space, node, choice->value)));
        break;
    case CHOOSE_SMALLEST:
        result = settle_all(settling, function, &diagram_smaller);
        break;
    case CHOOSE_LARGEST:
        result = settle_all(settling, function, &diagram_larger);
        break;
    }
    space->memos[function] = (struct memo){settling->walk, result};
    return result;
}

diagram diagram_settle(struct diagram_space *space, diagram function, const struct field_choice *choices)
{
    struct settling settling = {.space = space, .choices = choices};

    if (space->overflowed)
        return 0;
    settling.walk = begin_walk(space);

    const diagram result = settling.walk ? settle(&settling, function) : 0;

    return space->overflowed ? 0 : result;
}
