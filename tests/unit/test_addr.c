// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include "base/addr.h"

static void assert_range_prints(enum family family, struct addr_range range, const char *first,
                                const char *last)
{
    struct buf buf = {0};

    addr_print(&buf, family, range.first);
    assert_string_equal(buf.bytes, first);
    buf_clear(&buf);
    addr_print(&buf, family, range.last);
    assert_string_equal(buf.bytes, last);
    buf_clear(&buf);
}

TEST(addresses_prefixes_and_ranges_are_read)
{
    static const struct {
        const char *text;
        enum family family;
        const char *first, *last;
    } rows[] = {
        {"0.0.0.0", FAMILY_IPV4, "0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", FAMILY_IPV4, "255.255.255.255", "255.255.255.255"},
        {"192.0.2.0/24", FAMILY_IPV4, "192.0.2.0", "192.0.2.255"},
        {"0.0.0.0/0", FAMILY_IPV4, "0.0.0.0", "255.255.255.255"},
        {"192.0.2.7/32", FAMILY_IPV4, "192.0.2.7", "192.0.2.7"},
        {"128.0.0.0/1", FAMILY_IPV4, "128.0.0.0", "255.255.255.255"},
        {"192.0.2.9-192.0.3.1", FAMILY_IPV4, "192.0.2.9", "192.0.3.1"},
        {"192.0.2.9-192.0.2.9", FAMILY_IPV4, "192.0.2.9", "192.0.2.9"},
        {"::", FAMILY_IPV6, "::", "::"},
        {"::/0", FAMILY_IPV6, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"2001:DB8::1", FAMILY_IPV6, "2001:db8::1", "2001:db8::1"},
        {"2001:db8::/63", FAMILY_IPV6, "2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff"},
        {"2001:db8::/65", FAMILY_IPV6, "2001:db8::", "2001:db8::7fff:ffff:ffff:ffff"},
        {"2001:db8::/64", FAMILY_IPV6, "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"},
        {"::1/128", FAMILY_IPV6, "::1", "::1"},
        {"::ffff:192.0.2.1", FAMILY_IPV6, "::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"fe80::1-fe80::ff", FAMILY_IPV6, "fe80::1", "fe80::ff"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        enum family family;
        struct addr_range range;

        assert_int_equal(addr_parse(slice_of(rows[i].text), &family, &range), ADDR_FINE);
        assert_int_equal(family, rows[i].family);
        assert_range_prints(family, range, rows[i].first, rows[i].last);
    }
}

TEST(what_is_wrong_with_an_address_is_told_apart)
{
    static const struct {
        const char *text;
        enum addr_error error;
    } rows[] = {
        {"", ADDR_SYNTAX},
        {"192.0.2", ADDR_SYNTAX},
        {"192.0.2.256", ADDR_SYNTAX},
        {"192.0.2.1.1", ADDR_SYNTAX},
        {"192.0.2.01", ADDR_SYNTAX},
        {"0xC0000201", ADDR_SYNTAX},
        {"3221225985", ADDR_SYNTAX},
        {" 192.0.2.1", ADDR_SYNTAX},
        {"192.0.2.1 ", ADDR_SYNTAX},
        {"example.com", ADDR_SYNTAX},
        {"2001:db8:::1", ADDR_SYNTAX},
        {"1:2:3:4:5:6:7:8:9", ADDR_SYNTAX},
        {"fe80::1%eth0", ADDR_SYNTAX},
        {"[::1]", ADDR_SYNTAX},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", ADDR_SYNTAX},
        {"/24", ADDR_SYNTAX},
        {"-", ADDR_SYNTAX},
        {"192.0.2.1-", ADDR_SYNTAX},
        {"192.0.2.1-5", ADDR_SYNTAX},
        {"192.0.2.0/24-192.0.3.0", ADDR_LENGTH},
        {"192.0.2.0/33", ADDR_LENGTH},
        {"192.0.2.0/", ADDR_LENGTH},
        {"192.0.2.0/024", ADDR_LENGTH},
        {"192.0.2.0/-1", ADDR_LENGTH},
        {"192.0.2.0/255.255.255.0", ADDR_LENGTH},
        {"2001:db8::/129", ADDR_LENGTH},
        {"192.0.2.2-192.0.2.1", ADDR_ORDER},
        {"::2-::1", ADDR_ORDER},
        {"192.0.2.1-::1", ADDR_ORDER},
        {"192.168.0.0/8", ADDR_HOST_BITS},
        {"2001:db8::1/64", ADDR_HOST_BITS},
        {"2001:db8:0:1::/63", ADDR_HOST_BITS},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        enum family family;
        struct addr_range range;
        const enum addr_error error = addr_parse(slice_of(rows[i].text), &family, &range);

        if (error != rows[i].error)
            fail_msg("\"%s\" gives %d", rows[i].text, error);
    }
}

TEST(a_nul_byte_ends_no_address)
{
    enum family family;
    struct addr_range range;

    assert_int_equal(addr_parse((struct slice){"192.0.2.1\0x", 11}, &family, &range), ADDR_SYNTAX);
}

TEST(host_bits_leave_the_prefix_without_them)
{
    enum family family;
    struct addr_range range;

    assert_int_equal(addr_parse(slice_of("192.168.7.9/16"), &family, &range), ADDR_HOST_BITS);
    assert_range_prints(family, range, "192.168.0.0", "192.168.255.255");
}

TEST(prefixes_print_with_their_length)
{
    struct buf buf = {0};

    prefix_print(&buf, FAMILY_IPV4, (struct prefix){{0, 0xC0000200}, 24});
    buf_char(&buf, ' ');
    prefix_print(&buf, FAMILY_IPV6, (struct prefix){{0, 1}, 128});
    buf_char(&buf, ' ');
    prefix_print(&buf, FAMILY_IPV4, (struct prefix){{0, 0}, 0});
    assert_string_equal(buf.bytes, "192.0.2.0/24 ::1/128 0.0.0.0/0");
    buf_clear(&buf);
}

// How many prefixes make up the range exactly; stops counting at `limit`.
static size_t range_prefixes(enum family family, struct addr_range range, size_t limit)
{
    size_t count = 0;

    while (count < limit) {
        const struct prefix prefix = range_first_prefix(family, &range);
        const struct addr last = prefix_range(family, prefix).last;

        count++;
        if (addr_compare(last, range.last) == 0)
            break;
        range.first = addr_next(last);
    }
    return count;
}

TEST(whole_families_and_single_addresses_are_one_prefix)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct addr zero = {0, 0}, most = addr_max(family);

        assert_int_equal(range_prefixes(family, (struct addr_range){zero, most}, 99), 1);
        assert_int_equal(range_prefixes(family, (struct addr_range){most, most}, 99), 1);
        assert_int_equal(range_prefixes(family, (struct addr_range){zero, zero}, 99), 1);
        assert_true(range_is_prefix((struct addr_range){zero, most}));
        assert_true(range_is_prefix((struct addr_range){most, most}));
    }
}

