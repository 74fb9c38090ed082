// SPDX-License-Identifier: GPL-2.0-or-later
//
// The passes: fewer rules that mean the same. Every compile here is proved, so that what is left to look at is whether a
// pass does something, and keeps to the limits.
#include "passes/cost.h"
#include "unit/fixture.h"

struct compiled {
    struct fixture f;
    struct buf text;
};

static void compile_with(struct compiled *compiled, enum family family, unsigned without, const char *policy)
{
    const struct compile_options options = {.passes = {.without = without}};

    *compiled = (struct compiled){0};
    fixture_open(&compiled->f);
    fixture_read(&compiled->f, policy);
    if (!compiled->f.fine || !compile_rules(&compiled->f.compilation, family, &options, &compiled->text))
        fail_msg("%s", vec_last(&compiled->f.compilation.diags.items)->message);
}

static void compiled_close(struct compiled *compiled)
{
    buf_clear(&compiled->text);
    fixture_close(&compiled->f);
}

static const struct ruleset *printed(const struct compiled *compiled, enum family family)
{
    return compiled->f.compilation.rules[family]->printed;
}

static size_t count_lines(const struct compiled *compiled, const char *part)
{
    size_t count = 0;

    for (const char *at = compiled->text.bytes; (at = strstr(at, part)); at++)
        count++;
    return count;
}

static size_t printed_rules(const struct compiled *compiled)
{
    return count_lines(compiled, "\n-A ");
}

static size_t worst(struct compiled *compiled, enum family family, const char *table, const char *chain)
{
    return ruleset_walked(&compiled->f.compilation.arena, printed(compiled, family), table, chain).worst;
}

TEST(ports_of_neighbours_are_joined)
{
    static const char policy[] = "version: 1\nallow: [80/tcp, 443/tcp, 8080-8090/tcp, 53/udp, 123/udp]\n";
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0, policy);
    assert_int_equal(count_lines(&c, "-p tcp -m multiport --dports 80,443,8080:8090 -j ACCEPT\n"), 1);
    assert_int_equal(count_lines(&c, "-p udp -m multiport --dports 53,123 -j ACCEPT\n"), 1);
    compiled_close(&c);
    compile_with(&c, FAMILY_IPV4, 1U << PASS_JOIN | 1U << PASS_GATHER, policy);
    assert_int_equal(count_lines(&c, "multiport"), 0);
    compiled_close(&c);
}

TEST(addresses_of_neighbours_are_joined_and_aggregated)
{
    struct compiled c;

    compile_with(
        &c, FAMILY_IPV4, 0,
        "version: 1\nallow:\n  - {tcp: 22, from: 192.0.2.0/25}\n  - {tcp: 22, from: 192.0.2.128/25}\n"
        "  - {tcp: 22, from: 192.0.2.77}\n");
    assert_int_equal(count_lines(&c, "--dport 22"), 1);
    assert_int_equal(count_lines(&c, "-s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\n"), 1);
    compiled_close(&c);
}

TEST(rules_that_differ_in_verdict_limit_or_name_are_not_joined)
{
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\nallow:\n  - 80/tcp\n  - {tcp: 81, from: 192.0.2.0/24, verdict: drop}\n"
                 "  - {udp: 83, limit: 10/minute}\n  - {udp: 84, limit: 10/minute}\n");
    assert_int_equal(count_lines(&c, "multiport"), 0);
    assert_int_equal(count_lines(&c, "--dport 8"), 4);
    compiled_close(&c);
}

// What refuses another port stands in nobody's way; what refuses one of theirs does.
TEST(rules_are_joined_across_others_that_no_packet_of_theirs_passes)
{
    static const char joined[] = "-p tcp -m multiport --dports 80,82 -j ACCEPT\n";
    struct compiled c;

    static const char policy[] = "version: 1\nallow: [80/tcp, {tcp: 81, verdict: drop}, 82/tcp]\n";

    compile_with(&c, FAMILY_IPV4, 0, policy);
    assert_int_equal(count_lines(&c, joined), 1);
    compiled_close(&c);
    compile_with(&c, FAMILY_IPV4, 1U << PASS_GATHER, policy);
    assert_int_equal(count_lines(&c, joined), 0);
    compiled_close(&c);
    // The first one goes down to the second, which cannot go up.
    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\nallow: [80/tcp, {tcp: 82, from: 192.0.2.1, verdict: drop}, 82/tcp]\n");
    assert_int_equal(count_lines(&c, "-j DROP\n-A INPUT -p tcp -m multiport --dports 80,82 -j ACCEPT\n"), 1);
    compiled_close(&c);
    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\nallow: [80/tcp, {tcp: [80, 82], from: 192.0.2.1, verdict: drop}, 82/tcp]\n");
    assert_int_equal(count_lines(&c, joined), 0);
    compiled_close(&c);
    // Rules that would be no fewer stay where they are.
    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\nallow:\n  - {tcp: 80, from: 192.0.2.1}\n  - {tcp: 81, verdict: drop}\n"
                 "  - {tcp: 80, from: 192.0.2.9}\n");
    assert_int_equal(count_lines(&c, "--dport 80 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 81"), 1);
    compiled_close(&c);
}

