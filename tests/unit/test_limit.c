// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/fixture.h"

static void read_allow(struct fixture *f, const char *entries)
{
    char text[2000];

    snprintf(text, sizeof(text), "version: 1\nallow: [%s]\n", entries);
    fixture_open(f);
    fixture_read(f, text);
}

TEST(limits_are_read_in_every_form)
{
    static const struct {
        const char *text;
        uint32_t events, period, burst;
        bool per_source;
    } rows[] = {
        {"10/minute", 10, 60, 5, true},
        {"10/min", 10, 60, 5, true},
        {"10/m", 10, 60, 5, true},
        {"1/second", 1, 1, 5, true},
        {"1/sec", 1, 1, 5, true},
        {"1/s", 1, 1, 5, true},
        {"7/hour burst 9", 7, 3600, 9, true},
        {"7/h burst 9 per source", 7, 3600, 9, true},
        {"100/day burst 1 total", 100, 86400, 1, false},
        {"100/d total", 100, 86400, 5, false},
        {"10/minute per total", 10, 60, 5, false},
        {"\"  10/minute   burst  3\"", 10, 60, 3, true},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct fixture f;
        char entry[200];

        snprintf(entry, sizeof(entry), "{service: ssh, limit: %s}", rows[i].text);
        read_allow(&f, entry);
        if (!f.fine)
            fail_msg("%s is refused", rows[i].text);

        const struct limit *limit = f.policy->allow.items[0].limit;

        assert_int_equal(limit->rate.events, rows[i].events);
        assert_int_equal(limit->rate.period, rows[i].period);
        assert_int_equal(limit->rate.burst, rows[i].burst);
        assert_int_equal(limit->per_source, rows[i].per_source);
        fixture_close(&f);
    }
}

TEST(what_is_no_limit_is_refused)
{
    static const char *const rows[] = {
        "10",
        "/minute",
        "10/",
        "10/fortnight",
        "0/minute",
        "-1/minute",
        "010/minute",
        "1.5/minute",
        "10/minute burst",
        "10/minute burst 0",
        "ten/minute",
        "10/minute burst x",
        "10/minute 5",
        "10/minute per",
        "10/minute per host",
        "10/minute total total",
        "10/minute per source burst 5",
        "4294967296/day",
        "10/minute burst 10001",
        "10 /minute",
        "10/Minute",
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct fixture f;
        char entry[200];

        snprintf(entry, sizeof(entry), "{service: ssh, limit: %s}", rows[i]);
        read_allow(&f, entry);
        if (f.fine || !fixture_diag(&f, DIAG_LIMIT))
            fail_msg("%s is accepted", rows[i]);
        fixture_close(&f);
    }
}

