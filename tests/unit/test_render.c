// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <jansson.h>

#include "diag/render.h"

struct listing {
    struct arena arena;
    struct source source;
    struct diag_list list;
    struct buf out;
};

static void listing_open(struct listing *listing, const char *text)
{
    *listing = (struct listing){
        .source = {.name = "p.yaml", .path = "p.yaml", .bytes = text, .length = strlen(text), .order = 1}};
    listing->list.arena = &listing->arena;
}

static void listing_close(struct listing *listing)
{
    buf_clear(&listing->out);
    arena_clear(&listing->arena);
}

static void add(struct listing *listing, uint32_t line, uint32_t column, uint32_t length, const char *message,
                const char *hint)
{
    diag_add(&listing->list, DIAG_PORT, (struct span){&listing->source, line, column, length}, "%s", message);
    if (hint)
        diag_hint(&listing->list, "%s", hint);
}

TEST(text_shows_the_line_a_caret_and_the_hint)
{
    struct listing listing;

    listing_open(&listing, "version: 1\nallow: [sssh]\n");
    add(&listing, 2, 9, 4, "no such service", "did you mean ssh?");
    add(&listing, 1, 1, 1, "no hint", NULL);
    render_text(&listing.out, &listing.list, SEVERITY_NOTE, false);
    assert_string_equal(listing.out.bytes, "p.yaml:2:9: error: no such service [port]\n"
                                           "   2 | allow: [sssh]\n"
                                           "     |         ^^^^ did you mean ssh?\n"
                                           "p.yaml:1:1: error: no hint [port]\n"
                                           "   1 | version: 1\n"
                                           "     | ^\n");
    listing_close(&listing);
}

TEST(a_whole_file_and_no_file_need_no_line)
{
    struct listing listing;

    listing_open(&listing, "x\n");
    diag_add(&listing.list, DIAG_FILE, source_whole(&listing.source), "gone");
    diag_hint(&listing.list, "a hint");
    diag_add(&listing.list, DIAG_FILE, (struct span){0}, "nowhere");
    render_text(&listing.out, &listing.list, SEVERITY_NOTE, false);
    assert_string_equal(listing.out.bytes,
                        "p.yaml: error: gone [file]\n     = a hint\nerror: nowhere [file]\n");
    listing_close(&listing);
}

TEST(the_caret_stands_under_its_character_behind_tabs_and_wide_letters)
{
    struct listing listing;

    listing_open(&listing, "\ta\tb\n\xC3\xBC\xE2\x82\xAC x\n");
    add(&listing, 1, 4, 1, "m", NULL);
    add(&listing, 2, 4, 1, "m", NULL);
    render_text(&listing.out, &listing.list, SEVERITY_NOTE, false);
    assert_contains(listing.out.bytes, "   1 | \ta\tb\n     | \t \t^\n");
    assert_contains(listing.out.bytes, "   2 | \xC3\xBC\xE2\x82\xAC x\n     |    ^\n");
    listing_close(&listing);
}

TEST(places_beyond_the_line_or_the_file_do_no_harm)
{
    struct listing listing;

    listing_open(&listing, "ab\n");
    add(&listing, 1, 6, 1, "m", NULL);
    add(&listing, 99, 1, 5, "m", NULL);
    render_text(&listing.out, &listing.list, SEVERITY_NOTE, false);
    assert_contains(listing.out.bytes, "   1 | ab\n     |      ^\n");
    assert_contains(listing.out.bytes, "  99 | \n     | ^^^^^\n");
    listing_close(&listing);
}

TEST(long_lines_are_cut_around_the_caret)
{
    struct listing listing;
    char line[600];

    for (size_t i = 0; i < sizeof(line) - 1; i++)
        line[i] = (char)('a' + i % 26);
    line[sizeof(line) - 1] = '\0';
    listing_open(&listing, line);
    add(&listing, 1, 301, 3, "middle", NULL);
    add(&listing, 1, 1, 599, "all", NULL);
    add(&listing, 1, 599, 1, "end", NULL);
    render_text(&listing.out, &listing.list, SEVERITY_NOTE, false);

    for (char *at = listing.out.bytes, *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        assert_true(end - at < 130);
    }

    // Character 300 counted from 0 is 'a' + 300 % 26: the caret is under it.
    const char *snippet = strstr(listing.out.bytes, "   1 | \xE2\x80\xA6");
    const char *under = strchr(snippet, '\n') + 1;
    const size_t column = strcspn(under, "^") - strlen("     |  ");

    assert_non_null(snippet);
    assert_int_equal(snippet[strlen("   1 | \xE2\x80\xA6") + column], 'a' + 300 % 26);
    assert_int_equal(strspn(under + strcspn(under, "^"), "^"), 3);
    listing_close(&listing);
}

