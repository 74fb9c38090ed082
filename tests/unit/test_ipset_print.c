// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets as they are printed, and the names that they get.
#include "support/test.h"

#include <stdlib.h>
#include <time.h>

#include "unit/ipset_text.h"

static void assert_same(const struct ipset *a, const struct ipset *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->family, b->family);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_int_equal(ipset_member_compare(&a->members[i], &b->members[i]), 0);
}

// What is printed, twice, reads as the set.
static void assert_read_back(const struct ipset *set)
{
    struct buf out = {0};
    struct text text;

    ipset_print(&out, set);
    ipset_print(&out, set);
    text_read_bytes(&text, out.bytes, out.length);
    if (!text.fine)
        fail_msg("%s", text.diags.items.items[0].message);
    assert_int_equal(text.list.count, 1);
    assert_same(set, text.list.items[0]);
    text_close(&text);
    buf_clear(&out);
}

TEST(printed_sets_are_read_back)
{
    struct text text;

    text_read(&text, IP "add a 192.0.2.0/29\n"
                        "create \"a b\" hash:net\nadd \"a b\" 0.0.0.1-127.255.255.255\n"
                        "create c hash:net family inet6\nadd c 2001:db8::/32\nadd c ::1\n"
                        "create d hash:ip,port\nadd d 192.0.2.1,80-90\nadd d 192.0.2.1,sctp:65535\nadd d "
                        "192.0.2.1,udplite:0\n"
                        "create e bitmap:port range 0-65535\nadd e 0-5\nadd e 65530-65535\n"
                        "create f hash:net,port family inet6\nadd f 2001:db8::/64,udp:0-65535\n"
                        "create g hash:ip\ncreate h bitmap:port range 5-6\n");
    assert_true(text.fine);
    assert_int_equal(text.list.count, 8);
    for (size_t i = 0; i < text.list.count; i++)
        assert_read_back(text.list.items[i]);
    text_close(&text);
}

TEST(printed_text_is_this)
{
    struct buf out = {0};
    struct text text;

    text_read(&text, NET "add a 192.0.2.0/24\nadd a 192.0.2.1\n"
                         "create b bitmap:port range 0-65535\nadd b 80\nadd b 443-445\n"
                         "create c hash:ip,port family inet6\nadd c ::1,80-81\nadd c ::1,udp:53\n"
                         "create d bitmap:port range 5-6\n");
    for (size_t i = 0; i < text.list.count; i++)
        ipset_print(&out, text.list.items[i]);
    assert_string_equal(out.bytes, "create a hash:net family inet hashsize 64 maxelem 65536 -exist\n"
                                   "add a 192.0.2.0/24\n"
                                   "add a 192.0.2.1\n"
                                   "create b bitmap:port range 80-445 -exist\n"
                                   "add b 80\n"
                                   "add b 443-445\n"
                                   "create c hash:ip,port family inet6 hashsize 64 maxelem 65536 -exist\n"
                                   "add c ::1,tcp:80-81\n"
                                   "add c ::1,udp:53\n"
                                   "create d bitmap:port range 0-65535 -exist\n");
    buf_clear(&out);
    text_close(&text);
}

