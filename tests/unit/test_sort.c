// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/sort.h"

#define MANY 5000 // as many as are parted by their bytes

struct entry {
    uint32_t number; // ahead of the key, and equal ones are told apart by it
    struct addr key;
};

static int compare(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    const int order = addr_compare(left->key, right->key);

    if (order)
        return order;
    return left->number < right->number ? -1 : left->number > right->number;
}

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005 + 1442695040888963407;
    return *state;
}

// As qsort() does it, with keys of which the bits of the masks differ, and each number of `repeat` entries equal.
static void check(size_t count, uint64_t high, uint64_t low, uint32_t repeat)
{
    struct entry *sorted = calloc(count + 1, sizeof(*sorted)),
                 *expected = calloc(count + 1, sizeof(*expected));
    uint64_t state = count ^ high ^ low;

    assert_non_null(sorted);
    assert_non_null(expected);
    for (size_t i = 0; i < count; i++) {
        const uint64_t a = next(&state), b = next(&state);

        sorted[i].number = (uint32_t)(next(&state) >> 32);
        sorted[i].key = i % repeat ? sorted[i - 1].key : (struct addr){a & high, (a >> 20 ^ b) & low};
    }
    memcpy(expected, sorted, count * sizeof(*sorted));
    qsort(expected, count, sizeof(*expected), compare);
    sort_by_addr(sorted, count, sizeof(*sorted), offsetof(struct entry, key), compare);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sorted[i].number, expected[i].number);
        assert_int_equal(addr_compare(sorted[i].key, expected[i].key), 0);
    }
    // What is sorted stays as it is.
    sort_by_addr(sorted, count, sizeof(*sorted), offsetof(struct entry, key), compare);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sorted[i].number, expected[i].number);
    free(sorted);
    free(expected);
}

static void test_few(void **state)
{
    (void)state;
    for (size_t count = 0; count < 20; count++)
        check(count, 0, UINT32_MAX, 1);
}

static void test_ipv4(void **state)
{
    (void)state;
    check(MANY, 0, UINT32_MAX, 1);
    check(MANY, 0, 0xFF00, 1); // one byte differs, and many are equal
    check(MANY + 1, 0, UINT32_MAX, 7);
}

static void test_ipv6(void **state)
{
    (void)state;
    check(MANY, UINT64_MAX, UINT64_MAX, 1);
    check(MANY, 0xFF, (uint64_t)0xFF << 56, 3); // on both sides of the middle
}

static void test_equal(void **state)
{
    (void)state;
    check(MANY, 0, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_ipv4),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
