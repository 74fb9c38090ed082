// SPDX-License-Identifier: GPL-2.0-or-later
//
// Covers against brute force: small spaces, where every packet can be tried.
#include "support/test.h"

#include <stdlib.h>

#include "algebra/cover.h"

static const uint8_t widths[] = {3, 4, 2};
static const unsigned shifts[] = {0, 3, 7};
static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

#define FIELDS     3
#define PACKETS    ((size_t)8 * 16 * 4)
#define NODE_LIMIT 100000
#define MANY_BOXES 1000

static unsigned field_of(unsigned packet, unsigned field)
{
    return packet >> shifts[field] & ((1U << widths[field]) - 1);
}

static uint32_t either(uint32_t left, uint32_t right)
{
    return left || right;
}

static uint32_t invert(uint32_t value, void *context)
{
    return context ? 0 : !value;
}

static uint32_t both_sets(uint32_t left, uint32_t right)
{
    return left && right;
}

static const struct diagram_operation join = {1, either, NULL}, meet = {2, both_sets, NULL};

// A union of boxes, or all but that, and the same as a table.
static diagram random_set(struct diagram_space *space, bool table[PACKETS])
{
    const bool inverted = rand() % 2;
    const diagram inside = diagram_constant(space, 1), outside = diagram_constant(space, 0);
    diagram set = outside;

    memset(table, 0, PACKETS * sizeof(*table));
    for (int boxes = rand() % 6; boxes >= 0; boxes--) {
        unsigned first[FIELDS], last[FIELDS];
        diagram box = inside;

        for (unsigned field = FIELDS; field-- > 0;) {
            const unsigned size = 1U << widths[field], a = (unsigned)rand() % size,
                           b = (unsigned)rand() % size;
            const bool whole = rand() % 3 == 0;

            first[field] = whole ? 0 : a < b ? a : b;
            last[field] = whole ? size - 1 : a < b ? b : a;
            box = diagram_test(space, field, &(struct addr_range){{0, first[field]}, {0, last[field]}}, 1,
                               box, outside);
        }
        set = diagram_apply(space, &join, set, box);
        for (unsigned i = 0; i < PACKETS; i++) {
            bool in = true;

            for (unsigned field = 0; field < FIELDS; field++)
                in = in && first[field] <= field_of(i, field) && field_of(i, field) <= last[field];
            table[i] = table[i] || in;
        }
    }
    for (unsigned i = 0; i < PACKETS; i++)
        table[i] = table[i] != inverted;
    return inverted ? diagram_map(space, set, invert, NULL) : set;
}

static bool list_has(const struct range_list *list, unsigned value)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].first.low <= value && value <= list->items[i].last.low)
            return true;
    return !list->count;
}

// Whether the packet is in the box when one field of it is left out of account.
static bool box_has(const struct box *box, unsigned packet, unsigned without)
{
    for (unsigned field = 0; field < FIELDS; field++)
        if (field != without && !list_has(&box->fields[field], field_of(packet, field)))
            return false;
    return true;
}

static void assert_list_is_canonical(const struct range_list *list, unsigned size)
{
    for (size_t i = 0; i < list->count; i++) {
        assert_true(list->items[i].first.low <= list->items[i].last.low);
        assert_true(list->items[i].last.low < size);
        assert_int_equal(list->items[i].first.high | list->items[i].last.high, 0);
        if (i)
            assert_true(list->items[i - 1].last.low + 1 < list->items[i].first.low);
    }
    // Every value is no list.
    assert_false(list->count == 1 && list->items[0].first.low == 0 && list->items[0].last.low == size - 1);
}

// A value that is not in a field's list, but occurs, would take a packet in that is not in the set.
static void assert_field_is_maximal(const struct box *box, unsigned field, const bool set[PACKETS],
                                    const bool domain[PACKETS])
{
    const unsigned size = 1U << widths[field];
    bool all_occurring = true;

    for (unsigned value = 0; value < size; value++) {
        bool occurs = false, leaves = false;

        for (unsigned i = 0; i < PACKETS; i++) {
            if (field_of(i, field) != value || !box_has(box, i, field) || !domain[i])
                continue;
            occurs = true;
            leaves = leaves || !set[i];
        }
        if (!list_has(&box->fields[field], value) && occurs) {
            assert_true(leaves);
            all_occurring = false;
        }
    }
    assert_int_equal(box->fields[field].count == 0, all_occurring);

    // The ends of ranges occur.
    for (size_t i = 0; i < box->fields[field].count; i++) {
        bool first = false, last = false;

        for (unsigned j = 0; j < PACKETS; j++) {
            if (!domain[j] || !box_has(box, j, FIELDS))
                continue;
            first = first || field_of(j, field) == box->fields[field].items[i].first.low;
            last = last || field_of(j, field) == box->fields[field].items[i].last.low;
        }
        assert_true(first && last);
    }
}

