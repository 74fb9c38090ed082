// SPDX-License-Identifier: GPL-2.0-or-later
//
// Storage: nodes, their edges, and the table by which each node exists once.
#include "algebra/nodes.h"

#include <stdlib.h>
#include <string.h>

#include "base/store.h"

#define SLOTS ((size_t)1 << 8) // at first; grows with the nodes

field_value field_max(const struct diagram_space *space, unsigned field)
{
    const unsigned bits = space->widths[field];

    if (bits >= 128)
        return (field_value){UINT64_MAX, UINT64_MAX};
    if (bits >= 64)
        return (field_value){((uint64_t)1 << (bits - 64)) - 1, UINT64_MAX};
    return (field_value){0, ((uint64_t)1 << bits) - 1};
}

bool grow(void **items, size_t *capacity, size_t need, size_t size)
{
    size_t wanted = *capacity ? *capacity : 64;

    if (need <= *capacity)
        return true;
    while (wanted < need)
        wanted *= 2;

    void *grown = realloc(*items, wanted * size);

    if (!grown)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

diagram give_up(struct diagram_space *space)
{
    space->overflowed = true;
    return 0; // the first node of a space
}

static uint32_t hash_edges(unsigned field, const struct edge *edges, size_t count)
{
    uint64_t hash = mix(field, count);

    for (size_t i = 0; i < count; i++)
        hash = mix(mix(hash, edges[i].last.high ^ (uint64_t)edges[i].to << 32), edges[i].last.low);
    return (uint32_t)(hash ^ hash >> 32);
}

static bool same_node(const struct diagram_space *space, const struct node *node, const struct node *other,
                      const struct edge *edges)
{
    if (node->hash != other->hash || node->field != other->field || node->edge_count != other->edge_count)
        return false;
    if (node->field == LEAF)
        return node->value == other->value;
    for (uint32_t i = 0; i < node->edge_count; i++) {
        const struct edge own = node_edge(space, node, i);

        if (own.to != edges[i].to || !values_equal(own.last, edges[i].last))
            return false;
    }
    return true;
}

static bool grow_tables(struct diagram_space *space)
{
    const size_t slots = (space->table_mask + 1) * 2;
    diagram *table = malloc(slots * sizeof(*table));
    struct result *results = calloc(slots, sizeof(*results)), *old = space->results;

    if (!table || !results) {
        free(table);
        free(results);
        return false;
    }
    // Slots are read first: the kernel would make each page twice, the second time with all processors interrupted.
    pages_take(results, slots * sizeof(*results));
    pages_take(table, slots * sizeof(*table));
    memset(table, 0xFF, slots * sizeof(*table));
    for (size_t i = 0; i < space->node_count; i++) {
        size_t at = space->nodes[i].hash & (slots - 1);

        while (table[at] != UINT32_MAX)
            at = (at + 1) & (slots - 1);
        table[at] = (diagram)i;
    }
    free(space->table);
    space->table = table;
    space->results = results;

    const size_t old_slots = space->result_mask + 1;

    space->table_mask = space->result_mask = slots - 1;
    for (size_t i = 0; i < old_slots; i++)
        if (old[i].operation)
            *result_slot(space, old[i].operation, old[i].left, old[i].right) = old[i];
    free(old);
    return true;
}

static bool store_edges(struct diagram_space *space, struct node *node, const struct edge *edges)
{
    const size_t count = node->edge_count;

    if (space->narrow_count + space->wide_count + count > space->edge_limit) {
        space->at_limit = true;
        return false;
    }
    if (!node->is_narrow) {
        if (!grow((void **)&space->wide, &space->wide_capacity, space->wide_count + count,
                  sizeof(*space->wide)))
            return false;
        node->first_edge = (uint32_t)space->wide_count;
        memcpy(space->wide + space->wide_count, edges, count * sizeof(*edges));
        space->wide_count += count;
        return true;
    }
    if (!grow((void **)&space->narrow, &space->narrow_capacity, space->narrow_count + count,
              sizeof(*space->narrow)))
        return false;
    node->first_edge = (uint32_t)space->narrow_count;
    for (size_t i = 0; i < count; i++)
        space->narrow[space->narrow_count++] = (struct narrow_edge){(uint32_t)edges[i].last.low, edges[i].to};
    return true;
}

// The node that is as `wanted` and has these edges; made where there is none yet.
static diagram find_node(struct diagram_space *space, struct node wanted, const struct edge *edges)
{
    size_t at = wanted.hash & space->table_mask;

    if (space->overflowed)
        return 0;
    for (; space->table[at] != UINT32_MAX; at = (at + 1) & space->table_mask)
        if (same_node(space, &space->nodes[space->table[at]], &wanted, edges))
            return space->table[at];
    if (space->node_count == space->node_limit ||
        !grow((void **)&space->nodes, &space->node_capacity, space->node_count + 1, sizeof(*space->nodes)) ||
        (wanted.field != LEAF && !store_edges(space, &wanted, edges)))
        return give_up(space);
    space->nodes[space->node_count] = wanted;
    space->table[at] = (diagram)space->node_count++;
    if (space->node_count * 2 > space->table_mask && !grow_tables(space))
        return give_up(space);
    return (diagram)(space->node_count - 1);
}

struct diagram_space *diagram_space_new(const uint8_t *widths, size_t field_count, size_t node_limit)
{
    struct diagram_space *space = calloc(1, sizeof(*space));

    if (!space)
        return NULL;
    space->widths = malloc(field_count ? field_count : 1);
    space->table = malloc(SLOTS * sizeof(*space->table));
    space->results = calloc(SLOTS, sizeof(*space->results));
    if (!space->widths || !space->table || !space->results) {
        diagram_space_free(space);
        return NULL;
    }
    memcpy(space->widths, widths, field_count);
    memset(space->table, 0xFF, SLOTS * sizeof(*space->table));
    space->table_mask = space->result_mask = SLOTS - 1;
    space->field_count = field_count;
    // One node there must be, the constant 0; handles and places of edges are 32 bits wide.
    space->node_limit = !node_limit ? 1 : node_limit < UINT32_MAX ? node_limit : UINT32_MAX - 1;
    space->edge_limit = space->node_limit < UINT32_MAX / DIAGRAM_EDGES_PER_NODE
                            ? space->node_limit * DIAGRAM_EDGES_PER_NODE
                            : UINT32_MAX;
    diagram_constant(space, 0);
    if (space->overflowed) {
        diagram_space_free(space);
        return NULL;
    }
    return space;
}

void diagram_space_free(struct diagram_space *space)
{
    if (!space)
        return;
    free(space->widths);
    free(space->nodes);
    free(space->narrow);
    free(space->wide);
    free(space->table);
    free(space->results);
    free(space->stack);
    free(space->memos);
    free(space);
}

bool diagram_overflowed(const struct diagram_space *space)
{
    return space->overflowed;
}

bool diagram_short_of_memory(const struct diagram_space *space)
{
    return space->overflowed && !space->at_limit && space->node_count < space->node_limit;
}

size_t diagram_node_count(const struct diagram_space *space)
{
    return space->node_count;
}

diagram diagram_constant(struct diagram_space *space, uint32_t value)
{
    return find_node(space,
                     (struct node){.hash = (uint32_t)(mix(LEAF, value) >> 16), .value = value, .field = LEAF},
                     NULL);
}

bool push_edge(struct diagram_space *space, size_t base, field_value last, diagram to)
{
    if (space->stack_count > base && space->stack[space->stack_count - 1].to == to) {
        space->stack[space->stack_count - 1].last = last;
        return true;
    }
    if (space->stack_count == space->stack_capacity &&
        !grow((void **)&space->stack, &space->stack_capacity, space->stack_count + 1, sizeof(*space->stack)))
        return false;
    space->stack[space->stack_count++] = (struct edge){last, to};
    return true;
}

diagram pop_node(struct diagram_space *space, unsigned field, size_t base)
{
    const size_t count = space->stack_count - base;
    const struct edge *edges = space->stack + base;

    space->stack_count = base;
    if (count == 1)
        return edges->to;
    return count > UINT32_MAX ? give_up(space)
                              : find_node(space,
                                          (struct node){.hash = hash_edges(field, edges, count),
                                                        .edge_count = (uint32_t)count,
                                                        .field = (uint16_t)field,
                                                        .is_narrow = space->widths[field] <= 32},
                                          edges);
}

diagram drop_node(struct diagram_space *space, size_t base)
{
    space->stack_count = base;
    return give_up(space);
}

uint32_t edge_at(const struct diagram_space *space, const struct node *node, field_value value)
{
    uint32_t low = 0, high = node->edge_count - 1;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (value_before(node_edge(space, node, middle).last, value))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
