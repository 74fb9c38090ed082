// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "advice/advice.h"
#include "advice/edit.h"
#include "base/difference.h"

static const char *read_dump(struct arena *arena, const char *text, struct dump *table)
{
    return table_read_bytes(arena, "dump", slice_of(text), table);
}

#define WAY  "src=192.0.2.1 dst=192.0.2.2 sport=1 dport=2 "
#define BACK "src=192.0.2.2 dst=192.0.2.1 sport=2 dport=1 "

TEST(lines_of_every_form_are_read)
{
    static const struct {
        const char *line;
        uint8_t protocol, state, flags;
        uint16_t port;
        uint32_t timeout;
    } rows[] = {
        {"tcp      6 117 TIME_WAIT " WAY BACK "[ASSURED] mark=0 use=1", 6, CT_STATE_TIME_WAIT,
         CONNECTION_ASSURED, 2, 117},
        {"ipv4     2 tcp      6 117 SYN_SENT " WAY "[UNREPLIED] " BACK "mark=0 zone=0 use=2", 6,
         CT_STATE_SYN_SENT, CONNECTION_UNREPLIED, 2, 117},
        {"tcp 6 " WAY BACK "[OFFLOAD] use=1", 6, CT_STATE_ESTABLISHED, 0, 2, 0},
        {"udp 17 29 " WAY "[UNREPLIED] " BACK "use=1", 17, CT_STATE_UNREPLIED, CONNECTION_UNREPLIED, 2, 29},
        {"udp 17 29 " WAY BACK "helper=tftp use=1\r", 17, CT_STATE_REPLIED, CONNECTION_HELPER, 2, 29},
        {"udp 17 29 " WAY "src=192.0.2.2 dst=192.0.2.1 sport=2 dport=9", 17, CT_STATE_REPLIED, CONNECTION_NAT,
         2, 29},
        {"udp 17 29 " WAY "src=10.0.0.1 dst=192.0.2.1 sport=2 dport=1", 17, CT_STATE_REPLIED, CONNECTION_NAT,
         2, 29},
        {"  icmp 1 9 src=192.0.2.1 dst=192.0.2.2 type=8 code=0 id=7 src=192.0.2.2 dst=192.0.2.1 type=0 "
         "code=0 id=7",
         1, CT_STATE_REPLIED, 0, 0, 9},
        {"unknown 253 9 src=fe80::1 dst=fe80::2 src=fe80::2 dst=fe80::1", 253, CT_STATE_REPLIED, 0, 0, 9},
        {"tcp 6 9 SOMETHING " WAY BACK, 6, CT_STATE_NONE, 0, 2, 9},
        {"tcp 6 9 CLOSE " WAY "packets=1 bytes=2 " BACK "packets=1 bytes=2 [ASSURED] [a word] mark=1 id=5", 6,
         CT_STATE_CLOSE, CONNECTION_ASSURED, 2, 9},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct arena arena = {0};
        struct dump table = {0};
        const char *problem = read_dump(&arena, rows[i].line, &table);

        if (problem)
            fail_msg("%s: %s", rows[i].line, problem);
        assert_int_equal(table.connections.count, 1);
        assert_int_equal(table.connections.items[0].protocol, rows[i].protocol);
        assert_int_equal(table.connections.items[0].state, rows[i].state);
        assert_int_equal(table.connections.items[0].flags, rows[i].flags);
        assert_int_equal(table.connections.items[0].target_port, rows[i].port);
        assert_int_equal(table.connections.items[0].timeout, rows[i].timeout);
        arena_clear(&arena);
    }
}

TEST(other_lines_are_refused_with_their_number)
{
    static const char *const rows[] = {
        "tcp",
        "tcp 6",
        "tcp 6 9",
        "tcp 6 9 CLOSE",
        "tcp six 9 CLOSE " WAY BACK,
        "tcp 256 9 CLOSE " WAY BACK,
        "tcp 6 99999999999 CLOSE " WAY BACK,
        "tcp 6 9 CLOSE " WAY,
        "tcp 6 9 CLOSE src=192.0.2.1 dst=192.0.2.2 src=192.0.2.2",
        "tcp 6 9 CLOSE src=192.0.2.0/24 dst=192.0.2.2 " BACK,
        "tcp 6 9 CLOSE src=192.0.2.1-192.0.2.2 dst=192.0.2.2 " BACK,
        "tcp 6 9 CLOSE src=host dst=192.0.2.2 " BACK,
        "tcp 6 9 CLOSE src=192.0.2.1 dst=192.0.2.2 sport=70000 dport=2 " BACK,
        "tcp 6 9 CLOSE src=192.0.2.1 dst=192.0.2.2 sport=-1 dport=2 " BACK,
        "version: 1",
        "*filter",
        "<?xml version='1.0'?>",
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct arena arena = {0};
        struct dump table = {0};
        char text[600];
        const char *problem;

        snprintf(text, sizeof(text),
                 "\nconntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.\n%s\n", rows[i]);
        problem = read_dump(&arena, text, &table);
        if (!problem)
            fail_msg("%s: is taken for an entry", rows[i]);
        assert_contains(problem ? problem : "nothing", "dump:3: not an entry of a tracking table: ");
        arena_clear(&arena);
    }
}

