// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/fixture.h"

#include "base/services.h"

static void assert_traffic(const struct entry *entry, const char *text)
{
    struct buf buf = {0};

    buf_text(&buf, "");
    for (size_t i = 0; i < entry->traffic_count; i++) {
        buf_text(&buf, i ? "; " : "");
        traffic_print(&buf, &entry->traffic[i]);
    }
    assert_string_equal(buf.bytes, text);
    buf_clear(&buf);
}

TEST(what_is_left_out_has_its_default)
{
    struct fixture f;

    fixture_open(&f);
    fixture_read(&f, "version: 1\n");
    assert_true(f.fine);
    assert_string_equal(f.policy->name, "policy.yaml");
    assert_int_equal(f.policy->tracking, TRACKING_FULL);
    assert_int_equal(f.policy->input, VERDICT_REJECT);
    assert_int_equal(f.policy->forwarding, VERDICT_REJECT);
    assert_int_equal(f.policy->output, VERDICT_ACCEPT);
    assert_string_equal(f.policy->reject_with[FAMILY_IPV4], "icmp-host-prohibited");
    assert_string_equal(f.policy->reject_with[FAMILY_IPV6], "icmp6-adm-prohibited");
    assert_null(f.policy->reject_tcp);
    assert_null(f.policy->description);
    assert_false(f.policy->log_default);
    assert_string_equal(f.policy->log_prefix, "ctc: ");
    assert_int_equal(f.policy->log_rate.events, 5);
    assert_int_equal(f.policy->log_rate.period, 60);
    assert_int_equal(f.policy->ephemeral.first, 32768);
    assert_int_equal(f.policy->ephemeral.last, 60999);
    assert_int_equal(f.policy->replies, REPLIES_SOCKET);
    assert_int_equal(f.policy->allow.count, 0);
    assert_int_equal(f.policy->conntrack.max, 0);
    fixture_close(&f);
}

TEST(settings_are_typed)
{
    struct fixture f;

    fixture_open(&f);
    fixture_read(&f,
                 "version: 1\n"
                 "tracking: none\n"
                 "description: a host\n"
                 "host: {memory: 2G, ephemeral: 1024-2047, kernel: \"5.14\"}\n"
                 "default: {input: drop, forward: leave, output: reject}\n"
                 "reject_with: {ipv4: icmp-admin-prohibited, tcp: tcp-reset}\n"
                 "log: {prefix: \"x \", limit: 3/hour burst 9}\n"
                 "stateless: {replies: portable}\n"
                 "conntrack: {max: 1000, buckets: auto, modules: block,\n"
                 "            timeouts: {established: 2h4m, udp: 30, close: 1d}, load: {http: 7000/second}}\n"
                 "expect:\n"
                 "  - {packets: in eth0 tcp to port 22, verdict: refuse, tracked: false}\n");
    assert_true(f.fine);
    assert_int_equal(f.policy->tracking, TRACKING_NONE);
    assert_string_equal(f.policy->description, "a host");
    assert_int_equal(f.policy->memory, (uint64_t)2 << 30);
    assert_int_equal(f.policy->ephemeral.last, 2047);
    assert_string_equal(f.policy->kernel, "5.14");
    assert_int_equal(f.policy->input, VERDICT_DROP);
    assert_int_equal(f.policy->forwarding, VERDICT_LEAVE);
    assert_int_equal(f.policy->output, VERDICT_REJECT);
    assert_string_equal(f.policy->reject_with[FAMILY_IPV4], "icmp-admin-prohibited");
    assert_string_equal(f.policy->reject_tcp, "tcp-reset");
    assert_true(f.policy->log_default);
    assert_int_equal(f.policy->log_rate.period, 3600);
    assert_int_equal(f.policy->log_rate.burst, 9);
    assert_int_equal(f.policy->replies, REPLIES_PORTABLE);
    assert_int_equal(f.policy->conntrack.max, 1000);
    assert_int_equal(f.policy->conntrack.buckets, 0);
    assert_true(f.policy->conntrack.block_modules);
    assert_int_equal(f.policy->conntrack.timeouts[TIMEOUT_ESTABLISHED], 7440);
    assert_int_equal(f.policy->conntrack.timeouts[TIMEOUT_UDP], 30);
    assert_int_equal(f.policy->conntrack.timeouts[TIMEOUT_CLOSE], 86400);
    assert_int_equal(f.policy->conntrack.timeouts[TIMEOUT_ICMP], 0);
    assert_int_equal(f.policy->conntrack.load_count, 1);
    assert_int_equal(f.policy->conntrack.loads[0].rate.events, 7000);
    assert_int_equal(f.policy->expectation_count, 1);
    assert_int_equal(f.policy->expectations[0].verdict, EXPECT_REFUSE);
    assert_int_equal(f.policy->expectations[0].tracked, CHOICE_NO);
    fixture_close(&f);
}

