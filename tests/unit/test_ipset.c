// SPDX-License-Identifier: GPL-2.0-or-later
//
// Texts of sets: what is read of them, and what is refused.
#include "support/test.h"

#include <stdio.h>

#include "unit/ipset_text.h"

static void print_member(struct buf *out, const struct ipset *set, const struct ipset_member *member)
{
    const struct ipset_type *type = &ipset_types[set->kind];

    if (type->addresses)
        addr_print(out, set->family, member->prefix.addr);
    if (type->addresses && member->prefix.bits != family_bits(set->family))
        buf_printf(out, "/%u", member->prefix.bits);
    if (member->protocol)
        buf_printf(out, ",%u:", member->protocol);
    if (type->ports)
        buf_number(out, member->port);
}

// The text is taken, and the members of the set `a` are these.
static void assert_members(const char *bytes, const char *members)
{
    const struct ipset *set;
    struct buf out = {0};
    struct text text;

    buf_text(&out, "");
    text_read(&text, bytes);
    if (!text.fine)
        fail_msg("%s\nis refused: %s", bytes, text.diags.items.items[0].message);
    set = ipset_find(&text.list, slice_of("a"));
    assert_non_null(set);
    if (set->kind == IPSET_OTHER)
        buf_text(&out, "unknown");
    for (size_t i = 0; i < set->count; i++) {
        buf_text(&out, i ? " " : "");
        print_member(&out, set, &set->members[i]);
    }
    assert_string_equal(out.bytes, members);
    buf_clear(&out);
    text_close(&text);
}

// The text is refused at that place, with one mistake.
static void assert_refused(const char *bytes, uint32_t line, uint32_t column, const char *message)
{
    const struct diag *diag;
    struct text text;

    text_read(&text, bytes);
    if (text.fine)
        fail_msg("%s\nis taken", bytes);
    diag = &text.diags.items.items[0];
    assert_int_equal(text.diags.counts[SEVERITY_ERROR], 1);
    assert_int_equal(diag->code, DIAG_IPSET);
    assert_contains(diag->message, message);
    if (diag->span.line != line || diag->span.column != column)
        fail_msg("%s\nis refused at %u:%u", bytes, diag->span.line, diag->span.column);
    text_close(&text);
}

TEST(what_ipset_saves_is_read)
{
    struct text text;

    text_read(
        &text,
        "create a hash:ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x14214a35\n"
        "add a 192.0.2.8\nadd a 192.0.2.1\n"
        "create b bitmap:port range 1-100 counters\nadd b 5 packets 0 bytes 0\nadd b 4 packets 1 bytes 2\n"
        "create c hash:net,port family inet6 hashsize 64 maxelem 65536 comment skbinfo\n"
        "add c 2001:db8::/32,udp:53 comment \"a b # \\\" skbmark 0x1/0xff skbprio 1:10 skbqueue 5\n"
        "create d list:set size 8\nadd d a\n");
    assert_true(text.fine);
    assert_int_equal(text.list.count, 4);
    assert_int_equal(text.list.items[0]->kind, IPSET_HASH_IP);
    assert_int_equal(text.list.items[0]->count, 2);
    assert_int_equal(text.list.items[0]->members[0].prefix.addr.low, 0xC0000201);
    assert_int_equal(text.list.items[0]->members[0].prefix.bits, 32);
    assert_int_equal(text.list.items[1]->kind, IPSET_BITMAP_PORT);
    assert_int_equal(text.list.items[1]->members[0].port, 4);
    assert_int_equal(text.list.items[2]->family, FAMILY_IPV6);
    assert_int_equal(text.list.items[2]->members[0].protocol, 17);
    assert_int_equal(text.list.items[2]->members[0].prefix.bits, 32);
    assert_int_equal(text.list.items[3]->kind, IPSET_OTHER);
    assert_null(ipset_find(&text.list, slice_of("e")));
    text_close(&text);
}

TEST(a_text_without_a_set_is_fine)
{
    struct text text;

    text_read(&text, "");
    assert_true(text.fine);
    assert_int_equal(text.list.count, 0);
    text_close(&text);
    text_read(&text, "\n# create a hash:ip\n \t\r\nCOMMIT");
    assert_true(text.fine);
    assert_int_equal(text.list.count, 0);
    text_close(&text);
}

