// SPDX-License-Identifier: GPL-2.0-or-later
//
// How a space keeps its diagrams: for the files of the algebra alone, the others see diagram.h.
#pragma once

#include "algebra/diagram.h"

#define LEAF UINT16_MAX // in place of a field: the node is a value

struct edge {
    field_value last; // the largest value of the field that takes this edge
    diagram to;
};

// An edge of a field of up to 32 bits.
struct narrow_edge {
    uint32_t last;
    diagram to;
};

struct node {
    uint32_t hash;
    union {
        uint32_t first_edge; // in space->narrow or space->wide
        uint32_t value;      // of a leaf
    };
    uint32_t edge_count;
    uint16_t field;
    bool is_narrow;
};

// The algebra's own operations.
enum {
    OPERATION_SMALLER = DIAGRAM_OPERATION_IDS,
    OPERATION_LARGER,
    OPERATION_WITHOUT,
    OPERATION_IMPLIED,
    OPERATION_FIRST
};

extern const struct diagram_operation diagram_smaller; // of two sets, what is in both
extern const struct diagram_operation diagram_larger;  // of two sets, what is in either
extern const struct diagram_operation diagram_without; // of two sets, what is in the left one alone

struct result {
    unsigned operation; // 0: an empty slot
    diagram left, right, result;
};

// What a walk over the nodes found out about one of them.
struct memo {
    uint32_t walk; // whose: older walks' are void
    diagram result;
};

struct diagram_space {
    uint8_t *widths;
    size_t field_count, node_limit, edge_limit;
    struct node *nodes;
    size_t node_count, node_capacity;
    struct narrow_edge *narrow;
    size_t narrow_count, narrow_capacity;
    struct edge *wide;
    size_t wide_count, wide_capacity;
    diagram *table; // hash table of nodes, UINT32_MAX for an empty slot
    size_t table_mask;
    struct result *results; // of operations; a newer one replaces an older one in its slot
    size_t result_mask;
    struct edge *stack; // edges of nodes under construction
    size_t stack_count, stack_capacity;
    struct memo *memos; // by handle
    size_t memo_count;
    uint32_t walks; // begun so far
    bool overflowed;
    bool at_limit; // that is what made it overflow, and no want of memory
};

// Nodes and edges move whenever a node is made: what these give is a copy, or valid until then.
static inline struct edge node_edge(const struct diagram_space *space, const struct node *node,
                                    uint32_t number)
{
    if (!node->is_narrow)
        return space->wide[node->first_edge + number];

    const struct narrow_edge *edge = &space->narrow[node->first_edge + number];

    return (struct edge){{0, edge->last}, edge->to};
}

static inline diagram node_child(const struct diagram_space *space, const struct node *node, uint32_t number)
{
    return node->is_narrow ? space->narrow[node->first_edge + number].to
                           : space->wide[node->first_edge + number].to;
}

static inline bool values_equal(field_value a, field_value b)
{
    return a.high == b.high && a.low == b.low;
}

static inline bool value_before(field_value a, field_value b)
{
    return a.high < b.high || (a.high == b.high && a.low < b.low);
}

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL; // 2^64 over the golden ratio: spreads neighbouring numbers
    return hash ^ hash >> 29;
}

// The slot of `result_mask` + 1 in which the operation's result is kept.
static inline struct result *result_slot(const struct diagram_space *space, unsigned operation, diagram left,
                                         diagram right)
{
    return &space->results[mix(mix(operation, left), right) & space->result_mask];
}

field_value field_max(const struct diagram_space *space, unsigned field);
bool grow(void **items, size_t *capacity, size_t need, size_t size);
diagram give_up(struct diagram_space *space); // the space has overflowed: gives the constant 0

// A node is made by pushing its edges in order above `base`, what space->stack_count was before. An edge that leads where
// the one before it leads is one with it.
bool push_edge(struct diagram_space *space, size_t base, field_value last, diagram to);
diagram pop_node(struct diagram_space *space, unsigned field, size_t base);
diagram drop_node(struct diagram_space *space, size_t base); // gives up instead

// The number of the edge that a value of the node's field takes.
uint32_t edge_at(const struct diagram_space *space, const struct node *node, field_value value);

// Begins a walk over nodes that stand now: gives its number, or 0 where memory is short. A walk may go on while nodes are
// made and other walks come and go: they cost it what it remembers at worst.
uint32_t begin_walk(struct diagram_space *space);
