// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include "diag/diag.h"

struct listing {
    struct arena arena;
    struct diag_list list;
};

static void listing_open(struct listing *listing)
{
    *listing = (struct listing){0};
    listing->list.arena = &listing->arena;
}

static struct span at(const struct source *source, uint32_t line, uint32_t column)
{
    return (struct span){source, line, column, 1};
}

TEST(every_kind_has_a_stable_kind_of_name_and_a_meaning)
{
    for (size_t i = 0; i < DIAG_COUNT; i++) {
        const char *name = diag_kinds[i].name;

        assert_true(strlen(name) > 0 && strlen(name) < 30);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        assert_true(diag_kinds[i].about[0] && diag_kinds[i].about[strlen(diag_kinds[i].about) - 1] == '.');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(name, diag_kinds[j].name);
    }
}

TEST(severity_and_exit_come_from_the_code)
{
    struct listing listing;

    listing_open(&listing);
    diag_add(&listing.list, DIAG_UNUSED, (struct span){0}, "a note");
    diag_add(&listing.list, DIAG_DEFAULT_ACCEPT, (struct span){0}, "a warning");
    assert_int_equal(listing.list.exit, EXIT_FINE);
    diag_add(&listing.list, DIAG_PORT, (struct span){0}, "an error, %d", 42);
    assert_int_equal(listing.list.exit, EXIT_POLICY);
    assert_int_equal(listing.list.counts[SEVERITY_NOTE], 1);
    assert_int_equal(listing.list.counts[SEVERITY_WARNING], 1);
    assert_int_equal(listing.list.counts[SEVERITY_ERROR], 1);
    assert_string_equal(listing.list.items.items[2].message, "an error, 42");
    assert_null(listing.list.items.items[2].hint);
    arena_clear(&listing.arena);
}

TEST(a_failed_world_outweighs_a_wrong_policy_in_either_order)
{
    struct listing listing;

    listing_open(&listing);
    diag_add(&listing.list, DIAG_FILE, (struct span){0}, "a");
    diag_add(&listing.list, DIAG_PORT, (struct span){0}, "b");
    assert_int_equal(listing.list.exit, EXIT_WORLD);
    arena_clear(&listing.arena);
    listing_open(&listing);
    diag_add(&listing.list, DIAG_PORT, (struct span){0}, "b");
    diag_add(&listing.list, DIAG_FILE, (struct span){0}, "a");
    assert_int_equal(listing.list.exit, EXIT_WORLD);
    arena_clear(&listing.arena);
}

TEST(another_severity_may_be_given)
{
    struct listing listing;

    listing_open(&listing);
    diag_add_as(&listing.list, SEVERITY_NOTE, DIAG_TRACK_MODE, (struct span){0}, "only a note");
    assert_int_equal(listing.list.exit, EXIT_FINE);
    assert_int_equal(listing.list.items.items[0].severity, SEVERITY_NOTE);
    arena_clear(&listing.arena);
}

TEST(a_hint_belongs_to_what_was_added_last)
{
    struct listing listing;

    listing_open(&listing);
    diag_hint(&listing.list, "to nothing");
    diag_add(&listing.list, DIAG_PORT, (struct span){0}, "a");
    diag_add(&listing.list, DIAG_PORT, (struct span){0}, "b");
    diag_hint(&listing.list, "for %s", "b");
    assert_null(listing.list.items.items[0].hint);
    assert_string_equal(listing.list.items.items[1].hint, "for b");
    arena_clear(&listing.arena);
}

TEST(strict_makes_errors_of_warnings_and_not_of_notes)
{
    struct listing listing;

    listing_open(&listing);
    diag_add(&listing.list, DIAG_UNUSED, (struct span){0}, "note");
    diag_make_strict(&listing.list);
    assert_int_equal(listing.list.exit, EXIT_FINE);
    diag_add(&listing.list, DIAG_DEFAULT_ACCEPT, (struct span){0}, "warning");
    diag_make_strict(&listing.list);
    assert_int_equal(listing.list.exit, EXIT_POLICY);
    assert_int_equal(listing.list.counts[SEVERITY_NOTE], 1);
    assert_int_equal(listing.list.counts[SEVERITY_WARNING], 0);
    assert_int_equal(listing.list.counts[SEVERITY_ERROR], 1);
    assert_int_equal(listing.list.items.items[1].severity, SEVERITY_ERROR);
    arena_clear(&listing.arena);
}

