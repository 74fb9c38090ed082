// SPDX-License-Identifier: GPL-2.0-or-later
//
// Many functions combined at once. A sweep over the first field's values meets all the changes of all the functions in
// order; between two changes, the functions that are left test later fields only. How these are combined depends on how
// much changes from one interval to the next:
//
//   Much, as with protocols: each interval is a list of functions of its own.
//   Little, as with addresses: a tree holds the results of halves, quarters and so on of the list; a change of one function
//   renews its ancestors alone.
//
// Functions that stand side by side and test later fields only are combined ahead of that, once for all intervals.
//
// Either way no function is made that tests the first field but the result. Combining by halves would make two at each
// step, which hold all the edges of the result.
#include <stdlib.h>
#include <string.h>

#include "algebra/nodes.h"

#define FEW_FUNCTIONS 4  // that are combined by halves
#define FEW_INTERVALS 16 // that are lists of their own, however little changes

// Function `function` of the list is `to` for values larger than `last`.
struct change {
    field_value last;
    uint32_t function;
    diagram to;
};

struct sweep {
    struct diagram_space *space;
    const struct diagram_operation *operation;
    unsigned field;
    size_t count;
    diagram *now; // the functions between two changes
    struct change *changes;
    size_t change_count, interval_count;
    diagram *tree; // 2 * leaves; the children of i are 2i and 2i + 1; UINT32_MAX: nothing there
    size_t *risen; // places in the tree whose values are new
    size_t leaves;
};

// Takes out of a list what does not change its result.
static size_t shorten(const struct diagram_space *space, const struct diagram_operation *operation,
                      diagram *list, size_t count)
{
    const bool neutral = operation->id & DIAGRAM_ZERO_LEFT && operation->id & DIAGRAM_ZERO_RIGHT;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const struct node *node = &space->nodes[list[i]];

        if ((list[i] == 0 && neutral) || (kept && list[kept - 1] == list[i] && operation->id & DIAGRAM_SAME))
            continue;
        list[kept++] = list[i];
        if (node->field == LEAF && operation->absorbs && operation->absorbs(node->value))
            break;
    }
    return kept;
}

static diagram combine_halves(struct diagram_space *space, const struct diagram_operation *operation,
                              const diagram *list, size_t count)
{
    if (count == 1)
        return list[0];

    const diagram left = combine_halves(space, operation, list, count / 2);

    return diagram_apply(space, operation, left,
                         combine_halves(space, operation, list + count / 2, count - count / 2));
}

// Sorts by value; what is equal keeps its order.
static bool sort_changes(struct change *changes, size_t count)
{
    struct change *from = changes, *to = calloc(count + 1, sizeof(*to)), *const other = to;

    if (!to)
        return false;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t start = 0; start < count; start += 2 * run) {
            const size_t middle = count - start < run ? count : start + run,
                         end = count - start < 2 * run ? count : start + 2 * run;
            size_t left = start, right = middle;

            for (size_t i = start; i < end; i++) {
                const bool take_left =
                    left < middle && (right == end || !value_before(from[right].last, from[left].last));

                to[i] = from[take_left ? left++ : right++];
            }
        }

        struct change *const sorted = to;

        to = from;
        from = sorted;
    }
    if (from != changes)
        memcpy(changes, from, count * sizeof(*changes));
    free(other);
    return true;
}

static bool collect_changes(struct sweep *sweep, const diagram *list)
{
    const struct diagram_space *space = sweep->space;
    size_t total = 0;

    for (size_t i = 0; i < sweep->count; i++)
        if (space->nodes[list[i]].field == sweep->field)
            total += space->nodes[list[i]].edge_count - 1;
    sweep->now = calloc(sweep->count + 1, sizeof(*sweep->now));
    sweep->changes = calloc(total + 1, sizeof(*sweep->changes));
    if (!sweep->now || !sweep->changes)
        return false;
    for (size_t i = 0; i < sweep->count; i++) {
        const struct node *node = &space->nodes[list[i]];

        sweep->now[i] = node->field == sweep->field ? node_child(space, node, 0) : list[i];
        for (uint32_t j = 1; node->field == sweep->field && j < node->edge_count; j++)
            sweep->changes[sweep->change_count++] =
                (struct change){node_edge(space, node, j - 1).last, (uint32_t)i, node_child(space, node, j)};
    }
    if (!sort_changes(sweep->changes, sweep->change_count))
        return false;
    sweep->interval_count = 1;
    for (size_t i = 0; i < sweep->change_count; i++)
        sweep->interval_count += !i || !values_equal(sweep->changes[i - 1].last, sweep->changes[i].last);
    return true;
}

static diagram renewed(const struct sweep *sweep, size_t place)
{
    const diagram left = sweep->tree[2 * place], right = sweep->tree[2 * place + 1];

    return right == UINT32_MAX ? left : diagram_apply(sweep->space, sweep->operation, left, right);
}

static bool plant_tree(struct sweep *sweep)
{
    for (sweep->leaves = 1; sweep->leaves < sweep->count;)
        sweep->leaves *= 2;
    sweep->tree = malloc(2 * sweep->leaves * sizeof(*sweep->tree));
    sweep->risen = malloc(sweep->count * sizeof(*sweep->risen));
    if (!sweep->tree || !sweep->risen)
        return false;
    memset(sweep->tree, 0xFF, 2 * sweep->leaves * sizeof(*sweep->tree));
    memcpy(sweep->tree + sweep->leaves, sweep->now, sweep->count * sizeof(*sweep->tree));
    for (size_t place = sweep->leaves; --place > 0;)
        sweep->tree[place] = renewed(sweep, place);
    return true;
}