TEST(commands_have_many_forms)
{
    static const char *const forms[] = {
        "create a hash:ip\nadd a 192.0.2.1\n",
        "  create\ta   hash:ip \r\n\n   # a comment\n  add a 192.0.2.1  ",
        "n a hash:ip\na a 192.0.2.1\n",
        "-N a iphash\n-A a 192.0.2.1\n",
        "--create a hash:ip --family inet --maxelem 0x10\n--add a 192.0.2.1\n",
        "create a hash:ip -exist\n-! add a 192.0.2.1\ncreate a hash:ip\nadd a 192.0.2.1\n",
        "-quiet create a hash:ip -4 forceadd probes 8\nadd -exist a 192.0.2.1\n",
        "create \"a\" hash:ip\nadd a\"\" \"192.0.2.1\"\n",
        "create b hash:ip\nadd b 192.0.2.1\nrename b a\n",
        "create b hash:ip\nadd b 192.0.2.1\ncreate a hash:ip\nadd a 192.0.2.2\nswap a b\ndestroy b\n",
        "create a hash:ip\nadd a 192.0.2.9\nflush a\nadd a 192.0.2.1\n",
        "create a hash:ip\nadd a 192.0.2.9\nflush\nadd a 192.0.2.1\n",
        "create a hash:net\nadd a 192.0.2.9\ndestroy a\ncreate a hash:ip\nadd a 192.0.2.1\n",
        "create a hash:net\nadd a 192.0.2.9\ndestroy\ncreate a hash:ip\nadd a 192.0.2.1\n",
    };

    for (size_t i = 0; i < array_length(forms); i++)
        assert_members(forms[i], "192.0.2.1");
    // What is destroyed leaves nothing behind.
    assert_members("create b hash:net\ncreate a hash:net\nadd a 192.0.2.9\ndestroy\ncreate c hash:ip\n" IP
                   "create b hash:ip\nadd b 192.0.2.2\nadd a 192.0.2.1\ndestroy b\ncreate d hash:ip\n",
                   "192.0.2.1");
}

TEST(members_are_expanded_as_the_kernel_does)
{
    assert_members(IP "add a 192.0.2.9/30\nadd a 192.0.2.8\n", "192.0.2.8 192.0.2.9 192.0.2.10 192.0.2.11");
    assert_members(IP "add a 192.0.2.3-192.0.2.1\n", "192.0.2.1 192.0.2.2 192.0.2.3");
    assert_members(IP "add a 255.255.255.254-255.255.255.255\n", "255.255.255.254 255.255.255.255");
    assert_members(IP "add a 10.1\nadd a 010.0.0.2\nadd a 16909060\nadd a [10.0.0.9]/+31\n",
                   "1.2.3.4 8.0.0.2 10.0.0.1 10.0.0.8 10.0.0.9");
    assert_members(NET "add a 192.0.2.9/24\nadd a 192.0.2.0\nadd a 0.0.0.0\nadd a 128.0.0.0/1\n",
                   "0.0.0.0 128.0.0.0/1 192.0.2.0/24 192.0.2.0");
    assert_members(NET "add a 192.0.2.9-192.0.2.0\n", "192.0.2.0/29 192.0.2.8/31");
    assert_members(NET "add a 0.0.0.0-191.255.255.255\n", "0.0.0.0/1 128.0.0.0/2");
    // The kernel takes these one by one, for the end is 2^31 addresses away.
    assert_members(NET "add a 127.255.255.252-255.255.255.255\n",
                   "127.255.255.252 127.255.255.253 127.255.255.254 127.255.255.255 128.0.0.0/1");
    assert_members(IP6 "add a 2001:db8::2\nadd a [2001:db8::1]\nadd a 2001:db8::3/128\n",
                   "2001:db8::1 2001:db8::2 2001:db8::3");
    assert_members(NET6 "add a 2001:db8::1/32\nadd a ::\nadd a ::/1\n", "::/1 :: 2001:db8::/32");
    assert_members(IPPORT "add a 192.0.2.1,80\nadd a 192.0.2.1,UDP:54-53\nadd a 192.0.2.0/31,sctp:0x50\nadd "
                          "a 192.0.2.0,136:0\n",
                   "192.0.2.0,132:80 192.0.2.0,136:0 192.0.2.1,6:80 192.0.2.1,17:53 192.0.2.1,17:54 "
                   "192.0.2.1,132:80");
    assert_members(PORTS "add a 12-10\nadd a udp:80\nadd a 11\nadd a 1000\n", "10 11 12 80 1000");
    assert_members("create a bitmap:port from 0 to 65535\nadd a 0\nadd a 65535\n", "0 65535");
    assert_members("create a portmap --from 9 --to 1\nadd a 1-9\n", "1 2 3 4 5 6 7 8 9");
}

