// SPDX-License-Identifier: GPL-2.0-or-later
//
// Policies of many entries: trees of chains, in which a packet walks few rules, and sets that stay small.

#include "unit/compiled.h"

// Policies of many entries. `line(i)` writes one.

static void put_policy(struct buf *out, const char *head, size_t count,
                       void (*line)(struct buf *out, size_t i))
{
    buf_text(out, head);
    for (size_t i = 0; i < count; i++)
        line(out, i);
}

static uint32_t scatter(size_t i)
{
    return (uint32_t)i * 2654435761U; // a permutation of all numbers of 32 bits (2^32 over the golden ratio)
}

static void put_address(struct buf *out, uint32_t address)
{
    buf_printf(out, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

static void scattered_pair(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu, from: ", 1 + i % 60000);
    put_address(out, scatter(i) | 1);
    buf_text(out, "}\n");
}

static void scattered_untracked(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu, track: false, from: ", 1 + i % 60000);
    put_address(out, scatter(i) | 1);
    buf_text(out, "}\n");
}

// Prefixes inside each other, with ports of their own.
static void nested_pair(struct buf *out, size_t i)
{
    const unsigned bits = 1 + (unsigned)(i % 32);

    buf_printf(out, "  - {%s: %zu, from: ", i % 3 ? "tcp" : "udp", 1 + i * 7 % 60000);
    put_address(out, scatter(i / 5) & ~(bits == 32 ? 0 : UINT32_MAX >> bits));
    buf_printf(out, "/%u}\n", bits);
}

static void one_of_each_24(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu, from: 10.%zu.%zu.7}\n", 1 + i % 50, i / 256, i % 256);
}

static void unaligned_range(struct buf *out, size_t i)
{
    buf_text(out, "  - {tcp: 25, from: ");
    put_address(out, (uint32_t)i * 40000 + 3);
    buf_text(out, "-");
    put_address(out, (uint32_t)i * 40000 + 20001);
    buf_text(out, "}\n");
}

static void common_head(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu, from: '2001:db8:1:2:%x:%x::%zx'}\n", 1 + i % 9, scatter(i) >> 16,
               scatter(i) & 0xFFFF, i);
}

static void odd_port(struct buf *out, size_t i)
{
    buf_printf(out, "  - %zu/tcp\n", 1 + 2 * i);
}

static void port_and_verdict(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu, from: 10.0.%zu.0/24, verdict: %s}\n", 1 + i * 3, i % 256,
               i % 2 ? "accept" : "drop");
}

static const char *const verdicts[] = {"accept", "drop", "reject"};

static void pair_and_verdict(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu, verdict: %s, from: ", 1 + i % 9, verdicts[i % 3]);
    put_address(out, scatter(i) | 1);
    buf_text(out, "}\n");
}

static void nested_and_verdict(struct buf *out, size_t i)
{
    const unsigned bits = 12 + (unsigned)(i % 21);

    buf_printf(out, "  - {tcp: %zu, verdict: %s, from: ", 1 + i % 9, verdicts[i * 7 % 3]);
    put_address(out, scatter(i / 2) & ~(bits == 32 ? 0 : UINT32_MAX >> bits));
    buf_printf(out, "/%u}\n", bits);
}

static void range_and_verdict(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu-%zu, verdict: %s}\n", 1 + i * 11, 13 + i * 11, verdicts[i % 2]);
}

// From large parts of all addresses, most of which overlap.
static void wide_and_verdict(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu, verdict: %s, from: ", 1 + i, verdicts[i % 2]);
    put_address(out, scatter(i) & 0xE0000000);
    buf_text(out, "/3}\n");
}

static void one_for_all(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu, from: 0.0.0.0/0}\n", 1 + 2 * i);
}

