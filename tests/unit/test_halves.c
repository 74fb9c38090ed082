// SPDX-License-Identifier: GPL-2.0-or-later
//
// Documents that are read in two: whatever the text, and wherever it comes apart, they are what they are when read in one.
#include "support/test.h"

#include "source/document.h"
#include "source/seam.h"

struct reading {
    struct arena arena;
    struct diag_list diags;
    const struct node *root;
};

static void read_source(struct reading *reading, const struct source *source, size_t *middle)
{
    *reading = (struct reading){0};
    reading->diags.arena = &reading->arena;
    reading->root = document_read_in_two(&reading->arena, source, &reading->diags, middle);
}

static void assert_same_node(const struct node *a, const struct node *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->plain, b->plain);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->column, b->column);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->count, b->count);
    assert_ptr_equal(a->source, b->source);
    if (a->kind == NODE_SCALAR) {
        assert_memory_equal(a->text, b->text, a->count + 1);
        return;
    }
    for (uint32_t i = 0; i < (a->kind == NODE_MAPPING ? 2 * a->count : a->count); i++)
        assert_same_node(&a->items[i], &b->items[i]);
}

static void assert_same_diags(const struct diag_list *a, const struct diag_list *b)
{
    assert_int_equal(a->items.count, b->items.count);
    for (size_t i = 0; i < a->items.count; i++) {
        const struct diag *one = &a->items.items[i], *other = &b->items.items[i];

        assert_int_equal(one->code, other->code);
        assert_string_equal(one->message, other->message);
        assert_string_equal(one->hint ? one->hint : "", other->hint ? other->hint : "");
        assert_int_equal(one->span.line, other->span.line);
        assert_int_equal(one->span.column, other->span.column);
    }
}

// How many places there are where the text comes apart.
static size_t count_seams(const char *text)
{
    const struct source source = {.name = "t", .path = "t", .bytes = text, .length = strlen(text)};
    size_t none = SIZE_MAX, seams = 0, last = SIZE_MAX;
    struct reading whole;

    read_source(&whole, &source, &none);
    assert_true(none == SIZE_MAX);
    for (size_t from = 0; from <= source.length; from++) {
        size_t middle = from;
        struct reading in_two;

        read_source(&in_two, &source, &middle);
        assert_int_equal(in_two.root != NULL, whole.root != NULL);
        if (whole.root)
            assert_same_node(in_two.root, whole.root);
        assert_same_diags(&in_two.diags, &whole.diags);
        if (middle != SIZE_MAX) {
            assert_true(middle >= from);
            assert_memory_equal(text + middle + strspn(text + middle, " "), "-", 1);
            seams += middle != last;
            last = middle;
        }
        arena_clear(&in_two.arena);
    }
    arena_clear(&whole.arena);
    return seams;
}

struct row {
    const char *text;
    size_t seams;
};

static void assert_seams(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t seams = count_seams(rows[i].text);

        if (seams != rows[i].seams)
            fail_msg("%s\ncomes apart in %zu places", rows[i].text, seams);
    }
}

TEST(lists_below_keys_come_apart_at_each_item)
{
    static const struct row rows[] = {
        {"allow:\n  - {tcp: 1}\n  - {tcp: 2, from: 10.0.0.1}\n  - ssh\n", 3},
        {"allow:\n- ssh\n- ping\nversion: 1\n", 2},
        {"version: 1\nallow:\n  - ssh\n\n  # a comment\n  - ping\n\n\ntracking: none\ndeny:\n    - "
         "10.0.0.1\n",
         3},
        {"define:\n  crowd:\n    - 10.0.0.1\n    - not 10.0.0.2\n  others:\n    - 10.0.0.3\nallow: [ssh]\n",
         3},
        {"define:\n  crowd:\n  - 10.0.0.1\n  - 10.0.0.2\n  others: [10.0.0.3]\n", 2},
        {"a:\n  b:\n    c:\n      d:\n        - 1\n        - 2\n", 2},
        {"allow:   # a comment\n  - service: [http, https]\n    from:\n      - 10.0.0.1\n      - 10.0.0.2\n  "
         "- ssh\n",
         2},
        {"\xEF\xBB\xBF"
         "allow:\r\n  - ssh\r\n  - ping\r\nversion: 1\r\n",
         2},
        {"# \xC3\xBC\xE2\x82\xAC\nallow:\n  - name: \xC3\xBC\n    tcp: 1\n  - \"\xE2\x82\xAC\"\n  - x\n", 3},
        {"---\nallow:\n  - ssh\n  - ping\n...\n", 2},
        {"allow:\n  - |\n    - 1\n    - 2\n  - >-\n    x\n\n    y\n  - ssh", 3},
        {"allow:\n  - - 1\n    - 2\n  - - 3\n", 2},
        {"allow:\n  -\n  - ssh\n  -\n", 3},
    };

    assert_seams(rows, array_length(rows));
}

