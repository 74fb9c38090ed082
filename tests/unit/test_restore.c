// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <stdio.h>

#include "emit/restore.h"

struct emitting {
    struct arena arena;
    struct ruleset ruleset;
    struct rule *rule;
};

static void emitting_open(struct emitting *emitting, enum family family)
{
    *emitting = (struct emitting){.ruleset = {.family = family}};

    struct table *table = ruleset_table(&emitting->arena, &emitting->ruleset, "filter");

    emitting->rule =
        chain_append(&emitting->arena, table_chain(&emitting->arena, table, "INPUT", CHAIN_DROP));
}

// The one rule, without "-A INPUT ".
static void assert_rule(struct emitting *emitting, const char *text)
{
    static const char head[] = "*filter\n:INPUT DROP [0:0]\n-A INPUT ", tail[] = "\nCOMMIT\n";
    struct buf out = {0};

    restore_text(&out, &emitting->ruleset);
    assert_memory_equal(out.bytes, head, sizeof(head) - 1);
    assert_true(out.length > sizeof(head) + sizeof(tail));
    assert_string_equal(out.bytes + out.length - (sizeof(tail) - 1), tail);
    out.bytes[out.length - (sizeof(tail) - 1)] = '\0';
    assert_string_equal(out.bytes + sizeof(head) - 1, text);
    buf_clear(&out);
    arena_clear(&emitting->arena);
}

static void assert_match(enum family family, struct match match, const char *text)
{
    struct emitting emitting;
    char whole[500];

    emitting_open(&emitting, family);
    emitting.rule->matches = &match;
    emitting.rule->match_count = 1;
    snprintf(whole, sizeof(whole), "%s -j ACCEPT", text);
    assert_rule(&emitting, whole);
}

TEST(options_stand_where_iptables_saves_them)
{
    static const struct match matches[] = {
        {.kind = MATCH_TCP, .transport = {.ports = {{0, 0}, {22, 22}}, .named = {false, true}}},
        {.kind = MATCH_CONNTRACK, .state = {.states = STATE_NEW}}};
    struct emitting emitting;

    emitting_open(&emitting, FAMILY_IPV4);
    emitting.rule->addresses[SIDE_SOURCE].prefix = (struct prefix){{0, 0xC0000200}, 24};
    emitting.rule->addresses[SIDE_DESTINATION] = (struct rule_address){{{0, 0xC0000301}, 32}, true};
    emitting.rule->in = "eth0";
    emitting.rule->out = "wg+";
    emitting.rule->protocol = 6;
    emitting.rule->matches = matches;
    emitting.rule->match_count = 2;
    emitting.rule->target.kind = TARGET_DROP;
    assert_rule(&emitting, "-s 192.0.2.0/24 ! -d 192.0.3.1/32 -i eth0 -o wg+ -p tcp -m tcp --dport 22 "
                           "-m conntrack --ctstate NEW -j DROP");
}

TEST(protocols_have_the_name_that_every_host_prints)
{
    static const struct {
        uint8_t protocol;
        bool inverted;
        const char *text;
    } rows[] = {{6, false, "-p tcp"}, {6, true, "! -p tcp"},  {58, false, "-p ipv6-icmp"},
                {47, false, "-p 47"}, {255, false, "-p 255"}, {132, false, "-p sctp"}};

    for (size_t i = 0; i < array_length(rows); i++) {
        struct emitting emitting;
        char text[50];

        emitting_open(&emitting, FAMILY_IPV6);
        emitting.rule->protocol = rows[i].protocol;
        emitting.rule->protocol_inverted = rows[i].inverted;
        snprintf(text, sizeof(text), "%s -j ACCEPT", rows[i].text);
        assert_rule(&emitting, text);
    }
}

