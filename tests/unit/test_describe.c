// SPDX-License-Identifier: GPL-2.0-or-later
//
// Words for boxes and packets. What is said of a packet, read again, is a set of such packets.
#include "support/test.h"

#include "algebra/cover.h"
#include "analysis/describe.h"
#include "analysis/query.h"
#include "analysis/witness.h"
#include "rules/read.h"

struct stage {
    struct arena arena;
    struct packet_space space;
    struct packets packets;
    struct buf text;
};

static struct packets parse(struct arena *arena, const char *text)
{
    struct packets packets;
    const char *problem;
    struct slice bad;

    if (!packets_parse(arena, slice_of(text), &packets, &bad, &problem))
        fail_msg("\"%s\": %s", text, problem);
    return packets;
}

// A space that knows what `rules` (iptables-save text, or NULL) and the sets ask for.
static void stage_open(struct stage *stage, enum family family, const char *rules, const char *const *sets)
{
    struct diag_list diags = {.arena = &stage->arena};

    packet_space_init(&stage->space, &stage->arena, family);
    if (rules) {
        const struct source source = {.name = "rules", .path = "", .bytes = rules, .length = strlen(rules)};
        const struct ruleset *ruleset = rules_read(&stage->arena, &source, family, NULL, &diags);

        assert_non_null(ruleset);
        packet_space_add_ruleset(&stage->space, ruleset);
    }
    for (; *sets; sets++) {
        const struct packets packets = parse(&stage->arena, *sets);

        packet_space_add_packets(&stage->space, &packets);
    }
    assert_true(packet_space_open(&stage->space, 1 << 20));
}

static void stage_close(struct stage *stage)
{
    packet_space_close(&stage->space);
    buf_clear(&stage->text);
    arena_clear(&stage->arena);
}

static diagram read_set(struct stage *stage, const char *text, enum hook *hook)
{
    const struct packets packets = parse(&stage->arena, text);

    *hook = packets_hook(&packets);
    return packets_set(&stage->space, &packets);
}

static const char *box_text(struct stage *stage, const struct box *box)
{
    stage->text.length = 0;
    describe_box(&stage->text, &stage->space, box, set_all(&stage->space));
    return stage->text.length ? stage->text.bytes : "";
}

static void assert_said_as_asked(enum family family, const char *const *rows)
{
    for (size_t i = 0; rows[i]; i++) {
        struct stage stage = {0};
        const char *const sets[] = {rows[i], "in lo", NULL};
        enum hook hook;
        diagram set, domain;
        struct cover cover;

        stage_open(&stage, family, NULL, sets);
        set = read_set(&stage, rows[i], &hook);
        domain = people_mean(&stage.space, hook, hook_domain(&stage.space, hook));
        cover = cover_boxes(&stage.arena, stage.space.diagrams,
                            diagram_simplify(stage.space.diagrams, set, domain), set_all(&stage.space),
                            usual_order(&stage.space), 4);
        if (cover.count != 1)
            fail_msg("%s: %zu boxes, %s", rows[i], cover.count, box_text(&stage, &cover.items[0]));
        assert_contains(box_text(&stage, &cover.items[0]), rows[i]);
        stage_close(&stage);
    }
}

TEST(sets_of_the_notation_are_said_as_they_were_asked)
{
    static const char *const rows[] = {
        "tcp to port 22",
        "udp from 192.0.2.0/24 port 53 to port 1024-65535",
        "tcp from 192.0.2.1,198.51.100.0/25 to port 80,443",
        "from 192.0.2.1-192.0.2.9",
        "protocol 99",
        "gre",
        "icmp type 3 code 4",
        "in eth0 tcp to port 22 new",
        "tcp to port 22 established related",
        "in eth0 out eth1 udp",
        "out eth1 tcp to port 25",
        "udp socket bound",
        "in eth0 hop 255",
        "tcp syn",
        "tcp not syn",
        "tcp with ack without fin,rst",
        "tcp syn ack",
        "tcp no-flags",
        "not tcp",
        "in not lo",
        "tcp from not 192.0.2.0/24 to port not 53",
        "icmp type 3,11-12",
        "not established",
        "in lo",
        NULL,
    };
    static const char *const of_ipv6[] = {
        "ipv6-icmp type 128",
        "not ipv6-icmp",
        "tcp from 2001:db8::/32",
        NULL,
    };

    assert_said_as_asked(FAMILY_IPV4, rows);
    assert_said_as_asked(FAMILY_IPV6, of_ipv6);
}