TEST(counting_prefixes_stops_at_the_limit)
{
    const struct addr_range all_but_ends = {{0, 1}, {UINT64_MAX, UINT64_MAX - 1}};

    assert_false(range_is_prefix(all_but_ends));
    assert_int_equal(range_prefixes(FAMILY_IPV6, all_but_ends, 1000), 254);
    assert_int_equal(range_prefixes(FAMILY_IPV6, all_but_ends, 2), 2);
    assert_int_equal(range_prefixes(FAMILY_IPV4, (struct addr_range){{0, 1}, {0, UINT32_MAX - 1}}, 1000), 62);
}

TEST(prefixes_cross_the_middle_of_an_ipv6_address)
{
    // ::ffff:ffff:ffff:ffff - 0:0:0:1::
    const struct addr_range range = {{0, UINT64_MAX}, {1, 0}};
    const struct prefix first = range_first_prefix(FAMILY_IPV6, &range);

    assert_int_equal(first.bits, 128);
    assert_int_equal(range_prefixes(FAMILY_IPV6, range, 99), 2);
    assert_false(range_is_prefix(range));
    assert_true(range_is_prefix((struct addr_range){{2, 0}, {3, UINT64_MAX}}));
}

// Every range within 64 addresses: the prefixes follow each other, cover it exactly, and no two neighbours could be one.
TEST(prefixes_of_a_range_cover_it_exactly)
{
    for (uint64_t base = 0; base <= UINT32_MAX - 63; base += UINT32_MAX - 63) {
        for (uint64_t first = 0; first < 64; first++) {
            for (uint64_t last = first; last < 64; last++) {
                struct addr_range rest = {{0, base + first}, {0, base + last}};
                size_t count = 0;

                for (uint64_t at = base + first; at <= base + last;) {
                    const struct prefix prefix = range_first_prefix(FAMILY_IPV4, &rest);
                    const struct addr_range covered = prefix_range(FAMILY_IPV4, prefix);
                    const uint64_t size = covered.last.low - covered.first.low + 1;

                    assert_int_equal(covered.first.low, at);
                    assert_true(covered.last.low <= base + last);
                    assert_int_equal(at % size, 0);
                    // The next larger prefix would not fit.
                    assert_true(at % (2 * size) != 0 || at + 2 * size - 1 > base + last);
                    at = covered.last.low + 1;
                    rest.first.low = at;
                    count++;
                }
                rest.first.low = base + first;
                assert_int_equal(range_prefixes(FAMILY_IPV4, rest, 100), count);
                assert_int_equal(range_is_prefix(rest), count == 1);
            }
        }
    }
}

RUN_TESTS(CASE(addresses_prefixes_and_ranges_are_read), CASE(what_is_wrong_with_an_address_is_told_apart),
          CASE(a_nul_byte_ends_no_address), CASE(host_bits_leave_the_prefix_without_them),
          CASE(prefixes_print_with_their_length), CASE(whole_families_and_single_addresses_are_one_prefix),
          CASE(counting_prefixes_stops_at_the_limit), CASE(prefixes_cross_the_middle_of_an_ipv6_address),
          CASE(prefixes_of_a_range_cover_it_exactly))