TEST(every_match_prints_as_iptables_does)
{
    static const struct port_range ports[] = {{22, 22}, {80, 90}, {65535, 65535}};
    struct match match;

    assert_match(FAMILY_IPV4,
                 (struct match){.kind = MATCH_TCP,
                                .transport = {.ports = {{1024, 65535}, {22, 22}}, .named = {true, true}}},
                 "-m tcp --sport 1024:65535 --dport 22");
    assert_match(FAMILY_IPV4,
                 (struct match){.kind = MATCH_UDP, .transport = {.ports = {{53, 53}}, .named = {true}}},
                 "-m udp --sport 53");
    assert_match(FAMILY_IPV4,
                 (struct match){.kind = MATCH_TCP,
                                .transport = {.flags_mask = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK,
                                              .flags = TCP_SYN,
                                              .flags_inverted = true}},
                 "-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN");
    assert_match(FAMILY_IPV4,
                 (struct match){.kind = MATCH_TCP, .transport = {.flags_mask = TCP_RST, .flags = TCP_RST}},
                 "-m tcp --tcp-flags RST RST");
    match = (struct match){.kind = MATCH_MULTIPORT};
    match.multiport.side = SIDE_DESTINATION;
    match.multiport.items = ports;
    match.multiport.count = 3;
    assert_match(FAMILY_IPV4, match, "-m multiport --dports 22,80:90,65535");
    match.multiport.side = SIDE_SOURCE;
    assert_match(FAMILY_IPV4, match, "-m multiport --sports 22,80:90,65535");
    match = (struct match){.kind = MATCH_IPRANGE};
    match.iprange.ranges[SIDE_SOURCE] = &(struct addr_range){{0, 1}, {0, 5}};
    assert_match(FAMILY_IPV4, match, "-m iprange --src-range 0.0.0.1-0.0.0.5");
    match.iprange.ranges[SIDE_DESTINATION] = match.iprange.ranges[SIDE_SOURCE];
    match.iprange.ranges[SIDE_SOURCE] = NULL;
    assert_match(FAMILY_IPV6, match, "-m iprange --dst-range ::1-::5");
    assert_match(FAMILY_IPV4, (struct match){.kind = MATCH_ICMP, .icmp = {.type = 0, .code_last = 255}},
                 "-m icmp --icmp-type 0");
    assert_match(FAMILY_IPV6, (struct match){.kind = MATCH_ICMPV6, .icmp = {.type = 128, .code_last = 255}},
                 "-m icmp6 --icmpv6-type 128");
    match = (struct match){.kind = MATCH_ADDRTYPE};
    match.addrtype.types = ADDRTYPE_MULTICAST | ADDRTYPE_LOCAL | ADDRTYPE_BROADCAST;
    assert_match(FAMILY_IPV4, match, "-m addrtype --dst-type LOCAL,BROADCAST,MULTICAST");
    match.addrtype.types = ADDRTYPE_LOCAL;
    match.addrtype.inverted = true;
    assert_match(FAMILY_IPV4, match, "-m addrtype ! --dst-type LOCAL");
    assert_match(
        FAMILY_IPV4,
        (struct match){.kind = MATCH_CONNTRACK, .state = {.states = STATE_ESTABLISHED | STATE_RELATED}},
        "-m conntrack --ctstate RELATED,ESTABLISHED");
    assert_match(FAMILY_IPV4, (struct match){.kind = MATCH_HELPER, .helper = {.name = "ftp"}},
                 "-m helper --helper ftp");
    assert_match(FAMILY_IPV4, (struct match){.kind = MATCH_SOCKET}, "-m socket");
    assert_match(FAMILY_IPV6, (struct match){.kind = MATCH_HOPLIMIT, .hoplimit = {.value = 255}},
                 "-m hl --hl-eq 255");
    assert_match(FAMILY_IPV6, (struct match){.kind = MATCH_FRAGMENT, .fragment_first = true},
                 "-m frag --fragfirst");
    assert_match(FAMILY_IPV6, (struct match){.kind = MATCH_FRAGMENT}, "-m frag");
}