TEST(rules_that_are_reached_by_no_packet_are_left_out)
{
    static const char policy[] =
        "version: 1\ntrust: [192.0.2.0/24]\nallow:\n  - {tcp: 22, from: 192.0.2.0/25}\n"
        "  - {tcp: 80-90, verdict: drop}\n  - {tcp: 85, from: 198.51.100.1}\n";
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0, policy);
    assert_int_equal(count_lines(&c, "--dport 22"), 0);
    assert_int_equal(count_lines(&c, "--dport 85"), 0);
    compiled_close(&c);
    compile_with(&c, FAMILY_IPV4, 1U << PASS_SHADOW, policy);
    assert_int_equal(count_lines(&c, "--dport 22"), 1);
    assert_int_equal(count_lines(&c, "--dport 85"), 1);
    compiled_close(&c);
}

// Where the policy of the chain accepts, and what is refused is TCP, nothing else needs a rule.
TEST(what_the_policy_of_a_chain_decides_has_no_rule)
{
    static const char policy[] =
        "version: 1\nconnect:\n  - {service: dns, to: [192.0.2.53, '2001:db8::53']}\n"
        "  - {service: smtp, verdict: reject}\n";
    struct compiled c;

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        compile_with(&c, family, 0, policy);
        assert_int_equal(count_lines(&c, "-A OUTPUT -p icmp") + count_lines(&c, "-A OUTPUT -p ipv6-icmp"), 0);
        assert_int_equal(count_lines(&c, "-A OUTPUT -p tcp -m tcp --tcp-flags RST RST"), 1);
        assert_int_equal(count_lines(&c, "-A OUTPUT -d "), 0);
        compiled_close(&c);
        compile_with(&c, family, 1U << PASS_SHADOW, policy);
        assert_true(count_lines(&c, "-A OUTPUT -p icmp") + count_lines(&c, "-A OUTPUT -p ipv6-icmp") > 2);
        assert_int_equal(count_lines(&c, "-A OUTPUT -d "), 2);
        compiled_close(&c);
    }
}

TEST(what_rules_behind_decide_alike_has_no_rule)
{
    static const char policy[] =
        "version: 1\nallow:\n  - {tcp: 22, from: [192.0.2.0/24, 198.51.100.0/24], verdict: reject}\n"
        "  - {tcp: 22, from: 192.0.0.0/16}\n  - {udp: 53, verdict: reject}\n"
        "  - {udp: 123, verdict: reject, log: true}\n  - {tcp: 80, verdict: drop}\n";
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0, policy);
    assert_int_equal(count_lines(&c, "-s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j REJECT"), 1);
    assert_int_equal(count_lines(&c, "-s 198.51.100.0/24"), 0); // of the same entry
    assert_int_equal(count_lines(&c, "--dport 53"), 0);
    assert_int_equal(count_lines(&c, "--dport 123"), 1); // the log
    assert_int_equal(count_lines(&c, "--dport 80 -j DROP"), 1);
    compiled_close(&c);
    compile_with(&c, FAMILY_IPV4, 1U << PASS_SHADOW, policy);
    assert_int_equal(count_lines(&c, "-j REJECT"), 2 + 1 + 2);
    compiled_close(&c);
}

// A log sees what passes a rule that is gone; so would a counter of a limit.
TEST(what_meets_a_log_or_a_limit_behind_keeps_its_rule)
{
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\nallow:\n  - {tcp: 22, from: 192.0.2.0/24, verdict: reject}\n"
                 "  - {tcp: [22, 23], verdict: reject, log: true}\n"
                 "  - {udp: 53, from: 192.0.2.0/24, verdict: reject}\n  - {udp: 53, limit: 5/second}\n");
    assert_int_equal(count_lines(&c, "-s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j REJECT"), 1);
    assert_int_equal(count_lines(&c, "-s 192.0.2.0/24 -p udp -m udp --dport 53 -j REJECT"), 1);
    compiled_close(&c);
    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\nlog: {prefix: 'x', limit: 5/minute}\nallow: [{tcp: 22, verdict: reject}]\n");
    assert_int_equal(count_lines(&c, "--dport 22 -j REJECT"), 1);
    compiled_close(&c);
}

