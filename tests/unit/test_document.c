// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <stdio.h>

#include "unit/document_reading.h"

static void read_text(struct reading *reading, const char *text)
{
    read_bytes(reading, text, strlen(text));
}

static void assert_place(const struct node *node, uint32_t line, uint32_t column, uint32_t length)
{
    const struct span span = node_span(node);

    assert_int_equal(span.line, line);
    assert_int_equal(span.column, column);
    assert_int_equal(span.length, length);
}

TEST(nodes_know_their_kind_and_place)
{
    struct reading reading;

    read_text(&reading, "version: 1\nallow:\n  - {service: [ssh, \"http\"]}\n  - ping\n");
    assert_non_null(reading.root);
    assert_int_equal(reading.diags.items.count, 0);
    assert_int_equal(reading.root->kind, NODE_MAPPING);
    assert_int_equal(reading.root->count, 2);
    assert_place(node_key(reading.root, 0), 1, 1, 7);
    assert_place(node_value(reading.root, 0), 1, 10, 1);

    const struct node *allow = node_find(reading.root, "allow");
    const struct node *service = node_find(&allow->items[0], "service");

    assert_int_equal(allow->kind, NODE_SEQUENCE);
    assert_int_equal(allow->count, 2);
    assert_place(&service->items[0], 3, 16, 3);
    assert_true(service->items[0].plain);
    assert_place(&service->items[1], 3, 21, 6);
    assert_false(service->items[1].plain);
    assert_string_equal(service->items[1].text, "http");
    assert_place(&allow->items[1], 4, 5, 4);
    assert_null(node_find(reading.root, "deny"));
    arena_clear(&reading.arena);
}

TEST(columns_count_characters)
{
    struct reading reading;

    read_text(&reading, "a: [\xC3\xBC\xE2\x82\xAC, ssh]\n");
    assert_place(&node_value(reading.root, 0)->items[0], 1, 5, 2);
    assert_place(&node_value(reading.root, 0)->items[1], 1, 9, 3);
    arena_clear(&reading.arena);
}

TEST(a_scalar_over_several_lines_is_marked_at_its_begin)
{
    struct reading reading;

    read_text(&reading, "a: |\n  one\n  two\nb: \"x\n  y\"\n");
    assert_place(node_value(reading.root, 0), 1, 4, 1);
    assert_string_equal(node_value(reading.root, 0)->text, "one\ntwo\n");
    assert_place(node_value(reading.root, 1), 4, 4, 1);
    assert_string_equal(node_value(reading.root, 1)->text, "x y");
    arena_clear(&reading.arena);
}

TEST(a_nul_inside_of_text_is_kept)
{
    struct reading reading;

    read_text(&reading, "a: \"x\\0y\"\n");
    assert_int_equal(node_value(reading.root, 0)->count, 3);
    assert_memory_equal(node_value(reading.root, 0)->text, "x\0y", 4);
    arena_clear(&reading.arena);
}

