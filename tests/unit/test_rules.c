// SPDX-License-Identifier: GPL-2.0-or-later
//
// One rule: how it may be written, what it holds then, and how it comes out.

#include "unit/reading.h"

struct row {
    const char *written, *printed;
};

static void assert_rows(enum family family, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_rule(family, rows[i].written, rows[i].printed);
}

static void assert_rule_refused(enum family family, const char *rule, uint32_t column, const char *message)
{
    char text[2000];

    snprintf(text, sizeof(text), "*filter\n:mine - [0:0]\n-A INPUT %s\nCOMMIT\n", rule);
    assert_refused(text, family, 3, column + 9, message);
}

// The first match of one rule of INPUT.
static const struct match *match_of(struct reading *r, enum family family, const char *rule)
{
    char text[1000];

    snprintf(text, sizeof(text), "*filter\n-A INPUT %s\nCOMMIT\n", rule);
    reading_open(r, text, family);
    if (!r->ruleset)
        fail_msg("%s, in\n%s", first_message(r), text);

    const struct chain *input = table_find_chain(&r->ruleset->items[0], "INPUT");

    assert_int_equal(input->count, 1);
    assert_true(input->items[0].match_count > 0);
    return &input->items[0].matches[0];
}

TEST(what_iptables_saves_comes_out_as_it_is)
{
    static const char *const ipv4[] = {
        "",
        "-j ACCEPT",
        "-s 192.0.2.1/32 -d 198.51.100.0/24 -i lo -o eth+ -p tcp -j DROP",
        "! -s 192.0.2.1/32 ! -d 198.51.100.0/24 ! -i lo ! -p udp -f -j RETURN",
        "! -s 0.0.0.0/0 -j DROP",
        "! -f -j mine",
        "-p tcp -m tcp --dport 22 -g mine",
        "-p tcp -m tcp -j ACCEPT",
        "-p tcp -m tcp --sport 0:1023 ! --dport 22 ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP",
        "-p tcp -m tcp --tcp-option 8 -j DROP",
        "-p udp -m udp ! --sport 53 --dport 1024:65535 -j ACCEPT",
        "-p sctp -m sctp --sport 1 --dport 2 -j ACCEPT",
        "-p sctp -m sctp --chunk-types all INIT -j ACCEPT",
        "-p 33 -m dccp --dport 5 -j ACCEPT",
        "-p udplite -m udplite --dport 5 -j ACCEPT",
        "-p tcp -m multiport --dports 22,80:90 -j ACCEPT",
        "-p tcp -m multiport ! --sports 22 -m multiport --ports 1,2 -j ACCEPT",
        "-m iprange --src-range 192.0.2.1-192.0.2.9 ! --dst-range 0.0.0.0-1.2.3.4 -j ACCEPT",
        "-m iprange --src-range 192.0.2.9-192.0.2.1 -j ACCEPT",
        "-p icmp -m icmp --icmp-type 8 -j ACCEPT",
        "-p icmp -m icmp ! --icmp-type 3/4 -j ACCEPT",
        "-p icmp -m icmp --icmp-type any -j ACCEPT",
        "-m addrtype --dst-type LOCAL,BROADCAST,MULTICAST -j ACCEPT",
        "-m addrtype ! --dst-type LOCAL -j ACCEPT",
        "-m addrtype --src-type LOCAL -j ACCEPT",
        "-m addrtype --dst-type LOCAL --limit-iface-in -j ACCEPT",
        "-m conntrack --ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED -j ACCEPT",
        "-m conntrack ! --ctstate NEW -j ACCEPT",
        "-m conntrack --ctstate NEW,DNAT -j ACCEPT",
        "-m conntrack --ctorigdstport 80 --ctdir ORIGINAL -j ACCEPT",
        "-m state --state RELATED,ESTABLISHED -j ACCEPT",
        "-m helper ! --helper ftp -j ACCEPT",
        "-m mac --mac-source 00:16:3e:aa:bb:0c -j ACCEPT",
        "-m socket --nowildcard -j ACCEPT",
        "-m socket --transparent -j ACCEPT",
        "-m ttl --ttl-eq 255 -j ACCEPT",
        "-m ttl --ttl-lt 5 -j ACCEPT",
        "-m limit --limit 5/min -j ACCEPT",
        "-m limit --limit 10/sec --limit-burst 20 -j ACCEPT",
        "-m hashlimit --hashlimit-upto 3/min --hashlimit-mode srcip --hashlimit-name a -j DROP",
        "-m comment --comment plain -m comment --comment \"two words, \\\"quoted\\\"\" -j ACCEPT",
        "-m recent --set --name x --mask 255.255.255.255 --rsource -j DROP",
        "-m statistic --mode random --probability 0.50000000000 -j DROP",
        "-m set ! --match-set bad src,dst -j DROP",
        "-m owner --uid-owner 0 ! --gid-owner 5 -j ACCEPT",
        "-m string --string \"GET /\" --algo bm --to 65535 -j DROP",
        "-m time --timestart 09:00:00 --timestop 17:00:00 --weekdays Mon,Tue -j ACCEPT",
        "-m geoip --source-country A1,A2 -j DROP",
        "-m nobody_knows --this 1 --that -j DROP",
        "-j REJECT --reject-with icmp-host-prohibited",
        "-j LOG --log-prefix \"a: b\" --log-level 7 --log-ip-options",
        "-j NOTRACK",
        "-j CT --notrack",
        "-j CT --helper ftp",
        "-j CT --zone 5",
        "-j MARK --set-xmark 0x1/0xffffffff",
        "-j TCPMSS --clamp-mss-to-pmtu",
        "-j NFQUEUE --queue-num 3 --queue-bypass",
        "-j QUEUE",
        "-j NOBODY --knows this",
    };
    static const char *const ipv6[] = {
        "-s 2001:db8::/32 ! -d fe80::1/128 -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT",
        "-p ipv6-icmp -m icmp6 --icmpv6-type 1/4 -m hl --hl-eq 255 -j ACCEPT",
        "-m hl --hl-gt 5 -j ACCEPT",
        "-m frag -j DROP",
        "-m frag --fragfirst -j DROP",
        "-m frag --fraglast -j DROP",
        "-m rt --rt-type 0 -j DROP",
        "-m ipv6header --header frag --soft -j DROP",
        "-j REJECT --reject-with icmp6-adm-prohibited",
    };

    for (size_t i = 0; i < array_length(ipv4); i++)
        assert_same(FAMILY_IPV4, ipv4[i]);
    for (size_t i = 0; i < array_length(ipv6); i++)
        assert_same(FAMILY_IPV6, ipv6[i]);
}