static void assert_local(const char *dump, const char *address)
{
    struct arena arena = {0};
    struct dump table = {0};
    struct addr_set local = {0};
    struct addr_range range;
    enum family family;

    assert_null(read_dump(&arena, dump, &table));
    assert_int_equal(addr_parse(slice_of(address), &family, &range), ADDR_FINE);
    table_guess_local(&arena, &table, &local);
    assert_true(addr_set_holds(&local, family, range.first));
    // Loopback of both families, and the one address.
    assert_int_equal(addr_set_count(&local), 3);
    arena_clear(&arena);
}

#define ENTRY(from, to) \
    "udp 17 9 src=" from " dst=" to " sport=1 dport=2 src=" to " dst=" from " sport=2 dport=1\n"

TEST(the_address_that_most_entries_have_is_the_hosts)
{
    assert_local(ENTRY("10.0.0.1", "192.0.2.1") ENTRY("10.0.0.2", "192.0.2.1") ENTRY("192.0.2.1", "10.0.0.3"),
                 "192.0.2.1");
    assert_local(ENTRY("2001:db8::9", "2001:db8::1") ENTRY("2001:db8::1", "2001:db8::7"), "2001:db8::1");
    // All come by one proxy.
    assert_local(ENTRY("10.0.0.1", "192.0.2.1") ENTRY("10.0.0.1", "192.0.2.1"), "192.0.2.1");
}

TEST(sets_hold_what_their_ranges_hold)
{
    struct arena arena = {0};
    struct addr_set set = {0};
    static const uint64_t ranges[][2] = {{10, 20}, {30, 30}, {40, 50}};

    assert_false(addr_set_holds(&set, FAMILY_IPV4, (struct addr){0, 0}));
    for (size_t i = 0; i < array_length(ranges); i++)
        addr_set_add(&arena, &set, FAMILY_IPV4, (struct addr_range){{0, ranges[i][0]}, {0, ranges[i][1]}});
    for (uint64_t at = 0; at < 60; at++) {
        const bool inside = (at >= 10 && at <= 20) || at == 30 || (at >= 40 && at <= 50);

        assert_int_equal(addr_set_holds(&set, FAMILY_IPV4, (struct addr){0, at}), inside);
        assert_false(addr_set_holds(&set, FAMILY_IPV6, (struct addr){0, at}));
    }
    arena_clear(&arena);
}

TEST(differences_read_as_diff_has_them)
{
    static const struct {
        const char *before, *after, *difference;
    } rows[] = {
        {"a\nb\n", "a\nb\n", ""},
        {"a\n", "b\n", "@@ -1 +1 @@\n-a\n+b\n"},
        {"a\nb\n", "a\nx\nb\n", "@@ -1,2 +1,3 @@\n a\n+x\n b\n"},
        {"a", "a\nb\n", "@@ -1 +1,2 @@\n a\n+b\n"},
        {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n5\n6\n7\n8\n9\n",
         "@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+x\n 5\n 6\n 7\n"},
        {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n",
         "@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n"},
        {"1\n2\n3\n", "x\n2\ny\n", "@@ -1,3 +1,3 @@\n-1\n+x\n 2\n-3\n+y\n"},
        {"", "a\n", "@@ -0,0 +1 @@\n+a\n"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct buf text = {0}, wanted = {0};

        put_difference(&text, "p", slice_of(rows[i].before), slice_of(rows[i].after));
        buf_printf(&wanted, "--- p\n+++ p\n%s", rows[i].difference);
        assert_string_equal(text.bytes, wanted.bytes);
        buf_clear(&text);
        buf_clear(&wanted);
    }
}

RUN_TESTS(CASE(lines_of_every_form_are_read), CASE(other_lines_are_refused_with_their_number),
          CASE(the_address_that_most_entries_have_is_the_hosts), CASE(sets_hold_what_their_ranges_hold),
          CASE(differences_read_as_diff_has_them))