TEST(nothing_in_the_input_steers_the_terminal)
{
    struct listing listing;

    listing_open(&listing, "a: \033[31m\007\177 \r\n");
    add(&listing, 1, 4, 2, "m", NULL);
    render_text(&listing.out, &listing.list, SEVERITY_NOTE, false);
    assert_lacks(listing.out.bytes, "\033");
    assert_lacks(listing.out.bytes, "\007");
    assert_lacks(listing.out.bytes, "\177");
    assert_lacks(listing.out.bytes, "\r");
    assert_contains(listing.out.bytes, "a: ?[31m??");
    listing_close(&listing);
}

// Messages and hints quote words of the input.
TEST(nothing_that_is_quoted_from_the_input_steers_the_terminal)
{
    struct listing listing;

    listing_open(&listing, "x\n");
    add(&listing, 1, 1, 1, "'\033[2J\nx' is wrong", "did you mean \033[0m?");
    render_text(&listing.out, &listing.list, SEVERITY_NOTE, false);
    assert_lacks(listing.out.bytes, "\033");
    assert_lacks(listing.out.bytes, "\nx'");
    listing_close(&listing);
}

TEST(colour_is_added_only_on_request)
{
    struct listing listing;

    listing_open(&listing, "abc\n");
    add(&listing, 1, 1, 3, "m", "h");
    render_text(&listing.out, &listing.list, SEVERITY_NOTE, true);
    assert_contains(listing.out.bytes, "\033[1;31merror:\033[0m m [port]");
    listing_close(&listing);
}

TEST(less_severe_diagnostics_can_be_left_out)
{
    struct listing listing;

    listing_open(&listing, "abc\n");
    diag_add(&listing.list, DIAG_UNUSED, (struct span){&listing.source, 1, 1, 1}, "a note");
    diag_add(&listing.list, DIAG_DEFAULT_ACCEPT, (struct span){&listing.source, 1, 1, 1}, "a warning");
    add(&listing, 1, 1, 1, "an error", NULL);
    render_text(&listing.out, &listing.list, SEVERITY_WARNING, false);
    assert_lacks(listing.out.bytes, "a note");
    assert_contains(listing.out.bytes, "warning: a warning [default-accept]");
    assert_contains(listing.out.bytes, "error: an error [port]");
    listing_close(&listing);
}

TEST(what_was_not_kept_is_counted)
{
    struct listing listing;

    listing_open(&listing, "abc\n");
    for (int i = 0; i < DIAG_KEPT + 3; i++)
        add(&listing, 1, 1, 1, "m", NULL);
    render_text(&listing.out, &listing.list, SEVERITY_NOTE, false);
    assert_contains(listing.out.bytes, "ctc: 3 more of severity error\n");
    listing_close(&listing);
}

TEST(json_is_read_back_as_it_was_meant)
{
    struct listing listing;
    const char *code, *severity, *message, *hint, *file, *policy;
    int line, column, end, errors, notes;
    json_t *findings;

    listing_open(&listing, "abc\n");
    add(&listing, 1, 2, 2, "quote \" and \\ and \xC3\xBC", "h");
    diag_add(&listing.list, DIAG_UNUSED, (struct span){0}, "nowhere, \xFF not UTF-8");
    render_json(&listing.out, &listing.list, &(struct checked_file){"p.yaml", false, &listing.list}, 1);

    json_t *document = json_loadb(listing.out.bytes, listing.out.length, 0, NULL);

    assert_non_null(document);
    assert_succeeds(json_unpack(document, "{s:s, s:o, s:{s:i, s:i}}", "policy", &policy, "findings",
                                &findings, "summary", "errors", &errors, "notes", &notes));
    assert_string_equal(policy, "p.yaml");
    assert_int_equal(errors, 1);
    assert_int_equal(notes, 1);
    assert_int_equal(json_array_size(findings), 2);
    assert_succeeds(json_unpack(json_array_get(findings, 0), "{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i}",
                                "code", &code, "severity", &severity, "message", &message, "hint", &hint,
                                "file", &file, "line", &line, "column", &column, "end_column", &end));
    assert_string_equal(code, "port");
    assert_string_equal(severity, "error");
    assert_string_equal(message, "quote \" and \\ and \xC3\xBC");
    assert_string_equal(hint, "h");
    assert_string_equal(file, "p.yaml");
    assert_int_equal(line * 100 + column * 10 + end, 124);
    assert_true(json_is_null(json_object_get(json_array_get(findings, 1), "hint")));
    assert_string_equal(json_string_value(json_object_get(json_array_get(findings, 1), "message")),
                        "nowhere, ? not UTF-8");
    json_decref(document);
    listing_close(&listing);
}

