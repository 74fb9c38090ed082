// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/fixture.h"

#include "base/exit.h"

TEST(the_including_file_wins_and_lists_are_appended)
{
    struct fixture f;

    fixture_open(&f);
    fixture_file(&f, "common/base.yaml",
                 "include: more.yaml\n"
                 "tracking: selective\n"
                 "define: {a: 192.0.2.10, b: {file: b.txt}}\n"
                 "allow: [{service: ssh, from: $b}, http]\n"
                 "log: {prefix: \"base \", limit: 7/minute}\n"
                 "default: {input: drop}\n"
                 "conntrack: {max: 5, timeouts: {udp: 1, icmp: 2}}\n");
    fixture_file(&f, "common/more.yaml",
                 "allow: ping\ntracking: none\ndefault: {input: accept, output: drop}\n");
    fixture_file(&f, "common/b.txt", "192.0.2.20\n");
    fixture_read(&f, "version: 1\n"
                     "include: [common/base.yaml]\n"
                     "define: {a: 192.0.2.1}\n"
                     "allow: {service: https, from: $a}\n"
                     "log: {prefix: \"own \"}\n"
                     "conntrack: {timeouts: {udp: 9}}\n");
    assert_true(f.fine);
    assert_int_equal(f.policy->tracking, TRACKING_SELECTIVE);
    assert_int_equal(f.policy->allow.count, 4);
    assert_string_equal(f.policy->allow.items[0].name, "https");
    assert_int_equal(f.policy->allow.items[0].from->families[FAMILY_IPV4].items[0].first.low, 0xC0000201);
    assert_string_equal(f.policy->allow.items[1].name, "ssh");
    assert_int_equal(f.policy->allow.items[1].from->families[FAMILY_IPV4].items[0].first.low, 0xC0000214);
    assert_string_equal(f.policy->allow.items[3].name, "ping");
    assert_string_equal(f.policy->log_prefix, "own ");
    assert_int_equal(f.policy->log_rate.events, 7);
    assert_int_equal(f.policy->input, VERDICT_DROP);
    assert_int_equal(f.policy->output, VERDICT_DROP);
    assert_int_equal(f.policy->conntrack.max, 5);
    assert_int_equal(f.policy->conntrack.timeouts[TIMEOUT_UDP], 9);
    assert_int_equal(f.policy->conntrack.timeouts[TIMEOUT_ICMP], 2);
    assert_string_equal(f.policy->name, "policy.yaml");
    fixture_close(&f);
}

TEST(a_file_included_twice_counts_once)
{
    struct fixture f;

    fixture_open(&f);
    fixture_file(&f, "a.yaml", "include: c.yaml\nallow: [ssh]\n");
    fixture_file(&f, "b.yaml", "include: c.yaml\nallow: [http]\n");
    fixture_file(&f, "c.yaml", "allow: [ping]\n");
    fixture_read(&f, "version: 1\ninclude: [a.yaml, b.yaml, ./a.yaml]\n");
    assert_true(f.fine);
    assert_int_equal(f.policy->allow.count, 3);
    fixture_close(&f);
}

TEST(files_that_include_each_other_are_refused)
{
    struct fixture f;

    fixture_open(&f);
    fixture_file(&f, "a.yaml", "include: b.yaml\n");
    fixture_file(&f, "b.yaml", "include: a.yaml\n");
    fixture_read(&f, "version: 1\ninclude: [a.yaml]\n");
    assert_false(f.fine);
    assert_non_null(fixture_diag(&f, DIAG_INCLUDE));
    fixture_close(&f);
    fixture_open(&f);
    fixture_read(&f, "version: 1\ninclude: policy.yaml\n");
    assert_non_null(fixture_diag(&f, DIAG_INCLUDE));
    fixture_close(&f);
}

TEST(a_long_chain_of_files_ends_in_an_error)
{
    struct fixture f;
    char name[40], text[40];

    fixture_open(&f);
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "f%d.yaml", i);
        snprintf(text, sizeof(text), "include: f%d.yaml\n", i + 1);
        fixture_file(&f, name, text);
    }
    fixture_file(&f, "f30.yaml", "allow: ssh\n");
    fixture_read(&f, "version: 1\ninclude: f0.yaml\n");
    assert_non_null(fixture_diag(&f, DIAG_INCLUDE));
    assert_int_equal(fixture_errors(&f), 1);
    fixture_close(&f);
}

TEST(mistakes_in_an_included_file_are_shown_there)
{
    struct fixture f;

    fixture_open(&f);
    fixture_file(&f, "sub/a.yaml", "allow:\n  - sssh\n");
    fixture_read(&f, "version: 1\ninclude: sub/a.yaml\nallow: [htttp]\n");
    assert_int_equal(fixture_errors(&f), 2);
    diag_sort(&f.compilation.diags);

    const struct diag *second = &f.compilation.diags.items.items[1];

    assert_contains(second->span.source->name, "sub/a.yaml");
    assert_int_equal(second->span.line, 2);
    assert_int_equal(second->span.column, 5);
    fixture_close(&f);
}

TEST(a_missing_file_is_a_failed_world)
{
    struct fixture f;

    fixture_open(&f);
    fixture_read(&f, "version: 1\ninclude: nowhere.yaml\nallow: [sssh]\n");
    assert_int_equal(f.compilation.diags.exit, EXIT_WORLD);
    assert_non_null(fixture_diag(&f, DIAG_FILE));
    assert_non_null(fixture_diag(&f, DIAG_SERVICE));
    fixture_close(&f);
}

TEST(an_included_file_may_leave_the_version_out_but_not_name_another)
{
    struct fixture f;

    fixture_open(&f);
    fixture_file(&f, "a.yaml", "version: 2\nallow: [ssh]\n");
    fixture_read(&f, "version: 1\ninclude: a.yaml\n");
    assert_non_null(fixture_diag(&f, DIAG_VERSION));
    fixture_close(&f);
}

TEST(what_an_included_file_says_wrongly_counts_even_where_it_is_overridden)
{
    struct fixture f;

    fixture_open(&f);
    fixture_file(&f, "a.yaml", "trakcing: none\n");
    fixture_read(&f, "version: 1\ninclude: a.yaml\ntracking: full\n");
    assert_non_null(fixture_diag(&f, DIAG_UNKNOWN_KEY));
    fixture_close(&f);
}

TEST(the_hash_covers_every_file_that_was_read)
{
    struct fixture f, g;

    fixture_open(&f);
    fixture_file(&f, "list", "192.0.2.1\n");
    fixture_read(&f, "version: 1\ndeny: [{file: list}]\n");
    fixture_open(&g);
    fixture_file(&g, "list", "192.0.2.2\n");
    fixture_read(&g, "version: 1\ndeny: [{file: list}]\n");
    assert_true(f.fine && g.fine);
    assert_string_not_equal(f.policy->hash, g.policy->hash);
    fixture_close(&f);
    fixture_close(&g);
}

RUN_TESTS(CASE(the_including_file_wins_and_lists_are_appended), CASE(a_file_included_twice_counts_once),
          CASE(files_that_include_each_other_are_refused), CASE(a_long_chain_of_files_ends_in_an_error),
          CASE(mistakes_in_an_included_file_are_shown_there), CASE(a_missing_file_is_a_failed_world),
          CASE(an_included_file_may_leave_the_version_out_but_not_name_another),
          CASE(what_an_included_file_says_wrongly_counts_even_where_it_is_overridden),
          CASE(the_hash_covers_every_file_that_was_read))