// One field, set by hand.
static const char *field_text(struct stage *stage, size_t field, const struct addr_range *ranges,
                              size_t count)
{
    const size_t fields = FIELD_COUNT + stage->space.unknowns.count;
    struct range_list *lists = arena_calloc(&stage->arena, fields, sizeof(*lists));
    struct addr_range *copy = arena_calloc(&stage->arena, count, sizeof(*copy));

    memcpy(copy, ranges, count * sizeof(*copy));
    lists[field] = (struct range_list){copy, count, count};
    return box_text(stage, &(struct box){lists});
}

TEST(lists_are_said_by_what_they_leave_out_where_that_is_shorter)
{
    static const char *const sets[] = {"in eth0 out eth1", NULL};
    struct stage stage = {0};
    struct addr_range ports[9];

    stage_open(&stage, FAMILY_IPV4, NULL, sets);
    assert_string_equal(field_text(&stage, FIELD_DESTINATION_PORT,
                                   (struct addr_range[]){{{0, 0}, {0, 79}}, {{0, 81}, {0, 65535}}}, 2),
                        "to port not 80");
    assert_string_equal(
        field_text(&stage, FIELD_SOURCE,
                   (struct addr_range[]){{{0, 0}, {0, 0xC00001FF}}, {{0, 0xC0000300}, {0, UINT32_MAX}}}, 2),
        "from not 192.0.2.0/24");
    for (size_t i = 0; i < array_length(ports); i++)
        ports[i] = (struct addr_range){{0, 10 * i}, {0, 10 * i + 1}};
    assert_string_equal(field_text(&stage, FIELD_SOURCE_PORT, ports, array_length(ports)),
                        "from port 0-1,10-11,20-21,30-31,40-41,50-51,and-3-more");
    assert_string_equal(
        field_text(&stage, FIELD_PROTOCOL, (struct addr_range[]){{{0, 0}, {0, 5}}, {{0, 7}, {0, 255}}}, 2),
        "not tcp");
    assert_string_equal(field_text(&stage, FIELD_PROTOCOL, (struct addr_range[]){{{0, 99}, {0, 120}}}, 1),
                        "protocol 99-120");
    assert_string_equal(
        field_text(&stage, FIELD_STATE, (struct addr_range[]){{{0, 0}, {0, 0}}, {{0, 2}, {0, 3}}}, 2),
        "not established");
    assert_string_equal(
        field_text(&stage, FIELD_IN, (struct addr_range[]){{{0, INTERFACE_OTHER}, {0, UINT32_MAX}}}, 1),
        "in any");
    stage_close(&stage);
}

TEST(a_protocol_of_the_other_family_is_a_number)
{
    static const char *const sets[] = {"in any", NULL};
    struct addr_range icmp = {{0, PROTOCOL_ICMP}, {0, PROTOCOL_ICMP}},
                      icmpv6 = {{0, PROTOCOL_ICMPV6}, {0, PROTOCOL_ICMPV6}};

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct stage stage = {0};

        stage_open(&stage, family, NULL, sets);
        assert_string_equal(field_text(&stage, FIELD_PROTOCOL, &icmp, 1),
                            family == FAMILY_IPV4 ? "icmp" : "protocol 1");
        assert_string_equal(field_text(&stage, FIELD_PROTOCOL, &icmpv6, 1),
                            family == FAMILY_IPV4 ? "protocol 58" : "ipv6-icmp");
        stage_close(&stage);
    }
}

