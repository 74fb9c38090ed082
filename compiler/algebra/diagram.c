// SPDX-License-Identifier: GPL-2.0-or-later
#include "algebra/diagram.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define LEAF UINT16_MAX // in place of a field: the node is a value

struct edge {
    field_value last; // the largest value of the field that takes this edge
    diagram to;
};

struct node {
    uint64_t hash;
    union {
        uint32_t first_edge; // in space->edges
        uint32_t value;      // of a leaf
    };
    uint32_t edge_count;
    uint16_t field;
};

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
    size_t field_count, node_limit;
    struct node *nodes;
    size_t node_count, node_capacity;
    struct edge *edges;
    size_t edge_count, edge_capacity;
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
};

#define RESULT_SLOTS ((size_t)1 << 16) // at first; grows with the nodes

static field_value field_max(const struct diagram_space *space, unsigned field)
{
    const unsigned bits = space->widths[field];

    if (bits >= 128)
        return (field_value){UINT64_MAX, UINT64_MAX};
    if (bits >= 64)
        return (field_value){((uint64_t)1 << (bits - 64)) - 1, UINT64_MAX};
    return (field_value){0, ((uint64_t)1 << bits) - 1};
}

static bool grow(void **items, size_t *capacity, size_t need, size_t size)
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

static diagram give_up(struct diagram_space *space)
{
    space->overflowed = true;
    return 0; // the constant 0, the first node of a space
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL; // 2^64 over the golden ratio: spreads neighbouring numbers
    return hash ^ hash >> 29;
}

static uint64_t hash_edges(unsigned field, const struct edge *edges, size_t count)
{
    uint64_t hash = mix(field, count);

    for (size_t i = 0; i < count; i++)
        hash = mix(mix(mix(hash, edges[i].last.high), edges[i].last.low), edges[i].to);
    return hash;
}

static bool same_node(const struct diagram_space *space, diagram at, unsigned field, uint64_t hash,
                      const struct edge *edges, size_t count)
{
    const struct node *node = &space->nodes[at];

    if (node->hash != hash || node->field != field || (field != LEAF && node->edge_count != count))
        return false;
    if (field == LEAF)
        return node->value == (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        const struct edge *own = &space->edges[node->first_edge + i];

        if (own->to != edges[i].to || addr_compare(own->last, edges[i].last) != 0)
            return false;
    }
    return true;
}

static bool rehash(struct diagram_space *space)
{
    const size_t slots = (space->table_mask + 1) * 2;
    diagram *table = malloc(slots * sizeof(*table));
    struct result *results = calloc(slots, sizeof(*results));

    if (!table || !results) {
        free(table);
        free(results);
        return false;
    }
    memset(table, 0xFF, slots * sizeof(*table));
    for (size_t i = 0; i < space->node_count; i++) {
        size_t at = space->nodes[i].hash & (slots - 1);

        while (table[at] != UINT32_MAX)
            at = (at + 1) & (slots - 1);
        table[at] = (diagram)i;
    }
    free(space->table);
    free(space->results);
    space->table = table;
    space->results = results;
    space->table_mask = space->result_mask = slots - 1;
    return true;
}

// The node with these edges, or the leaf of value `count`; made where there is none yet.
static diagram find_node(struct diagram_space *space, unsigned field, const struct edge *edges, size_t count)
{
    if (space->overflowed)
        return 0;

    const uint64_t hash = field == LEAF ? mix(LEAF, count) : hash_edges(field, edges, count);
    size_t at = hash & space->table_mask;

    for (; space->table[at] != UINT32_MAX; at = (at + 1) & space->table_mask)
        if (same_node(space, space->table[at], field, hash, edges, count))
            return space->table[at];

    const size_t more = field == LEAF ? 0 : count;

    if (space->node_count == space->node_limit || space->edge_count + more > UINT32_MAX ||
        !grow((void **)&space->nodes, &space->node_capacity, space->node_count + 1, sizeof(*space->nodes)) ||
        !grow((void **)&space->edges, &space->edge_capacity, space->edge_count + more, sizeof(*space->edges)))
        return give_up(space);

    struct node *node = &space->nodes[space->node_count];

    *node = (struct node){.hash = hash, .field = (uint16_t)field, .edge_count = (uint32_t)more};
    if (field == LEAF) {
        node->value = (uint32_t)count;
    } else {
        node->first_edge = (uint32_t)space->edge_count;
        memcpy(space->edges + space->edge_count, edges, count * sizeof(*edges));
        space->edge_count += count;
    }
    space->table[at] = (diagram)space->node_count++;
    if (space->node_count * 2 > space->table_mask && !rehash(space))
        return give_up(space);
    return (diagram)(space->node_count - 1);
}

struct diagram_space *diagram_space_new(const uint8_t *widths, size_t field_count, size_t node_limit)
{
    struct diagram_space *space = calloc(1, sizeof(*space));

