// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include "base/text.h"

TEST(slices_are_compared_by_all_their_bytes)
{
    assert_true(slice_is(slice_of("abc"), "abc"));
    assert_false(slice_is(slice_of("abc"), "ab"));
    assert_false(slice_is(slice_of("ab"), "abc"));
    assert_false(slice_is((struct slice){"a\0b", 3}, "a"));
    assert_true(slice_is((struct slice){"", 0}, ""));
    assert_true(slice_starts(slice_of("abc"), "ab"));
    assert_true(slice_starts(slice_of("abc"), ""));
    assert_false(slice_starts(slice_of("ab"), "abc"));
}

TEST(trimming_takes_blanks_off_both_ends)
{
    struct slice slice = slice_trim(slice_of(" \t a b \r"));

    assert_bytes_are(slice.at, slice.length, "a b");
    assert_int_equal(slice_trim(slice_of(" \t ")).length, 0);
    assert_int_equal(slice_trim(slice_of("")).length, 0);
}

TEST(words_are_taken_off_the_front_until_none_is_left)
{
    struct slice rest = slice_of("  one\ttwo  three ");
    struct slice word = slice_word(&rest);

    assert_bytes_are(word.at, word.length, "one");
    word = slice_word(&rest);
    assert_bytes_are(word.at, word.length, "two");
    word = slice_word(&rest);
    assert_bytes_are(word.at, word.length, "three");
    assert_int_equal(slice_word(&rest).length, 0);
    assert_int_equal(slice_word(&rest).length, 0);
}

TEST(characters_are_counted_not_bytes)
{
    assert_int_equal(slice_characters(slice_of("")), 0);
    assert_int_equal(slice_characters(slice_of("plain, and long")), 15);
    assert_int_equal(slice_characters(slice_of("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x94\xA5")), 9);
}

TEST(splitting_is_at_the_first_separator)
{
    struct slice before = {0}, after = {0}, whole = slice_of("a-b-c");

    assert_true(slice_split(whole, '-', &before, &after));
    assert_bytes_are(before.at, before.length, "a");
    assert_bytes_are(after.at, after.length, "b-c");
    assert_true(slice_split(slice_of("-"), '-', &before, &after));
    assert_int_equal(before.length + after.length, 0);
    assert_false(slice_split(slice_of("abc"), '-', &before, &after));
    assert_false(slice_split((struct slice){NULL, 0}, '-', &before, &after));
    // One of the parts may be the slice that is split.
    assert_true(slice_split(whole, '-', &before, &whole));
    assert_bytes_are(whole.at, whole.length, "b-c");
}

TEST(numbers_are_plain_decimal_digits_within_the_limit)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool fine;
        uint64_t value;
    } rows[] = {
        {"0", 9, true, 0},
        {"9", 9, true, 9},
        {"10", 9, false, 0},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999999", UINT64_MAX, false, 0},
        {"", 9, false, 0},
        {"00", 9, false, 0},
        {"01", 9, false, 0},
        {"+1", 9, false, 0},
        {"-1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 99, false, 0},
        {"1e1", 99, false, 0},
        {"1.0", 99, false, 0},
        {"\xD9\xA1", 99, false, 0},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        uint64_t value = 77;

        if (parse_number(slice_of(rows[i].text), rows[i].max, &value) != rows[i].fine)
            fail_msg("\"%s\" up to %llu", rows[i].text, (unsigned long long)rows[i].max);
        assert_int_equal(value, rows[i].fine ? rows[i].value : 77);
    }
}

TEST(distance_counts_slips_of_the_pen)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"ssh", "ssh", 0},
        {"shs", "ssh", 1},
        {"htp", "http", 1},
        {"httpp", "http", 1},
        {"hrtp", "http", 1},
        {"kitten", "sitting", 3},
        {"ca", "abc", 3}, // without editing a transposed pair again
        {"trakcing", "tracking", 1},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        assert_int_equal(edit_distance(slice_of(rows[i].a), slice_of(rows[i].b), 10), rows[i].distance);
        assert_int_equal(edit_distance(slice_of(rows[i].b), slice_of(rows[i].a), 10), rows[i].distance);
    }
    assert_int_equal(edit_distance(slice_of("abcdef"), slice_of("uvwxyz"), 2), 3);
}

TEST(distance_of_very_long_words_is_beyond_any_limit)
{
    char word[200];

    memset(word, 'a', sizeof(word));
    assert_int_equal(edit_distance((struct slice){word, 40}, (struct slice){word, 40}, 5), 0);
    assert_int_equal(edit_distance((struct slice){word, 41}, (struct slice){word, 40}, 5), 6);
    assert_int_equal(edit_distance((struct slice){word, 200}, (struct slice){word, 200}, 5), 6);
}

TEST(the_nearest_word_is_a_likely_misspelling_or_none)
{
    static const char *const words[] = {"allow", "tracking", "from", "to", "in", "track", NULL};
    static const char *const none[] = {NULL};

    assert_string_equal(nearest_word(slice_of("alow"), words), "allow");
    assert_string_equal(nearest_word(slice_of("form"), words), "from");
    assert_string_equal(nearest_word(slice_of("trackng"), words), "tracking");
    assert_string_equal(nearest_word(slice_of("trak"), words), "track");
    assert_null(nearest_word(slice_of("destination"), words));
    assert_null(nearest_word(slice_of("xyz"), words));
    assert_null(nearest_word(slice_of("alow"), none));
}

TEST(the_head_of_a_text_is_counted_in_characters)
{
    const struct slice text = slice_of("a\xC3\xBC\xE2\x82\xAC"
                                       "b");

    assert_int_equal(slice_head(text, 0), 0);
    assert_int_equal(slice_head(text, 1), 1);
    assert_int_equal(slice_head(text, 2), 3);
    assert_int_equal(slice_head(text, 3), 6);
    assert_int_equal(slice_head(text, 9), 7);
    assert_int_equal(slice_head((struct slice){"", 0}, 1), 0);
}

TEST(hashes_tell_texts_apart_by_every_byte_and_the_length)
{
    char text[] = "ten bytes and some";
    const uint64_t whole = slice_hash(slice_of(text));

    assert_true(slice_hash((struct slice){text, 0}) != whole);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        assert_true(slice_hash((struct slice){text, i}) != whole);
        text[i] ^= 1;
        assert_true(slice_hash(slice_of(text)) != whole);
        text[i] ^= 1;
    }
    assert_true(slice_hash(slice_of(text)) == whole);
}

RUN_TESTS(CASE(hashes_tell_texts_apart_by_every_byte_and_the_length),
          CASE(the_head_of_a_text_is_counted_in_characters), CASE(slices_are_compared_by_all_their_bytes),
          CASE(trimming_takes_blanks_off_both_ends), CASE(words_are_taken_off_the_front_until_none_is_left),
          CASE(characters_are_counted_not_bytes), CASE(splitting_is_at_the_first_separator),
          CASE(numbers_are_plain_decimal_digits_within_the_limit), CASE(distance_counts_slips_of_the_pen),
          CASE(distance_of_very_long_words_is_beyond_any_limit),
          CASE(the_nearest_word_is_a_likely_misspelling_or_none))