TEST(what_only_looks_like_a_list_does_not_come_apart)
{
    static const struct row rows[] = {
        {"verbatim: |\n  allow:\n    - 1\n    - 2\nallow: [ssh]\n", 0},
        {"a: \"\nallow:\n  - 1\n  - 2\n\"\n", 0},
        {"a:\n  b: \"\n  - 1\n  - 2\n\"\n", 0},
        {"a:\n  - \"\n  - 1\n  - 2\"\n  - x\n", 2},
        {"a: '\nallow:\n  - 1'\n", 0},
        {"a: x\n  - 1\n  - 2\n", 0},
        {"- 1\n- 2\n", 0},
        {"a: [\n  - 1,\n  - 2]\n", 0},
        {"a:\n  [1,\n  - 2]\n", 0},
        {"  allow:\n    - 1\n    - 2\n", 0},
        {"a:\n  -1\n  -2\n", 0},
        {"- a:\n    - 1\n    - 2\n", 0},
        {"? a\n:\n  - 1\n  - 2\n", 0},
        {"a:\n  b:\n    c:\n      d:\n        e:\n          - 1\n", 0},
        {"", 0},
        {"\n", 0},
    };

    assert_seams(rows, array_length(rows));
}

TEST(faults_are_found_where_they_are_on_either_side)
{
    static const struct row rows[] = {
        {"a:\n  - 1\n  - {x\n  - 2\n", 0},           // behind every seam but one that is behind it
        {"a:\n  - {x: 1, x: 2}\n  - 1\n  - 2\n", 2}, // ahead of those that come after it
        {"a:\n  - 1\n  - 2\nb: 1\na: 2\n", 0},       // on both sides
        {"b: 1\na:\n  - 1\n  - 2\nb: 1\n", 2},
        {"a:\n  - 1\n  - 2\nb: 1\nb: 2\n", 0},
        {"a:\n  - 1\n  - &x 2\n  - 3\n", 0},
        {"a:\n  - 1\n  - 2\n---\nb: 1\n", 0},
        {"a:\n  - 1\n  - 2\n - 3\n", 0},
        {"a:\n  - 1\n  - 2\n   - 3\n  - 4\n", 3},
        {"a:\n  - 1\n  - \x01\n", 0},
        {"a:\n  - 1\n  - \xFF\n", 0},
        {"a:\n  - 1\n  - 2\n  - \"x\n", 0},
        {"a:\n\t- 1\n  - 2\n", 0},
        {"a:\n  - 1\r  - 2\n  - 3\n", 1}, // what the two count as lines is not the same
        {"a:\n  - 1\xC2\x85  - 2\n  - 3\n", 1},
        {"a:\n  - [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n  - 1\n", 0},
    };

    assert_seams(rows, array_length(rows));
}

// Long enough for another thread.
TEST(a_long_document_is_read_in_two)
{
    struct buf text = {0};
    size_t middle, none = SIZE_MAX;
    struct reading whole, in_two, as_usual;

    buf_text(&text, "version: 1\nallow:\n");
    for (unsigned i = 0; i < 10000; i++)
        buf_printf(&text, "  - {tcp: %u, from: 10.0.%u.%u}\n", i + 1, i / 256, i % 256);
    buf_text(&text, "tracking: none\nversion: 2\n");

    const struct source source = {.name = "t", .path = "t", .bytes = text.bytes, .length = text.length};

    middle = text.length / 2;
    read_source(&in_two, &source, &middle);
    assert_true(middle >= text.length / 2 && middle < text.length / 2 + 100);
    read_source(&whole, &source, &none);
    as_usual = (struct reading){.diags = {.arena = &as_usual.arena}};
    as_usual.root = document_read(&as_usual.arena, &source, &as_usual.diags);
    assert_same_node(in_two.root, whole.root);
    assert_same_node(as_usual.root, whole.root);
    assert_int_equal(whole.diags.items.count, 1);
    assert_same_diags(&in_two.diags, &whole.diags);
    assert_same_diags(&as_usual.diags, &whole.diags);
    arena_clear(&whole.arena);
    arena_clear(&in_two.arena);
    arena_clear(&as_usual.arena);
    buf_clear(&text);
}

// Each try looks through the text anew: there are few, whatever the text.
TEST(a_seam_is_looked_for_a_few_times_at_most)
{
    struct buf text = {0};
    struct seam seam;

    for (unsigned i = 3000; i > 0; i--)
        buf_printf(&text, "%*s- x\n", (int)i, "");
    for (unsigned i = 0; i < 200000; i++)
        buf_text(&text, "   - x\n");
    assert_false(seam_find((struct slice){text.bytes, text.length}, 0, &seam));
    buf_clear(&text);
}

// To who looks for keys backwards, a line of a quoted text is the key that the list stands below. What follows fits below that
// key, but not where the list stands.
TEST(lists_that_stand_elsewhere_than_it_seems_do_not_come_apart)
{
    static const struct row rows[] = {
        {"a:\n    b: \"\n  y:\n       \"\n    c:\n    - 1\n  e: 1\n", 0},
        {"a:\n   b:\n      s: \"\n  y:\n         \"\n      c:\n      - 1\n  e: 1\n", 0},
        {"a:\n   b:\n      s: \"\n  y:\n         \"\n      c:\n      - 1\n   e: 1\n", 0},
    };

    assert_seams(rows, array_length(rows));
}

RUN_TESTS(CASE(lists_below_keys_come_apart_at_each_item),
          CASE(what_only_looks_like_a_list_does_not_come_apart),
          CASE(faults_are_found_where_they_are_on_either_side),
          CASE(lists_that_stand_elsewhere_than_it_seems_do_not_come_apart),
          CASE(a_long_document_is_read_in_two), CASE(a_seam_is_looked_for_a_few_times_at_most))