// Every IPv4 range of an edge: the prefixes cover it, and nothing else.
TEST(ranges_are_prefixes_one_behind_the_other)
{
    for (unsigned first = 0; first < 20; first++) {
        for (unsigned last = first; last < 20; last++) {
            char bytes[128];
            struct text text;
            unsigned next = first;

            snprintf(bytes, sizeof(bytes), NET "add a 255.255.255.%u-255.255.255.%u\n", 236 + first,
                     236 + last);
            text_read(&text, bytes);
            assert_true(text.fine);
            for (size_t i = 0; i < text.list.items[0]->count; i++) {
                const struct addr_range range =
                    prefix_range(FAMILY_IPV4, text.list.items[0]->members[i].prefix);

                assert_int_equal(range.first.low, 0xFFFFFF00 + 236 + next);
                next += (unsigned)(range.last.low - range.first.low) + 1;
            }
            assert_int_equal(next, last + 1);
            text_close(&text);
        }
    }
}

TEST(what_is_more_than_its_members_is_unknown)
{
    static const char *const texts[] = {
        "create a hash:ip timeout 300\nadd a 192.0.2.1 timeout 5\n",
        "create a hash:ip netmask 24\nadd a 192.0.2.1\n",
        "create a hash:ip bitmask 255.255.0.0\nadd a 192.0.2.1\n",
        NET "add a 192.0.2.0/24\nadd a 192.0.2.1 nomatch\nadd a 192.0.2.2\n",
        IPPORT "add a 192.0.2.1,80\nadd a 192.0.2.1,icmp:8/0\n",
        IPPORT "add a 192.0.2.1,icmp:echo-request\n",
        IPPORT "add a 192.0.2.1,esp:0\n",
        "create a hash:ip,mark\nadd a 192.0.2.1,5\n",
        "create a hash:mac maxelem 5\nadd a 02:00:00:00:00:01\n",
    };

    for (size_t i = 0; i < array_length(texts); i++)
        assert_members(texts[i], "unknown");
}

// It is told, once for a set.
TEST(what_only_the_host_knows_is_unknown)
{
    static const char *const texts[] = {IP "add a localhost\nadd a other.example\n",
                                        IP "add a [my-host]/24\n", IPPORT "add a 192.0.2.1,[ftp-data]\n",
                                        PORTS "add a tcp:http-https\n",
                                        "create a bitmap:port range http-https\nadd a ssh\n"};

    for (size_t i = 0; i < array_length(texts); i++) {
        struct text text;

        assert_members(texts[i], "unknown");
        text_read(&text, texts[i]);
        assert_int_equal(text.diags.counts[SEVERITY_WARNING], 1);
        assert_contains(text.diags.items.items[0].message, "only the host knows");
        text_close(&text);
    }
}

TEST(commands_that_ipset_refuses_are_refused_where_they_stand)
{
    static const struct {
        const char *bytes;
        uint32_t line, column;
        const char *message;
    } cases[] = {
        {"foo a\n", 1, 1, "`foo` is no command"},
        {"\n ipset create a hash:ip\n", 2, 2, "`ipset` is no command"},
        {"Name: a\n", 1, 1, "`Name:` is no command"},
        {"-Z a\n", 1, 1, "`-Z` is no command"},
        {"create\n", 1, 1, "name of a set is missing"},
        {"create a\n", 1, 1, "type of the set is missing"},
        {"create a hash:ipp\n", 1, 10, "`hash:ipp` is no type"},
        {"create a2345678901234567890123456789012 hash:ip\n", 1, 8, "31 bytes"},
        {IP IP, 2, 8, "created twice"},
        {IP "-exist create a hash:net\n", 2, 15, "created twice"},
        {IP "create a hash:ip maxelem 5 -exist\n", 2, 8, "created twice"},
        {IP "create a hash:ip counters -exist\n", 2, 8, "created twice"},
        {"create a bitmap:port range 1-5\ncreate a bitmap:port range 1-6 -exist\n", 2, 8, "created twice"},
        {"create a hash:ip family inet5\n", 1, 25, "inet or inet6"},
        {"create a hash:ip family inet family inet\n", 1, 30, "family stands twice"},
        {"create a hash:ip maxelem 1x\n", 1, 26, "a number up to 4294967295"},
        {"create a hash:ip hashsize 4294967296\n", 1, 27, "a number up to 4294967295"},
        {"create a hash:ip timeout 2147484\n", 1, 26, "a number up to 2147483"},
        {"create a hash:ip timeout\n", 1, 18, "a value follows timeout"},
        {"create a hash:ip range 1-2\n", 1, 18, "no option `range`"},
        {"create a hash:net netmask 24\n", 1, 19, "no option `netmask`"},
        {"create a bitmap:port family inet range 1-2\n", 1, 22, "no option `family`"},
        {"create a bitmap:port\n", 1, 1, "needs a range"},
        {"create a bitmap:port from 5\n", 1, 1, "needs a range"},
        {"create a bitmap:port range 5\n", 1, 28, "both ends"},
        {"create a bitmap:port range 0-65536\n", 1, 30, "`65536` is no port"},
        {IP "flush b\n", 2, 7, "no set `b`"},
        {IP "flush a b\n", 2, 9, "nothing follows"},
        {IP "destroy b\n", 2, 9, "no set `b`"},
        {IP "destroy a\nadd a 192.0.2.1\n", 3, 5, "no set `a`"},
        {IP "rename a\n", 2, 1, "new name is missing"},
        {IP "rename a a\n", 2, 10, "of that name already"},
        {IP "rename a b\nadd a 192.0.2.1\n", 3, 5, "no set `a`"},
        {IP "swap a b\n", 2, 8, "no set `b`"},
        {IP "create b hash:net\nswap a b\n", 3, 1, "same type and family"},
        {IP "create b hash:ip family inet6\nswap a b\n", 3, 1, "same type and family"},
        {IP "restore\n", 2, 1, "`restore` does not"},
        {IP "add a 192.0.2.1\ndel a 192.0.2.1\n", 3, 1, "`del` does not"},
        {IP "add a 192.0.2.1 x\1\n", 2, 1, "not fit to print"},
        {"create a\1 hash:ip\n", 1, 1, "not fit to print"},
        {"create a hash:ip \"\n", 1, 18, "quote is left open"},
        {"create a hash:ip counters counters counters counters counters counters counters counters counters "
         "counters counters counters counters counters counters counters counters counters counters counters "
         "counters counters counters counters counters counters counters counters\n",
         1, 252, "no more than 29 words"},
    };

    for (size_t i = 0; i < array_length(cases); i++)
        assert_refused(cases[i].bytes, cases[i].line, cases[i].column, cases[i].message);
}