// Renews what stands above the places that have risen, level by level; what stays the same raises nothing.
static void renew_tree(const struct sweep *sweep, size_t risen)
{
    while (risen && sweep->risen[0] > 1) {
        size_t kept = 0, previous = 0;

        for (size_t i = 0; i < risen; i++) {
            const size_t place = sweep->risen[i] / 2;

            if (place == previous)
                continue;
            previous = place;

            const diagram value = renewed(sweep, place);

            if (value != sweep->tree[place])
                sweep->risen[kept++] = place;
            sweep->tree[place] = value;
        }
        risen = kept;
    }
}

static diagram combine(struct diagram_space *space, const struct diagram_operation *operation, diagram *list,
                       size_t count);

static diagram combine_interval(const struct sweep *sweep)
{
    if (sweep->tree)
        return sweep->tree[1];

    diagram *list = malloc(sweep->count * sizeof(*list));

    if (!list)
        return give_up(sweep->space);
    memcpy(list, sweep->now, sweep->count * sizeof(*list));

    const diagram result = combine(sweep->space, sweep->operation, list, sweep->count);

    free(list);
    return result;
}

// Makes the changes from number `i` on that happen at one value: gives the number of the first that does not.
static size_t make_changes(struct sweep *sweep, size_t i)
{
    const field_value last = sweep->changes[i].last;
    size_t risen = 0;

    for (; i < sweep->change_count && values_equal(sweep->changes[i].last, last); i++) {
        const struct change *change = &sweep->changes[i];

        sweep->now[change->function] = change->to;
        if (sweep->tree) {
            sweep->tree[sweep->leaves + change->function] = change->to;
            sweep->risen[risen++] = sweep->leaves + change->function;
        }
    }
    if (sweep->tree)
        renew_tree(sweep, risen);
    return i;
}

static diagram sweep_field(struct sweep *sweep, const diagram *list)
{
    struct diagram_space *space = sweep->space;
    const size_t base = space->stack_count;

    if (!collect_changes(sweep, list))
        return give_up(space);
    if (sweep->interval_count > FEW_INTERVALS &&
        sweep->interval_count * sweep->count > FEW_INTERVALS * sweep->change_count && !plant_tree(sweep))
        return give_up(space);
    for (size_t i = 0; i < sweep->change_count;) {
        const diagram to = combine_interval(sweep);

        if (space->overflowed || !push_edge(space, base, sweep->changes[i].last, to))
            return drop_node(space, base);
        i = make_changes(sweep, i);
    }

    const diagram to = combine_interval(sweep);

    if (space->overflowed || !push_edge(space, base, field_max(space, sweep->field), to))
        return drop_node(space, base);
    return pop_node(space, sweep->field, base);
}

// Puts those that do not test the field first, where the order does not matter.
static bool part_by_field(struct diagram_space *space, unsigned field, diagram *list, size_t count)
{
    diagram *testing = malloc((count + 1) * sizeof(*testing));
    size_t kept = 0, tests = 0;

    if (!testing)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (space->nodes[list[i]].field == field)
            testing[tests++] = list[i];
        else
            list[kept++] = list[i];
    }
    memcpy(list + kept, testing, tests * sizeof(*testing));
    free(testing);
    return true;
}

// Makes one function of each run of them that does not test the field. Gives how many are left.
static size_t join_runs(struct diagram_space *space, const struct diagram_operation *operation,
                        unsigned field, diagram *list, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && space->nodes[list[end]].field != field;)
            end++;
        if (end - i > FEW_FUNCTIONS) {
            list[kept++] = combine(space, operation, list + i, end - i);
            continue;
        }
        end = end == i ? i + 1 : end;
        memmove(list + kept, list + i, (end - i) * sizeof(*list));
        kept += end - i;
    }
    return kept;
}

// Overwrites the list.
static diagram combine(struct diagram_space *space, const struct diagram_operation *operation, diagram *list,
                       size_t count)
{
    struct sweep sweep = {.space = space, .operation = operation, .field = LEAF};

    sweep.count = shorten(space, operation, list, count);
    if (sweep.count <= FEW_FUNCTIONS)
        return sweep.count ? combine_halves(space, operation, list, sweep.count) : 0;
    for (size_t i = 0; i < sweep.count; i++)
        if (space->nodes[list[i]].field < sweep.field)
            sweep.field = space->nodes[list[i]].field;
    if (sweep.field == LEAF)
        return combine_halves(space, operation, list, sweep.count);

    if (operation->id & DIAGRAM_COMMUTES && !part_by_field(space, sweep.field, list, sweep.count))
        return give_up(space);
    sweep.count = join_runs(space, operation, sweep.field, list, sweep.count);

    const diagram result = sweep_field(&sweep, list);

    free(sweep.now);
    free(sweep.changes);
    free(sweep.tree);
    free(sweep.risen);
    return result;
}

diagram diagram_combine(struct diagram_space *space, const struct diagram_operation *operation,
                        const diagram *functions, size_t count)
{
    diagram *list = space->overflowed ? NULL : malloc((count ? count : 1) * sizeof(*list));

    if (!list || count > UINT32_MAX) {
        free(list);
        return give_up(space);
    }
    if (count)
        memcpy(list, functions, count * sizeof(*list));

    const diagram result = combine(space, operation, list, count);

    free(list);
    return space->overflowed ? 0 : result;
}
