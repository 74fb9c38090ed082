// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/fixture.h"

#include "base/addr.h"

#define SLICE 128 // addresses that the brute force looks at

static void add(struct arena *arena, struct addr_set *set, const char *text)
{
    enum family family;
    struct addr_range range;

    assert_int_equal(addr_parse(slice_of(text), &family, &range), ADDR_FINE);
    addr_set_add(arena, set, family, range);
}

TEST(adjacent_overlapping_and_repeated_ranges_join)
{
    struct arena arena = {0};
    struct addr_set set = {0};

    add(&arena, &set, "192.0.2.8-192.0.2.11");
    add(&arena, &set, "192.0.2.1");
    add(&arena, &set, "192.0.2.2-192.0.2.9");
    add(&arena, &set, "192.0.2.1");
    add(&arena, &set, "192.0.2.13");
    add(&arena, &set, "2001:db8::/33");
    add(&arena, &set, "2001:db8:8000::/33");
    addr_set_normalise(&set);
    assert_ranges(&set, FAMILY_IPV4, "192.0.2.1-192.0.2.11 192.0.2.13-192.0.2.13");
    assert_ranges(&set, FAMILY_IPV6, "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
    addr_set_normalise(&set);
    assert_ranges(&set, FAMILY_IPV4, "192.0.2.1-192.0.2.11 192.0.2.13-192.0.2.13");
    arena_clear(&arena);
}

TEST(the_all_ones_address_has_no_neighbour_above)
{
    struct arena arena = {0};
    struct addr_set set = {0};

    add(&arena, &set, "255.255.255.255");
    add(&arena, &set, "0.0.0.0");
    add(&arena, &set, "255.255.255.254");
    add(&arena, &set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    add(&arena, &set, "::");
    add(&arena, &set, "ffff::/16");
    addr_set_normalise(&set);
    assert_ranges(&set, FAMILY_IPV4, "0.0.0.0-0.0.0.0 255.255.255.254-255.255.255.255");
    assert_ranges(&set, FAMILY_IPV6, "::-:: ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    arena_clear(&arena);
}

TEST(a_whole_family_is_all_of_it)
{
    struct arena arena = {0};
    struct addr_set all = addr_set_all(&arena), halves = {0}, less = {0}, none = {0};

    add(&arena, &halves, "128.0.0.0/1");
    add(&arena, &halves, "0.0.0.0/1");
    addr_set_normalise(&halves);
    add(&arena, &less, "0.0.0.0-255.255.255.254");
    assert_true(range_list_all(FAMILY_IPV4, &all.families[FAMILY_IPV4]));
    assert_true(range_list_all(FAMILY_IPV6, &all.families[FAMILY_IPV6]));
    assert_true(range_list_all(FAMILY_IPV4, &halves.families[FAMILY_IPV4]));
    assert_false(range_list_all(FAMILY_IPV4, &less.families[FAMILY_IPV4]));
    assert_false(range_list_all(FAMILY_IPV4, &none.families[FAMILY_IPV4]));
    assert_true(addr_set_empty(&none));
    assert_false(addr_set_empty(&less));
    arena_clear(&arena);
}

TEST(taking_away_leaves_what_is_outside)
{
    struct arena arena = {0};
    struct addr_set all = addr_set_all(&arena), hole = {0};

    add(&arena, &hole, "0.0.0.0");
    add(&arena, &hole, "192.0.2.0/24");
    add(&arena, &hole, "255.255.255.255");
    add(&arena, &hole, "8000::/1");

    const struct addr_set rest = addr_set_minus(&arena, &all, &hole);

    assert_ranges(&rest, FAMILY_IPV4, "0.0.0.1-192.0.1.255 192.0.3.0-255.255.255.254");
    assert_ranges(&rest, FAMILY_IPV6, "::-7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");

    const struct addr_set nothing = addr_set_minus(&arena, &hole, &all),
                          same = addr_set_minus(&arena, &hole, &nothing);

    assert_true(addr_set_empty(&nothing));
    assert_ranges(&same, FAMILY_IPV4,
                  "0.0.0.0-0.0.0.0 192.0.2.0-192.0.2.255 255.255.255.255-255.255.255.255");
    arena_clear(&arena);
}

static struct addr_set random_set(struct arena *arena, uint64_t base, bool member[SLICE], int ranges)
{
    struct addr_set set = {0};

    memset(member, 0, SLICE);
    for (int i = 0; i < ranges; i++) {
        const uint64_t first = (uint64_t)random() % SLICE;
        uint64_t last = first + (uint64_t)random() % 12;

        if (last >= SLICE)
            last = SLICE - 1;
        addr_set_add(arena, &set, FAMILY_IPV4, (struct addr_range){{0, base + first}, {0, base + last}});
        memset(member + first, 1, last - first + 1);
    }
    addr_set_normalise(&set);
    return set;
}

static void assert_members(const struct addr_set *set, uint64_t base, const bool member[SLICE])
{
    const struct range_list *list = &set->families[FAMILY_IPV4];
    uint64_t at = 0;

    for (size_t i = 0; i < list->count; i++) {
        assert_true(list->items[i].first.low <= list->items[i].last.low);
        assert_true(i == 0 || list->items[i].first.low > list->items[i - 1].last.low + 1);
        for (; base + at < list->items[i].first.low; at++)
            assert_false(member[at]);
        for (; at < SLICE && base + at <= list->items[i].last.low; at++)
            assert_true(member[at]);
    }
    for (; at < SLICE; at++)
        assert_false(member[at]);
}

// At both ends of the family, where arithmetic would wrap, and in its middle.
TEST(joining_taking_away_and_overlap_agree_with_brute_force)
{
    static const uint64_t bases[] = {0, UINT32_MAX - SLICE + 1, 0xC0000200};

    srandom(7);
    for (int round = 0; round < 600; round++) {
        const uint64_t base = bases[round % 3];
        struct arena arena = {0};
        bool in_a[SLICE], in_b[SLICE], in_both = false, in_rest[SLICE];
        const struct addr_set a = random_set(&arena, base, in_a, round % 9),
                              b = random_set(&arena, base, in_b, round % 7);

        assert_members(&a, base, in_a);
        for (int i = 0; i < SLICE; i++) {
            in_rest[i] = in_a[i] && !in_b[i];
            in_both = in_both || (in_a[i] && in_b[i]);
        }

        const struct addr_set rest = addr_set_minus(&arena, &a, &b);
        struct addr_set joined = {0};

        assert_members(&rest, base, in_rest);
        assert_int_equal(range_list_overlap(&a.families[FAMILY_IPV4], &b.families[FAMILY_IPV4]), in_both);
        addr_set_add_all(&arena, &joined, &a);
        addr_set_add_all(&arena, &joined, &b);
        addr_set_normalise(&joined);
        for (int i = 0; i < SLICE; i++)
            in_a[i] = in_a[i] || in_b[i];
        assert_members(&joined, base, in_a);
        arena_clear(&arena);
    }
}

RUN_TESTS(CASE(adjacent_overlapping_and_repeated_ranges_join),
          CASE(the_all_ones_address_has_no_neighbour_above), CASE(a_whole_family_is_all_of_it),
          CASE(taking_away_leaves_what_is_outside),
          CASE(joining_taking_away_and_overlap_agree_with_brute_force))
