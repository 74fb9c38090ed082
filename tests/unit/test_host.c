// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/fixture.h"

#include "host/plan.h"

static struct kernel_version version_of(const char *text)
{
    struct kernel_version version = {0};

    assert_true(kernel_version_parse(text, &version));
    return version;
}

TEST(kernel_versions_are_what_people_and_uname_write)
{
    static const struct {
        const char *text;
        unsigned major, minor; // 0: refused
    } rows[] = {
        {"5.14", 5, 14},
        {"6.1.90", 6, 1},
        {"4.18.0-553.el8_10.x86_64", 4, 18},
        {"2.6.32-754", 2, 6},
        {"6.18+", 6, 18},
        {"5", 0, 0},
        {"5.", 0, 0},
        {"5.x", 0, 0},
        {"v5.14", 0, 0},
        {"5.14rc1", 0, 0},
        {"", 0, 0},
        {"0.5", 0, 0},
        {"99999999999.1", 0, 0},
        {"5.14_rt", 5, 14},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct kernel_version version = {0};

        if (kernel_version_parse(rows[i].text, &version) != (rows[i].major != 0))
            fail_msg("\"%s\"", rows[i].text);
        assert_int_equal(version.major, rows[i].major);
        assert_int_equal(version.minor, rows[i].minor);
    }
    assert_true(kernel_at_least(version_of("4.19"), 4, 19));
    assert_true(kernel_at_least(version_of("5.0"), 4, 19));
    assert_false(kernel_at_least(version_of("4.18"), 4, 19));
    assert_true(kernel_at_least((struct kernel_version){0}, 9999, 0)); // unknown: the newest
}

#define GIB ((uint64_t)1 << 30)

// Facts: the defaults of 64-bit kernels by version.
TEST(the_kernels_own_sizes)
{
    static const struct {
        const char *version;
        uint64_t memory, buckets, max;
    } rows[] = {
        {"3.10", 64 * GIB, 16384, 65536},  {"3.10", GIB / 2, 4096, 16384},
        {"4.18", 64 * GIB, 65536, 262144}, {"4.18", 2 * GIB, 16384, 65536},
        {"5.14", 64 * GIB, 65536, 262144}, {"5.15", 64 * GIB, 262144, 262144},
        {"5.15", 4 * GIB, 65536, 65536},   {"6.1", GIB, 8192, 8192},
        {"6.1", GIB / 64, 1024, 1024},     {"4.18", GIB / 1024, 512, 2048},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        assert_int_equal(kernel_buckets(rows[i].memory, version_of(rows[i].version)), rows[i].buckets);
        assert_int_equal(kernel_max(rows[i].memory, version_of(rows[i].version)), rows[i].max);
    }
    assert_int_equal(article_max(64 * GIB), 2097152);
}

struct planned {
    struct fixture f;
    const struct plan *plan;
};

static void plan_open(struct planned *planned, const char *text, struct plan_options options)
{
    fixture_open(&planned->f);
    fixture_read(&planned->f, text);
    assert_true(planned->f.fine);
    planned->plan = plan_host(&planned->f.compilation.arena, planned->f.policy, &options);
}

static const char *value_of(const struct plan *plan, const char *key)
{
    for (size_t i = 0; i < plan->settings.count; i++)
        if (strcmp(plan->settings.items[i].key, key) == 0)
            return plan->settings.items[i].value;
    return "unset";
}

#define MAX     "net.netfilter.nf_conntrack_max"
#define BUCKETS "net.netfilter.nf_conntrack_buckets"
#define PORTS   "net.ipv4.ip_local_reserved_ports"