TEST(interfaces_are_said_by_name)
{
    static const char *const sets[] = {"in eth0 out eth1", NULL};
    struct stage stage = {0};
    uint64_t eth0;

    stage_open(&stage, FAMILY_IPV4, NULL, sets);
    eth0 = packet_space_interface(&stage.space, "eth0");
    assert_string_equal(field_text(&stage, FIELD_IN, (struct addr_range[]){{{0, eth0}, {0, eth0}}}, 1),
                        "in eth0");
    assert_string_equal(field_text(&stage, FIELD_OUT,
                                   (struct addr_range[]){{{0, INTERFACE_OTHER}, {0, eth0 - 1}},
                                                         {{0, eth0 + 1}, {0, UINT32_MAX}}},
                                   2),
                        "out not eth0");
    stage_close(&stage);
}

TEST(flags_are_said_as_people_write_them)
{
    static const char *const sets[] = {"in any", NULL};
    struct stage stage = {0};

    stage_open(&stage, FAMILY_IPV4, NULL, sets);
    assert_string_equal(field_text(&stage, FIELD_FLAGS, (struct addr_range[]){{{0, 0x12}, {0, 0x12}}}, 1),
                        "with syn,ack without fin,rst,psh,urg");
    assert_string_equal(field_text(&stage, FIELD_FLAGS, (struct addr_range[]){{{0, 0}, {0, 0}}}, 1),
                        "no-flags");
    assert_string_equal(field_text(&stage, FIELD_FLAGS, (struct addr_range[]){{{0, 1}, {0, 63}}}, 1),
                        "not no-flags");
    assert_string_equal(field_text(&stage, FIELD_FLAGS, (struct addr_range[]){{{0, 32}, {0, 63}}}, 1),
                        "with urg");
    assert_string_equal(field_text(&stage, FIELD_FLAGS, (struct addr_range[]){{{0, 0}, {0, 31}}}, 1),
                        "without urg");
    assert_string_equal(field_text(&stage, FIELD_FLAGS, (struct addr_range[]){{{0, 48}, {0, 63}}}, 1),
                        "with ack,urg");
    assert_string_equal(field_text(&stage, FIELD_FLAGS, (struct addr_range[]){{{0, 3}, {0, 10}}}, 1),
                        "with rst without psh,ack,urg or with psh without fin,rst,ack,urg or with fin,syn "
                        "without psh,ack,urg or with psh without syn,rst,ack,urg");
    stage_close(&stage);
}

// What the rules ask makes the space; the packet is looked for in the set.
static const char *const rules =
    "*filter\n:INPUT DROP [0:0]\n"
    "-A INPUT -i eth+ -p tcp -m tcp --dport 22 -m limit --limit 5/sec -j ACCEPT\n"
    "-A INPUT -i ppp0 -m owner --uid-owner 0 -j ACCEPT\n"
    "-A INPUT -m socket -j ACCEPT\nCOMMIT\n";

