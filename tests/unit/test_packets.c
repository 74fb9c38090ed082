// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include "base/protocols.h"
#include "packets/flags.h"
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
    assert_true(parsed.packets.in.said);
    assert_int_equal(parsed.packets.in.count, 0);
    assert_false(parsed.packets.out.said);
    assert_null(parsed.packets.from);
    assert_null(parsed.packets.to);
    assert_true(byte_set_empty(&parsed.packets.protocols));
    assert_true(byte_set_empty(&parsed.packets.types));
    assert_int_equal(parsed.packets.families, 0);
    assert_int_equal(parsed.packets.states, 0);
    assert_true(parsed.packets.flags == 0);
    arena_clear(&parsed.arena);
}

TEST(every_part_is_read)
{
    struct parsed parsed = parse(
        "in eth0 out eth1 tcp from 2001:db8::/32 port 1024-65535 to 2001:db8:1::1 port 22,80-90 syn ack new");

    assert_true(parsed.fine);
    assert_true(packets_only_by(&parsed.packets.in, "eth0"));
    assert_true(packets_only_by(&parsed.packets.out, "eth1"));
    assert_true(byte_set_has(&parsed.packets.protocols, PROTOCOL_TCP));
    assert_false(byte_set_has(&parsed.packets.protocols, PROTOCOL_UDP));
    assert_int_equal(parsed.packets.from->families[FAMILY_IPV6].count, 1);
    assert_int_equal(parsed.packets.from->families[FAMILY_IPV4].count, 0);
    assert_int_equal(parsed.packets.from_ports.items[0].first, 1024);
    assert_int_equal(parsed.packets.from_ports.items[0].last, 65535);
    assert_int_equal(parsed.packets.to->families[FAMILY_IPV6].items[0].first.low, 1);
    assert_int_equal(parsed.packets.to_ports.count, 2);
    assert_true(parsed.packets.flags == flag_set_named(TCP_SYN | TCP_ACK));
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

static bool only(const struct byte_set *set, unsigned value)
{
    struct byte_set one = {0};

    byte_set_add(&one, value, value);
    return memcmp(set, &one, sizeof(one)) == 0;
}

TEST(each_word_has_its_meaning)
{
    static const struct {
        const char *text;
        unsigned states;
        uint8_t flags, protocol; // by name; 0: left out
        int type;                // -1: left out
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
        {"tcp to port 0,22", 0, 0, 6, -1},
        {"to port ssh", 0, 0, 6, -1},
        {"to port ssh,https", 0, 0, 6, -1},
        {"from port ntp to port ntp", 0, 0, 17, -1},
        {"udp to port dns", 0, 0, 17, -1},
        {"to port dns tcp", 0, 0, 6, -1},
        {"tcp to port 0-9", 0, 0, 6, -1},
        {"  tcp \t new  ", PACKET_NEW, 0, 6, -1},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct parsed parsed = parse(rows[i].text);

        if (!parsed.fine)
            fail_msg("\"%s\": %s", rows[i].text, parsed.problem);
        assert_int_equal(parsed.packets.states, rows[i].states);
        assert_true(parsed.packets.flags == (rows[i].flags ? flag_set_named(rows[i].flags) : 0));
        assert_true(rows[i].protocol ? only(&parsed.packets.protocols, rows[i].protocol)
                                     : byte_set_empty(&parsed.packets.protocols));
        assert_true(rows[i].type >= 0 ? only(&parsed.packets.types, (unsigned)rows[i].type)
                                      : byte_set_empty(&parsed.packets.types));
        arena_clear(&parsed.arena);
    }
}

TEST(rare_words_have_their_places)
{
    struct parsed parsed = parse("icmp type 3 code 4 hop 255 fragment later socket bound cast multicast");

    assert_true(parsed.fine);
    assert_true(only(&parsed.packets.types, 3));
    assert_true(only(&parsed.packets.codes, 4));
    assert_true(only(&parsed.packets.hop_limits, 255));
    assert_int_equal(parsed.packets.fragments, 1 << 2);
    assert_int_equal(parsed.packets.sockets, 1 << 2);
    assert_int_equal(parsed.packets.casts, 1 << 2);
    assert_false(parsed.packets.has_mac);
    arena_clear(&parsed.arena);
    parsed = parse("in any mac 02:00:5e:10:00:fF");
    assert_true(parsed.packets.has_mac);
    assert_true(parsed.packets.mac == 0x02005E1000FF);
    arena_clear(&parsed.arena);
    parsed = parse("fragment none/first socket bound/none cast other/local");
    assert_int_equal(parsed.packets.fragments, 1 << 0 | 1 << 1);
    assert_int_equal(parsed.packets.sockets, 1 << 0 | 1 << 2);
    assert_int_equal(parsed.packets.casts, 1 << 0 | 1 << 3);
    arena_clear(&parsed.arena);
}

TEST(lists_name_what_is_there_or_what_is_not)
{
    struct parsed parsed =
        parse("in not lo,eth4 not tcp,udp from not 192.0.2.0/24 to 10.0.0.0/8 not established");

    assert_true(parsed.fine);
    assert_true(parsed.packets.in.inverted);
    assert_int_equal(parsed.packets.in.count, 2);
    assert_string_equal(parsed.packets.in.items[1], "eth4");
    assert_false(byte_set_has(&parsed.packets.protocols, PROTOCOL_TCP));
    assert_true(byte_set_has(&parsed.packets.protocols, PROTOCOL_ICMP));
    assert_int_equal(parsed.packets.from->families[FAMILY_IPV4].count, 2);
    assert_int_equal(parsed.packets.from->families[FAMILY_IPV6].count, 0);
    assert_int_equal(parsed.packets.states, PACKET_NEW | PACKET_RELATED | PACKET_INVALID);
    arena_clear(&parsed.arena);
    parsed = parse("tcp,udp to port not 53,1-9 from port 1024-65535");
    assert_int_equal(parsed.packets.to_ports.count, 3); // 0, 10-52 and 54-65535
    assert_int_equal(parsed.packets.to_ports.items[1].last, 52);
    arena_clear(&parsed.arena);
    parsed = parse("to port not 22 not syn type not 3"); // other protocols have none of them
    assert_true(parsed.fine);
    arena_clear(&parsed.arena);
    parsed = parse("icmp type 3,11-12 code not 4 hop not 255");
    assert_true(byte_set_has(&parsed.packets.types, 12));
    assert_false(byte_set_has(&parsed.packets.types, 13));
    assert_false(byte_set_has(&parsed.packets.codes, 4));
    assert_true(byte_set_has(&parsed.packets.hop_limits, 0));
    arena_clear(&parsed.arena);
}

TEST(a_protocol_by_number_is_of_both_families)
{
    static const struct {
        const char *text;
        unsigned families;
    } rows[] = {
        {"icmp", 1 << FAMILY_IPV4},
        {"icmpv6", 1 << FAMILY_IPV6},
        {"ipv6-icmp type 1", 1 << FAMILY_IPV6},
        {"1", 0},
        {"protocol 58", 0},
        {"protocol not icmp", 0},
        {"protocol 1 type 8", 1 << FAMILY_IPV4}, // of the other family it has no types
        {"58 type 128", 1 << FAMILY_IPV6},
        {"tcp,icmp", 1 << FAMILY_IPV4},
        {"0-5", 0},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct parsed parsed = parse(rows[i].text);

        assert_true(parsed.fine);
        assert_int_equal(parsed.packets.families, rows[i].families);
        arena_clear(&parsed.arena);
    }
}

// Each combination, as the words say it.
static uint64_t flags_where(bool (*fits)(unsigned flags))
{
    uint64_t set = 0;

    for (unsigned flags = 0; flags < 64; flags++)
        set |= (uint64_t)fits(flags) << flags;
    return set;
}

static bool opens(unsigned flags)
{
    return (flags & TCP_OPENING_MASK) == TCP_SYN;
}

static bool opens_not(unsigned flags)
{
    return !opens(flags);
}

static bool has_none(unsigned flags)
{
    return !flags;
}

static bool has_some(unsigned flags)
{
    return flags;
}

static bool syn_and_no_ack(unsigned flags)
{
    return flags & TCP_SYN && !(flags & TCP_ACK);
}

static bool not_both(unsigned flags)
{
    return (flags & (TCP_FIN | TCP_SYN)) != (TCP_FIN | TCP_SYN);
}

static bool opens_or_is_urgent(unsigned flags)
{
    return opens(flags) || flags & TCP_URG;
}

static bool is_no_scan(unsigned flags)
{
    return flags && not_both(flags) && !opens(flags);
}

static bool no_reset_opens_not(unsigned flags)
{
    return !(flags & TCP_RST) && !opens(flags);
}

TEST(flags_are_said_by_what_is_set_and_what_is_not)
{
    static const struct {
        const char *text;
        bool (*fits)(unsigned flags);
    } rows[] = {
        {"tcp syn", opens},
        {"tcp not syn", opens_not},
        {"tcp no-flags", has_none},
        {"tcp not no-flags", has_some},
        {"tcp with syn without ack", syn_and_no_ack},
        {"without ack tcp with syn", syn_and_no_ack},
        {"tcp with syn,urg without ack or with syn without urg,ack", syn_and_no_ack},
        {"tcp not with fin,syn", not_both},
        {"tcp without fin or without syn", not_both},
        {"tcp syn or with urg", opens_or_is_urgent},
        {"tcp not no-flags not with syn,fin not syn", is_no_scan},
        {"tcp without rst not syn", no_reset_opens_not},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct parsed parsed = parse(rows[i].text);

        if (!parsed.fine)
            fail_msg("\"%s\": %s", rows[i].text, parsed.problem);
        if (parsed.packets.flags != flags_where(rows[i].fits))
            fail_msg("\"%s\": %016lx", rows[i].text, (unsigned long)parsed.packets.flags);
        arena_clear(&parsed.arena);
    }
}

// The words for a set of flags hold that set, and of the others those that are free at most.
static void assert_said_right(uint64_t set, uint64_t free)
{
    struct buf text = {0};
    struct parsed parsed;

    buf_text(&text, "tcp ");
    flag_set_print(&text, set, free);
    parsed = parse(text.bytes);
    if (!parsed.fine || set & ~parsed.packets.flags || parsed.packets.flags & ~set & ~free)
        fail_msg("%016lx, free %016lx: \"%s\" is %016lx", (unsigned long)set, (unsigned long)free, text.bytes,
                 (unsigned long)parsed.packets.flags);
    arena_clear(&parsed.arena);
    buf_clear(&text);
}

TEST(what_is_said_of_flags_is_read_back)
{
    uint64_t random = 88172645463325252ULL; // xorshift (Marsaglia, 2003)

    for (unsigned mask = 1; mask < 64; mask++)
        for (unsigned flags = 0; flags < 64; flags++) {
            uint64_t set = 0;

            for (unsigned value = 0; value < 64; value++)
                set |= (uint64_t)((value & mask) == (flags & mask)) << value;
            assert_said_right(set, 0);
            assert_said_right(~set, 0);
        }
    for (int i = 0; i < 500; i++) {
        uint64_t sets[3];

        for (int j = 0; j < 3; j++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            sets[j] = random;
        }
        assert_said_right(sets[0], 0);
        assert_said_right(sets[0] & sets[1], ~sets[0] & sets[2]);
    }
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
        {"tcp to port 0-", "0-", "a port"},
        {"tcp to port 0-1-9", "0-1-9", "a port"},
        {"tcp to port 00", "00", "leading zero"},
        {"tcp to port 80,", "80,", "commas and no blanks"},
        {"to port shh", "shh", "did you mean `ssh`?"},
        {"tcp to port nginx", "nginx", "`ctc services` lists"},
        {"tcp to port any", "any", "left out"},
        {"tcp to port 22/tcp", "22/tcp", "`tcp to port 22`"},
        {"tcp/22", "tcp/22", "`tcp to port 22`"},
        {"to port netbios", "netbios", "137-138/udp 139/tcp"},
        {"to port ping", "ping", "not one port"},
        {"to port dns,ssh", NULL, "ports need tcp or udp"},
        {"to port ssh,8080", NULL, "ports need tcp or udp"},
        {"udp to port ssh", NULL, "of another protocol"},
        {"tcp,udp to port ssh", NULL, "of another protocol"},
        {"tcp from [2001:db8::1]", "[2001:db8::1]", "no brackets"},
        {"tcp to 192.0.2.1:22", "192.0.2.1:22", "`port 22`"},
        {"tcp to :22", ":22", "`port 22`"},
        {"tcp from $office", "$office", "write its addresses"},
        {"tcp from anywhere", "anywhere", "did you mean `any`?"},
        {"tcp ssh", "ssh", "`to port ssh`"},
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
        {"tcp from 192.0.2.1,", "192.0.2.1,", "commas and no blanks"},
        {"tcp no-flags syn", NULL, "no segment"},
        {"tcp with syn without syn", NULL, "no segment"},
        {"tcp syn not syn", NULL, "no segment"},
        {"tcp with", NULL, "flags are fin"},
        {"tcp with sny", "sny", "flags are fin"},
        {"tcp not with fin without", NULL, "flags are fin"},
        {"tcp or syn", "or", "between flags"},
        {"tcp syn or", NULL, "between flags"},
        {"udp not syn", NULL, "flags need tcp"},
        {"syn", NULL, "flags need tcp"},
        {"without fin", NULL, "flags need tcp"},
        {"type 0", NULL, "type needs icmp"},
        {"gre type not 3", NULL, "type needs icmp"},
        {"to port not 22 from port 53", NULL, "ports need tcp or udp"},
        {"udp,icmp syn", NULL, "flags need tcp"},
        {"tcp not", NULL, "`not` stands before"},
        {"tcp not untracked", "untracked", "`not` stands before"},
        {"not new not established not related not invalid", "invalid", "no state is left"},
        {"not 0-255", "0-255", "no protocol is left"},
        {"tcp to port not 0,1-65535", "0,1-65535", "no port is left"},
        {"from not 0.0.0.0/0", "0.0.0.0/0", "no address is left"},
        {"hop not 0-255", "0-255", "nothing is left"},
        {"hop 9-1", "9-1", "0 to 255"},
        {"in eth0,any", "eth0,any", "stands alone"},
        {"in not any", "any", "stands alone"},
        {"gre,icmp to port 22", NULL, "ports need tcp or udp"},
        {"tcp not udp", "udp", "protocol is named twice"},
        {"fragment none/half", "none/half", "none, first or later"},
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
          CASE(lists_name_what_is_there_or_what_is_not), CASE(a_protocol_by_number_is_of_both_families),
          CASE(flags_are_said_by_what_is_set_and_what_is_not), CASE(what_is_said_of_flags_is_read_back),
          CASE(what_does_not_fit_is_named_with_its_word))