// Raw keeps from the rules that untrack what they would take, and nothing else.
TEST(what_nothing_untracks_has_no_rule_that_keeps_it_tracked)
{
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\ntracking: selective\nallow:\n  - {tcp: 80, track: false}\n"
                 "  - {service: ftp, helper: ftp, data: 60000-60100}\n");
    assert_int_equal(count_lines(&c,
                                 "-A PREROUTING -p tcp -m tcp --dport 21 -m addrtype --dst-type LOCAL -j CT "
                                 "--helper ftp\n"),
                     1);
    assert_int_equal(count_lines(&c, "LOCAL -j ACCEPT\n"), 0);
    compiled_close(&c);
    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\ntracking: selective\nallow:\n  - {tcp: 80-90, track: false}\n"
                 "  - {tcp: 85, track: true}\n");
    assert_int_equal(count_lines(&c, "--dport 85 -m addrtype --dst-type LOCAL -j ACCEPT\n"), 1);
    compiled_close(&c);
}

// What is over a limit falls to the default, where nothing between takes it; else it is refused first.
TEST(what_is_over_a_limit_has_a_rule_where_it_needs_one)
{
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0, "version: 1\nallow: [{udp: 53, limit: 5/second}]\n");
    assert_int_equal(count_lines(&c, "--dport 53"), 1);
    assert_int_equal(count_lines(&c, "--hashlimit-upto 5/sec"), 1);
    compiled_close(&c);
    compile_with(
        &c, FAMILY_IPV4, 0,
        "version: 1\nallow: [{udp: 53, limit: 5/second}, 123/udp, {protocol: udp, from: 192.0.2.1}]\n");
    assert_int_equal(count_lines(&c, "--hashlimit-above 5/sec"), 1);
    assert_int_equal(count_lines(&c, "-p udp -m multiport --dports 53,123 -j ACCEPT\n"), 1);
    compiled_close(&c);
}

TEST(a_default_has_a_chain_where_several_places_lead_there)
{
    static const char head[] = "version: 1\nlog: {prefix: 'x', limit: 5/minute}\nallow:\n"
                               "  - {tcp: 22, limit: 5/minute}\n  - {udp: 53, limit: 5/second}\n";
    struct compiled c;
    struct buf text = {0};

    compile_with(&c, FAMILY_IPV4, 0, head);
    assert_int_equal(count_lines(&c, "ctc-default"), 0);
    assert_int_equal(count_lines(&c, "--dport 22"), 2);
    assert_int_equal(count_lines(&c, "--dport 22 ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT\n"), 1);
    assert_int_equal(count_lines(&c, "--hashlimit-upto 5/min"), 1);
    compiled_close(&c);
    compile_with(&c, FAMILY_IPV4, 1U << PASS_INLINE, head);
    assert_int_equal(count_lines(&c, "\n-A ctc-default-input "), 2);
    compiled_close(&c);
    // Another entry would take what is over the limit.
    buf_printf(&text, "%s  - {protocol: tcp, from: 192.0.2.1}\n", head);
    compile_with(&c, FAMILY_IPV4, 0, text.bytes);
    assert_int_equal(count_lines(&c, "-g ctc-default-input\n"), 2);
    assert_int_equal(count_lines(&c, "--hashlimit-above 5/min"), 1);
    compiled_close(&c);
    buf_clear(&text);
}

// Whomever else the entries name, if that makes fewer rules.
TEST(what_one_address_may_reach_is_one_rule)
{
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\nallow:\n  - {tcp: 22, from: [10.1.0.1, 192.0.2.1]}\n"
                 "  - {tcp: 8000, from: [10.1.0.1, 198.51.100.1]}\n");
    assert_int_equal(count_lines(&c, "-s 10.1.0.1/32 -p tcp -m multiport --dports 22,8000 -j ACCEPT\n"), 1);
    assert_int_equal(count_lines(&c, "-p tcp "), 3);
    compiled_close(&c);
}

TEST(interfaces_that_a_pattern_holds_have_no_rule)
{
    struct compiled c;

    compile_with(
        &c, FAMILY_IPV4, 0,
        "version: 1\nallow:\n  - {tcp: 22, in: [eth, eth0, eth+, et+, wg0, wg0], limit: 5/minute}\n");
    assert_int_equal(count_lines(&c, "-i eth"), 0);
    assert_int_equal(count_lines(&c, "-A INPUT -i et+ "), 2);
    assert_int_equal(count_lines(&c, "-A INPUT -i wg0 "), 2);
    compiled_close(&c);
}

