// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include "base/arena.h"
#include "base/buf.h"

TEST(a_cleared_buffer_is_empty_and_usable)
{
    struct buf buf = {0};

    buf_clear(&buf);
    buf_text(&buf, "x");
    buf_clear(&buf);
    assert_null(buf.bytes);
    assert_int_equal(buf.length, 0);
    buf_text(&buf, "y");
    assert_string_equal(buf.bytes, "y");
    buf_clear(&buf);
}

TEST(what_is_appended_stands_in_order_and_ends_with_a_nul)
{
    struct buf buf = {0};

    buf_append(&buf, "a\0b", 3);
    buf_char(&buf, 'c');
    buf_text(&buf, "");
    buf_append(&buf, NULL, 0);
    buf_text(&buf, "de");
    assert_int_equal(buf.length, 6);
    assert_memory_equal(buf.bytes, "a\0bcde", 7);
    buf_clear(&buf);
}

TEST(an_empty_append_makes_an_empty_text)
{
    struct buf buf = {0};

    buf_text(&buf, "");
    assert_string_equal(buf.bytes, "");
    buf_clear(&buf);
}

TEST(numbers_are_decimal_to_the_largest)
{
    static const struct {
        unsigned long long value;
        const char *text;
    } rows[] = {{0, "0"}, {9, "9"}, {10, "10"}, {65535, "65535"}, {UINT64_MAX, "18446744073709551615"}};

    for (size_t i = 0; i < array_length(rows); i++) {
        struct buf buf = {0};

        buf_number(&buf, rows[i].value);
        assert_string_equal(buf.bytes, rows[i].text);
        buf_clear(&buf);
    }
}

TEST(it_grows_past_every_boundary)
{
    struct buf buf = {0};

    for (size_t i = 0; i < 70000; i++)
        buf_char(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.length, 70000);
    assert_int_equal(strlen(buf.bytes), 70000);
    for (size_t i = 0; i < buf.length; i++)
        assert_int_equal(buf.bytes[i], 'a' + (int)(i % 26));
    buf_clear(&buf);
}

TEST(formatted_text_of_any_length_fits)
{
    struct buf buf = {0};
    char wide[400];

    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    for (size_t i = 0; i < 30; i++)
        buf_printf(&buf, "%s%zu", wide + i * 13, i);
    assert_int_equal(strlen(buf.bytes), buf.length);
    assert_int_equal(buf.bytes[398], 'w');
    assert_int_equal(buf.bytes[399], '0');
    buf_printf(&buf, "%s", "");
    assert_int_equal(strlen(buf.bytes), buf.length);
    buf_clear(&buf);
}

TEST(a_text_moves_to_an_arena_and_leaves_the_buffer_empty)
{
    struct arena arena = {0};
    struct buf buf = {0};

    assert_string_equal(buf_to_arena(&buf, &arena), "");
    buf_text(&buf, "kept");
    assert_string_equal(buf_to_arena(&buf, &arena), "kept");
    assert_null(buf.bytes);
    arena_clear(&arena);
}

RUN_TESTS(CASE(a_cleared_buffer_is_empty_and_usable),
          CASE(what_is_appended_stands_in_order_and_ends_with_a_nul),
          CASE(an_empty_append_makes_an_empty_text), CASE(numbers_are_decimal_to_the_largest),
          CASE(it_grows_past_every_boundary), CASE(formatted_text_of_any_length_fits),
          CASE(a_text_moves_to_an_arena_and_leaves_the_buffer_empty))