TEST(members_that_ipset_refuses_are_refused_where_they_stand)
{
    static const struct {
        const char *bytes;
        uint32_t line, column;
        const char *message;
    } cases[] = {
        {IP "add b 192.0.2.1\n", 2, 5, "no set `b`"},
        {IP "add a\n", 2, 1, "member is missing"},
        {IP "add\n", 2, 1, "name of a set is missing"},
        {IP "add a 192.0.2.256\n", 2, 7, "`192.0.2.256` is no address"},
        {IP "add a 192.0.2.1/33\n", 2, 17, "up to 32"},
        {IP "add a 192.0.2.1/255.255.255.0\n", 2, 17, "up to 32"},
        {IP "add a 192.0.2.1/0\n", 2, 17, "length 0"},
        {IP "add a 192.0.2.1-\n", 2, 17, "`` is no address"},
        {IP "add a 2001:db8::1\n", 2, 7, "addresses of IPv4"},
        {IP "add a 192.0.2.1,80\n", 2, 7, "addresses alone"},
        {IP "add a 0.0.0.0\n", 2, 7, "holds the address 0.0.0.0"},
        {IP "add a 0.0.0.0/1\n", 2, 7, "holds the address 0.0.0.0"},
        {IP "add a 192.0.2.1 192.0.2.2\n", 2, 17, "no option of a member"},
        {IP "add a 192.0.2.1 nomatch\n", 2, 17, "nomatch is for sets of prefixes"},
        {IP "add a 192.0.2.1 timeout 5\n", 2, 17, "without timeout"},
        {IP "add a 192.0.2.1 packets 5\n", 2, 17, "without counters"},
        {IP "add a 192.0.2.1 comment \"ä\"\n", 2, 17, "without comment"},
        {IP "add a 192.0.2.1 skbmark 0x1\n", 2, 17, "without skbinfo"},
        {"create a hash:ip counters\nadd a 192.0.2.1 packets -1\n", 2, 25, "a number up to"},
        {"create a hash:ip counters\nadd a 192.0.2.1 packets 1 packets 1\n", 2, 27, "stands twice"},
        {"create a hash:ip counters\nadd a 192.0.2.1 packets\n", 2, 17, "a value follows"},
        {"create a hash:ip maxelem 4\nadd a 192.0.2.0/29\n", 2, 7, "these are 8 members"},
        {"create a hash:ip maxelem 2\nadd a 192.0.2.1\nadd a 192.0.2.1\nadd a 192.0.2.2\nadd a 192.0.2.3\n",
         1, 1, "gets 3 members"},
        {"create a hash:ip maxelem 2\nadd a 192.0.2.1-192.0.2.2\nadd a 192.0.2.3\nflush\n", 1, 1,
         "gets 3 members"},
        {"create a hash:ip maxelem 4294967295\nadd a 2.0.0.0/7\n", 2, 7, "more than the 16777216"},
        {NET "add a 0.0.0.0/0\n", 2, 15, "length 0"},
        {NET "add a 0.0.0.0-255.255.255.255\n", 2, 7, "no range of all addresses"},
        {NET "add a 0.0.0.1-255.255.255.255\n", 2, 7, "address by address"},
        {IP6 "add a ::\n", 2, 7, "holds the address ::"},
        {IP6 "add a 2001:db8::/64\n", 2, 7, "single addresses of IPv6"},
        {IP6 "add a 192.0.2.1\n", 2, 7, "addresses of IPv6"},
        {NET6 "add a ::1-::2\n", 2, 7, "ranges of IPv4 alone"},
        {NET6 "add a ::/129\n", 2, 10, "up to 128"},
        {IPPORT "add a 192.0.2.1\n", 2, 7, "ADDRESS,PROTOCOL:PORT"},
        {IPPORT "add a 192.0.2.1,\n", 2, 17, "is no port"},
        {IPPORT "add a 192.0.2.1,tpc:80\n", 2, 17, "`tpc` is no protocol"},
        {IPPORT "add a 192.0.2.1,dccp:1\n", 2, 17, "no ports of the protocol `dccp`"},
        {IPPORT "add a 192.0.2.1,80-90-100\n", 2, 20, "`90-100` is no port"},
        {IPPORT "add a 192.0.2.1,080\n", 2, 17, "`080` is no port"},
        {IPPORT "add a 0.0.0.0,80\n", 2, 7, "holds the address 0.0.0.0"},
        {PORTS "add a 1001\n", 2, 7, "the ports 1-1000"},
        {PORTS "add a 0\n", 2, 7, "the ports 1-1000"},
        {PORTS "add a 900-1001\n", 2, 7, "the ports 1-1000"},
        {PORTS "add a sctp:80\n", 2, 7, "about TCP and UDP"},
        {PORTS "add a 10,11\n", 2, 7, "ports alone"},
    };

    for (size_t i = 0; i < array_length(cases); i++)
        assert_refused(cases[i].bytes, cases[i].line, cases[i].column, cases[i].message);
}