TEST(headers_have_many_spellings)
{
    static const struct row rows[] = {
        {"--source 10.0.0.1 --dst 10.0.0.2 --jump ACCEPT", "-s 10.0.0.1/32 -d 10.0.0.2/32 -j ACCEPT"},
        {"--sou 10.0.0.1 --ju ACCEPT", "-s 10.0.0.1/32 -j ACCEPT"},
        {"--source=10.0.0.1 -jACCEPT", "-s 10.0.0.1/32 -j ACCEPT"},
        {"-s ! 10.0.0.0/8 -i ! eth0 -p ! tcp", "! -s 10.0.0.0/8 ! -i eth0 ! -p tcp"},
        {"-s 10.0.0.7/255.255.255.0", "-s 10.0.0.0/24"},
        {"-s 10.1/16 -d 0x0a.010.0.0/32", "-s 10.1.0.0/16 -d 10.8.0.0/32"},
        {"-s 0/0 -d any/0 -i +", ""},
        {"! -i +", "! -i +"},
        {"-s 10.0.0.1/255.0.255.0", "-s 10.0.0.1/255.0.255.0"},
        {"-d example.net -p tcp", "-p tcp -d example.net"},
        {"! -d example.net/24", "! -d example.net/24"},
        {"-p TCP", "-p tcp"},
        {"-p 6 --dport 22", "-p tcp -m tcp --dport 22"},
        {"-p all", ""},
        {"-p igmp", "-p 2"},
        {"-p host_knows", "-p host_knows"},
        {"-fj ACCEPT", "-f -j ACCEPT"},
        {"-j ACCEPT -p tcp -s 10.0.0.1", "-s 10.0.0.1/32 -p tcp -j ACCEPT"},
        {"-v -j \"ACCEPT\"", "-j ACCEPT"},
    };

    assert_rows(FAMILY_IPV4, rows, array_length(rows));
    assert_rule(FAMILY_IPV6, "-s 2001:db8::1/ffff:ffff:: -p icmpv6", "-s 2001:db8::/32 -p ipv6-icmp");
}