TEST(a_load_becomes_entries)
{
    static const struct {
        const char *mode, *load, *kernel;
        uint64_t entries;
    } rows[] = {
        {"full", "https: 2184/second", "6.1", 262080},
        {"full", "https: 100/second for 30s", "6.1", 15000},
        {"full", "https: 7/minute", "6.1", 14},
        {"full", "https: 1/day", "6.1", 1}, // rounded up
        {"full", "dns: 10/second", "6.1", 300},
        {"full", "dns: 10/second", "4.18", 1800}, // an answer alone made a stream, of 180 seconds
        {"full", "dns: 10/second for 2s", "6.1", 320},
        {"full", "dns: 10/second for 3s", "6.1", 1230},
        {"full", "53/tcp: 10/second", "6.1", 1200},
        {"full", "ping: 10/second", "6.1", 300},
        {"full", "ipsec: 10/second", "6.1", 300},
        {"full", "https: 10/second, dns: 10/second", "6.1", 1500},
        {"none", "https: 2184/second", "6.1", 0},
        {"selective", "http: 10/second, https: 10/second", "6.1", 1200},
        {"selective", "smtp: 10/second", "6.1", 1200},  // untracked for some peers only
        {"selective", "imap: 10/second", "6.1", 1200},  // taken back
        {"selective", "8001/tcp: 10/second", "6.1", 0}, // within a range
        {"selective", "ftp: 4294967295/second for 24855d", "6.1", FORECAST_MOST},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct planned p;
        char text[1000];

        snprintf(text, sizeof(text),
                 "version: 1\ntracking: %s\nhost: {kernel: \"%s\"}\nconntrack: {load: {%s}}\n%s",
                 rows[i].mode, rows[i].kernel, rows[i].load,
                 strcmp(rows[i].mode, "selective") == 0
                     ? "allow:\n  - {service: http, track: false}\n  - {tcp: 8000-8010, track: false}\n"
                       "  - {service: smtp, from: 192.0.2.0/24, track: false}\n"
                       "  - {service: imap, track: false}\n  - {service: imap, in: eth1, track: true}\n"
                     : "");
        plan_open(&p, text, (struct plan_options){0});
        if (p.plan->forecast.entries != rows[i].entries)
            fail_msg("%s, %s: %llu entries", rows[i].mode, rows[i].load,
                     (unsigned long long)p.plan->forecast.entries);
        fixture_close(&p.f);
    }
}

TEST(timeouts_of_the_policy_are_lifetimes)
{
    struct planned p;

    plan_open(&p,
              "version: 1\nconntrack: {timeouts: {time_wait: 10, udp: 5}, load: {https: 10/second, dns: "
              "1/second}}\n",
              (struct plan_options){0});
    assert_int_equal(p.plan->forecast.entries, 105);
    assert_int_equal(p.plan->forecast.longest, 10);
    assert_string_equal(value_of(p.plan, "net.netfilter.nf_conntrack_tcp_timeout_time_wait"), "10");
    assert_string_equal(value_of(p.plan, "net.netfilter.nf_conntrack_udp_timeout"), "5");
    assert_string_equal(value_of(p.plan, "net.netfilter.nf_conntrack_tcp_timeout_close"), "unset");
    fixture_close(&p.f);
}

TEST(the_time_to_full)
{
    struct planned p;
    const struct forecast *forecast;

    // 100 a second for 120 seconds, and 10 a second for 30.
    plan_open(&p, "version: 1\nconntrack: {load: {https: 100/second, dns: 10/second}}\n",
              (struct plan_options){0});
    forecast = &p.plan->forecast;
    assert_int_equal(forecast_entries(forecast, 0), 0);
    assert_int_equal(forecast_entries(forecast, 30), 3300);
    assert_int_equal(forecast_entries(forecast, 31), 3400);
    assert_int_equal(forecast_entries(forecast, 1000), 12300);
    assert_int_equal(forecast_time_to_full(forecast, 3300), 30);
    assert_int_equal(forecast_time_to_full(forecast, 3301), 31);
    assert_int_equal(forecast_time_to_full(forecast, 12300), 120);
    assert_true(forecast_time_to_full(forecast, 12301) == FORECAST_NEVER);
    fixture_close(&p.f);
}