// The kernel stores the time between two events in whole microseconds.
TEST(a_rate_that_the_kernel_cannot_store_names_the_nearest)
{
    static const struct {
        const char *text, *nearest; // no nearest: it fits
    } rows[] = {
        {"120/minute", NULL},
        {"1/day", NULL},
        {"1000/second", NULL},
        {"1000000/second", NULL},
        {"500000/second", NULL},
        {"7/second", NULL},
        {"999/hour", NULL},
        {"86399/day", NULL},
        {"70000/second", "71428/second"},
        {"66666/second", NULL},
        {"68000/second", "66666/second"}, // 71428 is further away
        {"999999/second", "1000000/second"},
        {"600000/second", "500000/second"},
        // 160/second as iptables-save prints them
        {"9600/minute", NULL},
        {"9601/minute", "9600/minute"},
        {"60001/hour", "60000/hour"},
        {"800000/second", "1000000/second"},
        {"5000000/second", "1000000/second"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct fixture f;
        char entry[200];

        // With a burst of one, for a burst may not fit either.
        snprintf(entry, sizeof(entry), "{service: ssh, limit: %s burst 1}", rows[i].text);
        read_allow(&f, entry);

        const struct diag *diag = fixture_diag(&f, DIAG_LIMIT);
        const char *hint = diag && diag->hint ? diag->hint : "it is accepted";

        if (f.fine != !rows[i].nearest || (rows[i].nearest && !strstr(hint, rows[i].nearest)))
            fail_msg("for %s: %s", rows[i].text, hint);
        fixture_close(&f);
    }
}

TEST(the_rate_of_a_log_has_coarser_steps)
{
    static const struct {
        const char *text;
        bool fine;
    } rows[] = {{"5/minute", true},          {"10000/second", true},  {"5000/second", true},
                {"7000/second", false},      {"20000/second", false}, {"100/second", true},
                {"99/second", true},         {"101/second", true},    {"150/second", false},
                {"10/minute burst 30", true}};

    for (size_t i = 0; i < array_length(rows); i++) {
        struct fixture f;
        char text[200];

        snprintf(text, sizeof(text), "version: 1\nallow: [ssh]\nlog: {limit: %s}\n", rows[i].text);
        fixture_open(&f);
        fixture_read(&f, text);
        if (f.fine != rows[i].fine)
            fail_msg("%s", rows[i].text);
        fixture_close(&f);
    }
}

TEST(a_burst_refills_within_a_day)
{
    static const struct {
        const char *text;
        bool fine;
    } rows[] = {{"1/day burst 1", true},        {"1/day burst 2", false},
                {"1/hour burst 24", true},      {"1/hour burst 25", false},
                {"1/minute burst 1440", true},  {"1/minute burst 1441", false},
                {"1/second burst 10000", true}, {"1/day", false}};

    for (size_t i = 0; i < array_length(rows); i++) {
        struct fixture f;
        char entry[200];

        snprintf(entry, sizeof(entry), "{service: ssh, limit: %s}", rows[i].text);
        read_allow(&f, entry);
        if (f.fine != rows[i].fine)
            fail_msg("%s", rows[i].text);
        fixture_close(&f);
    }
}

static void kernel_name(const char *entries, size_t i, char name[32])
{
    struct fixture f;

    read_allow(&f, entries);
    assert_true(f.fine);
    assert_true(f.policy->allow.count > i);
    snprintf(name, 32, "%s", f.policy->allow.items[i].limit->kernel_name);
    fixture_close(&f);
}

TEST(the_kernel_name_changes_with_the_settings_and_with_nothing_else)
{
    static const struct {
        const char *entry;
        bool same;
    } rows[] = {
        {"{service: ssh, limit: 10/minute burst 5}", true},
        {"{service: ssh, limit: 10/min per source}", true},
        {"{service: ssh, limit: 10/minute, from: 192.0.2.1}", true},
        {"{service: ssh, limit: 10/minute, in: eth0, log: true}", true},
        {"{service: ssh, limit: 11/minute}", false},
        {"{service: ssh, limit: 10/hour}", false},
        {"{service: ssh, limit: 10/minute burst 6}", false},
        {"{service: ssh, limit: 10/minute total}", false},
        {"{name: admin, service: ssh, limit: 10/minute}", false},
    };
    char wanted[32];

    kernel_name("{service: ssh, limit: 10/minute}", 0, wanted);
    for (size_t i = 0; i < array_length(rows); i++) {
        char name[32];

        kernel_name(rows[i].entry, 0, name);
        if ((strcmp(name, wanted) == 0) != rows[i].same)
            fail_msg("%s is named %s, not limited otherwise %s", rows[i].entry, name, wanted);
    }
    // Other entries have no say, wherever they stand.
    char moved[32];

    kernel_name("http, {service: dns, limit: 5/second}, {service: ssh, limit: 10/minute}", 2, moved);
    assert_string_equal(moved, wanted);
}

TEST(kernel_names_are_short_plain_and_never_shared)
{
    struct fixture f;

    read_allow(&f, "{service: ssh, limit: 10/minute, from: 192.0.2.1}, {service: ssh, limit: 10/minute},"
                   "{service: ssh, limit: 10/minute, in: eth0},"
                   "{name: \"a b;c-$(x) very long indeed\", service: ssh, limit: 10/minute},"
                   "{name: \"\xC3\xBC\", service: ssh, limit: 10/minute},"
                   "{service: [bittorrent-tracker, matrix-federation], limit: 1/second}");
    assert_true(f.fine);
    for (size_t i = 0; i < f.policy->allow.count; i++) {
        const char *name = f.policy->allow.items[i].limit->kernel_name;

        // IFNAMSIZ less the NUL: what hashlimit's oldest revisions keep.
        assert_true(strlen(name) > 0 && strlen(name) <= 15);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"),
                         strlen(name));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(name, f.policy->allow.items[j].limit->kernel_name);
    }
    fixture_close(&f);
}

RUN_TESTS(CASE(limits_are_read_in_every_form), CASE(what_is_no_limit_is_refused),
          CASE(a_rate_that_the_kernel_cannot_store_names_the_nearest),
          CASE(the_rate_of_a_log_has_coarser_steps), CASE(a_burst_refills_within_a_day),
          CASE(the_kernel_name_changes_with_the_settings_and_with_nothing_else),
          CASE(kernel_names_are_short_plain_and_never_shared))