TEST(strict_does_not_hide_a_failed_world)
{
    struct listing listing;

    listing_open(&listing);
    diag_add(&listing.list, DIAG_FILE, (struct span){0}, "a");
    diag_add(&listing.list, DIAG_DEFAULT_ACCEPT, (struct span){0}, "b");
    diag_make_strict(&listing.list);
    assert_int_equal(listing.list.exit, EXIT_WORLD);
    arena_clear(&listing.arena);
}

TEST(what_is_beyond_the_limit_is_counted_but_not_kept)
{
    struct listing listing;

    listing_open(&listing);
    for (int i = 0; i < DIAG_KEPT + 20; i++) {
        diag_add(&listing.list, DIAG_PORT, (struct span){0}, "error %d", i);
        diag_hint(&listing.list, "hint %d", i);
    }
    assert_int_equal(listing.list.counts[SEVERITY_ERROR], DIAG_KEPT + 20);
    assert_int_equal(listing.list.items.count, DIAG_KEPT);
    // Hints of what was not kept do not stray to what was.
    assert_string_equal(vec_last(&listing.list.items)->hint, "hint 499");
    // Each severity has a limit of its own.
    diag_add(&listing.list, DIAG_UNUSED, (struct span){0}, "note");
    diag_hint(&listing.list, "its hint");
    assert_int_equal(listing.list.items.count, DIAG_KEPT + 1);
    assert_string_equal(vec_last(&listing.list.items)->hint, "its hint");
    arena_clear(&listing.arena);
}

TEST(sorting_is_by_file_then_place_then_order_of_arrival)
{
    static const struct source first = {.order = 1}, second = {.order = 2};
    static const char *const wanted[] = {"no file", "whole first", "1:1:1", "1:1:9 a",
                                         "1:1:9 b", "1:2:1",       "2:1:1"};
    struct listing listing;

    listing_open(&listing);
    diag_add(&listing.list, DIAG_PORT, at(&second, 1, 1), "2:1:1");
    diag_add(&listing.list, DIAG_PORT, at(&first, 2, 1), "1:2:1");
    diag_add(&listing.list, DIAG_PORT, at(&first, 1, 9), "1:1:9 a");
    diag_hint(&listing.list, "goes along");
    diag_add(&listing.list, DIAG_UNUSED, at(&first, 1, 9), "1:1:9 b");
    diag_add(&listing.list, DIAG_PORT, at(&first, 1, 1), "1:1:1");
    diag_add(&listing.list, DIAG_PORT, source_whole(&first), "whole first");
    diag_add(&listing.list, DIAG_PORT, (struct span){0}, "no file");
    diag_sort(&listing.list);
    assert_int_equal(listing.list.items.count, array_length(wanted));
    for (size_t i = 0; i < array_length(wanted); i++)
        assert_string_equal(listing.list.items.items[i].message, wanted[i]);
    assert_string_equal(listing.list.items.items[3].hint, "goes along");
    // More can be added afterwards.
    diag_add(&listing.list, DIAG_PORT, at(&first, 1, 1), "later");
    diag_sort(&listing.list);
    assert_string_equal(listing.list.items.items[3].message, "later");
    arena_clear(&listing.arena);
}

TEST(sorting_nothing_is_fine)
{
    struct listing listing;

    listing_open(&listing);
    diag_sort(&listing.list);
    assert_int_equal(listing.list.items.count, 0);
    diag_add(&listing.list, DIAG_PORT, (struct span){0}, "a");
    assert_int_equal(listing.list.items.count, 1);
    arena_clear(&listing.arena);
}

RUN_TESTS(CASE(every_kind_has_a_stable_kind_of_name_and_a_meaning),
          CASE(severity_and_exit_come_from_the_code),
          CASE(a_failed_world_outweighs_a_wrong_policy_in_either_order), CASE(another_severity_may_be_given),
          CASE(a_hint_belongs_to_what_was_added_last), CASE(strict_makes_errors_of_warnings_and_not_of_notes),
          CASE(strict_does_not_hide_a_failed_world), CASE(what_is_beyond_the_limit_is_counted_but_not_kept),
          CASE(sorting_is_by_file_then_place_then_order_of_arrival), CASE(sorting_nothing_is_fine))