TEST(json_without_findings_is_whole)
{
    struct listing listing;

    listing_open(&listing, "");
    render_json(&listing.out, &listing.list, &(struct checked_file){"p.yaml", false, &listing.list}, 1);

    json_t *document = json_loadb(listing.out.bytes, listing.out.length, 0, NULL);

    assert_int_equal(json_array_size(json_object_get(document, "findings")), 0);
    assert_int_equal(listing.out.bytes[listing.out.length - 1], '\n');
    json_decref(document);
    listing_close(&listing);
}

TEST(sarif_names_rules_and_places)
{
    struct listing listing;
    const char *version, *rule, *level, *text, *uri;
    json_t *rules;
    int index, line, column, end;

    listing_open(&listing, "abc\n");
    add(&listing, 1, 2, 2, "m", "h");
    diag_add(&listing.list, DIAG_FILE, source_whole(&listing.source), "whole");
    render_sarif(&listing.out, &listing.list);

    json_t *document = json_loadb(listing.out.bytes, listing.out.length, 0, NULL);
    json_t *run = json_array_get(json_object_get(document, "runs"), 0);
    json_t *result = json_array_get(json_object_get(run, "results"), 0);

    assert_succeeds(json_unpack(document, "{s:s}", "version", &version));
    assert_string_equal(version, "2.1.0");
    assert_succeeds(json_unpack(run, "{s:{s:{s:o}}}", "tool", "driver", "rules", &rules));
    assert_int_equal(json_array_size(rules), DIAG_COUNT);
    assert_succeeds(json_unpack(result, "{s:s, s:i, s:s, s:{s:s}, s:[{s:{s:{s:s}, s:{s:i, s:i, s:i}}}]}",
                                "ruleId", &rule, "ruleIndex", &index, "level", &level, "message", "text",
                                &text, "locations", "physicalLocation", "artifactLocation", "uri", &uri,
                                "region", "startLine", &line, "startColumn", &column, "endColumn", &end));
    assert_string_equal(rule, "port");
    assert_string_equal(json_string_value(json_object_get(json_array_get(rules, (size_t)index), "id")),
                        "port");
    assert_string_equal(level, "error");
    assert_string_equal(text, "m (h)");
    assert_string_equal(uri, "p.yaml");
    assert_int_equal(line * 100 + column * 10 + end, 124);
    json_decref(document);
    listing_close(&listing);
}

TEST(workflow_commands_cannot_be_broken_out_of)
{
    struct listing listing;

    listing_open(&listing, "abc\n");
    listing.source.name = "a,b:c%\n.yaml";
    add(&listing, 1, 2, 2, "50% of\r\n::error::x, y", "h\n");
    diag_add(&listing.list, DIAG_UNUSED, source_whole(&listing.source), "n");
    render_github(&listing.out, &listing.list);
    assert_string_equal(listing.out.bytes,
                        "::error file=a%2Cb%3Ac%25%0A.yaml,line=1,col=2,endColumn=4,title=ctc port::"
                        "50%25 of??::error::x, y (h?)\n"
                        "::notice file=a%2Cb%3Ac%25%0A.yaml,title=ctc unused::n\n");
    listing_close(&listing);
}

RUN_TESTS(CASE(text_shows_the_line_a_caret_and_the_hint), CASE(a_whole_file_and_no_file_need_no_line),
          CASE(the_caret_stands_under_its_character_behind_tabs_and_wide_letters),
          CASE(places_beyond_the_line_or_the_file_do_no_harm), CASE(long_lines_are_cut_around_the_caret),
          CASE(nothing_in_the_input_steers_the_terminal),
          CASE(nothing_that_is_quoted_from_the_input_steers_the_terminal),
          CASE(colour_is_added_only_on_request), CASE(less_severe_diagnostics_can_be_left_out),
          CASE(what_was_not_kept_is_counted), CASE(json_is_read_back_as_it_was_meant),
          CASE(json_without_findings_is_whole), CASE(sarif_names_rules_and_places),
          CASE(workflow_commands_cannot_be_broken_out_of))
