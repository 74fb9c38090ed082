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
#include "base/sort.h"

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

// Items of one field.
static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    const int order = addr_compare(left->first, right->first);

    return order ? order : compare_tests(left->tests, right->tests);
}

static bool same_test(const struct item *a, const struct item *b)
{
    return a->field == b->field && compare_tests(a->tests, b->tests) == 0;
}

// Puts the items of the first field, in the order of fields, in front. Gives how many they are.
static size_t part_field(struct item *items, size_t count)
{
    uint32_t field = items[0].field;
    size_t parted = 0;

    for (size_t i = 1; i < count; i++)
        field = items[i].field < field ? items[i].field : field;
    for (size_t i = 0; i < count; i++)
        if (items[i].field == field) {
            const struct item item = items[parted];

            items[parted++] = items[i];
            items[i] = item;
        }
    return parted;
}

// Goes on to the next test of each, and puts them in its order. False where one of them has no more.
static bool sort_by_next(struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!items[i].count)
            return false;
        items[i].field = items[i].tests->field;
        items[i].first = items[i].tests->ranges->first;
    }
    for (size_t i = 0, end; i < count; i = end) {
        end = i + part_field(&items[i], count - i);
        sort_by_addr(&items[i], end - i, sizeof(*items), offsetof(struct item, first), compare_items);
    }
    return true;
}

// What the conjunctions of some items are together, with the constant `otherwise` for all other packets.
static diagram join(const struct joining *joining, size_t from, size_t to, diagram otherwise);

// Items with one and the same test, and what stands behind it.
struct group {
    const struct field_test *test;
    uint32_t from, end; // of the items
    diagram to;
};

static size_t find_groups(const struct joining *joining, size_t from, size_t to, struct group *groups)
{
    struct item *items = joining->items;
    size_t count = 0;

    for (size_t i = from, end; i < to; i = end) {
        for (end = i + 1; end < to && same_test(&items[end], &items[i]);)
            end++;
        groups[count++] = (struct group){.test = items[i].tests, .from = (uint32_t)i, .end = (uint32_t)end};
    }
    for (size_t i = from; i < to; i++) {
        items[i].tests++;
        items[i].count--;
    }
    return count;
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

static diagram one_node(struct diagram_space *space, const struct group *groups, size_t count,
                        diagram otherwise)
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
                    push_edge(space, base, addr_previous(range->first), otherwise)) &&
                   push_edge(space, base, range->last, groups[i].to);
            next = addr_next(range->last);
            ended = values_equal(range->last, max);
        }
    if (!fine || (!ended && !push_edge(space, base, max, otherwise)))
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
        functions[i] = one_node(space, &groups[i], 1, 0);
    result = diagram_combine(space, &diagram_larger, functions, count);
    free(functions);
    return result;
}

static uint32_t first_of_values(uint32_t left, uint32_t right)
{
    return left ? left : right;
}

// What functions say that are 0 for all other packets.
static diagram first(struct diagram_space *space, diagram left, diagram right)
{
    static const struct diagram_operation operation = {
        OPERATION_FIRST | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME, first_of_values, NULL};

    return diagram_apply(space, &operation, left, right);
}

// Conjunctions whose next test is of one field.
static diagram join_field(const struct joining *joining, size_t from, size_t to, diagram otherwise)
{
    struct diagram_space *space = joining->space;
    struct group *groups = malloc((to - from) * sizeof(*groups));
    size_t count;
    bool apart;
    diagram result = 0;

    if (!groups)
        return give_up(space);
    count = find_groups(joining, from, to, groups);
    apart = are_apart(groups, count);
    for (size_t i = 0; i < count; i++)
        groups[i].to = join(joining, groups[i].from, groups[i].end, apart ? otherwise : 0);
    if (!space->overflowed)
        result = apart ? one_node(space, groups, count, otherwise)
                       : first(space, combined(space, groups, count), otherwise);
    free(groups);
    return result;
}

static diagram join_one(const struct joining *joining, const struct item *item, diagram otherwise)
{
    diagram result = diagram_constant(joining->space, joining->value);

    for (uint32_t i = item->count; i-- > 0;)
        result =
            one_node(joining->space, &(struct group){.test = &item->tests[i], .to = result}, 1, otherwise);
    return result;
}

// Where the items of one field end.
static size_t end_of_field(const struct item *items, size_t from, size_t to)
{
    size_t end = from + 1;

    while (end < to && items[end].field == items[from].field)
        end++;
    return end;
}

static diagram join(const struct joining *joining, size_t from, size_t to, diagram otherwise)
{
    struct item *items = joining->items;
    size_t most = from, most_end = from;
    diagram result = 0;

    if (to - from == 1)
        return join_one(joining, &items[from], otherwise);
    if (!sort_by_next(items + from, to - from)) // one asks nothing more
        return diagram_constant(joining->space, joining->value);
    for (size_t i = from, end; i < to; i = end) {
        end = end_of_field(items, i, to);
        if (end - i > most_end - most) {
            most = i;
            most_end = end;
        }
    }
    // The largest one has what is otherwise, so that it is made once.
    for (size_t i = from, end; i < to && !joining->space->overflowed; i = end) {
        end = end_of_field(items, i, to);
        if (i != most)
            result = diagram_apply(joining->space, &diagram_larger, result, join_field(joining, i, end, 0));
    }
    return joining->space->overflowed
               ? 0
               : first(joining->space, result, join_field(joining, most, most_end, otherwise));
}

diagram diagram_any_of(struct diagram_space *space, const struct conjunction *conjunctions, size_t count,
                       uint32_t value, uint32_t otherwise)
{
    const struct joining joining = {space, calloc(count ? count : 1, sizeof(*joining.items)), value};
    const diagram others = diagram_constant(space, otherwise);
    diagram result = others;

    assert(value);
    if (!joining.items || count > UINT32_MAX) {
        free(joining.items);
        give_up(space);
        return 0;
    }
    for (size_t i = 0; i < count && !space->overflowed; i++) {
        joining.items[i].tests = conjunctions[i].tests;
        joining.items[i].count = (uint32_t)conjunctions[i].count;
    }
    if (count && !space->overflowed)
        result = join(&joining, 0, count, others);
    free(joining.items);
    return space->overflowed ? 0 : result;
}