TEST(every_target_prints_as_iptables_does)
{
    static const struct {
        struct target target;
        const char *text;
    } rows[] = {
        {{TARGET_ACCEPT, NULL}, "-j ACCEPT"},
        {{TARGET_DROP, NULL}, "-j DROP"},
        {{TARGET_REJECT, "tcp-reset"}, "-j REJECT --reject-with tcp-reset"},
        {{TARGET_LOG, "ctc: "}, "-j LOG --log-prefix \"ctc: \""},
        {{TARGET_LOG, "plain"}, "-j LOG --log-prefix plain"},
        {{TARGET_LOG, ""}, "-j LOG"},
        {{TARGET_NOTRACK, NULL}, "-j CT --notrack"},
        {{TARGET_HELPER, "ftp"}, "-j CT --helper ftp"},
        {{TARGET_JUMP, "mine"}, "-j mine"},
        {{TARGET_GOTO, "mine"}, "-g mine"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct emitting emitting;

        emitting_open(&emitting, FAMILY_IPV4);
        emitting.rule->target = rows[i].target;
        assert_rule(&emitting, rows[i].text);
    }
}

TEST(text_is_quoted_where_a_reader_would_take_it_apart)
{
    static const struct {
        const char *comment, *text;
    } rows[] = {{"web", "web"},
                {"a_b-C9", "a_b-C9"},
                {"two words", "\"two words\""},
                {"", "\"\""},
                {"a\"b", "\"a\\\"b\""},
                {"a'b", "\"a\\'b\""},
                {"a\\b", "\"a\\\\b\""},
                {"\" -j ACCEPT", "\"\\\" -j ACCEPT\""},
                {"B\xC3\xBCro", "\"B\xC3\xBCro\""},
                {"#x", "\"#x\""},
                {"a;b|c&d$e`f", "\"a;b|c&d$e`f\""},
                {"-j", "-j"}};

    for (size_t i = 0; i < array_length(rows); i++) {
        char text[100];

        snprintf(text, sizeof(text), "-m comment --comment %s", rows[i].text);
        assert_match(FAMILY_IPV4, (struct match){.kind = MATCH_COMMENT, .comment = rows[i].comment}, text);
    }
}

static struct match limit(enum match_kind kind, uint32_t events, uint32_t period, uint32_t burst,
                          bool per_source)
{
    struct match match = {.kind = kind};

    match.limit.events = events;
    match.limit.period = period;
    match.limit.burst = burst;
    match.limit.per_source = per_source;
    match.limit.name = "n";
    return match;
}

TEST(rates_are_printed_in_the_unit_that_iptables_prints)
{
    static const struct {
        uint32_t events, period;
        const char *text;
    } rows[] = {{5, 1, "5/sec"},     {60, 60, "1/sec"},   {120, 60, "2/sec"},    {10, 60, "10/min"},
                {90, 60, "90/min"},  {60, 3600, "1/min"}, {7, 3600, "7/hour"},   {24, 86400, "1/hour"},
                {1, 86400, "1/day"}, {3, 86400, "3/day"}, {3600, 3600, "1/sec"}, {1440, 86400, "1/min"}};

    for (size_t i = 0; i < array_length(rows); i++) {
        char text[100];

        snprintf(text, sizeof(text), "-m limit --limit %s", rows[i].text);
        assert_match(FAMILY_IPV4, limit(MATCH_LIMIT, rows[i].events, rows[i].period, 5, false), text);
    }
    assert_match(FAMILY_IPV4, limit(MATCH_LIMIT, 5, 60, 7, false), "-m limit --limit 5/min --limit-burst 7");
}

TEST(a_limit_per_source_has_its_options_in_order)
{
    assert_match(FAMILY_IPV4, limit(MATCH_HASHLIMIT, 10, 60, 5, true),
                 "-m hashlimit --hashlimit-upto 10/min --hashlimit-burst 5 --hashlimit-mode srcip "
                 "--hashlimit-name n");
    assert_match(FAMILY_IPV6, limit(MATCH_HASHLIMIT, 10, 60, 5, true),
                 "-m hashlimit --hashlimit-upto 10/min --hashlimit-burst 5 --hashlimit-mode srcip "
                 "--hashlimit-name n --hashlimit-srcmask 64");
    assert_match(FAMILY_IPV6, limit(MATCH_HASHLIMIT, 10, 60, 5, false),
                 "-m hashlimit --hashlimit-upto 10/min --hashlimit-burst 5 --hashlimit-name n");
}

// A bucket that is forgotten before it has refilled would be full again too soon.
TEST(a_bucket_lives_until_it_has_refilled)
{
    assert_match(FAMILY_IPV4, limit(MATCH_HASHLIMIT, 1, 60, 3, false),
                 "-m hashlimit --hashlimit-upto 1/min --hashlimit-burst 3 --hashlimit-name n "
                 "--hashlimit-htable-expire 180000");
    assert_match(FAMILY_IPV4, limit(MATCH_HASHLIMIT, 1, 60, 1, false),
                 "-m hashlimit --hashlimit-upto 1/min --hashlimit-burst 1 --hashlimit-name n");
    assert_match(FAMILY_IPV4, limit(MATCH_HASHLIMIT, 7, 1, 10, false),
                 "-m hashlimit --hashlimit-upto 7/sec --hashlimit-burst 10 --hashlimit-name n "
                 "--hashlimit-htable-expire 2000");
    assert_match(FAMILY_IPV4, limit(MATCH_HASHLIMIT, 120, 60, 4, false),
                 "-m hashlimit --hashlimit-upto 2/sec --hashlimit-burst 4 --hashlimit-name n "
                 "--hashlimit-htable-expire 2000");
}

TEST(verbatim_rules_pass_as_they_are)
{
    struct emitting emitting;

    emitting_open(&emitting, FAMILY_IPV4);
    emitting.rule->verbatim = "-m recent  --set -j DROP";
    emitting.rule->in = "eth0";
    assert_rule(&emitting, "-m recent  --set -j DROP");
}

TEST(tables_come_in_order_with_their_chains_declared_first)
{
    struct arena arena = {0};
    struct ruleset ruleset = {.family = FAMILY_IPV4};
    struct buf out = {0};

    struct table *table = ruleset_table(&arena, &ruleset, "raw");

    table_chain(&arena, table, "PREROUTING", CHAIN_ACCEPT);
    chain_append(&arena, table_chain(&arena, table, "mine", CHAIN_USER))->target.kind = TARGET_DROP;
    ruleset_table(&arena, &ruleset, "mangle");
    restore_text(&out, &ruleset);
    assert_string_equal(out.bytes, "*raw\n:PREROUTING ACCEPT [0:0]\n:mine - [0:0]\n-A mine -j DROP\nCOMMIT\n"
                                   "*mangle\nCOMMIT\n");
    buf_clear(&out);
    arena_clear(&arena);
}

RUN_TESTS(CASE(options_stand_where_iptables_saves_them), CASE(protocols_have_the_name_that_every_host_prints),
          CASE(every_match_prints_as_iptables_does), CASE(every_target_prints_as_iptables_does),
          CASE(text_is_quoted_where_a_reader_would_take_it_apart),
          CASE(rates_are_printed_in_the_unit_that_iptables_prints),
          CASE(a_limit_per_source_has_its_options_in_order), CASE(a_bucket_lives_until_it_has_refilled),
          CASE(verbatim_rules_pass_as_they_are), CASE(tables_come_in_order_with_their_chains_declared_first))
