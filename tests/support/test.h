// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmocka with the headers it needs before it, and the project's own assertions. A test program reads:
 *
 *     TEST(inverted_range_is_refused)
 *     {
 *         assert_fails_with(port_range_parse("9-1", &range), EINVAL);
 *     }
 *
 *     RUN_TESTS(CASE(inverted_range_is_refused))
 *
 * A TEST that RUN_TESTS does not name is an unused function, which the build refuses.
 */
#pragma once

// In this order: cmocka.h uses what the others define without including them.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdbool.h>
#include <string.h>

#define TEST(name) static void name(void **state __attribute__((unused)))
#define CASE(name) cmocka_unit_test(name)

/* A test of what has an opener and a closer: `struct NAME *NAME` is open when it begins, and closed when it has passed. */
#define TEST_WITH(fixture, name)                      \
    static void name##_with(struct fixture *fixture); \
    TEST(name)                                        \
    {                                                 \
        struct fixture opened;                        \
        fixture##_open(&opened);                      \
        name##_with(&opened);                         \
        fixture##_close(&opened);                     \
    }                                                 \
    static void name##_with(struct fixture *fixture)

#define RUN_TESTS(...)                                    \
    int main(void)                                        \
    {                                                     \
        const struct CMUnitTest cases[] = {__VA_ARGS__};  \
        return cmocka_run_group_tests(cases, NULL, NULL); \
    }

/* The call reports success, in the manner of functions that return a negative errno. */
#define assert_succeeds(call) assert_int_equal((call), 0)

/* The call fails with this errno. */
#define assert_fails_with(call, error) assert_int_equal((call), -(error))

/* The text holds this part somewhere; the message shows both. */
#define assert_contains(text, part)                          \
    do {                                                     \
        const char *text_ = (text), *part_ = (part);         \
        if (strstr(text_, part_) == NULL)                    \
            fail_msg("\"%s\" is not in:\n%s", part_, text_); \
    } while (0)

#define assert_lacks(text, part)                                    \
    do {                                                            \
        const char *text_ = (text), *part_ = (part);                \
        if (strstr(text_, part_) != NULL)                           \
            fail_msg("\"%s\" should not be in:\n%s", part_, text_); \
    } while (0)

/* Bytes with a length, such as a slice, are exactly this string. */
#define assert_bytes_are(bytes, length, string)                 \
    do {                                                        \
        const char *string_ = (string);                         \
        assert_int_equal((length), strlen(string_));            \
        assert_memory_equal((bytes), string_, strlen(string_)); \
    } while (0)

#define array_length(array) (sizeof(array) / sizeof((array)[0]))
