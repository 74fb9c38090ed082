// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is said of text that is not YAML, and of files that are no text: what it is, where, and what to do.
#include "support/test.h"

#include "unit/document_reading.h"

struct row {
    const char *text;
    const char *message, *hint; // parts of them; a hint of NULL: there is none
    uint32_t line, column, length;
};

static void assert_slip(const struct row *row)
{
    struct reading reading;

    read_bytes(&reading, row->text, strlen(row->text));
    if (reading.root || reading.diags.items.count != 1)
        fail_msg("%s gives %zu diagnostics", row->text, reading.diags.items.count);

    const struct diag *diag = &reading.diags.items.items[0];
    const struct span *span = &diag->span;

    assert_int_equal(diag->code, DIAG_YAML);
    if (span->line != row->line || span->column != row->column || span->length != row->length)
        fail_msg("%s is marked at %u:%u+%u", row->text, span->line, span->column, span->length);
    assert_contains(diag->message, row->message);
    if (row->hint)
        assert_contains(diag->hint ? diag->hint : "(no hint)", row->hint);
    else
        assert_null(diag->hint);
    arena_clear(&reading.arena);
}

static void assert_slips(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_slip(&rows[i]);
}

TEST(a_template_is_known_for_one)
{
    static const struct row rows[] = {
        {"a: {{ net }}\n", "`{{ net }}` is not filled in", "render it", 1, 4, 9},
        {"a: [{b: x, c: {{ net }}}]\n", "`{{ net }}`", "Ansible", 1, 15, 9},
        {"a:\n{% for p in ports %}\n  - {{ p }}/tcp\n{% endfor %}\n", "`{% for p in ports %}`", "Jinja", 2, 1,
         20},
        {"a: 1\n{{- if .Values.web }}\nb: [http]\n{{- end }}\n", "`{{- if .Values.web }}`", "Helm", 2, 1, 21},
        {"a: 1\n{# of two\n   lines #}\nb: 1\n", "`{# of two`", "Jinja", 2, 1, 9},
        {"a: {b: ${NET}}\n", "`${NET}` is not filled in", "envsubst", 1, 8, 6},
        {"a: 1\n<% if x %>\nb: 2\n", "`<% if x %>`", "ERB", 2, 1, 10},
        {"\xEF\xBB\xBF{{ x }}\n", "`{{ x }}`", "render it", 1, 1, 7},
    };

    assert_slips(rows, array_length(rows));
}

TEST(a_comment_about_a_template_is_none)
{
    static const struct row rows[] = {
        {"# {{ x }} stood here\na: b: c\n", "mapping values", "needs quotes", 2, 5, 1},
    };

    assert_slips(rows, array_length(rows));
}

TEST(text_that_begins_with_a_character_of_yaml_is_shown_in_quotes)
{
    static const struct row rows[] = {
        {"a:\n  - @x\n", "begins with '@'", "\"@x\"", 2, 5, 2},
        {"a: @web server # one\n", "begins with '@'", "quotes: \"@web server\"", 1, 4, 11},
        {"a: [`x`, y]\n", "begins with '`'", "quotes: \"`x`\"", 1, 5, 3},
        {"a: {b: %x}\n", "begins with '%'", "quotes: \"%x\"", 1, 8, 2},
        {"@x: 1\n", "begins with '@'", "quotes: \"@x\"", 1, 1, 2},
        {"a: @\"x\"\n", "begins with '@'", "'...'", 1, 4, 4},
        {"a: > x\n", "block scalar", "'>'", 1, 6, 1},
        {"a: *\n", "a '*' is no value", "leave the key out", 1, 4, 1},
        {"a: [*, 1]\n", "a '*' is no value", "leave the key out", 1, 5, 1},
        {"a: [&, 1]\n", "anchor", "'&' needs quotes", 1, 6, 1},
        {"a: [!1.2.3.4/8]\n", "tag", "not X", 1, 15, 1},
    };

    assert_slips(rows, array_length(rows));
}

TEST(tabs_are_named)
{
    static const struct row rows[] = {
        {"a:\n\t- b\n", "a tab indents this line", "blanks", 2, 1, 1},
        {"a:\n  b: 1\n\tc: 2\n", "a tab indents this line", "blanks", 3, 1, 1},
        {"a:\n  -\tb: 1\n", "a tab stands where a blank belongs", "blanks", 2, 4, 1},
    };

    assert_slips(rows, array_length(rows));
}

TEST(blanks_that_are_none_are_shown)
{
    static const struct row rows[] = {
        {"a:\n\xC2\xA0\xC2\xA0- b\n", "looks like a blank", "U+00A0", 2, 1, 1},
        {"a:\xC2\xA0"
         "1\nb: 1\n",
         "looks like a blank", "U+00A0", 1, 3, 1},
        {"a: 1\n\xEF\xBB\xBF"
         "b: 1\n",
         "looks like a blank", "U+FEFF", 2, 1, 1},
        {"\xEF\xBB\xBF\xEF\xBB\xBF"
         "a: 1\nb: 1\n",
         "looks like a blank", "U+FEFF", 1, 1, 1},
    };

    assert_slips(rows, array_length(rows));
}

