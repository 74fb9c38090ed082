// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <stdlib.h>

#include "base/ports.h"
#include "base/protocols.h"
#include "base/vec.h"

TEST(ports_and_ranges_are_read_from_1_to_65535)
{
    static const struct {
        const char *text;
        uint16_t first, last; // 0: refused
    } rows[] = {
        {"1", 1, 1},
        {"65535", 65535, 65535},
        {"1-65535", 1, 65535},
        {"80-80", 80, 80},
        {"0", 0, 0},
        {"0-5", 0, 0},
        {"65536", 0, 0},
        {"9-1", 0, 0},
        {"", 0, 0},
        {"-", 0, 0},
        {"1-", 0, 0},
        {"-5", 0, 0},
        {"080", 0, 0},
        {"0x50", 0, 0},
        {"1:5", 0, 0},
        {"1-2-3", 0, 0},
        {"80 ", 0, 0},
        {"http", 0, 0},
        {"1 - 5", 0, 0},
        {"1-065", 0, 0},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct port_range range = {7, 7};
        const char *problem = port_range_parse(slice_of(rows[i].text), &range);

        if (!problem != (rows[i].first != 0))
            fail_msg("\"%s\": %s", rows[i].text, problem ? problem : "accepted");
        assert_int_equal(range.first, problem ? 7 : rows[i].first);
        assert_int_equal(range.last, problem ? 7 : rows[i].last);
    }
}

TEST(the_problem_with_a_port_is_named)
{
    struct port_range range;

    assert_contains(port_range_parse(slice_of("010"), &range), "leading zero");
    assert_contains(port_range_parse(slice_of("1:5"), &range), "dash");
    assert_contains(port_range_parse(slice_of("0"), &range), "begin at 1");
    assert_contains(port_range_parse(slice_of("5-1"), &range), "before it begins");
}

static void assert_printed(const struct port_set *set, const char *text)
{
    struct buf buf = {0};

    buf_text(&buf, "");
    port_set_print(&buf, set);
    assert_string_equal(buf.bytes, text);
    buf_clear(&buf);
}

TEST(adjacent_and_overlapping_ranges_join)
{
    struct arena arena = {0};
    struct port_set set = {0};

    assert_printed(&set, "");
    port_set_add(&arena, &set, (struct port_range){80, 80});
    port_set_add(&arena, &set, (struct port_range){82, 82});
    assert_printed(&set, "80,82");
    port_set_add(&arena, &set, (struct port_range){81, 81});
    assert_printed(&set, "80-82");
    port_set_add(&arena, &set, (struct port_range){65535, 65535});
    port_set_add(&arena, &set, (struct port_range){1, 1});
    assert_printed(&set, "1,80-82,65535");
    port_set_add(&arena, &set, (struct port_range){65534, 65535});
    port_set_add(&arena, &set, (struct port_range){65535, 65535});
    assert_printed(&set, "1,80-82,65534-65535");
    port_set_add(&arena, &set, (struct port_range){0, 65535});
    assert_printed(&set, "0-65535");
    arena_clear(&arena);
}

// Against a bitmap: random ranges, some of them at the edges.
TEST(sets_agree_with_a_bitmap_and_stay_canonical)
{
    static unsigned char bits[65536];

    srandom(20240521);
    for (int round = 0; round < 60; round++) {
        struct arena arena = {0};
        struct port_set set = {0}, at_once = {0};

        memset(bits, 0, sizeof(bits));
        for (int i = 0; i < 40; i++) {
            uint32_t first = (uint32_t)random() % 65536,
                     length = (uint32_t)random() % (round % 2 ? 20 : 3000);

            if (i % 10 == 0)
                first = 65535 - length;
            if (i % 10 == 5)
                first = 0;

            const uint32_t last = first + length > 65535 ? 65535 : first + length;

            port_set_add(&arena, &set, (struct port_range){(uint16_t)first, (uint16_t)last});
            *vec_push(&arena, &at_once) = (struct port_range){(uint16_t)first, (uint16_t)last};
            memset(bits + first, 1, last - first + 1);
        }
        port_set_normalise(&at_once);
        assert_int_equal(at_once.count, set.count);
        assert_memory_equal(at_once.items, set.items, set.count * sizeof(*set.items));
        for (size_t i = 0, port = 0; i <= set.count; i++) {
            const size_t begin = i < set.count ? set.items[i].first : 65536;

            // Canonical: a gap of at least one port before each range but one at 0.
            assert_true(i == 0 || i == set.count || begin > port);
            for (; port < begin; port++)
                assert_int_equal(bits[port], 0);
            for (; i < set.count && port <= set.items[i].last; port++)
                assert_int_equal(bits[port], 1);
        }
        arena_clear(&arena);
    }
}

TEST(overlap_needs_a_port_in_common)
{
    struct port_range low[] = {{1, 10}, {20, 30}}, high[] = {{11, 19}, {31, 65535}}, edge[] = {{30, 31}};
    const struct port_set a = {low, 2, 2}, b = {high, 2, 2}, c = {edge, 1, 1}, none = {0};

    assert_false(port_set_overlap(&a, &b));
    assert_true(port_set_overlap(&a, &c));
    assert_true(port_set_overlap(&c, &b));
    assert_true(port_set_overlap(&a, &a));
    assert_false(port_set_overlap(&a, &none));
}

TEST(protocols_are_found_by_name_and_number)
{
    static const struct {
        const char *word;
        uint8_t number;
    } rows[] = {{"tcp", 6},  {"udp", 17}, {"icmp", 1},  {"icmpv6", 58}, {"ipv6-icmp", 58}, {"esp", 50},
                {"gre", 47}, {"1", 1},    {"255", 255}, {"256", 0},     {"0", 0},          {"TCP", 0},
                {"any", 0},  {"", 0},     {"06", 0},    {"-1", 0},      {"tc", 0}};

    for (size_t i = 0; i < array_length(rows); i++)
        if (protocol_find(slice_of(rows[i].word)) != rows[i].number)
            fail_msg("%s", rows[i].word);
    for (size_t i = 0; protocol_names[i]; i++)
        assert_int_not_equal(protocol_find(slice_of(protocol_names[i])), 0);
}

TEST(only_names_that_iptables_has_itself_are_printed)
{
    assert_string_equal(protocol_builtin_name(6), "tcp");
    assert_string_equal(protocol_builtin_name(58), "ipv6-icmp");
    assert_null(protocol_builtin_name(47));
    assert_null(protocol_builtin_name(0));
    assert_null(protocol_builtin_name(255));
}

RUN_TESTS(CASE(ports_and_ranges_are_read_from_1_to_65535), CASE(the_problem_with_a_port_is_named),
          CASE(adjacent_and_overlapping_ranges_join), CASE(sets_agree_with_a_bitmap_and_stay_canonical),
          CASE(overlap_needs_a_port_in_common), CASE(protocols_are_found_by_name_and_number),
          CASE(only_names_that_iptables_has_itself_are_printed))