// To and from addresses, and limits, which have one rule each whatever the size of their sets.
static void both_sides(struct buf *out, size_t i)
{
    buf_printf(out, "  - {tcp: %zu, from: ", 1 + i % 7);
    put_address(out, scatter(i));
    buf_printf(out, ", to: 203.0.113.%zu}\n", i % 200);
}

struct shape {
    const char *name, *head;
    void (*line)(struct buf *out, size_t i);
    size_t count;
    enum family family;
    const char *table, *chain;
    size_t worst; // rules that a packet walks at most
};

// A leaf's rules and some for each time that the entries double: none walks what would be linear in N.
static const struct shape shapes[] = {
    {"pairs", "version: 1\nallow:\n", scattered_pair, 5000, FAMILY_IPV4, "filter", "INPUT", 40},
    {"nested", "version: 1\nallow:\n", nested_pair, 4000, FAMILY_IPV4, "filter", "INPUT", 90},
    {"each /24", "version: 1\nallow:\n", one_of_each_24, 5000, FAMILY_IPV4, "filter", "INPUT", 45},
    {"ranges", "version: 1\nallow:\n", unaligned_range, 5000, FAMILY_IPV4, "filter", "INPUT", 55},
    {"common head", "version: 1\nallow:\n", common_head, 5000, FAMILY_IPV6, "filter", "INPUT", 55},
    {"ports", "version: 1\nallow:\n", odd_port, 5000, FAMILY_IPV4, "filter", "INPUT", 25},
    {"ports of all", "version: 1\nallow:\n", one_for_all, 5000, FAMILY_IPV4, "filter", "INPUT", 25},
    {"ports of a /24, changing verdicts", "version: 1\nallow:\n", port_and_verdict, 5000, FAMILY_IPV4,
     "filter", "INPUT", 60},
    {"pairs, changing verdicts", "version: 1\nallow:\n", pair_and_verdict, 5000, FAMILY_IPV4, "filter",
     "INPUT", 60},
    {"nested, changing verdicts", "version: 1\nallow:\n", nested_and_verdict, 5000, FAMILY_IPV4, "filter",
     "INPUT", 60},
    {"ranges of ports, changing verdicts", "version: 1\nallow:\n", range_and_verdict, 5000, FAMILY_IPV4,
     "filter", "INPUT", 60},
    {"both sides", "version: 1\nallow:\n", both_sides, 2000, FAMILY_IPV4, "filter", "INPUT", 40},
    {"untracked, in", "version: 1\ntracking: selective\nallow:\n", scattered_untracked, 2000, FAMILY_IPV4,
     "raw", "PREROUTING", 40},
    {"untracked, out", "version: 1\ntracking: selective\nallow:\n", scattered_untracked, 2000, FAMILY_IPV4,
     "raw", "OUTPUT", 70},
    {"none, answers", "version: 1\ntracking: none\ndefault: {output: drop}\nallow:\n", scattered_pair, 2000,
     FAMILY_IPV4, "filter", "OUTPUT", 45},
};

TEST(many_entries_cost_a_packet_few_rules)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        const struct shape *shape = &shapes[i];
        struct buf policy = {0};
        struct compiled c;
        size_t found;

        put_policy(&policy, shape->head, shape->count, shape->line);
        compile_with(&c, shape->family, 0, policy.bytes);
        found = worst(&c, shape->family, shape->table, shape->chain);
        if (found > shape->worst)
            fail_msg("%s: a packet walks %zu rules", shape->name, found);
        compiled_close(&c);
        buf_clear(&policy);
    }
}

// Rules that nearly all leaves of a tree would hold have none.
TEST(what_would_be_repeated_everywhere_stays_in_its_place)
{
    struct buf policy = {0};
    struct compiled c;

    put_policy(&policy, "version: 1\nallow:\n", 500, wide_and_verdict);
    compile_with(&c, FAMILY_IPV4, 0, policy.bytes);
    assert_true(printed_rules(&c) < (size_t)2 * 500);
    compiled_close(&c);
    buf_clear(&policy);
}

