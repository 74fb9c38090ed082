// SPDX-License-Identifier: GPL-2.0-or-later
//
// The algebra where it ends: what is no diagram stops the program, and a space that is full says so.

#include "unit/function_table.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void count_value(uint32_t value, void *count)
{
    *(unsigned *)count += 1 + 0 * value;
}

// A child that stops itself, as abort() does.
static bool stops(void (*act)(struct diagram_space *space))
{
    const pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        struct diagram_space *space = new_space();

        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        signal(SIGABRT, SIG_DFL);
        act(space);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static const struct addr_range low_half[] = {{{0, 0}, {0, 1}}};

static void test_in_order(struct diagram_space *space)
{
    const diagram one = diagram_constant(space, 1), none = diagram_constant(space, 0);

    diagram_test(space, 0, low_half, 1, diagram_test(space, 1, low_half, 1, one, none), none);
}

static void test_earlier_field_inside(struct diagram_space *space)
{
    const diagram one = diagram_constant(space, 1), none = diagram_constant(space, 0);

    diagram_test(space, 1, low_half, 1, diagram_test(space, 0, low_half, 1, one, none), none);
}

static void test_same_field_outside(struct diagram_space *space)
{
    const diagram one = diagram_constant(space, 1), none = diagram_constant(space, 0);

    diagram_test(space, 1, low_half, 1, none, diagram_test(space, 1, low_half, 1, one, none));
}

static void switch_to_earlier_field(struct diagram_space *space)
{
    const diagram one = diagram_constant(space, 1), none = diagram_constant(space, 0);
    const diagram targets[] = {diagram_test(space, 1, low_half, 1, one, none)};

    diagram_switch(space, 2, low_half, targets, 1, none);
}

TEST(fields_out_of_order_are_a_mistake_of_the_caller)
{
    assert_false(stops(test_in_order));
    assert_true(stops(test_earlier_field_inside));
    assert_true(stops(test_same_field_outside));
    assert_true(stops(switch_to_earlier_field));
}

TEST(a_full_space_survives_every_operation)
{
    for (size_t limit = 0; limit < 60; limit++) {
        struct diagram_space *space = diagram_space_new(widths, 3, limit);
        diagram kept[20];
        uint32_t table[PACKETS];
        int calls = 0;

        srand((unsigned)limit);
        for (int i = 0; i < 20; i++)
            kept[i] = random_function(space, table);
        for (int i = 0; i < 20; i++) {
            const diagram results[] = {diagram_smallest(space, kept[i], 1),
                                       diagram_largest(space, kept[i], 0),
                                       diagram_restrict(space, kept[i], 2, (field_value){0, 1}),
                                       diagram_map(space, kept[i], doubled, &calls),
                                       diagram_apply(space, &overlay, kept[i], kept[19 - i]),
                                       diagram_constant(space, 77)};
            const bool full = diagram_overflowed(space);
            const field_value preferred[3] = {{0, 1}, {0, 2}, {0, 3}};
            field_value packet[3];
            unsigned values = 0;

            if (full)
                assert_int_equal(results[array_length(results) - 1], 0);
            if (diagram_witness(space, kept[i], 3, preferred, packet))
                assert_int_equal(diagram_evaluate(space, kept[i], packet), 3);
            diagram_depends_on(space, kept[i], 1);
            diagram_each_value(space, kept[i], count_value, &values);
            assert_true(values > 0);
            for (size_t j = 0; j < array_length(results); j++)
                assert_true(results[j] < diagram_node_count(space));
        }
        assert_true(diagram_node_count(space) <= (limit ? limit : 1));
        diagram_space_free(space);
    }
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

// One node of many edges too.
TEST(a_full_space_is_not_short_of_memory)
{
    static const uint8_t wide[] = {32};
    struct diagram_space *space = diagram_space_new(wide, 1, 4);
    struct addr_range ranges[20];

    for (size_t i = 0; i < array_length(ranges); i++)
        ranges[i] = (struct addr_range){{0, 2 * i}, {0, 2 * i}};
    assert_int_equal(diagram_test(space, 0, ranges, array_length(ranges), diagram_constant(space, 1), 0), 0);
    assert_true(diagram_overflowed(space));
    assert_false(diagram_short_of_memory(space));
    diagram_space_free(space);
}

RUN_TESTS(CASE(fields_out_of_order_are_a_mistake_of_the_caller), CASE(a_full_space_survives_every_operation),
          CASE(a_full_space_says_so_and_stays_usable_for_asking), CASE(a_full_space_is_not_short_of_memory))