TEST(what_is_said_of_a_packet_holds_such_packets_alone)
{
    static const char *const rows[] = {
        "in any",
        "in lo",
        "in eth+ tcp to port 22",
        "in ppp0 udp from 192.0.2.0/24 port 53 to port 1024-65535",
        "in any tcp from port 53 ack established",
        "in any tcp rst",
        "in any tcp no-flags invalid",
        "in any tcp fin psh urg",
        "in any icmp type 3 code 4",
        "in any protocol 99",
        "in any protocol 99 related",
        "in any udp cast multicast",
        "in any udp socket wildcard",
        "in any hop 255",
        "in any udp to 224.0.0.0/4",
        "in eth0 out eth1 tcp to port 25 new",
        "in any out any sctp to port 5060",
        "out any",
        "out eth0 tcp from port 80 ack established",
        "out any udp cast broadcast",
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        const char *sets[] = {rows[i], "in lo", NULL, NULL};
        struct stage stage = {0}, reader = {0};
        enum hook hook, again;
        field_value *packet;
        diagram set, said;

        stage_open(&stage, FAMILY_IPV4, rules, sets);
        set = read_set(&stage, rows[i], &hook);
        packet = arena_calloc(&stage.arena, FIELD_COUNT + stage.space.unknowns.count, sizeof(*packet));
        if (!find_packet(&stage.space, hook, set, packet))
            fail_msg("%s: no packet", rows[i]);
        assert_int_equal(diagram_evaluate(stage.space.diagrams, set, packet), 1);
        describe_packet(&stage.text, &stage.space, hook, packet, set);
        sets[2] = stage.text.bytes;
        stage_open(&reader, FAMILY_IPV4, rules, sets);
        said = read_set(&reader, sets[2], &again);
        assert_int_equal(again, hook);
        set = read_set(&reader, rows[i], &hook);
        if (said == set_none(&reader.space) || set_minus(&reader.space, said, set) != set_none(&reader.space))
            fail_msg("%s: %s holds none or others", rows[i], sets[2]);
        stage_close(&reader);
        stage_close(&stage);
    }
}

TEST(packets_are_usual_ones)
{
    static const struct {
        const char *set, *said;
        enum family family;
    } rows[] = {
        {"in any", "in eth0 tcp from 198.51.100.9 to 192.0.2.1 port 8080", FAMILY_IPV4},
        {"in any", "in eth0 tcp from 2001:db8::9 to 2001:db8:0:1::1 port 8080", FAMILY_IPV6},
        {"out any", "out eth0 tcp from 192.0.2.1 to 198.51.100.9 port 8080", FAMILY_IPV4},
        {"in any out any", "in eth0 out eth1 tcp from 198.51.100.9 to 192.0.2.1 port 8080", FAMILY_IPV4},
        {"udp from 203.0.113.0/24", "in eth0 udp from 203.0.113.9 to 192.0.2.1 port 8080", FAMILY_IPV4},
        {"udp from 203.0.113.0", "in eth0 udp from 203.0.113.0 to 192.0.2.1 port 8080", FAMILY_IPV4},
        {"tcp established", "in eth0 tcp from 198.51.100.9 to 192.0.2.1 port 8080 established", FAMILY_IPV4},
        {"icmpv6", "in eth0 ipv6-icmp from 2001:db8::9 to 2001:db8:0:1::1 type 128", FAMILY_IPV6},
        {"icmp type 3", "in eth0 icmp from 198.51.100.9 to 192.0.2.1 type 3", FAMILY_IPV4},
        {"in wlan+", "in wlan0 tcp from 198.51.100.9 to 192.0.2.1 port 8080", FAMILY_IPV4},
        {"in eth+", "in eth0 tcp from 198.51.100.9 to 192.0.2.1 port 8080", FAMILY_IPV4},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        const char *const sets[] = {rows[i].set, NULL};
        struct stage stage = {0};
        field_value *packet;
        enum hook hook;
        diagram set;

        stage_open(&stage, rows[i].family, NULL, sets);
        set = read_set(&stage, rows[i].set, &hook);
        packet = arena_calloc(&stage.arena, FIELD_COUNT + stage.space.unknowns.count, sizeof(*packet));
        assert_true(find_packet(&stage.space, hook, set, packet));
        describe_packet(&stage.text, &stage.space, hook, packet, set);
        assert_string_equal(stage.text.bytes, rows[i].said);
        stage_close(&stage);
    }
}

RUN_TESTS(CASE(sets_of_the_notation_are_said_as_they_were_asked),
          CASE(lists_are_said_by_what_they_leave_out_where_that_is_shorter),
          CASE(a_protocol_of_the_other_family_is_a_number), CASE(interfaces_are_said_by_name),
          CASE(flags_are_said_as_people_write_them), CASE(what_is_said_of_a_packet_holds_such_packets_alone),
          CASE(packets_are_usual_ones))