TEST(what_trusted_peers_send_has_no_limit)
{
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\ntrust: [198.51.100.7]\nallow:\n"
                 "  - {tcp: 25, from: [203.0.113.9, 198.51.100.7], limit: 5/minute}\n");
    assert_int_equal(count_lines(&c, "-s 198.51.100.7/32"), 1);
    assert_int_equal(count_lines(&c, "-s 203.0.113.9/32"), 2);
    compiled_close(&c);
}

// Though what is over the limits is all that comes to it.
TEST(what_is_over_a_limit_is_left_to_the_default)
{
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\nallow:\n  - {protocol: any, limit: 5/minute}\n  - {tcp: 80, verdict: drop}\n");
    assert_int_equal(count_lines(&c, "-A INPUT -j REJECT"), 1);
    assert_int_equal(count_lines(&c, "-j REJECT"), 2);
    assert_int_equal(count_lines(&c, "--dport 80"), 0);
    compiled_close(&c);
    // The log stands in the hook, and the policy drops behind it.
    compile_with(&c, FAMILY_IPV4, 0,
                 "version: 1\nlog: true\ndefault: {input: drop}\nallow: [{udp: 53, limit: 5/second}]\n");
    assert_int_equal(count_lines(&c, "-A INPUT -m limit"), 1);
    assert_int_equal(count_lines(&c, "-A INPUT -j "), 0);
    compiled_close(&c);
}

// Nothing comes to the rules that ask for a state, but without them nothing would be tracked.
TEST(a_rule_that_switches_the_tracker_on_stays)
{
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0, "version: 1\ntrust: [0.0.0.0/0]\n");
    assert_int_equal(count_lines(&c, "--ctstate"), 1);
    compiled_close(&c);
}

TEST(established_connections_are_decided_first)
{
    static const char policy[] = "version: 1\ntrust: [192.0.2.0/24]\nallow: [80/tcp]\n";
    static const char first[] =
        "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n";
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0, policy);
    assert_int_equal(count_lines(&c, first), 1);
    compiled_close(&c);
    compile_with(&c, FAMILY_IPV4, 1U << PASS_ORDER, policy);
    assert_int_equal(count_lines(&c, first), 0);
    compiled_close(&c);
    // Those of denied sources are dropped all the same.
    compile_with(&c, FAMILY_IPV4, 0, "version: 1\ndeny: [192.0.2.0/24]\nallow: [80/tcp]\n");
    assert_int_equal(count_lines(&c, first), 0);
    compiled_close(&c);
}

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
    struct compiled c;

    put_policy(&policy, "version: 1\nallow:\n", 20, scattered_pair);
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        compile_with(&c, family, 0, policy.bytes);
        assert_int_equal(count_lines(&c, ":ctc-"), 0);
        compiled_close(&c);
    }
    buf_clear(&policy);
}

TEST(each_pass_has_a_name)
{
    for (enum pass pass = 0; pass < PASS_COUNT; pass++) {
        assert_true(pass_names[pass][0]);
        assert_true(pass_abouts[pass][0]);
    }
}

RUN_TESTS(CASE(ports_of_neighbours_are_joined), CASE(addresses_of_neighbours_are_joined_and_aggregated),
          CASE(rules_that_differ_in_verdict_limit_or_name_are_not_joined),
          CASE(rules_are_joined_across_others_that_no_packet_of_theirs_passes),
          CASE(rules_that_are_reached_by_no_packet_are_left_out),
          CASE(what_the_policy_of_a_chain_decides_has_no_rule),
          CASE(what_rules_behind_decide_alike_has_no_rule),
          CASE(what_meets_a_log_or_a_limit_behind_keeps_its_rule),
          CASE(what_nothing_untracks_has_no_rule_that_keeps_it_tracked),
          CASE(what_is_over_a_limit_has_a_rule_where_it_needs_one),
          CASE(a_default_has_a_chain_where_several_places_lead_there),
          CASE(what_one_address_may_reach_is_one_rule), CASE(interfaces_that_a_pattern_holds_have_no_rule),
          CASE(what_trusted_peers_send_has_no_limit), CASE(what_is_over_a_limit_is_left_to_the_default),
          CASE(a_rule_that_switches_the_tracker_on_stays), CASE(established_connections_are_decided_first),
          CASE(many_entries_cost_a_packet_few_rules),
          CASE(what_would_be_repeated_everywhere_stays_in_its_place), CASE(one_set_has_one_tree),
          CASE(a_limit_over_many_addresses_stands_once), CASE(products_of_large_sets_stay_small),
          CASE(without_trees_such_products_are_refused), CASE(small_policies_have_no_trees),
          CASE(each_pass_has_a_name))
