// SPDX-License-Identifier: GPL-2.0-or-later
//
// Walks over the nodes of one function, each node once: questions about it, and functions rebuilt from it.
#include <stdlib.h>
#include <string.h>

#include "algebra/nodes.h"

uint32_t begin_walk(struct diagram_space *space)
{
    if (space->memo_count < space->node_count) {
        struct memo *grown = realloc(space->memos, space->node_capacity * sizeof(*grown));

        if (!grown) {
            give_up(space);
            return 0;
        }
        memset(grown + space->memo_count, 0, (space->node_capacity - space->memo_count) * sizeof(*grown));
        space->memos = grown;
        space->memo_count = space->node_capacity;
    }
    if (++space->walks == 0) {
        memset(space->memos, 0, space->memo_count * sizeof(*space->memos));
        space->walks = 1;
    }
    return space->walks;
}

// Whether the walk was here before; marks the node if not.
static bool is_known(struct diagram_space *space, uint32_t walk, diagram function)
{
    const bool known = space->memos[function].walk == walk;

    space->memos[function].walk = walk;
    return known;
}

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

static bool tests_field(struct diagram_space *space, uint32_t walk, diagram function, unsigned field)
{
    const struct node *node = &space->nodes[function];

    if (node->field >= field || is_known(space, walk, function))
        return node->field == field;
    for (uint32_t i = 0; i < node->edge_count; i++)
        if (tests_field(space, walk, node_child(space, node, i), field))
            return true;
    return false;
}

bool diagram_depends_on(struct diagram_space *space, diagram function, unsigned field)
{
    const uint32_t walk = space->overflowed ? 0 : begin_walk(space);

    return walk && tests_field(space, walk, function, field);
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

struct listing {
    struct diagram_space *space;
    uint32_t walk;
    uint8_t *seen; // by field
    void (*visit)(unsigned field, void *context);
    void *context;
};

static void list_fields(const struct listing *listing, diagram function)
{
    const struct node *node = &listing->space->nodes[function];

    if (node->field == LEAF || is_known(listing->space, listing->walk, function))
        return;
    if (!listing->seen[node->field])
        listing->visit(node->field, listing->context);
    listing->seen[node->field] = 1;
    for (uint32_t i = 0; i < node->edge_count; i++)
        list_fields(listing, node_child(listing->space, node, i));
}

void diagram_each_field(struct diagram_space *space, diagram function,
                        void (*visit)(unsigned field, void *context), void *context)
{
    const struct listing listing = {.space = space,
                                    .walk = begin_walk(space),
                                    .seen = calloc(space->field_count, 1),
                                    .visit = visit,
                                    .context = context};

    if (listing.walk && listing.seen)
        list_fields(&listing, function);
    else
        give_up(space);
    free(listing.seen);
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

uint32_t diagram_evaluate(const struct diagram_space *space, diagram function, const field_value *packet)
{
    while (space->nodes[function].field != LEAF) {
        const struct node *node = &space->nodes[function];

        function = node_child(space, node, edge_at(space, node, packet[node->field]));
    }
    return space->nodes[function].value;
}

struct search {
    struct diagram_space *space;
    uint32_t walk;
    uint32_t value;
    const field_value *preferred;
    field_value *packet;
};

// Fills the packet's fields on the way to the value. Nodes that the walk knows lead to no such way.
static bool find_value(const struct search *search, diagram function)
{
    struct diagram_space *space = search->space;
    const struct node *node = &space->nodes[function];
    field_value first = {0, 0};

    if (node->field == LEAF)
        return node->value == search->value;
    if (is_known(space, search->walk, function))
        return false;
    if (search->preferred &&
        find_value(search, node_child(space, node, edge_at(space, node, search->preferred[node->field]))))
        return true; // the packet began as what is preferred
    for (uint32_t i = 0; i < node->edge_count; i++) {
        const struct edge edge = node_edge(space, node, i);

        if (find_value(search, edge.to)) {
            search->packet[node->field] = first;
            return true;
        }
        first = addr_next(edge.last);
    }
    return false;
}

bool diagram_witness(struct diagram_space *space, diagram function, uint32_t value,
                     const field_value *preferred, field_value *packet)
{
    const struct search search = {space, begin_walk(space), value, preferred, packet};

    if (preferred)
        memcpy(packet, preferred, space->field_count * sizeof(*packet));
    else
        memset(packet, 0, space->field_count * sizeof(*packet));
    return search.walk && find_value(&search, function);
}

// Puts the leaves that the walk has not met yet on the stack, each as an edge to it.
static bool collect_leaves(struct diagram_space *space, uint32_t walk, diagram function)
{
    const struct node *node = &space->nodes[function];

    if (is_known(space, walk, function))
        return true;
    if (node->field == LEAF)
        return push_edge(space, space->stack_count, (field_value){0, 0}, function);
    for (uint32_t i = 0; i < node->edge_count; i++)
        if (!collect_leaves(space, walk, node_child(space, node, i)))
            return false;
    return true;
}

void diagram_each_value(struct diagram_space *space, diagram function,
                        void (*visit)(uint32_t value, void *context), void *context)
{
    const uint32_t walk = begin_walk(space);
    const size_t base = space->stack_count;

    if (walk && !collect_leaves(space, walk, function))
        give_up(space);

    // The visitor may use the space: what it does there happens above `end`.
    const size_t end = space->stack_count;

    for (size_t i = base; i < end; i++)
        visit(space->nodes[space->stack[i].to].value, context);
    space->stack_count = base;
}