TEST(sizes_follow_load_memory_and_policy)
{
    static const struct {
        const char *text, *max, *buckets;
        enum formula formula;
    } rows[] = {
        {"", "unset", "unset", FORMULA_AUTO},
        {"host: {memory: 64G}", "2097152", "2097152", FORMULA_AUTO},
        {"host: {memory: 1G}", "32768", "32768", FORMULA_AUTO},
        {"host: {memory: 16M}", "1024", "1024", FORMULA_AUTO}, // the kernel's own
        {"host: {memory: 64G}", "262144", "262144", FORMULA_KERNEL},
        {"host: {memory: 64G, kernel: \"4.18\"}", "262144", "65536", FORMULA_KERNEL},
        {"host: {memory: 64G}", "2097152", "262144", FORMULA_ARTICLE},
        {"host: {memory: 64G}\nconntrack: {max: 1000}", "2097152", "262144", FORMULA_ARTICLE},
        {"conntrack: {max: 1000}", "1000", "1024", FORMULA_AUTO},
        {"conntrack: {max: 1000000, buckets: 65537}", "1000000", "66048", FORMULA_AUTO},
        {"conntrack: {buckets: 65536}", "unset", "65536", FORMULA_AUTO},
        {"conntrack: {load: {https: 100/second}}", "262144", "262144", FORMULA_AUTO},
        {"conntrack: {load: {https: 10000/second}}", "4194304", "4194304", FORMULA_AUTO},
        {"host: {memory: 2G}\nconntrack: {load: {https: 10000/second}}", "524288", "524288", FORMULA_AUTO},
        {"host: {memory: 64G, kernel: \"4.4\"}", "2097152", "unset", FORMULA_AUTO}, // a module's option alone
        {"host: {memory: 64G}\ntracking: none", "unset", "unset", FORMULA_AUTO},
        {"tracking: none\nconntrack: {max: 7}", "7", "512", FORMULA_AUTO},
        {"tracking: none\nconntrack: {max: 7, modules: block}", "unset", "unset", FORMULA_AUTO},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct planned p;
        char text[500];

        snprintf(text, sizeof(text), "version: 1\n%s\n", rows[i].text);
        plan_open(&p, text, (struct plan_options){.formula = rows[i].formula});
        if (strcmp(value_of(p.plan, MAX), rows[i].max) != 0 ||
            strcmp(value_of(p.plan, BUCKETS), rows[i].buckets) != 0)
            fail_msg("%s: max %s, buckets %s", rows[i].text, value_of(p.plan, MAX),
                     value_of(p.plan, BUCKETS));
        fixture_close(&p.f);
    }
}