TEST(services_ports_and_protocols_become_traffic)
{
    static const struct {
        const char *entry, *traffic, *name;
    } rows[] = {
        {"ssh", "tcp 22", "ssh"},
        {"dns", "udp 53; tcp 53", "dns"},
        {"ping", "ping", "ping"},
        {"ipsec", "udp 500,4500; esp", "ipsec"},
        {"game", "tcp 25565; udp 25565,27000-27010", "game"},
        {"http", "tcp 8888", "http"}, // the policy's own word wins
        {"8443/tcp", "tcp 8443", "8443/tcp"},
        {"6881-6999/udp", "udp 6881-6999", "6881-6999/udp"},
        {"{service: [ssh, https, game]}", "tcp 22,443,25565; udp 25565,27000-27010", "ssh,https,game"},
        {"{service: 99/tcp}", "tcp 99", "99/tcp"},
        {"{tcp: [80, 81, 79]}", "tcp 79-81", "tcp 79-81"},
        {"{tcp: 80-90, udp: [53, \"54\"]}", "tcp 80-90; udp 53-54", "tcp 80-90 udp 53-54"},
        {"{protocol: any}", "any", "any"},
        {"{protocol: any, tcp: 22}", "any", "any"},
        {"{protocol: tcp}", "tcp", "tcp"},
        {"{protocol: tcp, tcp: 22}", "tcp", "tcp"},
        {"{protocol: [icmp, esp, 112]}", "icmp; esp; vrrp", NULL},
        {"{protocol: 6}", "tcp", "tcp"},
        {"{name: mine, service: ssh}", "tcp 22", "mine"},
        {"{service: ssh, name: \"0x5\"}", "tcp 22", "0x5"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct fixture f;
        char text[400];

        snprintf(text, sizeof(text),
                 "version: 1\nservices: {game: [25565/tcp, 25565/udp, 27000-27010/udp], http: 8888/tcp}\n"
                 "allow:\n  - %s\n",
                 rows[i].entry);
        fixture_open(&f);
        fixture_read(&f, text);
        if (!f.fine || f.policy->allow.count != 1)
            fail_msg("%s is refused", rows[i].entry);
        assert_traffic(&f.policy->allow.items[0], rows[i].traffic);
        if (rows[i].name)
            assert_string_equal(f.policy->allow.items[0].name, rows[i].name);
        fixture_close(&f);
    }
}

TEST(every_built_in_service_is_read)
{
    for (size_t i = 0; i < service_count; i++) {
        struct fixture f;
        char text[200];

        snprintf(text, sizeof(text), "version: 1\nallow: [%s]\n", services[i].word);
        fixture_open(&f);
        fixture_read(&f, text);
        if (!f.fine || !f.policy->allow.items[0].traffic_count)
            fail_msg("%s", services[i].word);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(services[i].word, services[j].word);
        fixture_close(&f);
    }
}

TEST(names_of_address_lists_are_expanded_and_not_takes_away)
{
    struct fixture f;

    fixture_open(&f);
    fixture_file(&f, "lists/bad",
                 "203.0.113.7 # why\n\n; comment\n203.0.113.9-203.0.113.10\n2001:db8:bad::/48\n");
    fixture_read(&f, "version: 1\n"
                     "define:\n"
                     "  office: [192.0.2.0/24, \"2001:db8:1::/48\", not 192.0.2.66]\n"
                     "  both: [$office, 198.51.100.1]\n"
                     "  bad: {file: lists/bad}\n"
                     "  rest: [not $office, not $bad]\n"
                     "allow:\n"
                     "  - {service: ssh, from: $both}\n"
                     "  - {service: ssh, from: [not 192.0.2.1, $office]}\n"
                     "  - {service: ssh, from: [192.0.2.255, 192.0.3.0, 192.0.2.255]}\n"
                     "  - {service: ssh, from: [$bad, not 203.0.113.9]}\n"
                     "  - {service: ssh, from: [192.0.2.1, not 192.0.2.0/24]}\n"
                     "  - {service: ssh}\n"
                     "  - {service: ssh, from: []}\n"
                     "  - {service: ssh, from: not 0.0.0.0/1}\n");
    assert_true(f.fine);

    const struct entry *allow = f.policy->allow.items;

    assert_ranges(allow[0].from, FAMILY_IPV4,
                  "192.0.2.0-192.0.2.65 192.0.2.67-192.0.2.255 198.51.100.1-198.51.100.1");
    assert_ranges(allow[0].from, FAMILY_IPV6, "2001:db8:1::-2001:db8:1:ffff:ffff:ffff:ffff:ffff");
    assert_ranges(allow[1].from, FAMILY_IPV4,
                  "192.0.2.0-192.0.2.0 192.0.2.2-192.0.2.65 192.0.2.67-192.0.2.255");
    assert_ranges(allow[2].from, FAMILY_IPV4, "192.0.2.255-192.0.3.0");
    assert_ranges(allow[3].from, FAMILY_IPV4, "203.0.113.7-203.0.113.7 203.0.113.10-203.0.113.10");
    assert_ranges(allow[4].from, FAMILY_IPV4, "");
    assert_null(allow[5].from);
    assert_true(addr_set_empty(allow[6].from));
    assert_ranges(allow[7].from, FAMILY_IPV4, "128.0.0.0-255.255.255.255");
    assert_ranges(allow[7].from, FAMILY_IPV6, "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    fixture_close(&f);
}

TEST(everyone_else_is_not_trusted_in_either_form)
{
    static const char *const lists[] = {
        "trust: [not 192.0.2.1]\n",
        "trust: [{from: [not 192.0.2.1]}]\n",
        "trust: [{from: not 192.0.2.1}]\n",
        "deny: [not 192.0.2.1]\n",
        "deny: not 192.0.2.1\n",
    };

    for (size_t i = 0; i < array_length(lists); i++) {
        struct fixture f;
        char text[200];

        snprintf(text, sizeof(text), "version: 1\n%s", lists[i]);
        fixture_open(&f);
        fixture_read(&f, text);
        if (!fixture_diag(&f, DIAG_ONLY_NOT))
            fail_msg("%s is accepted", lists[i]);
        fixture_close(&f);
    }
}

TEST(every_key_of_an_entry_arrives)
{
    struct fixture f;

    fixture_open(&f);
    fixture_read(
        &f, "version: 1\n"
            "tracking: selective\n"
            "trust: [{name: t, in: [eth1, wg+], from: 192.0.2.1, track: false}]\n"
            "deny: [203.0.113.0/24, not 203.0.113.1]\n"
            "allow:\n"
            "  - {tcp: 22, from: 192.0.2.1, to: 192.0.2.2, in: eth0, verdict: drop, track: true, log: true}\n"
            "  - {service: ftp, helper: ftp, data: [60000-60010, 60020]}\n"
            "connect:\n"
            "  - {service: dns, to: 192.0.2.53, out: eth0, local: 1000-2000, track: false, sockets: any}\n"
            "forward:\n"
            "  - {in: eth0, out: [eth1, eth2], service: smtp, limit: 5/hour, log: false}\n");
    assert_true(f.fine);

    const struct entry *trust = f.policy->trust.items, *deny = f.policy->deny.items,
                       *allow = f.policy->allow.items, *connect = f.policy->connect.items,
                       *forward = f.policy->forward.items;

    assert_string_equal(trust->name, "t");
    assert_int_equal(trust->in.count, 2);
    assert_string_equal(trust->in.names[1], "wg+");
    assert_int_equal(trust->track, CHOICE_NO);
    assert_int_equal(f.policy->deny.count, 1);
    assert_int_equal(deny->from->families[FAMILY_IPV4].count, 2);
    assert_int_equal(allow->verdict, VERDICT_DROP);
    assert_int_equal(allow->track, CHOICE_YES);
    assert_true(allow->log);
    assert_int_equal(allow->to->families[FAMILY_IPV4].items[0].first.low, 0xC0000202);
    assert_string_equal(allow[1].helper->name, "ftp");
    assert_int_equal(allow[1].data.count, 2);
    assert_int_equal(connect->local.items[0].last, 2000);
    assert_true(connect->any_socket);
    assert_string_equal(connect->out.names[0], "eth0");
    assert_true(entry_untracked(f.policy, connect));
    assert_false(entry_untracked(f.policy, allow));
    assert_int_equal(forward->out.count, 2);
    assert_int_equal(forward->limit->rate.period, 3600);
    assert_int_equal(allow->span.line, 6);
    assert_int_equal(forward->span.line, 11);
    fixture_close(&f);
}

TEST(order_of_keys_does_not_matter)
{
    struct fixture f;

    fixture_open(&f);
    fixture_read(&f, "allow: [{service: game, from: $a, track: false, limit: 5/second}]\n"
                     "default: {input: drop}\n"
                     "tracking: selective\n"
                     "services: {game: 5/udp}\n"
                     "define: {a: $b, b: 192.0.2.1}\n"
                     "version: 1\n");
    assert_true(f.fine);
    assert_int_equal(f.policy->allow.items[0].track, CHOICE_NO);
    assert_ranges(f.policy->allow.items[0].from, FAMILY_IPV4, "192.0.2.1-192.0.2.1");
    fixture_close(&f);
}

RUN_TESTS(CASE(what_is_left_out_has_its_default), CASE(settings_are_typed),
          CASE(services_ports_and_protocols_become_traffic), CASE(every_built_in_service_is_read),
          CASE(names_of_address_lists_are_expanded_and_not_takes_away),
          CASE(everyone_else_is_not_trusted_in_either_form), CASE(every_key_of_an_entry_arrives),
          CASE(order_of_keys_does_not_matter))
