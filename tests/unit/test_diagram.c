// SPDX-License-Identifier: GPL-2.0-or-later
//
// The algebra against brute force: small spaces, where every packet can be tried.
#include "support/test.h"

#include <stdlib.h>

#include "algebra/diagram.h"

static const uint8_t widths[] = {3, 4, 2};

#define PACKETS    (8 * 16 * 4)
#define NODE_LIMIT 100000

static void packet_at(unsigned number, field_value packet[3])
{
    packet[0] = (field_value){0, number & 7};
    packet[1] = (field_value){0, number >> 3 & 15};
    packet[2] = (field_value){0, number >> 7 & 3};
}

static struct diagram_space *new_space(void)
{
    struct diagram_space *space = diagram_space_new(widths, 3, NODE_LIMIT);

    assert_non_null(space);
    return space;
}

// A function made of a box in each field, and the same as a table.
static diagram random_box(struct diagram_space *space, uint32_t value, uint32_t table[PACKETS])
{
    struct addr_range ranges[3];
    diagram function = diagram_constant(space, value);
    const diagram none = diagram_constant(space, 0);

    for (unsigned field = 3; field-- > 0;) {
        const unsigned size = 1U << widths[field];
        const unsigned a = (unsigned)rand() % size, b = (unsigned)rand() % size;

        ranges[field] = (struct addr_range){{0, a < b ? a : b}, {0, a < b ? b : a}};
        function = diagram_test(space, field, &ranges[field], 1, function, none);
    }
    for (unsigned i = 0; i < PACKETS; i++) {
        field_value packet[3];
        bool inside = true;

        packet_at(i, packet);
        for (unsigned field = 0; field < 3; field++)
            inside = inside && packet[field].low >= ranges[field].first.low &&
                     packet[field].low <= ranges[field].last.low;
        table[i] = inside ? value : 0;
    }
    return function;
}

static uint32_t first_of(uint32_t left, uint32_t right)
{
    return left ? left : right;
}

static bool decides(uint32_t left)
{
    return left != 0;
}

static uint32_t difference(uint32_t left, uint32_t right)
{
    return left > right ? left - right : 0;
}

static const struct diagram_operation overlay = {1, first_of, decides};
static const struct diagram_operation minus = {2, difference, NULL};

static void assert_is_table(const struct diagram_space *space, diagram function,
                            const uint32_t table[PACKETS])
{
    for (unsigned i = 0; i < PACKETS; i++) {
        field_value packet[3];

        packet_at(i, packet);
        assert_int_equal(diagram_evaluate(space, function, packet), table[i]);
    }
}

TEST(random_functions_agree_with_their_tables)
{
    struct diagram_space *space = new_space();

    srand(7);
    for (int round = 0; round < 300; round++) {
        uint32_t all[PACKETS] = {0}, box[PACKETS];
        diagram function = diagram_constant(space, 0);

        for (uint32_t value = 1; value <= 5; value++) {
            const struct diagram_operation *operation = rand() % 4 ? &overlay : &minus;
            const diagram next = random_box(space, value, box);

            function = diagram_apply(space, operation, function, next);
            for (unsigned i = 0; i < PACKETS; i++)
                all[i] = operation->combine(all[i], box[i]);
        }
        assert_is_table(space, function, all);
    }
    assert_false(diagram_overflowed(space));
    diagram_space_free(space);
}

TEST(equal_functions_have_one_handle_whatever_made_them)
{
    struct diagram_space *space = new_space();

    srand(11);
    for (int round = 0; round < 200; round++) {
        uint32_t table[PACKETS];
        const diagram a = random_box(space, 1, table), b = random_box(space, 1, table),
                      c = random_box(space, 1, table);
        const diagram ab = diagram_apply(space, &overlay, a, b), bc = diagram_apply(space, &overlay, b, c);

        assert_int_equal(ab, diagram_apply(space, &overlay, b, a));
        assert_int_equal(diagram_apply(space, &overlay, ab, c), diagram_apply(space, &overlay, a, bc));
        assert_int_equal(diagram_apply(space, &minus, ab, ab), diagram_constant(space, 0));
    }
    diagram_space_free(space);
}