static void assert_covers(const struct cover *cover, const bool set[PACKETS], const bool domain[PACKETS])
{
    bool covered[PACKETS] = {false};

    for (size_t i = 0; i < cover->count; i++) {
        const struct box *box = &cover->items[i];
        bool adds = false;

        for (unsigned field = 0; field < FIELDS; field++) {
            assert_list_is_canonical(&box->fields[field], 1U << widths[field]);
            assert_field_is_maximal(box, field, set, domain);
        }
        for (unsigned j = 0; j < PACKETS; j++) {
            if (!box_has(box, j, FIELDS) || !domain[j])
                continue;
            assert_true(set[j]);
            adds = adds || !covered[j];
            covered[j] = true;
        }
        assert_true(adds);
    }
    for (unsigned j = 0; j < PACKETS && cover->complete; j++)
        assert_int_equal(covered[j], set[j] && domain[j]);
}

static void assert_same_cover(const struct cover *a, const struct cover *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->complete, b->complete);
    for (size_t i = 0; i < a->count; i++) {
        for (unsigned field = 0; field < FIELDS; field++) {
            const struct range_list *left = &a->items[i].fields[field], *right = &b->items[i].fields[field];

            assert_int_equal(left->count, right->count);
            if (left->count)
                assert_memory_equal(left->items, right->items, left->count * sizeof(*left->items));
        }
    }
}

TEST(boxes_are_maximal_and_cover_the_set)
{
    struct arena arena = {0};

    srand(3);
    for (int round = 0; round < 1500; round++) {
        struct diagram_space *space = diagram_space_new(widths, FIELDS, NODE_LIMIT);
        bool in_set[PACKETS], in_domain[PACKETS];
        const diagram set = random_set(space, in_set);
        diagram domain = random_set(space, in_domain);

        if (round % 4 == 0) {
            domain = diagram_constant(space, 1);
            memset(in_domain, 1, sizeof(in_domain));
        }

        const struct cover cover = cover_boxes(&arena, space, set, domain, orders[round % 6], MANY_BOXES);

        assert_true(cover.complete);
        assert_false(diagram_overflowed(space));
        assert_covers(&cover, in_set, in_domain);
        diagram_space_free(space);
        arena_reset(&arena);
    }
    arena_clear(&arena);
}

TEST(the_order_depends_on_the_set_alone)
{
    struct arena arena = {0};

    for (unsigned round = 0; round < 200; round++) {
        struct diagram_space *space = diagram_space_new(widths, FIELDS, NODE_LIMIT),
                             *other = diagram_space_new(widths, FIELDS, NODE_LIMIT);
        bool table[PACKETS];
        diagram sets[4];

        // Handles differ between the two spaces.
        srand(round + 1000);
        random_set(other, table);
        srand(round);
        sets[0] = random_set(space, table);
        sets[1] = random_set(space, table);
        srand(round);
        sets[2] = random_set(other, table);
        sets[3] = random_set(other, table);

        const struct cover a = cover_boxes(&arena, space, sets[0], sets[1], orders[round % 6], MANY_BOXES);
        const struct cover b = cover_boxes(&arena, other, sets[2], sets[3], orders[round % 6], MANY_BOXES);
        const struct cover again =
            cover_boxes(&arena, space, sets[0], sets[1], orders[round % 6], MANY_BOXES);

        assert_same_cover(&a, &b);
        assert_same_cover(&a, &again);
        diagram_space_free(space);
        diagram_space_free(other);
        arena_reset(&arena);
    }
    arena_clear(&arena);
}

// Packets of the set that a box alone holds; `range`, unless it is NULL, has their values of the field.
static unsigned own_packets(const struct cover *cover, size_t box, const bool set[PACKETS], unsigned field,
                            const struct addr_range *range)
{
    unsigned count = 0;

    for (unsigned i = 0; i < PACKETS; i++) {
        bool own = set[i] && box_has(&cover->items[box], i, FIELDS);

        for (size_t other = 0; other < cover->count && own; other++)
            own = other == box || !box_has(&cover->items[other], i, FIELDS);
        count += own && (!range ||
                         (range->first.low <= field_of(i, field) && field_of(i, field) <= range->last.low));
    }
    return count;
}

