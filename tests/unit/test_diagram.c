// SPDX-License-Identifier: GPL-2.0-or-later
//
// The algebra against brute force: functions are what they were made of, and equal ones are the same.

#include "unit/function_table.h"

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

// From a handful, which are combined by halves, to more than there are values of a field.
TEST(many_functions_combine_as_one_after_the_other)
{
    static const struct diagram_operation *const operations[] = {&overlay, &plain_overlay, &largest, &total};

    srand(37);
    for (int round = 0; round < 400; round++) {
        const struct diagram_operation *operation = operations[round % 4];
        const size_t count = (size_t)rand() % 70;
        struct diagram_space *space = new_space();
        uint32_t all[PACKETS] = {0}, table[PACKETS];
        diagram functions[70], expected = diagram_constant(space, 0);

        for (size_t i = 0; i < count; i++) {
            functions[i] = round % 3 ? random_box(space, 1 + (uint32_t)rand() % 40, table)
                                     : random_function(space, table);
            expected = i ? diagram_apply(space, operation, expected, functions[i]) : functions[i];
            for (unsigned j = 0; j < PACKETS; j++)
                all[j] = i ? operation->combine(all[j], table[j]) : table[j];
        }
        assert_int_equal(diagram_combine(space, operation, functions, count), expected);
        assert_is_table(space, expected, all);
        assert_false(diagram_overflowed(space));
        diagram_space_free(space);
    }
}

// One field of many values, and few changes at each: as with lists of addresses.
TEST(functions_of_a_wide_field_combine_too)
{
    static const uint8_t wide[] = {10, 2};

    srand(41);
    for (int round = 0; round < 40; round++) {
        struct diagram_space *space = diagram_space_new(wide, 2, NODE_LIMIT);
        uint32_t all[1024][4] = {{0}};
        diagram functions[300];
        const size_t count = 5 + (size_t)rand() % 295;

        for (size_t i = 0; i < count; i++) {
            const unsigned a = (unsigned)rand() % 1024, size = (unsigned)rand() % (rand() % 8 ? 4 : 400),
                           b = a + size > 1023 ? 1023 : a + size, low = (unsigned)rand() % 4;
            const struct addr_range range = {{0, a}, {0, b}}, rest = {{0, low}, {0, 3}};
            const diagram none = diagram_constant(space, 0);

            functions[i] = diagram_test(
                space, 0, &range, 1,
                diagram_test(space, 1, &rest, 1, diagram_constant(space, (uint32_t)i + 1), none), none);
            for (unsigned x = a; x <= b; x++)
                for (unsigned y = low; y < 4; y++)
                    all[x][y] = all[x][y] ? all[x][y] : (uint32_t)i + 1;
        }

        const struct diagram_operation *operation = round % 2 ? &overlay : &plain_overlay;
        const diagram function = diagram_combine(space, operation, functions, count);

        for (unsigned x = 0; x < 1024; x++)
            for (unsigned y = 0; y < 4; y++)
                assert_int_equal(diagram_evaluate(space, function, (const field_value[]){{0, x}, {0, y}}),
                                 all[x][y]);
        diagram_space_free(space);
    }
}

TEST(a_switch_leads_each_range_to_its_own)
{
    struct diagram_space *space = new_space();
    const struct addr_range ranges[] = {{{0, 0}, {0, 1}}, {{0, 2}, {0, 2}}, {{0, 5}, {0, 6}}};
    const diagram targets[] = {diagram_constant(space, 4), diagram_constant(space, 5),
                               diagram_constant(space, 6)};
    const diagram function = diagram_switch(space, 0, ranges, targets, 3, diagram_constant(space, 9));
    static const uint32_t expected[] = {4, 4, 5, 9, 9, 6, 6, 9};

    for (unsigned value = 0; value < 8; value++)
        assert_int_equal(diagram_evaluate(space, function, (const field_value[3]){{0, value}}),
                         expected[value]);

    const diagram later = diagram_switch(space, 1, ranges, targets, 3, diagram_constant(space, 9));

    assert_int_equal(diagram_switch(space, 0, NULL, NULL, 0, later), later);
    diagram_space_free(space);
}

// Every operation on a full space gives the constant 0, and questions get some answer.
// A test of up to three ranges, in memory that stays.
static struct field_test random_test(unsigned field, struct addr_range ranges[3])
{
    const unsigned size = 1U << widths[field];
    uint32_t count = 0;

    for (unsigned next = (unsigned)rand() % size; next < size && count < 3;) {
        const unsigned last = next + (unsigned)rand() % (size - next);

        ranges[count++] = (struct addr_range){{0, next}, {0, last}};
        if (rand() % 2)
            break;
        next = last + 2;
    }
    return (struct field_test){ranges, count, field};
}

// Few values, so that tests are alike, beside each other and across each other.
TEST(any_of_many_conjunctions_is_what_they_are_one_by_one)
{
    struct diagram_space *space = new_space();

    srand(31);
    for (int round = 0; round < 2000; round++) {
        enum { MANY = 24 };
        struct addr_range ranges[MANY][3][3];
        struct field_test tests[MANY][3];
        struct conjunction list[MANY];
        const size_t count = (size_t)rand() % MANY;
        const unsigned which = (unsigned)rand() % 8; // the fields that any of them tests
        const uint32_t otherwise = rand() % 3 ? (uint32_t)rand() % 12 : 0;
        diagram expected = diagram_constant(space, 0);

        for (size_t i = 0; i < count; i++) {
            diagram function = diagram_constant(space, 7);

            list[i] = (struct conjunction){tests[i], 0};
            for (unsigned field = 0; field < 3; field++)
                if (which >> field & 1 && rand() % 8) {
                    struct field_test *test = &tests[i][list[i].count++];

                    *test = i && rand() % 2 && list[i - 1].count >= list[i].count &&
                                    tests[i - 1][list[i].count - 1].field == field
                                ? tests[i - 1][list[i].count - 1]
                                : random_test(field, ranges[i][field]);
                }
            for (size_t j = list[i].count; j-- > 0;)
                function = diagram_test(space, tests[i][j].field, tests[i][j].ranges, tests[i][j].count,
                                        function, diagram_constant(space, 0));
            expected = diagram_apply(space, &overlay, expected, function);
        }
        expected = diagram_apply(space, &overlay, expected, diagram_constant(space, otherwise));
        assert_int_equal(diagram_any_of(space, list, count, 7, otherwise), expected);
    }
    assert_false(diagram_overflowed(space));
    diagram_space_free(space);
}

RUN_TESTS(CASE(random_functions_agree_with_their_tables),
          CASE(equal_functions_have_one_handle_whatever_made_them), CASE(a_test_on_everything_is_no_test),
          CASE(the_edges_of_128_bits_are_values_like_others),
          CASE(many_functions_combine_as_one_after_the_other), CASE(functions_of_a_wide_field_combine_too),
          CASE(a_switch_leads_each_range_to_its_own),
          CASE(any_of_many_conjunctions_is_what_they_are_one_by_one))
