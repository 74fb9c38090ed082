// SPDX-License-Identifier: GPL-2.0-or-later
//
// Questions about one function, each answered by a walk over its nodes that comes to each of them once.
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