TEST(marks_of_a_merge_are_shown_where_they_begin)
{
    static const struct row rows[] = {
        {"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\n", "a merge left its marks", "settle", 2, 1,
         7},
        {"a:\n  - x\n=======\n  - y\n>>>>>>> other\nb: 1\n", "a merge left its marks", "settle", 5, 1, 7},
    };

    assert_slips(rows, array_length(rows));
}

TEST(quotes_that_end_early_or_never_are_named)
{
    static const struct row rows[] = {
        {"a: \"x\nb: 1\n", "opened and not closed", "close it", 1, 4, 1},
        {"a: 'it's x'\n", "behind the quote that ends it", "written twice", 1, 8, 1},
    };

    assert_slips(rows, array_length(rows));
}

TEST(other_slips_of_yaml_get_a_hint)
{
    static const struct row rows[] = {
        {"a: [::1]\n", "not YAML", "quotes: \"::1\"", 1, 5, 1},
        {"a: [1, 2\nb: 1\n", "not YAML", "with '[' on line 1 is not closed", 2, 2, 1},
        {"a: {b: 1]\n", "not YAML", "'{' on this line is not closed", 1, 9, 1},
        {"a: [2001:db8::]\n", "not YAML", "quotes: \"::1\"", 1, 14, 1},
        {"a: [\"::1/128\" b: 1]\n", "not YAML", "commas stand between", 1, 15, 1},
        {"a: b: c\n", "not YAML", "a colon and a blank needs quotes", 1, 5, 1},
        {"version:1\nallow: [ssh]\n", "not YAML", "blank behind it", 2, 6, 1},
        {"version: 1\nallow\n  - ssh\n", "not YAML", "ends in a colon", 2, 1, 1},
        {"allow: [{service: ssh, limit: 10/minute burst: 5}]\n", "not YAML", "needs quotes", 1, 46, 1},
        {"allow:\n  - service: ssh\n   from: 10.0.0.0/8\n", "not YAML", "one column", 3, 4, 1},
        {"allow:\n  - ssh\n - https\n", "not YAML", "one column", 3, 2, 1},
        {"%x: 1\n", "directive", NULL, 1, 3, 1},
    };

    assert_slips(rows, array_length(rows));
}

TEST(files_that_are_no_text_are_named_for_what_they_are)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *kind, *hint;
    } rows[] = {
        {"\xFF\xFE"
         "a\0:\0",
         6, "UTF-16 text", "iconv -f UTF-16 -t UTF-8"},
        {"\xFE\xFF\0a\0:", 6, "UTF-16 text", "iconv -f UTF-16 -t UTF-8"},
        {"\xFF\xFE\0\0a\0\0\0", 8, "UTF-32 text", "UTF-32"},
        {"a\0:\0 \0"
         "1\0",
         8, "without a byte order mark", "UTF-16LE"},
        {"\0a\0:\0 \0"
         "1",
         8, "without a byte order mark", "UTF-16BE"},
        {"\x1F\x8B\x08\0\0\0\0\0", 8, "compressed by gzip", "gzip -dc"},
        {"\x7F"
         "ELF\x02",
         5, "a program", "no text"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct reading reading;

        read_bytes(&reading, rows[i].bytes, rows[i].length);
        assert_null(reading.root);
        assert_int_equal(reading.diags.items.count, 1);
        assert_int_equal(reading.diags.items.items[0].code, DIAG_ENCODING);
        assert_int_equal(reading.diags.items.items[0].span.line, 0);
        assert_contains(reading.diags.items.items[0].message, rows[i].kind);
        assert_contains(reading.diags.items.items[0].hint, rows[i].hint);
        arena_clear(&reading.arena);
    }
}

TEST(bytes_of_older_encodings_are_named)
{
    struct reading reading;

    read_bytes(&reading, "a: B\xFCro\n", 8);
    assert_int_equal(reading.diags.items.items[0].code, DIAG_YAML);
    assert_contains(reading.diags.items.items[0].hint, "iconv");
    arena_clear(&reading.arena);
}

RUN_TESTS(CASE(a_template_is_known_for_one), CASE(a_comment_about_a_template_is_none),
          CASE(text_that_begins_with_a_character_of_yaml_is_shown_in_quotes), CASE(tabs_are_named),
          CASE(blanks_that_are_none_are_shown), CASE(marks_of_a_merge_are_shown_where_they_begin),
          CASE(quotes_that_end_early_or_never_are_named), CASE(other_slips_of_yaml_get_a_hint),
          CASE(files_that_are_no_text_are_named_for_what_they_are), CASE(bytes_of_older_encodings_are_named))
