// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include "base/protocols.h"
#include "packets/packets.h"

struct parsed {
    struct arena arena;
    struct packets packets;
    struct slice bad;
    const char *problem;
    bool fine;
};

static struct parsed parse(const char *text)
{
    struct parsed parsed = {0};

    parsed.fine = packets_parse(&parsed.arena, slice_of(text), &parsed.packets, &parsed.bad, &parsed.problem);
    return parsed;
}

TEST(what_is_left_out_stays_open)
{
    struct parsed parsed = parse("in any");

    assert_true(parsed.fine);
    assert_string_equal(parsed.packets.in, "any");
    assert_null(parsed.packets.out);
    assert_null(parsed.packets.from);
    assert_null(parsed.packets.to);
    assert_int_equal(parsed.packets.protocol, 0);
    assert_int_equal(parsed.packets.type, -1);
    assert_int_equal(parsed.packets.states, 0);
    assert_int_equal(parsed.packets.flags, 0);
    arena_clear(&parsed.arena);
}

TEST(every_part_is_read)
{
    struct parsed parsed = parse(
        "in eth0 out eth1 tcp from 2001:db8::/32 port 1024-65535 to 2001:db8:1::1 port 22,80-90 syn ack new");

    assert_true(parsed.fine);
    assert_string_equal(parsed.packets.in, "eth0");
    assert_string_equal(parsed.packets.out, "eth1");
    assert_int_equal(parsed.packets.protocol, PROTOCOL_TCP);
    assert_int_equal(parsed.packets.from->families[FAMILY_IPV6].count, 1);
    assert_int_equal(parsed.packets.from->families[FAMILY_IPV4].count, 0);
    assert_int_equal(parsed.packets.from_ports.items[0].first, 1024);
    assert_int_equal(parsed.packets.from_ports.items[0].last, 65535);
    assert_int_equal(parsed.packets.to->families[FAMILY_IPV6].items[0].first.low, 1);
    assert_int_equal(parsed.packets.to_ports.count, 2);
    assert_int_equal(parsed.packets.flags, 0x12);
    assert_int_equal(parsed.packets.states, PACKET_NEW);
    arena_clear(&parsed.arena);
}

TEST(ports_stand_without_an_address)
{
    struct parsed parsed = parse("udp from port 53 to port 1024-65535");

    assert_true(parsed.fine);
    assert_null(parsed.packets.from);
    assert_int_equal(parsed.packets.from_ports.items[0].first, 53);
    assert_int_equal(parsed.packets.to_ports.items[0].first, 1024);
    arena_clear(&parsed.arena);
}

TEST(any_is_told_apart_from_what_is_left_out)
{
    struct parsed parsed = parse("tcp from any port 5 to any");

    assert_true(parsed.fine);
    assert_true(parsed.packets.from_any);
    assert_true(parsed.packets.to_any);
    assert_null(parsed.packets.from);
    assert_int_equal(parsed.packets.from_ports.count, 1);
    arena_clear(&parsed.arena);
}

