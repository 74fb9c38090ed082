// SPDX-License-Identifier: GPL-2.0-or-later
//
// The algebra against brute force: small spaces, where every packet can be tried.
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

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

static uint32_t larger_of(uint32_t left, uint32_t right)
{
    return left > right ? left : right;
}

static uint32_t sum(uint32_t left, uint32_t right)
{
    return left + right;
}

static const struct diagram_operation overlay = {1 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME,
                                                 first_of, decides};
static const struct diagram_operation minus = {2 | DIAGRAM_ZERO_RIGHT, difference, NULL};
static const struct diagram_operation plain_overlay = {3, first_of, decides};
static const struct diagram_operation largest = {
    4 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME | DIAGRAM_COMMUTES, larger_of, NULL};
static const struct diagram_operation total = {5 | DIAGRAM_COMMUTES, sum, NULL};

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

// Overlaid boxes, with the table of what they make.
static diagram random_function(struct diagram_space *space, uint32_t table[PACKETS])
{
    uint32_t box[PACKETS];
    diagram function = random_box(space, 1 + (uint32_t)rand() % 4, table);

    for (int more = rand() % 5; more; more--) {
        function = diagram_apply(space, &overlay, function, random_box(space, 1 + (uint32_t)rand() % 4, box));
        for (unsigned i = 0; i < PACKETS; i++)
            table[i] = first_of(table[i], box[i]);
    }
    return function;
}

// The number of packet `number` with another value of a field.
static unsigned with_field(unsigned number, unsigned field, unsigned value)
{
    static const unsigned shifts[] = {0, 3, 7};

    return (number & ~(((1U << widths[field]) - 1) << shifts[field])) | value << shifts[field];
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

static void count_value(uint32_t value, void *count)
{
    *(unsigned *)count += 1 + 0 * value;
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

RUN_TESTS(CASE(random_functions_agree_with_their_tables),
          CASE(equal_functions_have_one_handle_whatever_made_them), CASE(a_test_on_everything_is_no_test),
          CASE(the_edges_of_128_bits_are_values_like_others), CASE(a_witness_has_the_value_it_was_asked_for),
          CASE(the_fields_of_a_function_are_those_it_depends_on), CASE(mapping_replaces_values),
          CASE(many_functions_combine_as_one_after_the_other), CASE(functions_of_a_wide_field_combine_too),
          CASE(a_switch_leads_each_range_to_its_own), CASE(one_field_can_be_held_at_a_value),
          CASE(smallest_and_largest_look_at_every_value_of_a_field),
          CASE(fields_are_settled_together_as_one_after_the_other),
          CASE(a_witness_is_as_preferred_as_it_can_be), CASE(each_value_is_visited_once),
          CASE(any_of_many_conjunctions_is_what_they_are_one_by_one),
          CASE(fields_out_of_order_are_a_mistake_of_the_caller), CASE(a_full_space_survives_every_operation),
          CASE(a_full_space_says_so_and_stays_usable_for_asking))