TEST(duplicate_keys_are_reported_and_the_first_one_stands)
{
    struct reading reading;

    read_text(&reading, "a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\na: 4\n");
    assert_non_null(reading.root);
    assert_int_equal(reading.diags.counts[SEVERITY_ERROR], 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(reading.diags.items.items[i].code, DIAG_DUPLICATE_KEY);
    assert_string_equal(node_find(reading.root, "a")->text, "1");
    assert_contains(reading.diags.items.items[2].hint, "line 1");
    arena_clear(&reading.arena);
}

TEST(keys_that_differ_behind_a_nul_are_no_duplicates)
{
    struct reading reading;

    read_text(&reading, "{\"a\\0b\": 1, \"a\\0c\": 2, a: 3}\n");
    assert_int_equal(reading.diags.counts[SEVERITY_ERROR], 0);
    assert_string_equal(node_find(reading.root, "a")->text, "3");
    arena_clear(&reading.arena);
}

TEST(what_policies_do_not_have_is_refused_with_a_hint)
{
    static const struct {
        const char *text;
        const char *message, *hint;
        uint32_t line, column;
    } rows[] = {
        {"a: &x [1]\n", "anchors", "define", 1, 4},
        {"a: &x 1\n", "anchors", "define", 1, 4},
        {"a: &x {b: 1}\n", "anchors", "define", 1, 4},
        {"a: *x\n", "aliases", "define", 1, 4},
        {"a:\n  - !x 1\n", "tags", "not X", 2, 5},
        {"a: !!str 1\n", "tags", "quotes", 1, 4},
        {"a: {<<: {b: 1}}\n", "merge keys", "include", 1, 5},
        {"a: 1\n---\nb: 1\n", "second document", "---", 2, 1},
        {"[a]: 1\n", "a key is a word", NULL, 1, 1},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct reading reading;

        read_text(&reading, rows[i].text);
        if (reading.root || reading.diags.items.count != 1)
            fail_msg("%s gives %zu diagnostics", rows[i].text, reading.diags.items.count);

        const struct diag *diag = &reading.diags.items.items[0];

        assert_int_equal(diag->code, DIAG_YAML);
        assert_contains(diag->message, rows[i].message);
        assert_int_equal(diag->span.line, rows[i].line);
        assert_int_equal(diag->span.column, rows[i].column);
        if (rows[i].hint)
            assert_contains(diag->hint ? diag->hint : "(no hint)", rows[i].hint);
        arena_clear(&reading.arena);
    }
}

TEST(a_quoted_merge_key_is_a_key_like_others)
{
    struct reading reading;

    read_text(&reading, "\"<<\": 1\n");
    assert_non_null(reading.root);
    assert_non_null(node_find(reading.root, "<<"));
    arena_clear(&reading.arena);
}

TEST(bytes_that_are_no_text_are_refused_where_they_stand)
{
    static const struct {
        const char *bytes;
        size_t length;
        uint32_t line, column;
    } rows[] = {
        {"a: 1\nb: \xFF\n", 10, 2, 4},
        {"a: 1\nb: \xC3(\n", 11, 2, 5},
        {"a: 1\nb\x01: 2\n", 11, 2, 2},
        {"a: \xED\xA0\x80\n", 7, 1, 4},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct reading reading;

        read_bytes(&reading, rows[i].bytes, rows[i].length);
        assert_null(reading.root);
        assert_int_equal(reading.diags.items.items[0].code, DIAG_YAML);
        assert_int_equal(reading.diags.items.items[0].span.line, rows[i].line);
        assert_int_equal(reading.diags.items.items[0].span.column, rows[i].column);
        arena_clear(&reading.arena);
    }
}

TEST(a_nul_byte_does_not_end_the_file_early)
{
    struct reading reading;

    read_bytes(&reading, "a: 1\n\0b: 2\n", 11);
    assert_null(reading.root);
    assert_int_equal(reading.diags.counts[SEVERITY_ERROR], 1);
    arena_clear(&reading.arena);
}

static void assert_depth(size_t depth, bool fine)
{
    struct reading reading;
    char text[300] = "a: ";

    memset(text + 3, '[', depth);
    memset(text + 3 + depth, ']', depth);
    read_text(&reading, text);
    assert_int_equal(reading.root != NULL, fine);
    if (!fine)
        assert_int_equal(reading.diags.items.items[0].code, DIAG_TOO_LARGE);
    arena_clear(&reading.arena);
}

TEST(depth_is_bounded)
{
    assert_depth(DOCUMENT_DEPTH_MAX - 1, true);
    assert_depth(DOCUMENT_DEPTH_MAX, false);
    assert_depth(120, false);
}

TEST(a_file_without_a_document_is_empty)
{
    static const char *const texts[] = {"", "\n\n", "# only a comment\n"};

    for (size_t i = 0; i < array_length(texts); i++) {
        struct reading reading;

        read_text(&reading, texts[i]);
        assert_null(reading.root);
        assert_int_equal(reading.diags.items.items[0].code, DIAG_NOT_A_POLICY);
        assert_non_null(reading.diags.items.items[0].hint);
        arena_clear(&reading.arena);
    }
}

TEST(byte_order_mark_and_windows_line_ends_are_taken)
{
    struct reading reading;

    read_text(&reading, "\xEF\xBB\xBFversion: 1\r\nallow: [ssh]\r\n");
    assert_non_null(reading.root);
    assert_string_equal(node_find(reading.root, "version")->text, "1");
    assert_place(node_find(reading.root, "allow"), 2, 8, 1);
    arena_clear(&reading.arena);
}

TEST(many_keys_are_checked_in_reasonable_time)
{
    struct reading reading;
    struct buf text = {0};

    for (unsigned i = 0; i < 20000; i++)
        buf_printf(&text, "key%u: %u\n", i, i);
    buf_text(&text, "key777: again\n");
    read_bytes(&reading, text.bytes, text.length);
    assert_int_equal(reading.diags.counts[SEVERITY_ERROR], 1);
    assert_int_equal(reading.diags.items.items[0].span.line, 20001);
    arena_clear(&reading.arena);
    buf_clear(&text);
}

RUN_TESTS(CASE(nodes_know_their_kind_and_place), CASE(columns_count_characters),
          CASE(a_scalar_over_several_lines_is_marked_at_its_begin), CASE(a_nul_inside_of_text_is_kept),
          CASE(duplicate_keys_are_reported_and_the_first_one_stands),
          CASE(keys_that_differ_behind_a_nul_are_no_duplicates),
          CASE(what_policies_do_not_have_is_refused_with_a_hint),
          CASE(a_quoted_merge_key_is_a_key_like_others),
          CASE(bytes_that_are_no_text_are_refused_where_they_stand),
          CASE(a_nul_byte_does_not_end_the_file_early), CASE(depth_is_bounded),
          CASE(a_file_without_a_document_is_empty), CASE(byte_order_mark_and_windows_line_ends_are_taken),
          CASE(many_keys_are_checked_in_reasonable_time))