TEST(a_name_says_what_it_is_for_and_tells_sets_apart)
{
    static const char *const texts[] = {IP "add a 192.0.2.1\n",
                                        IP "add a 192.0.2.2\n",
                                        IP "add a 192.0.2.1-192.0.2.2\n",
                                        NET "add a 192.0.2.1\n",
                                        NET "add a 192.0.2.1/31\n",
                                        IP,
                                        IPPORT "add a 192.0.2.1,1\n",
                                        IPPORT "add a 192.0.2.1,2\n",
                                        IPPORT "add a 192.0.2.1,udp:1\n",
                                        IP6,
                                        PORTS,
                                        IP6 "add a ::192.0.2.1\n",
                                        PORTS "add a 1\n"};
    const char *names[array_length(texts)];
    struct arena arena = {0};

    for (size_t i = 0; i < array_length(texts); i++) {
        struct text text;

        text_read(&text, texts[i]);
        assert_true(text.fine);
        names[i] = ipset_name(&arena, "trust", text.list.items[0]);
        assert_int_equal(strlen(names[i]), strlen("ctc-trust-") + 12);
        assert_memory_equal(names[i], "ctc-trust-", strlen("ctc-trust-"));
        assert_int_equal(strspn(names[i] + strlen("ctc-trust-"), "0123456789abcdef"), 12);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
        text_close(&text);
    }

    struct text text;

    // Whatever it is called, and in whatever order it was written.
    text_read(&text, "create b hash:ip maxelem 5\nadd b 192.0.2.2\nadd b 192.0.2.1\nadd b 192.0.2.2\n");
    assert_string_equal(ipset_name(&arena, "trust", text.list.items[0]), names[2]);
    assert_int_equal(strlen(ipset_name(&arena, "a-name-that-is-long", text.list.items[0])), IPSET_NAME_MAX);
    assert_memory_equal(ipset_name(&arena, "a-name-that-i-long", text.list.items[0]), "ctc-a-name-that-i-",
                        18);
    assert_memory_equal(ipset_name(&arena, "a-name-that-is-long", text.list.items[0]), "ctc-a-name-that-is-",
                        19);
    assert_memory_equal(ipset_name(&arena, "a-name-that---long", text.list.items[0]), "ctc-a-name-that-", 16);
    text_close(&text);
    arena_clear(&arena);
}

// A member more or less, or another one, changes about half of the digits.
TEST(names_of_like_sets_are_far_apart)
{
    enum { SETS = 2000 };
    struct ipset_member member = {.prefix = {{0, 0}, 32}};
    struct ipset set = {
        .name = "a", .kind = IPSET_HASH_IP, .family = FAMILY_IPV4, .members = &member, .count = 1};
    struct arena arena = {0};
    const char **names = calloc(SETS, sizeof(*names));
    size_t changed = 0;

    assert_non_null(names);
    for (size_t i = 0; i < SETS; i++) {
        member.prefix.addr.low = i;
        names[i] = ipset_name(&arena, "", &set);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
        for (size_t k = 0; i && k < strlen(names[i]); k++)
            changed += names[i][k] != names[i - 1][k];
    }
    // Fifteen of sixteen digits differ by chance.
    assert_true(changed > (SETS - 1) * 12 * 14 / 16);
    free(names);
    arena_clear(&arena);
}

static double seconds_since(struct timespec start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
}

// In no order, and to many sets in turn: neither may cost more than in order and to one.
TEST(a_million_members_are_read_and_printed_at_once)
{
    enum { MILLION = 1000000, SETS = 1000 };
    struct buf out = {0};
    struct timespec start;
    struct text text;

    buf_text(&out, "create a hash:ip maxelem 1000000\n");
    for (uint32_t i = 0; i < MILLION; i++) {
        const uint32_t scattered = (i + 1) * 2654435761U; // odd: none comes twice

        buf_text(&out, "add a ");
        addr_print(&out, FAMILY_IPV4, (struct addr){0, scattered});
        buf_char(&out, '\n');
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    text_read_bytes(&text, out.bytes, out.length);
    assert_true(text.fine);
    assert_int_equal(text.list.items[0]->count, MILLION);
    out.length = 0;
    ipset_print(&out, text.list.items[0]);
    assert_true(seconds_since(start) <
                20); // a twentieth of it where nothing else runs, and nothing is checked
    assert_read_back(text.list.items[0]);
    text_close(&text);

    out.length = 0;
    for (unsigned i = 0; i < SETS; i++)
        buf_printf(&out, "create set-%u hash:net\n", i);
    for (unsigned i = 0; i < 100 * SETS; i++)
        buf_printf(&out, "add set-%u 10.%u.%u.0/24\n", i % SETS, i / SETS, i % 256);
    for (unsigned i = 0; i < 100 * SETS; i++)
        buf_printf(&out, "add set-%u 10.0.0.1\nflush\n", i % SETS);
    text_read_bytes(&text, out.bytes, out.length);
    assert_true(text.fine);
    assert_int_equal(text.list.count, SETS);
    text_close(&text);
    buf_clear(&out);
}

RUN_TESTS(CASE(printed_sets_are_read_back), CASE(printed_text_is_this),
          CASE(a_name_says_what_it_is_for_and_tells_sets_apart), CASE(names_of_like_sets_are_far_apart),
          CASE(a_million_members_are_read_and_printed_at_once))