TEST(a_test_on_everything_is_no_test)
{
    struct diagram_space *space = new_space();
    const struct addr_range halves[] = {{{0, 0}, {0, 3}}, {{0, 4}, {0, 7}}};
    const diagram one = diagram_constant(space, 1), none = diagram_constant(space, 0);

    assert_int_equal(diagram_test(space, 0, halves, 2, one, none), one);
    assert_int_equal(diagram_test(space, 0, NULL, 0, one, none), none);
    diagram_space_free(space);
}

TEST(the_edges_of_128_bits_are_values_like_others)
{
    static const uint8_t wide[] = {128};
    struct diagram_space *space = diagram_space_new(wide, 1, NODE_LIMIT);
    const struct addr max = {UINT64_MAX, UINT64_MAX}, middle = {1, 0}, below = {0, UINT64_MAX};
    const struct addr_range ends[] = {{{0, 0}, {0, 0}}, {middle, middle}, {max, max}};
    const diagram one = diagram_constant(space, 1), none = diagram_constant(space, 0);
    const diagram function = diagram_test(space, 0, ends, 3, one, none);

    assert_int_equal(diagram_evaluate(space, function, &(field_value){0, 0}), 1);
    assert_int_equal(diagram_evaluate(space, function, &(field_value){0, 1}), 0);
    assert_int_equal(diagram_evaluate(space, function, &below), 0);
    assert_int_equal(diagram_evaluate(space, function, &middle), 1);
    assert_int_equal(diagram_evaluate(space, function, &max), 1);
    diagram_space_free(space);
}

TEST(a_witness_has_the_value_it_was_asked_for)
{
    struct diagram_space *space = new_space();

    srand(13);
    for (int round = 0; round < 200; round++) {
        uint32_t table[PACKETS];
        const diagram function = random_box(space, 3, table);
        field_value packet[3];

        assert_true(diagram_witness(space, function, 3, packet));
        assert_int_equal(diagram_evaluate(space, function, packet), 3);
        assert_false(diagram_witness(space, function, 4, packet));
    }
    diagram_space_free(space);
}

static uint32_t doubled(uint32_t value, void *calls)
{
    ++*(int *)calls;
    return value * 2;
}

TEST(mapping_replaces_values)
{
    struct diagram_space *space = new_space();
    uint32_t table[PACKETS];
    int calls = 0;

    srand(17);

    const diagram function = diagram_map(space, random_box(space, 3, table), doubled, &calls);

    for (unsigned i = 0; i < PACKETS; i++)
        table[i] *= 2;
    assert_is_table(space, function, table);
    assert_true(calls > 0);
    diagram_space_free(space);
}

TEST(a_full_space_says_so_and_stays_usable_for_asking)
{
    struct diagram_space *space = diagram_space_new(widths, 3, 12);
    diagram function = diagram_constant(space, 0);
    uint32_t table[PACKETS];

    srand(19);
    for (uint32_t value = 1; value < 40; value++)
        function = diagram_apply(space, &overlay, function, random_box(space, value, table));
    assert_true(diagram_overflowed(space));
    assert_true(diagram_node_count(space) <= 12);
    assert_int_equal(function, 0);
    diagram_space_free(space);
}

RUN_TESTS(CASE(random_functions_agree_with_their_tables),
          CASE(equal_functions_have_one_handle_whatever_made_them), CASE(a_test_on_everything_is_no_test),
          CASE(the_edges_of_128_bits_are_values_like_others), CASE(a_witness_has_the_value_it_was_asked_for),
          CASE(mapping_replaces_values), CASE(a_full_space_says_so_and_stays_usable_for_asking))