TEST(each_word_has_its_meaning)
{
    static const struct {
        const char *text;
        unsigned states;
        uint8_t flags, protocol;
        int type;
    } rows[] = {
        {"new", PACKET_NEW, 0, 0, -1},
        {"established", PACKET_ESTABLISHED, 0, 0, -1},
        {"related", PACKET_RELATED, 0, 0, -1},
        {"invalid", PACKET_INVALID, 0, 0, -1},
        {"untracked", PACKET_UNTRACKED, 0, 0, -1},
        {"new untracked", PACKET_NEW | PACKET_UNTRACKED, 0, 0, -1},
        {"tcp fin", 0, 0x01, 6, -1},
        {"tcp syn", 0, 0x02, 6, -1},
        {"tcp rst", 0, 0x04, 6, -1},
        {"tcp psh", 0, 0x08, 6, -1},
        {"tcp ack", 0, 0x10, 6, -1},
        {"tcp urg", 0, 0x20, 6, -1},
        {"syn tcp", 0, 0x02, 6, -1},
        {"udp", 0, 0, 17, -1},
        {"icmp type 0", 0, 0, 1, 0},
        {"icmpv6 type 255", 0, 0, 58, 255},
        {"type 8 icmp", 0, 0, 1, 8},
        {"esp", 0, 0, 50, -1},
        {"6in4", 0, 0, 41, -1},
        {"47", 0, 0, 47, -1},
        {"protocol 47", 0, 0, 47, -1},
        {"protocol gre", 0, 0, 47, -1},
        {"255", 0, 0, 255, -1},
        {"sctp to port 5060", 0, 0, 132, -1},
        {"tcp no-flags", 0, 0, 6, -1},
        {"tcp to port 0,22", 0, 0, 6, -1},
        {"  tcp \t new  ", PACKET_NEW, 0, 6, -1},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct parsed parsed = parse(rows[i].text);

        if (!parsed.fine)
            fail_msg("\"%s\": %s", rows[i].text, parsed.problem);
        assert_int_equal(parsed.packets.states, rows[i].states);
        assert_int_equal(parsed.packets.flags, rows[i].flags);
        assert_int_equal(parsed.packets.protocol, rows[i].protocol);
        assert_int_equal(parsed.packets.type, rows[i].type);
        arena_clear(&parsed.arena);
    }
}

TEST(rare_words_have_their_places)
{
    struct parsed parsed = parse("icmp type 3 code 4 hop 255 fragment later socket bound cast multicast");

    assert_true(parsed.fine);
    assert_int_equal(parsed.packets.type, 3);
    assert_int_equal(parsed.packets.code, 4);
    assert_int_equal(parsed.packets.hop_limit, 255);
    assert_int_equal(parsed.packets.fragment, 2);
    assert_int_equal(parsed.packets.socket, 2);
    assert_int_equal(parsed.packets.cast, 2);
    assert_false(parsed.packets.no_flags);
    assert_false(parsed.packets.has_mac);
    arena_clear(&parsed.arena);
    parsed = parse("in any mac 02:00:5e:10:00:fF");
    assert_true(parsed.packets.has_mac);
    assert_true(parsed.packets.mac == 0x02005E1000FF);
    arena_clear(&parsed.arena);
    parsed = parse("tcp no-flags");
    assert_true(parsed.packets.no_flags);
    assert_int_equal(parsed.packets.flags, 0);
    arena_clear(&parsed.arena);
}

TEST(addresses_are_lists)
{
    struct parsed parsed = parse("from 192.0.2.2,192.0.2.0/31,2001:db8::1 to 198.51.100.1-198.51.100.9");

    assert_true(parsed.fine);
    assert_int_equal(parsed.packets.from->families[FAMILY_IPV4].count, 1);
    assert_int_equal(parsed.packets.from->families[FAMILY_IPV4].items[0].last.low, 0xC0000202);
    assert_int_equal(parsed.packets.from->families[FAMILY_IPV6].count, 1);
    assert_int_equal(parsed.packets.to->families[FAMILY_IPV6].count, 0);
    arena_clear(&parsed.arena);
}

