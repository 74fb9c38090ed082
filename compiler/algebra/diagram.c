// SPDX-License-Identifier: GPL-2.0-or-later
//
// Functions made of tests, and of two functions.
#include "algebra/diagram.h"

#include <assert.h>

#include "algebra/nodes.h"

static void assert_tests_later(const struct diagram_space *space, unsigned field, diagram function)
{
    assert(function < space->node_count && space->nodes[function].field > field);
}

// `targets` NULL: all ranges lead to `inside`.
static diagram test_ranges(struct diagram_space *space, unsigned field, const struct addr_range *ranges,
                           const diagram *targets, size_t count, diagram inside, diagram outside)
{
    const field_value max = field_max(space, field);
    const size_t base = space->stack_count;
    field_value next = {0, 0}; // the first value not decided yet
    bool fine = true, ended = false;

    assert_tests_later(space, field, inside);
    assert_tests_later(space, field, outside);
    for (size_t i = 0; i < count && fine; i++) {
        if (targets)
            assert_tests_later(space, field, targets[i]);
        if (value_before(next, ranges[i].first))
            fine = push_edge(space, base, addr_previous(ranges[i].first), outside);
        fine = fine && push_edge(space, base, ranges[i].last, targets ? targets[i] : inside);
        next = addr_next(ranges[i].last);
        ended = values_equal(ranges[i].last, max);
    }
    if (!fine || (!ended && !push_edge(space, base, max, outside)))
        return drop_node(space, base);
    return pop_node(space, field, base);
}

diagram diagram_test(struct diagram_space *space, unsigned field, const struct addr_range *ranges,
                     size_t count, diagram inside, diagram outside)
{
    return space->overflowed ? 0 : test_ranges(space, field, ranges, NULL, count, inside, outside);
}

diagram diagram_switch(struct diagram_space *space, unsigned field, const struct addr_range *ranges,
                       const diagram *targets, size_t count, diagram otherwise)
{
    return space->overflowed ? 0 : test_ranges(space, field, ranges, targets, count, 0, otherwise);
}

// One side of a merge: the edges of a node, or the whole function where it does not test the field.
struct side {
    struct edge edge; // that the merge is at
    uint32_t next;
    diagram function;
    bool tests;
};

static struct side side_of(const struct diagram_space *space, diagram function, unsigned field)
{
    const struct node *node = &space->nodes[function];
    const struct edge whole = {field_max(space, field), function};

    if (node->field != field)
        return (struct side){.edge = whole, .function = function};
    return (struct side){node_edge(space, node, 0), 1, function, true};
}

static void side_advance(const struct diagram_space *space, struct side *side)
{
    const struct node *node = &space->nodes[side->function];

    if (side->tests && side->next < node->edge_count)
        side->edge = node_edge(space, node, side->next++);
}

static inline diagram apply(struct diagram_space *space, const struct diagram_operation *operation,
                            diagram left, diagram right);

// One node out of two: `left` and `right` are cut where either of them is.
static diagram merge(struct diagram_space *space, const struct diagram_operation *operation, diagram left,
                     diagram right)
{
    const unsigned left_field = space->nodes[left].field, right_field = space->nodes[right].field;
    const unsigned field = left_field < right_field ? left_field : right_field;
    const field_value max = field_max(space, field);
    const size_t base = space->stack_count;
    struct side a = side_of(space, left, field), b = side_of(space, right, field);

    for (bool more = true; more;) {
        const bool a_ends = !value_before(b.edge.last, a.edge.last),
                   b_ends = !value_before(a.edge.last, b.edge.last);
        const field_value last = a_ends ? a.edge.last : b.edge.last;
        const diagram to = apply(space, operation, a.edge.to, b.edge.to);

        if (space->overflowed || !push_edge(space, base, last, to))
            return drop_node(space, base);
        more = !values_equal(last, max);
        if (a_ends)
            side_advance(space, &a);
        if (b_ends)
            side_advance(space, &b);
    }
    return pop_node(space, field, base);
}

static bool absorbs(const struct diagram_space *space, const struct diagram_operation *operation,
                    diagram left)
{
    return operation->absorbs && space->nodes[left].field == LEAF &&
           operation->absorbs(space->nodes[left].value);
}

static diagram apply_remembered(struct diagram_space *space, const struct diagram_operation *operation,
                                diagram left, diagram right)
{
    if (absorbs(space, operation, left))
        return left;
    if (space->nodes[left].field == LEAF && space->nodes[right].field == LEAF)
        return diagram_constant(space,
                                operation->combine(space->nodes[left].value, space->nodes[right].value));
    if (operation->id & DIAGRAM_COMMUTES) {
        if (absorbs(space, operation, right))
            return right;
        if (left > right) {
            const diagram swapped = left;

            left = right;
            right = swapped;
        }
    }

    const struct result *known = result_slot(space, operation->id, left, right);

    if (known->operation == operation->id && known->left == left && known->right == right)
        return known->result;

    const diagram result = merge(space, operation, left, right);

    // The table of results may have moved meanwhile.
    if (!space->overflowed)
        *result_slot(space, operation->id, left, right) = (struct result){operation->id, left, right, result};
    return result;
}

// What the laws give at once needs no look at the nodes. The constant 0 is the first of them.
static inline diagram apply(struct diagram_space *space, const struct diagram_operation *operation,
                            diagram left, diagram right)
{
    if (left == 0 && operation->id & DIAGRAM_ZERO_LEFT)
        return right;
    if (right == 0 && operation->id & DIAGRAM_ZERO_RIGHT)
        return left;
    if (left == right && operation->id & DIAGRAM_SAME)
        return left;
    if (left == right && operation->id & DIAGRAM_CANCELS)
        return 0;
    return apply_remembered(space, operation, left, right);
}

diagram diagram_apply(struct diagram_space *space, const struct diagram_operation *operation, diagram left,
                      diagram right)
{
    return space->overflowed ? 0 : apply(space, operation, left, right);
}