TEST(mistakes_have_hints)
{
    static const struct {
        const char *bytes, *hint;
    } cases[] = {
        {"creat a hash:ip\ncreate b hash:np\n", "did you mean hash:ip?"},
        {"create a hash:ip maxelm 5\n", "did you mean maxelem?"},
        {IP "add a 192.0.2.1 coment x\n", "did you mean comment?"},
        {IPPORT "add a 192.0.2.1,tpc:80\n", "did you mean tcp?"},
        {NET "add a 0.0.0.0/0\n", "0.0.0.0/1 and 128.0.0.0/1 are all addresses"},
        {"create a hash:ip maxelem 4\nadd a 192.0.2.0/29\n", "create a hash:ip maxelem 8"},
        {"ipset create a hash:ip\n", "leave out the word ipset"},
        {"Name: a\n", "`ipset save` prints what can be read again"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct text text;

        text_read(&text, cases[i].bytes);
        assert_false(text.fine);
        assert_non_null(text.diags.items.items[0].hint);
        assert_string_equal(text.diags.items.items[0].hint, cases[i].hint);
        text_close(&text);
    }
}

// All mistakes are reported, but not each member of a set that cannot be.
TEST(a_set_that_cannot_be_is_reported_once)
{
    struct text text;

    text_read(&text, "create a hash:foo\nadd a x\nadd a y\ncreate b hash:ip\nadd b !\nadd b 192.0.2.1 x\n");
    assert_false(text.fine);
    assert_int_equal(text.diags.counts[SEVERITY_ERROR], 3);
    assert_int_equal(text.diags.items.items[1].span.line, 5);
    assert_int_equal(text.diags.items.items[2].span.line, 6);
    text_close(&text);
}

RUN_TESTS(CASE(what_ipset_saves_is_read), CASE(a_text_without_a_set_is_fine), CASE(commands_have_many_forms),
          CASE(members_are_expanded_as_the_kernel_does), CASE(ranges_are_prefixes_one_behind_the_other),
          CASE(what_is_more_than_its_members_is_unknown), CASE(what_only_the_host_knows_is_unknown),
          CASE(commands_that_ipset_refuses_are_refused_where_they_stand),
          CASE(members_that_ipset_refuses_are_refused_where_they_stand), CASE(mistakes_have_hints),
          CASE(a_set_that_cannot_be_is_reported_once))
