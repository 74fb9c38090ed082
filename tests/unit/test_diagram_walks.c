// SPDX-License-Identifier: GPL-2.0-or-later
//
// The algebra against brute force: what is asked about a function, and what is made of it node by node.

#include "unit/function_table.h"

TEST(a_witness_has_the_value_it_was_asked_for)
{
    struct diagram_space *space = new_space();

    srand(13);
    for (int round = 0; round < 200; round++) {
        uint32_t table[PACKETS];
        const diagram function = random_box(space, 3, table);
        field_value packet[3];

        assert_true(diagram_witness(space, function, 3, NULL, packet));
        assert_int_equal(diagram_evaluate(space, function, packet), 3);
        assert_false(diagram_witness(space, function, 4, NULL, packet));
    }
    diagram_space_free(space);
}

static void count_field(unsigned field, void *context)
{
    ++((unsigned *)context)[field];
}

TEST(the_fields_of_a_function_are_those_it_depends_on)
{
    struct diagram_space *space = new_space();

    srand(17);
    for (int round = 0; round < 200; round++) {
        uint32_t table[PACKETS];
        const diagram function = random_box(space, 3, table);
        unsigned times[3] = {0};

        diagram_each_field(space, function, count_field, times);
        for (unsigned field = 0; field < 3; field++)
            assert_int_equal(times[field], diagram_depends_on(space, function, field));
    }
    diagram_space_free(space);
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

TEST(one_field_can_be_held_at_a_value)
{
    struct diagram_space *space = new_space();

    srand(23);
    for (int round = 0; round < 100; round++) {
        uint32_t table[PACKETS], held[PACKETS];
        const diagram function = random_function(space, table);

        for (unsigned field = 0; field < 3; field++) {
            const unsigned value = (unsigned)rand() % (1U << widths[field]);
            const diagram result = diagram_restrict(space, function, field, (field_value){0, value});

            for (unsigned i = 0; i < PACKETS; i++)
                held[i] = table[with_field(i, field, value)];
            assert_is_table(space, result, held);
            assert_false(diagram_depends_on(space, result, field));
        }
    }
    diagram_space_free(space);
}

TEST(smallest_and_largest_look_at_every_value_of_a_field)
{
    struct diagram_space *space = new_space();

    srand(29);
    for (int round = 0; round < 100; round++) {
        uint32_t table[PACKETS], least[PACKETS], most[PACKETS];
        const diagram function = random_function(space, table);

        for (unsigned field = 0; field < 3; field++) {
            bool depends = false;

            for (unsigned i = 0; i < PACKETS; i++) {
                least[i] = most[i] = table[i];
                for (unsigned value = 0; value < 1U << widths[field]; value++) {
                    const uint32_t other = table[with_field(i, field, value)];

                    least[i] = other < least[i] ? other : least[i];
                    most[i] = other > most[i] ? other : most[i];
                }
                depends = depends || least[i] != most[i];
            }
            assert_is_table(space, diagram_smallest(space, function, field), least);
            assert_is_table(space, diagram_largest(space, function, field), most);
            assert_int_equal(diagram_depends_on(space, function, field), depends);
        }
    }
    diagram_space_free(space);
}

TEST(fields_are_settled_together_as_one_after_the_other)
{
    struct diagram_space *space = new_space();

    srand(37);
    for (int round = 0; round < 300; round++) {
        uint32_t table[PACKETS];
        const diagram function = random_function(space, table);
        struct field_choice choices[3];
        diagram wanted = function;

        for (unsigned field = 3; field-- > 0;) {
            const field_value value = {0, (unsigned)rand() % (1U << widths[field])};

            switch (rand() % 4) {
            case 0:
                choices[field] = (struct field_choice){.how = CHOOSE_KEEP};
                break;
            case 1:
                choices[field] = (struct field_choice){CHOOSE_VALUE, value};
                wanted = diagram_restrict(space, wanted, field, value);
                break;
            case 2:
                choices[field] = (struct field_choice){.how = CHOOSE_SMALLEST};
                wanted = diagram_smallest(space, wanted, field);
                break;
            default:
                choices[field] = (struct field_choice){.how = CHOOSE_LARGEST};
                wanted = diagram_largest(space, wanted, field);
            }
        }
        assert_int_equal(diagram_settle(space, function, choices), wanted);
    }
    diagram_space_free(space);
}

// Whether packets of the value agree with `packet` in its first `fields` fields.
static bool leads_to(const uint32_t table[PACKETS], uint32_t value, const field_value packet[3],
                     unsigned fields)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        field_value other[3];
        bool same = table[i] == value;

        packet_at(i, other);
        for (unsigned field = 0; field < fields; field++)
            same = same && other[field].low == packet[field].low;
        if (same)
            return true;
    }
    return false;
}

TEST(a_witness_is_as_preferred_as_it_can_be)
{
    struct diagram_space *space = new_space();

    srand(31);
    for (int round = 0; round < 200; round++) {
        uint32_t table[PACKETS];
        const diagram function = random_function(space, table);
        const uint32_t value = (uint32_t)rand() % 5;
        field_value preferred[3], expected[3], packet[3];

        packet_at((unsigned)rand() % PACKETS, preferred);
        memcpy(expected, preferred, sizeof(expected));

        const bool there = leads_to(table, value, expected, 0);

        assert_int_equal(diagram_witness(space, function, value, preferred, packet), there);
        for (unsigned field = 0; there && field < 3; field++) {
            if (!leads_to(table, value, expected, field + 1))
                for (expected[field].low = 0; !leads_to(table, value, expected, field + 1);)
                    expected[field].low++;
            assert_int_equal(packet[field].low, expected[field].low);
        }
    }
    diagram_space_free(space);
}

struct seen {
    struct diagram_space *space;
    diagram function;
    unsigned times[8], count;
    uint32_t order[8];
};

static void see(uint32_t value, void *context)
{
    struct seen *seen = context;
    field_value packet[3];

    // A visitor may use the space.
    assert_true(diagram_witness(seen->space, seen->function, value, NULL, packet));
    diagram_smallest(seen->space, seen->function, value % 3);
    seen->times[value]++;
    seen->order[seen->count++] = value;
}

TEST(each_value_is_visited_once)
{
    // A second space, whose handles differ.
    struct diagram_space *space = new_space(), *other = new_space();

    diagram_constant(other, 3);
    diagram_constant(other, 2);
    for (unsigned round = 0; round < 100; round++) {
        uint32_t table[PACKETS];
        unsigned there[8] = {0};

        srand(round);

        struct seen seen = {.space = space, .function = random_function(space, table)};

        srand(round);

        struct seen again = {.space = other, .function = random_function(other, table)};

        for (unsigned i = 0; i < PACKETS; i++)
            there[table[i]] = 1;
        diagram_each_value(space, seen.function, see, &seen);
        diagram_each_value(other, again.function, see, &again);
        assert_memory_equal(seen.times, there, sizeof(there));
        assert_int_equal(seen.count, again.count);
        assert_memory_equal(seen.order, again.order, sizeof(seen.order));
    }
    diagram_space_free(space);
    diagram_space_free(other);
}

RUN_TESTS(CASE(a_witness_has_the_value_it_was_asked_for),
          CASE(the_fields_of_a_function_are_those_it_depends_on), CASE(mapping_replaces_values),
          CASE(one_field_can_be_held_at_a_value), CASE(smallest_and_largest_look_at_every_value_of_a_field),
          CASE(fields_are_settled_together_as_one_after_the_other),
          CASE(a_witness_is_as_preferred_as_it_can_be), CASE(each_value_is_visited_once))