TEST(untracked_ports_in_the_ephemeral_range_are_reserved)
{
    static const struct {
        const char *text, *ports;
        bool too_many;
    } rows[] = {
        {"allow: {tcp: 60000-60100, track: false}", "60000-60100", false},
        {"allow: {tcp: 60990-62000, udp: [80, 40000], track: false}", "40000,60990-60999", false},
        {"allow: [{tcp: 60000-60100, track: true}, {tcp: 80, track: false}]", "unset", false},
        {"host: {ephemeral: 1024-2000}\nallow: {tcp: 60000-60100, track: false}", "unset", false},
        {"connect: {tcp: 60000-60100, track: false}", "unset", false}, // ports of others
        {"allow: {tcp: 1024-65535, track: false}", "unset", true},
        {"allow: {protocol: esp, track: false}", "unset", false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct planned p;
        char text[500];

        snprintf(text, sizeof(text), "version: 1\ntracking: selective\n%s\n", rows[i].text);
        plan_open(&p, text, (struct plan_options){0});
        assert_string_equal(value_of(p.plan, PORTS), rows[i].ports);
        assert_int_equal(p.plan->reserved_not != NULL, rows[i].too_many);
        fixture_close(&p.f);
    }
}

static void assert_modules(const char *policy, const char *kernel, const char *wanted)
{
    struct planned p;
    struct buf names = {0};
    char text[500];

    snprintf(text, sizeof(text), "version: 1\n%s\n", policy);
    plan_open(&p, text, (struct plan_options){.version = version_of(kernel)});
    buf_text(&names, "");
    for (size_t i = 0; i < p.plan->modules.count; i++)
        buf_printf(&names, "%s%s", i ? " " : "", p.plan->modules.items[i]);
    assert_string_equal(names.bytes, wanted);
    buf_clear(&names);
    fixture_close(&p.f);
}

TEST(modules_by_version_and_use)
{
    static const char helpers[] = "allow: [{service: ftp, helper: ftp}, {tcp: 2121, helper: ftp}]\n"
                                  "connect: {tcp: 6566, helper: sane}";
    static const char nat[] = "allow: {service: ftp, helper: ftp}\nverbatim: {ipv4: \"*nat\\n-A POSTROUTING "
                              "-o eth0 -j MASQUERADE\\nCOMMIT\\n\"}\n"
                              "connect: {tcp: 6566, helper: sane}";

    assert_modules("allow: ssh", "6.1", "nf_conntrack");
    assert_modules("allow: ssh", "4.18", "nf_conntrack nf_conntrack_ipv4 nf_conntrack_ipv6");
    assert_modules(helpers, "6.1", "nf_conntrack nf_conntrack_ftp nf_conntrack_sane");
    assert_modules(nat, "6.1", "nf_conntrack nf_conntrack_ftp nf_nat_ftp nf_conntrack_sane");
    assert_modules("tracking: none", "6.1", "");
    assert_modules("tracking: none\nconntrack: {timeouts: {udp: 3}}", "6.1", "nf_conntrack");
}

static char *host_file(const char *policy, const char *kernel, enum host_file file)
{
    struct planned p;
    struct buf text = {0};

    plan_open(&p, policy, (struct plan_options){.version = version_of(kernel)});
    put_host_file(&text, p.plan, file);
    fixture_close(&p.f);
    return text.bytes;
}

// Each stands behind all that use it, so that the list unloads.
TEST(blocked_modules_by_version_in_an_order_that_unloads)
{
    static const char policy[] = "version: 1\ntracking: none\nconntrack: {modules: block}\n";
    char *now = host_file(policy, "6.1", HOST_MODPROBE), *before = host_file(policy, "3.10", HOST_MODPROBE);

    assert_non_null(strstr(now, "\ninstall nf_conntrack /bin/false\n"));
    assert_null(strstr(strstr(now, "\ninstall nf_conntrack /bin/false\n") + 1, "\ninstall"));
    assert_null(strstr(now, "nf_conntrack_ipv4"));
    assert_true(strstr(now, "install xt_CT ") < strstr(now, "install nf_nat "));
    assert_true(strstr(now, "install nf_nat_ftp ") < strstr(now, "install nf_conntrack_ftp "));
    assert_true(strstr(before, "install iptable_nat ") < strstr(before, "install nf_nat_ipv4 "));
    assert_true(strstr(before, "install nf_nat_ipv4 ") < strstr(before, "install nf_conntrack_ipv4 "));
    assert_null(strstr(before, "install act_ct "));
    // -m socket needs this one and no tracker.
    assert_null(strstr(now, "install nf_defrag"));
    free(now);
    free(before);
}

TEST(warnings_of_a_plan)
{
    static const struct {
        const char *text;
        enum diag_code code;
        bool found;
    } rows[] = {
        {"conntrack: {timeouts: {established: 1h}}", DIAG_SHORT_TIMEOUT, true},
        {"conntrack: {timeouts: {established: 2h4m}}", DIAG_SHORT_TIMEOUT, false},
        {"conntrack: {timeouts: {udp: 10}}", DIAG_SHORT_TIMEOUT, false},
        {"conntrack: {max: 1199, load: {https: 10/second}}", DIAG_TABLE_SMALL, true},
        {"conntrack: {max: 1200, load: {https: 10/second}}", DIAG_TABLE_SMALL, false},
        {"host: {memory: 1G}\nconntrack: {load: {https: 10000/second}}", DIAG_TABLE_SMALL, true},
        {"tracking: selective\nallow: {tcp: 1024-65535, track: false}", DIAG_UNTRACKED_EPHEMERAL, true},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct planned p;
        char text[500];

        snprintf(text, sizeof(text), "version: 1\n%s\n", rows[i].text);
        plan_open(&p, text, (struct plan_options){0});
        plan_check(p.plan, source_whole(p.f.compilation.sources.items[0]), &p.f.compilation.diags);
        if ((fixture_diag(&p.f, rows[i].code) != NULL) != rows[i].found)
            fail_msg("%s: %s", rows[i].text, diag_kinds[rows[i].code].name);
        fixture_close(&p.f);
    }
}

RUN_TESTS(CASE(kernel_versions_are_what_people_and_uname_write), CASE(the_kernels_own_sizes),
          CASE(a_load_becomes_entries), CASE(timeouts_of_the_policy_are_lifetimes), CASE(the_time_to_full),
          CASE(sizes_follow_load_memory_and_policy),
          CASE(untracked_ports_in_the_ephemeral_range_are_reserved), CASE(modules_by_version_and_use),
          CASE(blocked_modules_by_version_in_an_order_that_unloads), CASE(warnings_of_a_plan))