    if (!space)
        return NULL;
    space->widths = malloc(field_count ? field_count : 1);
    space->table = malloc(RESULT_SLOTS * sizeof(*space->table));
    space->results = calloc(RESULT_SLOTS, sizeof(*space->results));
    if (!space->widths || !space->table || !space->results) {
        diagram_space_free(space);
        return NULL;
    }
    memcpy(space->widths, widths, field_count);
    memset(space->table, 0xFF, RESULT_SLOTS * sizeof(*space->table));
    space->table_mask = space->result_mask = RESULT_SLOTS - 1;
    space->field_count = field_count;
    space->node_limit = !node_limit ? 1 : node_limit < UINT32_MAX ? node_limit : UINT32_MAX - 1;
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
    free(space->edges);
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

size_t diagram_node_count(const struct diagram_space *space)
{
    return space->node_count;
}

diagram diagram_constant(struct diagram_space *space, uint32_t value)
{
    return find_node(space, LEAF, NULL, value);
}

// Adds an edge to the node under construction that began at `base` of the stack; one with the last edge where they lead
// to the same place.
static bool push_edge(struct diagram_space *space, size_t base, field_value last, diagram to)
{
    if (space->stack_count > base && space->stack[space->stack_count - 1].to == to) {
        space->stack[space->stack_count - 1].last = last;
        return true;
    }
    if (!grow((void **)&space->stack, &space->stack_capacity, space->stack_count + 1, sizeof(*space->stack)))
        return false;
    space->stack[space->stack_count++] = (struct edge){last, to};
    return true;
}

static diagram pop_node(struct diagram_space *space, unsigned field, size_t base)
{
    const size_t count = space->stack_count - base;
    const diagram only = space->stack[base].to;

    space->stack_count = base;
    return count == 1 ? only : find_node(space, field, space->stack + base, count);
}

diagram diagram_test(struct diagram_space *space, unsigned field, const struct addr_range *ranges,
                     size_t count, diagram inside, diagram outside)
{
    const field_value max = field_max(space, field);
    const size_t base = space->stack_count;
    bool fine = true, ended = false;

    for (size_t i = 0; i < count && fine; i++) {
        const field_value first = ranges[i].first;

        // The value before the range, unless it begins where the last one ended or at 0.
        if ((first.high || first.low) &&
            (!i ||
             addr_compare((field_value){first.high - !first.low, first.low - 1}, ranges[i - 1].last) > 0))
            fine = push_edge(space, base, (field_value){first.high - !first.low, first.low - 1}, outside);
        fine = fine && push_edge(space, base, ranges[i].last, inside);
        ended = addr_compare(ranges[i].last, max) == 0;
    }
    if (fine && !ended)
        fine = push_edge(space, base, max, outside);
    if (!fine) {
        space->stack_count = base;
        return give_up(space);
    }
    return pop_node(space, field, base);
}

static struct result *result_slot(const struct diagram_space *space, unsigned operation, diagram left,
                                  diagram right)
{
    return &space->results[mix(mix(operation, left), right) & space->result_mask];
}

static diagram apply(struct diagram_space *space, const struct diagram_operation *operation, diagram left,
                     diagram right);

// One node out of two, field by field: `left` and `right` are cut where either of them is.
static diagram merge(struct diagram_space *space, const struct diagram_operation *operation, diagram left,
                     diagram right)
{
    const unsigned left_field = space->nodes[left].field, right_field = space->nodes[right].field;
    const unsigned field = left_field < right_field ? left_field : right_field;
    const size_t base = space->stack_count;
    uint32_t i = 0, j = 0;

    for (bool more = true; more;) {
        const struct edge whole_left = {field_max(space, field), left},
                          whole_right = {field_max(space, field), right};
        const struct edge a =
            left_field == field ? space->edges[space->nodes[left].first_edge + i] : whole_left;
        const struct edge b =
            right_field == field ? space->edges[space->nodes[right].first_edge + j] : whole_right;
        const int order = addr_compare(a.last, b.last);
        const field_value last = order <= 0 ? a.last : b.last;
        const diagram to = apply(space, operation, a.to, b.to);

        if (space->overflowed || !push_edge(space, base, last, to)) {
            space->stack_count = base;
            return give_up(space);
        }
        more = addr_compare(last, whole_left.last) != 0;
        i += order <= 0;
        j += order >= 0;
    }
    return pop_node(space, field, base);
}

static diagram apply(struct diagram_space *space, const struct diagram_operation *operation, diagram left,
                     diagram right)
{
    const struct node *a = &space->nodes[left], *b = &space->nodes[right];

    if (a->field == LEAF && operation->absorbs && operation->absorbs(a->value))
        return left;
    if (a->field == LEAF && b->field == LEAF)
        return diagram_constant(space, operation->combine(a->value, b->value));

    const struct result *known = result_slot(space, operation->id, left, right);

    if (known->operation == operation->id && known->left == left && known->right == right)
        return known->result;

    const diagram result = merge(space, operation, left, right);

    // The table of results may have moved meanwhile.
    if (!space->overflowed)
        *result_slot(space, operation->id, left, right) = (struct result){operation->id, left, right, result};
    return result;
}

diagram diagram_apply(struct diagram_space *space, const struct diagram_operation *operation, diagram left,
                      diagram right)
{
    return space->overflowed ? 0 : apply(space, operation, left, right);
}

// Begins a walk over nodes that stand now: gives its number, or 0 where memory is short. A walk may go on while nodes are
// made and other walks come and go: they cost it what it remembers at worst.
static uint32_t begin_walk(struct diagram_space *space)
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
        for (uint32_t i = 0; i < space->nodes[function].edge_count; i++) {
            const struct edge edge = space->edges[space->nodes[function].first_edge + i];
            const diagram to = rebuild(rebuilding, edge.to);

            if (space->overflowed || !push_edge(space, base, edge.last, to)) {
                space->stack_count = base;
                return give_up(space);
            }
        }
        result = pop_node(space, space->nodes[function].field, base);
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

// The edge that a value of the node's field takes.
static const struct edge *edge_at(const struct diagram_space *space, const struct node *node,
                                  field_value value)
{
    uint32_t low = 0, high = node->edge_count - 1;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (addr_compare(space->edges[node->first_edge + middle].last, value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return &space->edges[node->first_edge + low];
}

static diagram hold_field(struct rebuilding *holding, diagram function)
{
    const struct node *node = &holding->space->nodes[function];

    if (node->field < holding->field)
        return UINT32_MAX;
    return node->field > holding->field ? function : edge_at(holding->space, node, holding->value)->to;
}

diagram diagram_restrict(struct diagram_space *space, diagram function, unsigned field, field_value value)
{
    return start_rebuilding(
        &(struct rebuilding){.space = space, .rebuild = hold_field, .field = field, .value = value},
        function);
}

static bool tests_field(struct diagram_space *space, uint32_t walk, diagram function, unsigned field)
{
    const struct node *node = &space->nodes[function];

    if (node->field >= field || is_known(space, walk, function))
        return node->field == field;
    for (uint32_t i = 0; i < node->edge_count; i++)
        if (tests_field(space, walk, space->edges[node->first_edge + i].to, field))
            return true;
    return false;
}

bool diagram_depends_on(struct diagram_space *space, diagram function, unsigned field)
{
    const uint32_t walk = begin_walk(space);

    return walk && tests_field(space, walk, function, field);
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

static const struct diagram_operation smaller = {DIAGRAM_OPERATION_IDS, smaller_of, is_zero};
static const struct diagram_operation larger = {DIAGRAM_OPERATION_IDS + 1, larger_of, is_largest};

// Combines the functions that edges lead to, by halves: one after the other would be quadratic.
static diagram fold_edges(struct diagram_space *space, const struct diagram_operation *operation,
                          uint32_t first, uint32_t count)
{
    if (count == 1)
        return space->edges[first].to;

    const diagram left = fold_edges(space, operation, first, count / 2);
    const diagram right = fold_edges(space, operation, first + count / 2, count - count / 2);

    return left == right ? left : diagram_apply(space, operation, left, right);
}

static diagram fold_field(struct rebuilding *folding, diagram function)
{
    const struct node *node = &folding->space->nodes[function];

    if (node->field < folding->field)
        return UINT32_MAX;
    return node->field > folding->field
               ? function
               : fold_edges(folding->space, folding->operation, node->first_edge, node->edge_count);
}

diagram diagram_smallest(struct diagram_space *space, diagram function, unsigned field)
{
    return start_rebuilding(
        &(struct rebuilding){.space = space, .rebuild = fold_field, .field = field, .operation = &smaller},
        function);
}

diagram diagram_largest(struct diagram_space *space, diagram function, unsigned field)
{
    return start_rebuilding(
        &(struct rebuilding){.space = space, .rebuild = fold_field, .field = field, .operation = &larger},
        function);
}

uint32_t diagram_evaluate(const struct diagram_space *space, diagram function, const field_value *packet)
{
    while (space->nodes[function].field != LEAF) {
        const struct node *node = &space->nodes[function];

        function = edge_at(space, node, packet[node->field])->to;
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
    if (search->preferred && find_value(search, edge_at(space, node, search->preferred[node->field])->to))
        return true; // the packet began as what is preferred
    for (uint32_t i = 0; i < node->edge_count; i++) {
        const struct edge *edge = &space->edges[node->first_edge + i];

        if (find_value(search, edge->to)) {
            search->packet[node->field] = first;
            return true;
        }
        first = (field_value){edge->last.high + (edge->last.low == UINT64_MAX), edge->last.low + 1};
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
        if (!collect_leaves(space, walk, space->edges[node->first_edge + i].to))
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