static size_t gaps(const struct range_list *list, unsigned field)
{
    return list->count + 1 - (list->items[0].first.low == 0) -
           (list->items[list->count - 1].last.low == (1U << widths[field]) - 1);
}

// What could go has 0, or would make a list that is no shorter than that of what it leaves out.
static void assert_trimmed(const struct cover *cover, const bool set[PACKETS])
{
    for (size_t i = 0; i < cover->count; i++) {
        assert_true(own_packets(cover, i, set, 0, NULL) > 0);
        for (unsigned field = 0; field < FIELDS; field++) {
            const struct range_list *list = &cover->items[i].fields[field];
            size_t needed = 0;

            for (size_t j = 0; j < list->count; j++)
                needed += !list->items[j].first.low || own_packets(cover, i, set, field, &list->items[j]) > 0;
            if (list->count)
                assert_true(needed == list->count || needed >= gaps(list, field));
        }
    }
}

TEST(trimmed_boxes_hold_the_same_and_nothing_twice_that_could_be_left_out)
{
    struct arena arena = {0};
    unsigned trimmed = 0;

    srand(5);
    for (int round = 0; round < 1500; round++) {
        struct diagram_space *space = diagram_space_new(widths, FIELDS, NODE_LIMIT);
        bool in_set[PACKETS], in_domain[PACKETS];
        const diagram set = random_set(space, in_set), domain = random_set(space, in_domain),
                      held = diagram_apply(space, &meet, set, domain);
        struct cover cover = cover_boxes(&arena, space, set, domain, orders[round % 6], MANY_BOXES);
        const size_t boxes = cover.count;

        cover_trim(space, &cover, held, FIELDS);
        trimmed += cover.count < boxes;
        for (unsigned i = 0; i < PACKETS; i++) {
            bool covered = false;

            in_set[i] = in_set[i] && in_domain[i];
            for (size_t j = 0; j < cover.count; j++)
                covered = covered || box_has(&cover.items[j], i, FIELDS);
            if (in_domain[i])
                assert_int_equal(covered, in_set[i]);
        }
        assert_trimmed(&cover, in_set);
        diagram_space_free(space);
        arena_reset(&arena);
    }
    assert_true(trimmed > 0);
    arena_clear(&arena);
}

TEST(a_limit_leaves_the_first_boxes)
{
    struct arena arena = {0};
    struct diagram_space *space = diagram_space_new(widths, FIELDS, NODE_LIMIT);

    srand(5);
    for (int round = 0; round < 100; round++) {
        bool in_set[PACKETS], in_domain[PACKETS];
        const diagram set = random_set(space, in_set), domain = random_set(space, in_domain);
        struct cover whole = cover_boxes(&arena, space, set, domain, orders[0], MANY_BOXES);

        for (size_t limit = 0; limit <= whole.count; limit++) {
            const struct cover part = cover_boxes(&arena, space, set, domain, orders[0], limit);

            assert_int_equal(part.count, limit);
            assert_int_equal(part.complete, limit == whole.count);
            whole.complete = part.complete;

            const struct cover start = {whole.items, limit, limit, part.complete};

            assert_same_cover(&part, &start);
        }
        arena_reset(&arena);
    }
    assert_false(diagram_overflowed(space));
    diagram_space_free(space);
    arena_clear(&arena);
}

// Nodes run out at every point between the sets and the last box.
TEST(a_full_space_gives_an_incomplete_cover_of_right_boxes)
{
    struct arena arena = {0};

    for (unsigned round = 0; round < 60; round++) {
        bool in_set[PACKETS], in_domain[PACKETS], ended = false;

        for (size_t limit = 0; !ended; limit++) {
            struct diagram_space *space = diagram_space_new(widths, FIELDS, limit);

            srand(round);

            const diagram set = random_set(space, in_set), domain = random_set(space, in_domain);
            const bool built = !diagram_overflowed(space);
            const struct cover cover = cover_boxes(&arena, space, set, domain, orders[round % 6], MANY_BOXES);

            ended = !diagram_overflowed(space);
            assert_int_equal(cover.complete, ended);
            if (built)
                assert_covers(&cover, in_set, in_domain);
            else
                assert_int_equal(cover.count, 0);
            diagram_space_free(space);
            arena_reset(&arena);
        }
    }
    arena_clear(&arena);
}