TEST(what_does_not_fit_is_named_with_its_word)
{
    static const struct {
        const char *text, *bad, *problem; // no bad word: the text as a whole
    } rows[] = {
        {"in", NULL, "interface is missing"},
        {"tcp in", NULL, "interface is missing"},
        {"in eth0 in eth1", "in", "named twice"},
        {"out a out b", "out", "named twice"},
        {"tcp udp", "udp", "protocol is named twice"},
        {"tpc", "tpc", "did you mean `tcp`?"},
        {"tcp from", NULL, "address is missing"},
        {"tcp from nowhere", "nowhere", "not an address"},
        {"tcp from 192.0.2.1/24", "192.0.2.1/24", "beyond the prefix"},
        {"tcp from 192.0.2.0/40", "192.0.2.0/40", "length"},
        {"tcp from 192.0.2.2-192.0.2.1", "192.0.2.2-192.0.2.1", "before it begins"},
        {"tcp to port", NULL, "port is missing"},
        {"tcp to port 0-9", "0-9", "begin at 1"},
        {"tcp to port 80,", "80,", "a port"},
        {"tcp to port 80:90", "80:90", "dash"},
        {"tcp to 192.0.2.1 to 192.0.2.2", "to", "named twice"},
        {"tcp to port 1 to port 2", "to", "named twice"},
        {"from any from any", "from", "named twice"},
        {"icmp type", NULL, "type is missing"},
        {"icmp type 256", "256", "0 to 255"},
        {"icmp type echo", "echo", "0 to 255"},
        {"to port 22", NULL, "ports need tcp or udp"},
        {"icmp to port 22", NULL, "ports need tcp or udp"},
        {"udp syn", NULL, "flags need tcp"},
        {"tcp type 3", NULL, "type needs icmp"},
        {"port 22", "port", "whose port?"},
        {"qwertyuiop", "qwertyuiop", "not a word"},
        {"0", "0", "not a word"},
        {"256", "256", "not a word"},
        {"protocol", NULL, "protocol is missing"},
        {"protocol tpc", "tpc", "did you mean `tcp`?"},
        {"tcp 22", "22", "`to port 22`"},
        {"tcp form any", "form", "did you mean `from`?"},
        {"tcp dst 192.0.2.1", "dst", "did you mean `to`?"},
        {"tcp dport 22", "dport", "did you mean `to port`?"},
        {"tcp establishd", "establishd", "did you mean `established`?"},
        {"tcp from 192.0.2.1,nowhere", "192.0.2.1,nowhere", "not an address"},
        {"tcp from 192.0.2.1,", "192.0.2.1,", "not an address"},
        {"tcp no-flags syn", NULL, "beside no flag"},
        {"udp no-flags", NULL, "flags need tcp"},
        {"in any hop 256", "256", "0 to 255"},
        {"in any hop 1 hop 2", "hop", "said twice"},
        {"fragment half", "half", "none, first or later"},
        {"socket open", "open", "none, wildcard, bound or connected"},
        {"out any socket bound", NULL, "comes in"},
        {"cast any", "any", "local, broadcast, multicast or other"},
        {"icmp code 1", NULL, "needs a type"},
        {"mac", NULL, "MAC address is missing"},
        {"mac 02:00:5e:10:00", "02:00:5e:10:00", "is written"},
        {"mac 02:00:5e:10:00:", "02:00:5e:10:00:", "is written"},
        {"mac 02:00:5e:10:00:0g", "02:00:5e:10:00:0g", "is written"},
        {"mac 02:00:5e:10:00:01:02", "02:00:5e:10:00:01:02", "is written"},
        {"mac 02-00-5e-10-00-01", "02-00-5e-10-00-01", "is written"},
        {"out any mac 02:00:5e:10:00:01", NULL, "no MAC"},
        {"", NULL, "no packets"},
        {"  ", NULL, "no packets"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct parsed parsed = parse(rows[i].text);

        if (parsed.fine)
            fail_msg("\"%s\" is accepted", rows[i].text);
        assert_contains(parsed.problem, rows[i].problem);
        assert_bytes_are(parsed.bad.at, parsed.bad.length, rows[i].bad ? rows[i].bad : rows[i].text);
        arena_clear(&parsed.arena);
    }
}

RUN_TESTS(CASE(what_is_left_out_stays_open), CASE(every_part_is_read), CASE(ports_stand_without_an_address),
          CASE(any_is_told_apart_from_what_is_left_out), CASE(each_word_has_its_meaning),
          CASE(rare_words_have_their_places), CASE(addresses_are_lists),
          CASE(what_does_not_fit_is_named_with_its_word))
