// SPDX-License-Identifier: GPL-2.0-or-later
//
// Many conjunctions as one function, field by field. Those that have a test of it alike stand side by side and share what
// comes behind it; and where the tests hold no value twice, they are the edges of one node. So a long list of addresses and
// ports costs little more than the nodes of the result, where combining functions of one conjunction each would make some
// for every one of them first.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "algebra/nodes.h"

// A conjunction, with the value by which it is sorted beside it: there are many, and their tests lie far apart.
struct item {
    field_value first; // of the test at hand
    const struct field_test *tests;
    uint32_t count, field;
};

static int compare_ranges(const struct addr_range *a, const struct addr_range *b)
{
    const int first = addr_compare(a->first, b->first);

    return first ? first : addr_compare(a->last, b->last);
}

static int compare_tests(const struct field_test *a, const struct field_test *b)
{
    if (a->ranges == b->ranges && a->count == b->count)
        return 0;
    for (uint32_t i = 0; i < a->count && i < b->count; i++) {
        const int order = compare_ranges(&a->ranges[i], &b->ranges[i]);

        if (order)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}

struct joining {
    struct diagram_space *space;
    struct item *items;
    uint32_t value;
};

// Items whose tests are looked at from `tests` on.
static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    int order;

    if (left->field != right->field)
        return left->field < right->field ? -1 : 1;
    order = addr_compare(left->first, right->first);
    return order ? order : compare_tests(left->tests, right->tests);
}

static bool same_test(const struct item *a, const struct item *b)
{
    return a->field == b->field && compare_tests(a->tests, b->tests) == 0;
}

// Goes on to the next test of each, and puts them in its order. False where one of them has no more.
static bool sort_by_next(struct item *items, size_t count)
{
    bool sorted = true;

    for (size_t i = 0; i < count; i++) {
        if (!items[i].count)
            return false;
        items[i].field = items[i].tests->field;
        items[i].first = items[i].tests->ranges->first;
        sorted = sorted && (!i || compare_items(&items[i - 1], &items[i]) <= 0);
    }
    if (!sorted)
        qsort(items, count, sizeof(*items), compare_items);
    return true;
}

static diagram join(const struct joining *joining, size_t from, size_t to);

// Values of the field, and what stands behind them.
struct group {
    const struct field_test *test;
    diagram to;
};

static bool make_groups(const struct joining *joining, size_t from, size_t to, struct group *groups,
                        size_t *count)
{
    struct item *items = joining->items;

    *count = 0;
    for (size_t i = from, end; i < to; i = end) {
        const struct field_test *test = items[i].tests;

        for (end = i + 1; end < to && same_test(&items[end], &items[i]);)
            end++;
        for (size_t j = i; j < end; j++) {
            items[j].tests++;
            items[j].count--;
        }
        groups[(*count)++] = (struct group){test, join(joining, i, end)};
    }
    return !joining->space->overflowed;
}

// Whether the groups hold no value twice and stand in the order of their values.
static bool are_apart(const struct group *groups, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!value_before(groups[i - 1].test->ranges[groups[i - 1].test->count - 1].last,
                          groups[i].test->ranges[0].first))
            return false;
    return true;
}

static diagram one_node(struct diagram_space *space, const struct group *groups, size_t count)
{
    const unsigned field = groups->test->field;
    const field_value max = field_max(space, field);
    const size_t base = space->stack_count;
    field_value next = {0, 0}; // the first value not decided yet
    bool fine = true, ended = false;

    for (size_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < groups[i].test->count && fine; j++) {
            const struct addr_range *range = &groups[i].test->ranges[j];

            assert(space->overflowed || space->nodes[groups[i].to].field > field);
            fine = (!value_before(next, range->first) ||
                    push_edge(space, base, previous_value(range->first), 0)) &&
                   push_edge(space, base, range->last, groups[i].to);
            next = next_value(range->last);
            ended = values_equal(range->last, max);
        }
    if (!fine || (!ended && !push_edge(space, base, max, 0)))
        return drop_node(space, base);
    return pop_node(space, field, base);
}

// Groups that share values: a function for each.
static diagram combined(struct diagram_space *space, const struct group *groups, size_t count)
{
    diagram *functions = malloc(count * sizeof(*functions)), result;

    if (!functions)
        return give_up(space);
    for (size_t i = 0; i < count; i++)
        functions[i] = one_node(space, &groups[i], 1);
    result = diagram_combine(space, &diagram_larger, functions, count);
    free(functions);
    return result;
}

// Conjunctions whose next test is of one field.
static diagram join_field(const struct joining *joining, size_t from, size_t to)
{
    struct diagram_space *space = joining->space;
    struct group *groups = malloc((to - from) * sizeof(*groups));
    size_t count;
    diagram result = 0;

    if (!groups)
        return give_up(space);
    if (make_groups(joining, from, to, groups, &count))
        result = are_apart(groups, count) ? one_node(space, groups, count) : combined(space, groups, count);
    free(groups);
    return result;
}

static diagram join_one(const struct joining *joining, const struct item *item)
{
    diagram result = diagram_constant(joining->space, joining->value);

    for (uint32_t i = item->count; i-- > 0;)
        result = one_node(joining->space, &(struct group){&item->tests[i], result}, 1);
    return result;
}

static diagram join(const struct joining *joining, size_t from, size_t to)
{
    struct item *items = joining->items;
    diagram result = 0;

    if (to - from == 1)
        return join_one(joining, &items[from]);
    if (!sort_by_next(items + from, to - from)) // one asks nothing more
        return diagram_constant(joining->space, joining->value);
    for (size_t i = from, end; i < to && !joining->space->overflowed; i = end) {
        for (end = i + 1; end < to && items[end].field == items[i].field;)
            end++;
        result = diagram_apply(joining->space, &diagram_larger, result, join_field(joining, i, end));
    }
    return result;
}

diagram diagram_any_of(struct diagram_space *space, const struct conjunction *conjunctions, size_t count,
                       uint32_t value)
{
    const struct joining joining = {space, calloc(count ? count : 1, sizeof(*joining.items)), value};
    diagram result = 0;

    if (!joining.items || count > UINT32_MAX)
        give_up(space);
    for (size_t i = 0; i < count && !space->overflowed; i++) {
        joining.items[i].tests = conjunctions[i].tests;
        joining.items[i].count = (uint32_t)conjunctions[i].count;
    }
    if (count && !space->overflowed)
        result = join(&joining, 0, count);
    free(joining.items);
    return space->overflowed ? 0 : result;
}