static struct range_list ranges(struct addr_range *items, size_t count)
{
    return (struct range_list){items, count, count};
}

// Two boxes that overlap: port 80 from anywhere, and everything from 10.0.0.0/8.
TEST(boxes_overlap_rather_than_fall_apart)
{
    static const uint8_t address_and_port[] = {32, 16};
    static const unsigned order[] = {0, 1};
    struct addr_range ten = {{0, 0x0A000000}, {0, 0x0AFFFFFF}}, http = {{0, 80}, {0, 80}};
    struct diagram_space *space = diagram_space_new(address_and_port, 2, NODE_LIMIT);
    struct arena arena = {0};
    const diagram all = diagram_constant(space, 1), none = diagram_constant(space, 0);
    const diagram set = diagram_test(space, 0, &ten, 1, all, diagram_test(space, 1, &http, 1, all, none));
    const struct cover cover = cover_boxes(&arena, space, set, all, order, 10);
    const struct range_list expected[2][2] = {{{0}, ranges(&http, 1)}, {ranges(&ten, 1), {0}}};

    assert_true(cover.complete);
    assert_int_equal(cover.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned field = 0; field < 2; field++) {
            const struct range_list *list = &cover.items[i].fields[field];

            assert_int_equal(list->count, expected[i][field].count);
            if (list->count)
                assert_memory_equal(list->items, expected[i][field].items, sizeof(*list->items));
        }
    }
    diagram_space_free(space);
    arena_clear(&arena);
}

// Of protocols, only 6 and 17 have ports, and there are no others than these and 1.
TEST(values_that_do_not_occur_are_not_listed)
{
    static const uint8_t protocol_and_port[] = {8, 16};
    static const unsigned order[] = {0, 1};
    const struct addr_range with_ports[] = {{{0, 6}, {0, 6}}, {{0, 17}, {0, 17}}}, icmp = {{0, 1}, {0, 1}},
                            no_port = {{0, 0}, {0, 0}}, high = {{0, 1024}, {0, 65535}};
    struct diagram_space *space = diagram_space_new(protocol_and_port, 2, NODE_LIMIT);
    struct arena arena = {0};
    const diagram all = diagram_constant(space, 1), none = diagram_constant(space, 0);
    const diagram no_ports = diagram_test(space, 1, &no_port, 1, all, none);
    const diagram domain =
        diagram_switch(space, 0, (const struct addr_range[]){icmp, with_ports[0], with_ports[1]},
                       (const diagram[]){no_ports, all, all}, 3, none);
    const diagram tcp =
        diagram_test(space, 0, with_ports, 1, diagram_test(space, 1, &high, 1, all, none), none);
    const diagram both =
        diagram_test(space, 0, with_ports, 2, diagram_test(space, 1, &high, 1, all, none), none);

    struct cover cover = cover_boxes(&arena, space, tcp, domain, order, 10);

    assert_int_equal(cover.count, 1);
    assert_int_equal(cover.items[0].fields[0].count, 1);
    assert_int_equal(cover.items[0].fields[0].items[0].first.low, 6);
    assert_int_equal(cover.items[0].fields[0].items[0].last.low, 6);
    cover = cover_boxes(&arena, space, both, domain, order, 10);
    assert_int_equal(cover.count, 1);
    assert_int_equal(cover.items[0].fields[0].count, 0); // all that have ports
    assert_int_equal(cover.items[0].fields[1].count, 1);
    cover = cover_boxes(&arena, space, domain, domain, order, 10);
    assert_int_equal(cover.count, 1);
    assert_int_equal(cover.items[0].fields[0].count, 0);
    assert_int_equal(cover.items[0].fields[1].count, 0);
    diagram_space_free(space);
    arena_clear(&arena);
}

RUN_TESTS(CASE(boxes_are_maximal_and_cover_the_set), CASE(the_order_depends_on_the_set_alone),
          CASE(trimmed_boxes_hold_the_same_and_nothing_twice_that_could_be_left_out),
          CASE(a_limit_leaves_the_first_boxes), CASE(a_full_space_gives_an_incomplete_cover_of_right_boxes),
          CASE(boxes_overlap_rather_than_fall_apart), CASE(values_that_do_not_occur_are_not_listed))