TEST(matches_have_many_spellings)
{
    static const struct row ipv4[] = {
        {"-p tcp --dport 22 -j ACCEPT", "-p tcp -m tcp --dport 22 -j ACCEPT"},
        {"-p tcp -m state --state NEW --dport 22", "-p tcp -m state --state NEW -m tcp --dport 22"},
        {"-p tcp --destination-port ! ssh --syn",
         "-p tcp -m tcp ! --dport 22 --tcp-flags FIN,SYN,RST,ACK SYN"},
        {"-p tcp ! --syn", "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN"},
        {"-p tcp --tcp-flags ALL syn,ack", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG SYN,ACK"},
        {"-p tcp --tcp-flags NONE NONE", "-p tcp -m tcp"},
        {"-p tcp ! --tcp-flags NONE NONE", "-p tcp -m tcp ! --tcp-flags NONE NONE"},
        {"-p tcp --sport :1023 --dport 1024:", "-p tcp -m tcp --sport 0:1023 --dport 1024:65535"},
        {"-p udp --dport 0:65535", "-p udp -m udp"},
        {"-p udp ! --dport 0:65535", "-p udp -m udp ! --dport 0:65535"},
        {"-p tcp --dport 0x16", "-p tcp -m tcp --dport 22"},
        {"-p tcp --dport domain:80", "-p tcp -m tcp --dport 53:80"},
        {"-p tcp --dport what-is-this", "-p tcp -m tcp --dport what-is-this"},
        {"-p tcp -m multiport --dport 22,https", "-p tcp -m multiport --dports 22,443"},
        {"-p tcp -m multiport --ports 1,oddity", "-p tcp -m multiport --ports 1,oddity"},
        {"-m iprange --src-range 10.0.0.1", "-m iprange --src-range 10.0.0.1-10.0.0.1"},
        {"-p icmp --icmp-type ping", "-p icmp -m icmp --icmp-type 8"},
        {"-p icmp --icmp-type host-unr", "-p icmp -m icmp --icmp-type 3/1"},
        {"-p icmp --icmp-type 255", "-p icmp -m icmp --icmp-type any"},
        {"-m conntrack --ctstate EST,rel", "-m conntrack --ctstate RELATED,ESTABLISHED"},
        {"-m state --state ! NEW", "-m state ! --state NEW"},
        {"-m ttl --ttl 0x10", "-m ttl --ttl-eq 16"},
        {"-m mac --mac-source 0:16:3E:a:b:C", "-m mac --mac-source 00:16:3e:0a:0b:0c"},
        {"-m limit", "-m limit --limit 3/hour"},
        {"-m limit --limit 120/minute", "-m limit --limit 2/sec"},
        {"-m limit --limit 7", "-m limit --limit 7/sec"},
        {"-m addrtype --dst-type multicast,local", "-m addrtype --dst-type LOCAL,MULTICAST"},
        {"-m addrtype --dst-type UNICAST", "-m addrtype --dst-type UNICAST"},
        {"-m comment --comment !", "-m comment --comment \"!\""},
        {"-m owner --uid-owner ! 0", "-m owner ! --uid-owner 0"},
        {"-m owner   --uid-owner\t0", "-m owner --uid-owner 0"},
        {"-m recent --rcheck --seconds=60 --name \"x y\"", "-m recent --rcheck --seconds=60 --name \"x y\""},
        {"-j LOG -m limit --limit 5/min --log-prefix x", "-m limit --limit 5/min -j LOG --log-prefix x"},
        {"-m limit -j LOG --limit 5/min --log-level 4 --limit-burst 9",
         "-m limit --limit 5/min --limit-burst 9 -j LOG --log-level 4"},
        {"-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"},
        {"-j REJECT --reject-with host-prohib", "-j REJECT --reject-with icmp-host-prohibited"},
        {"-p tcp -j REJECT --reject-with tcp-rst", "-p tcp -j REJECT --reject-with tcp-reset"},
    };
    static const struct row ipv6[] = {
        {"-p icmpv6 --icmpv6-type echo-request", "-p ipv6-icmp -m icmp6 --icmpv6-type 128"},
        {"-p 58 -m icmpv6 --icmpv6-type packet-too-big", "-p ipv6-icmp -m icmp6 --icmpv6-type 2"},
        {"-m hl --hl 5", "-m hl --hl-eq 5"},
        {"-j REJECT", "-j REJECT --reject-with icmp6-port-unreachable"},
    };

    assert_rows(FAMILY_IPV4, ipv4, array_length(ipv4));
    assert_rows(FAMILY_IPV6, ipv6, array_length(ipv6));
}

TEST(matches_hold_what_they_say)
{
    struct reading r;
    const struct match *match = match_of(&r, FAMILY_IPV4, "-p tcp ! --dport 22 --tcp-flags SYN,ACK ACK");

    assert_int_equal(match->kind, MATCH_TCP);
    assert_false(match->transport.named[SIDE_SOURCE]);
    assert_true(match->transport.named[SIDE_DESTINATION] && match->transport.inverted[SIDE_DESTINATION]);
    assert_int_equal(match->transport.ports[SIDE_DESTINATION].first, 22);
    assert_int_equal(match->transport.flags_mask, TCP_SYN | TCP_ACK);
    assert_int_equal(match->transport.flags, TCP_ACK);
    reading_close(&r);

    match = match_of(&r, FAMILY_IPV4, "-p udp -m multiport --ports 1:2,9");
    assert_int_equal(match->multiport.side, SIDE_EITHER);
    assert_int_equal(match->multiport.count, 2);
    assert_int_equal(match->multiport.items[0].last, 2);
    reading_close(&r);

    match = match_of(&r, FAMILY_IPV4, "-p icmp --icmp-type host-redirect");
    assert_int_equal(match->icmp.type, 5);
    assert_int_equal(match->icmp.code_first, 1);
    assert_int_equal(match->icmp.code_last, 1);
    reading_close(&r);

    match = match_of(&r, FAMILY_IPV6, "-p icmpv6 --icmpv6-type 1");
    assert_int_equal(match->kind, MATCH_ICMPV6);
    assert_int_equal(match->icmp.code_first, 0);
    assert_int_equal(match->icmp.code_last, 255);
    reading_close(&r);

    match = match_of(&r, FAMILY_IPV4, "-m state ! --state NEW,INVALID");
    assert_int_equal(match->kind, MATCH_STATE);
    assert_int_equal(match->state.states, STATE_NEW | STATE_INVALID);
    assert_true(match->state.inverted);
    reading_close(&r);

    match = match_of(&r, FAMILY_IPV4, "-m mac --mac-source 01:02:03:04:05:06");
    assert_true(match->mac.address == 0x010203040506);
    reading_close(&r);

    match = match_of(&r, FAMILY_IPV4,
                     "-m hashlimit --hashlimit-name n --hashlimit-above 5/s --hashlimit-mode srcip");
    assert_int_equal(match->kind, MATCH_HASHLIMIT_TEXT);
    assert_string_equal(match->hashlimit.name, "n");
    assert_true(match->hashlimit.above && match->hashlimit.buckets);
    reading_close(&r);
}

TEST(what_counts_or_draws_lots_is_fickle)
{
    static const struct {
        const char *rule;
        bool fickle;
    } rows[] = {{"-m recent --set", true},
                {"-m statistic --mode nth --every 2", true},
                {"-m connlimit --connlimit-above 3", true},
                {"-m limit --limit 5/s --limit-burst 0", true},
                {"-m owner --uid-owner 0", false},
                {"-m time --utc", false},
                {"-s example.net", false}};

    for (size_t i = 0; i < array_length(rows); i++) {
        struct reading r;
        const struct match *match = match_of(&r, FAMILY_IPV4, rows[i].rule);

        assert_int_equal(match->kind, MATCH_OPAQUE);
        assert_int_equal(match->opaque.fickle, rows[i].fickle);
        assert_string_equal(match->opaque.text, rows[i].rule);
        reading_close(&r);
    }
}

TEST(a_list_of_addresses_is_a_rule_for_each)
{
    assert_prints("*filter\n-A INPUT -s 10.0.0.1,10.0.0.2/24 -d 1.1.1.1,example.net -j DROP\nCOMMIT\n",
                  FAMILY_IPV4,
                  "*filter\n"
                  "-A INPUT -s 10.0.0.1/32 -d 1.1.1.1/32 -j DROP\n"
                  "-A INPUT -s 10.0.0.1/32 -d example.net -j DROP\n"
                  "-A INPUT -s 10.0.0.0/24 -d 1.1.1.1/32 -j DROP\n"
                  "-A INPUT -s 10.0.0.0/24 -d example.net -j DROP\n"
                  "COMMIT\n");
    assert_rule_refused(FAMILY_IPV4, "! -s 10.0.0.1,10.0.0.2", 6, "list of addresses");
}

TEST(mistakes_in_rules_have_their_place)
{
    static const struct {
        const char *rule;
        uint32_t column; // from 1 in the rule
        const char *message;
    } rows[] = {
        {"-j nowhere", 4, "neither a chain"},
        {"-g nowhere", 4, "neither a chain"},
        {"-g ACCEPT", 4, "neither a chain"},
        {"-j OUTPUT", 4, "built-in chain OUTPUT"},
        {"-j accept", 4, "neither a chain"},
        {"-j ACCEPT -j DROP", 11, "twice"},
        {"-s 10.0.0.1 -s 10.0.0.2", 13, "twice"},
        {"-s 10.0.0.300", 4, "`10.0.0.300` is neither"},
        {"-s 10.0.0.1-10.0.0.9", 4, "neither an address"},
        {"-s 10.0.0.1/33", 4, "neither an address"},
        {"-s 2001:db8::1", 4, "is no IPv4 address"},
        {"-s", 1, "a value must follow"},
        {"-p tcp --dport", 8, "a value must follow"},
        {"-p tcp --dport 70000", 8, "65535"},
        {"-p tcp --dport 90:80", 8, "before it begins"},
        {"-p tcp --dprt 80", 8, "nothing before it has this option"},
        {"--dport 80 -p tcp", 1, "nothing before it has this option"},
        {"-m state --state NEW --dport 80", 22, "nothing before it has this option"},
        {"-m state --state NWE", 10, "states are"},
        {"-m state", 4, "needs an option"},
        {"-m tcp --dport 80", 4, "needs -p tcp"},
        {"-p udp -m tcp --dport 80", 11, "needs -p tcp"},
        {"-m multiport --dports 80", 4, "needs -p tcp, udp"},
        {"-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15:16", 21, "15 ports"},
        {"-p icmp --icmp-type pingg", 9, "no type of ICMP"},
        {"-p icmp --icmp-type host-un", 9, "more than one name"},
        {"-m hl --hl-eq 5", 4, "IPv4 has no match `hl`"},
        {"-m limit --limit 5/fortnight", 10, "a rate is"},
        {"-m limit ! --limit 5/s", 12, "cannot be negated"},
        {"-m comment --comment a --comment b", 24, "twice"},
        {"-p tcp --syn=1", 8, "has no value"},
        {"-p 300", 4, "no protocol"},
        {"! -p all", 3, "never match"},
        {"! ! -i lo", 3, "two of them"},
        {"-j DROP !", 9, "an option must follow"},
        {"! -j DROP", 3, "cannot be negated"},
        {"-t nat -j DROP", 1, "cannot name its table"},
        {"-A INPUT -j DROP", 1, "two commands"},
        {"-j DROP # why", 9, "an option is expected"},

        {"-i an-interface-too-long", 4, "15 bytes"},
        {"-m comment --comment \"open", 22, "quote is left open"},
        {"-j REJECT --reject-with never", 25, "no answer"},
        {"-j ACCEPT --reject-with never", 11, "nothing before it"},
        {"-n -j ACCEPT", 1, "no option of a rule"},
        {"-m mac --mac-source 1:2:3", 8, "six bytes"},
        {"-j a-chain-whose-name-is-too-long", 4, "1 to 28 bytes"},
    };

    for (size_t i = 0; i < array_length(rows); i++)
        assert_rule_refused(FAMILY_IPV4, rows[i].rule, rows[i].column, rows[i].message);
    assert_rule_refused(FAMILY_IPV6, "-f", 1, "-f");
    assert_rule_refused(FAMILY_IPV6, "-s 10.0.0.1", 4, "is no IPv6 address");
    // Columns count characters.
    assert_rule_refused(FAMILY_IPV4, "-m comment --comment \"\xC3\xBC\xC3\xBC\" -q", 27,
                        "no option of a rule");
}

TEST(one_rule_is_read_by_itself)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    const struct source source = {
        .name = "p", .bytes = "rules: |\n    -A FORWARD -j there -q\n", .length = 37};
    const struct span span = {&source, 2, 1, 1};
    size_t count = 9;
    const struct rule *rules =
        rule_read(&arena, slice_of("-s 10.0.0.1,10.0.0.2 -j there"), FAMILY_IPV4, span, &diags, &count);

    assert_non_null(rules);
    assert_int_equal(count, 2);
    assert_int_equal(rules[1].target.kind, TARGET_JUMP);
    assert_string_equal(rules[1].target.text, "there");
    assert_int_equal(rules[1].addresses[SIDE_SOURCE].prefix.addr.low, 0x0A000002);
    assert_ptr_equal(rules[0].span.source, &source);
    assert_non_null(rule_read(&arena, slice_of("-6 -j DROP"), FAMILY_IPV4, span, &diags, &count));
    assert_int_equal(count, 0);
    // The place is that of the word, wherever the text stands in the line.
    assert_null(rule_read(&arena, slice_of("-j there -q"), FAMILY_IPV4, span, &diags, &count));
    assert_int_equal(diags.items.items[0].span.column, 25);
    assert_int_equal(diags.items.items[0].span.length, 2);
    assert_null(rule_read(&arena, slice_of("-A INPUT"), FAMILY_IPV4, span, &diags, &count));
    arena_clear(&arena);
}

RUN_TESTS(CASE(what_iptables_saves_comes_out_as_it_is), CASE(headers_have_many_spellings),
          CASE(matches_have_many_spellings), CASE(matches_hold_what_they_say),
          CASE(what_counts_or_draws_lots_is_fickle), CASE(a_list_of_addresses_is_a_rule_for_each),
          CASE(mistakes_in_rules_have_their_place), CASE(one_rule_is_read_by_itself))