static void put_list(struct buf *out, size_t count)
{
    buf_text(out, "version: 1\ndefine:\n  many:\n");
    for (size_t i = 0; i < count; i++) {
        buf_text(out, "    - ");
        put_address(out, scatter(i) | 1);
        buf_char(out, '\n');
    }
}

TEST(one_set_has_one_tree)
{
    struct buf policy = {0};
    struct compiled c;

    put_list(&policy, 1000);
    buf_text(&policy, "deny: [$many]\nallow:\n  - {tcp: [22, 80-90], from: $many, in: [eth0, eth1]}\n"
                      "forward: [{in: eth0, out: eth1, protocol: any}]\n");
    compile_with(&c, FAMILY_IPV4, 0, policy.bytes);
    assert_int_equal(count_lines(&c, "-j DROP\n"), 1000 + 1); // of INPUT and FORWARD together; INVALID
    compiled_close(&c);
    buf_clear(&policy);
}

// What is over a limit, and what a limit lets pass, is decided once for each packet.
TEST(a_limit_over_many_addresses_stands_once)
{
    struct buf policy = {0};
    struct compiled c;

    put_list(&policy, 1000);
    buf_text(&policy,
             "log: {prefix: 'x '}\nallow:\n  - {service: ssh, from: $many, limit: 10/minute, log: true}\n"
             "  - {service: ping, from: $many, limit: 20/second}\n");
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        compile_with(&c, family, 0, policy.bytes);
        assert_int_equal(count_lines(&c, "hashlimit-name"), family == FAMILY_IPV4 ? 2 : 0);
        assert_true(worst(&c, family, "filter", "INPUT") < 300);
        compiled_close(&c);
    }
    buf_clear(&policy);
}

// More rules than a table holds, were they written one by one.
TEST(products_of_large_sets_stay_small)
{
    struct buf policy = {0};
    struct compiled c;

    put_list(&policy, 3000);
    buf_text(&policy, "allow:\n  - {tcp: [");
    for (unsigned port = 1; port < 2000; port += 2)
        buf_printf(&policy, "%u, ", port);
    buf_text(&policy, "9000], from: $many, to: $many, in: [eth0, eth1, eth2]}\n");
    compile_with(&c, FAMILY_IPV4, 0, policy.bytes);
    assert_true(c.text.length < 2000000);
    assert_true(worst(&c, FAMILY_IPV4, "filter", "INPUT") < 500);
    compiled_close(&c);
    buf_clear(&policy);
}

TEST(without_trees_such_products_are_refused)
{
    const struct compile_options options = {.passes = {.without = PASSES_NONE}};
    struct buf policy = {0}, text = {0};
    struct fixture f;

    put_list(&policy, 2000);
    buf_text(&policy, "allow:\n  - {tcp: 22, from: $many, to: $many}\n");
    fixture_open(&f);
    fixture_read(&f, policy.bytes);
    assert_true(f.fine);
    assert_false(compile_rules(&f.compilation, FAMILY_IPV4, &options, &text));
    assert_non_null(fixture_diag(&f, DIAG_TOO_LARGE));
    fixture_close(&f);
    buf_clear(&policy);
    buf_clear(&text);
}

TEST(small_policies_have_no_trees)
{
    struct buf policy = {0};

    put_policy(&policy, "version: 1\nallow:\n", 20, scattered_pair);
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        assert_lines(family, 0, policy.bytes, ":ctc-", 0);
    }
    buf_clear(&policy);
}

RUN_TESTS(CASE(many_entries_cost_a_packet_few_rules),
          CASE(what_would_be_repeated_everywhere_stays_in_its_place), CASE(one_set_has_one_tree),
          CASE(a_limit_over_many_addresses_stands_once), CASE(products_of_large_sets_stay_small),
          CASE(without_trees_such_products_are_refused), CASE(small_policies_have_no_trees))
