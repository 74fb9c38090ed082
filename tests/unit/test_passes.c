// SPDX-License-Identifier: GPL-2.0-or-later
//
// The passes that make few rules fewer.

#include "unit/compiled.h"

TEST(ports_of_neighbours_are_joined)
{
    static const char policy[] = "version: 1\nallow: [80/tcp, 443/tcp, 8080-8090/tcp, 53/udp, 123/udp]\n";
    struct compiled c;

    compile_with(&c, FAMILY_IPV4, 0, policy);
    assert_int_equal(count_lines(&c, "-p tcp -m multiport --dports 80,443,8080:8090 -j ACCEPT\n"), 1);
    assert_int_equal(count_lines(&c, "-p udp -m multiport --dports 53,123 -j ACCEPT\n"), 1);
    compiled_close(&c);
    assert_lines(FAMILY_IPV4, 1U << PASS_JOIN | 1U << PASS_GATHER, policy, "multiport", 0);
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
    static const char policy[] = "version: 1\nallow: [80/tcp, {tcp: 81, verdict: drop}, 82/tcp]\n";

    assert_lines(FAMILY_IPV4, 0, policy, joined, 1);
    assert_lines(FAMILY_IPV4, 1U << PASS_GATHER, policy, joined, 0);
    // The first one goes down to the second, which cannot go up.
    assert_lines(FAMILY_IPV4, 0,
                 "version: 1\nallow: [80/tcp, {tcp: 82, from: 192.0.2.1, verdict: drop}, 82/tcp]\n",
                 "-j DROP\n-A INPUT -p tcp -m multiport --dports 80,82 -j ACCEPT\n", 1);
    assert_lines(FAMILY_IPV4, 0,
                 "version: 1\nallow: [80/tcp, {tcp: [80, 82], from: 192.0.2.1, verdict: drop}, 82/tcp]\n",
                 joined, 0);
    // Rules that would be no fewer stay where they are.
    assert_lines(FAMILY_IPV4, 0,
                 "version: 1\nallow:\n  - {tcp: 80, from: 192.0.2.1}\n  - {tcp: 81, verdict: drop}\n"
                 "  - {tcp: 80, from: 192.0.2.9}\n",
                 "--dport 80 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 81", 1);
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
    assert_lines(FAMILY_IPV4, 0,
                 "version: 1\nlog: {prefix: 'x', limit: 5/minute}\nallow: [{tcp: 22, verdict: reject}]\n",
                 "--dport 22 -j REJECT", 1);
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
    assert_lines(FAMILY_IPV4, 0,
                 "version: 1\ntracking: selective\nallow:\n  - {tcp: 80-90, track: false}\n"
                 "  - {tcp: 85, track: true}\n",
                 "--dport 85 -m addrtype --dst-type LOCAL -j ACCEPT\n", 1);
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
    assert_lines(FAMILY_IPV4, 1U << PASS_INLINE, head, "\n-A ctc-default-input ", 2);
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
    assert_lines(FAMILY_IPV4, 0, "version: 1\ntrust: [0.0.0.0/0]\n", "--ctstate", 1);
}

// All of input is accepted, but without a rule that looks for sockets what is forwarded would lack its ports in all fragments
// but the first.
TEST(a_rule_that_has_fragments_put_together_stays)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        assert_lines(
            family, 0,
            "version: 1\ntracking: none\nconnect: [dns, ntp]\ndefault: {input: accept, output: drop}\n",
            "-m socket", 1);
}

TEST(established_connections_are_decided_first)
{
    static const char policy[] = "version: 1\ntrust: [192.0.2.0/24]\nallow: [80/tcp]\n";
    static const char first[] =
        "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n";

    assert_lines(FAMILY_IPV4, 0, policy, first, 1);
    assert_lines(FAMILY_IPV4, 1U << PASS_ORDER, policy, first, 0);
    // Those of denied sources are dropped all the same.
    assert_lines(FAMILY_IPV4, 0, "version: 1\ndeny: [192.0.2.0/24]\nallow: [80/tcp]\n", first, 0);
}

TEST(each_pass_has_a_name)
{
    for (enum pass pass = 0; pass < PASS_COUNT; pass++)
        assert_true(pass_names[pass][0]);
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
          CASE(a_rule_that_switches_the_tracker_on_stays), CASE(a_rule_that_has_fragments_put_together_stays),
          CASE(established_connections_are_decided_first), CASE(each_pass_has_a_name))
