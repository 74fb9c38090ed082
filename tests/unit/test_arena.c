// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <stdalign.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/vec.h"

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

TEST(memory_is_zeroed_and_aligned_whatever_its_size)
{
    static const size_t sizes[] = {0, 1, 7, 16, 17, 4000, 20000, 131071, 131072, 131073, 5 << 20};
    struct arena arena = {0};

    for (size_t i = 0; i < array_length(sizes); i++) {
        unsigned char *memory = arena_alloc(&arena, sizes[i]);

        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        assert_true(is_zero(memory, sizes[i]));
        memset(memory, 0xAA, sizes[i]);
    }
    arena_clear(&arena);
}

TEST(allocations_do_not_overlap)
{
    struct arena arena = {0};
    unsigned char *pieces[300];

    for (size_t i = 0; i < array_length(pieces); i++) {
        pieces[i] = arena_alloc(&arena, i + 1);
        memset(pieces[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < array_length(pieces); i++)
        for (size_t j = 0; j <= i; j++)
            assert_int_equal(pieces[i][j], (unsigned char)i);
    arena_clear(&arena);
}

TEST(the_newest_allocation_grows_in_place)
{
    struct arena arena = {0};
    char *text = arena_copy(&arena, "abc", 3);
    char *grown = arena_grow(&arena, text, 4, 100);

    assert_ptr_equal(text, grown);
    assert_string_equal(grown, "abc");
    assert_true(is_zero((unsigned char *)grown + 4, 96));
    arena_clear(&arena);
}

TEST(memory_that_was_expected_is_like_any_other)
{
    struct arena arena = {0};
    unsigned char *pieces[64];

    arena_expect(&arena, 6 << 20);
    for (size_t i = 0; i < array_length(pieces); i++) { // more than was expected
        const size_t size = i % 2 ? 300000 : 20000;

        pieces[i] = arena_alloc(&arena, size);
        assert_true(is_zero(pieces[i], size));
        memset(pieces[i], (int)i + 1, size);
    }
    pieces[1] = arena_grow(&arena, pieces[1], 300000, 900000);
    assert_true(is_zero(pieces[1] + 300000, 600000));
    for (size_t i = 0; i < array_length(pieces); i++)
        for (size_t j = 0; j < 20000; j++)
            assert_int_equal(pieces[i][j], i + 1);
    arena_clear(&arena);
    assert_null(arena.store);

    arena_expect(&arena,
                 64 << 20); // a child that is forked beside the thread has none, and does not wait for it
    const pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        memset(arena_alloc(&arena, 5 << 20), 1, 5 << 20);
        arena_clear(&arena);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    arena_clear(&arena);
    arena_expect(&arena, 100); // too little to be made ahead
    arena_expect(&arena, 4 << 20);
    arena_expect(&arena, 4 << 20); // once is enough
    arena_clear(&arena);
}

TEST(an_older_allocation_moves_and_keeps_its_bytes)
{
    struct arena arena = {0};
    char *text = arena_copy(&arena, "abc", 3);
    char *other = arena_copy(&arena, "other", 5);
    char *grown = arena_grow(&arena, text, 4, 100);

    assert_ptr_not_equal(text, grown);
    assert_string_equal(grown, "abc");
    assert_string_equal(other, "other");
    arena_clear(&arena);
}

TEST(growing_keeps_bytes_across_every_size_of_chunk_and_block)
{
    struct arena arena = {0};
    unsigned char *bytes = NULL;
    size_t size = 0;

    for (size_t next = 1; next <= (size_t)8 << 20; next = next * 3 + 1) {
        bytes = arena_grow(&arena, bytes, size, next);
        assert_true(is_zero(bytes + size, next - size));
        for (size_t i = size; i < next; i++)
            bytes[i] = (unsigned char)(i * 7);
        size = next;
        arena_alloc(&arena, 10);
    }
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)(i * 7))
            fail_msg("byte %zu is lost", i);
    arena_clear(&arena);
}

TEST(a_cleared_arena_is_usable)
{
    struct arena arena = {0};

    arena_clear(&arena);
    assert_string_equal(arena_copy(&arena, "first", 5), "first");
    arena_alloc(&arena, 1 << 20);
    arena_clear(&arena);
    assert_string_equal(arena_copy(&arena, "second", 6), "second");
    arena_clear(&arena);
}

TEST(a_reset_arena_gives_zeroed_memory_again)
{
    struct arena arena = {0};

    arena_reset(&arena);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 50; i++) {
            unsigned char *memory = arena_alloc(&arena, 1000);

            assert_true(is_zero(memory, 1000));
            memset(memory, 0xFF, 1000);
        }
        memset(arena_alloc(&arena, 1 << 18), 0xFF, 1 << 18);
        arena_reset(&arena);
    }
    arena_clear(&arena);
}

TEST(copies_end_with_a_nul_and_may_hold_some)
{
    struct arena arena = {0};
    const char *copy = arena_copy(&arena, "a\0b", 3);

    assert_memory_equal(copy, "a\0b", 4);
    assert_string_equal(arena_copy(&arena, NULL, 0), "");
    assert_string_equal(arena_printf(&arena, "%d-%s", 42, "x"), "42-x");
    assert_string_equal(arena_printf(&arena, "%s", ""), "");
    arena_clear(&arena);
}

TEST(vectors_grow_and_keep_their_items)
{
    struct arena arena = {0};
    VEC(size_t) numbers = {0};

    for (size_t i = 0; i < 50000; i++) {
        *vec_push(&arena, &numbers) = i;
        assert_int_equal(*vec_last(&numbers), i);
    }
    assert_int_equal(numbers.count, 50000);
    for (size_t i = 0; i < numbers.count; i++)
        assert_int_equal(numbers.items[i], i);
    arena_clear(&arena);
}

TEST(an_older_allocation_in_another_chunk_grows_by_moving)
{
    struct arena arena = {0};
    char *old = arena_alloc(&arena, 12000);  // most of the first chunk
    char *newer = arena_alloc(&arena, 9000); // the first of the next one

    memset(old, 'a', 12000);
    newer[0] = 'b';

    char *grown = arena_grow(&arena, old, 12000, 12500);

    assert_ptr_not_equal(grown, old);
    assert_int_equal(grown[11999], 'a');
    assert_int_equal(newer[0], 'b');
    arena_clear(&arena);
}

TEST(an_arena_takes_over_what_another_holds)
{
    for (unsigned own = 0; own < 2; own++) {
        struct arena arena = {0}, other = {0};
        char *kept = own ? arena_copy(&arena, "own", 3) : NULL,
             *large = own ? arena_alloc(&arena, 1 << 18) : NULL;
        char *taken = arena_copy(&other, "taken", 5), *block = arena_alloc(&other, 1 << 18);

        memset(arena_alloc(&other, 20000), 'x', 20000); // a chunk more
        memset(arena_alloc(&other, 1 << 19), 'y', 1 << 19);
        arena_join(&arena, &other);
        assert_string_equal(arena_copy(&other, "new", 3), "new");
        arena_clear(&other);
        assert_string_equal(taken, "taken");
        block = arena_grow(&arena, block, 1 << 18, 1 << 20);
        memset(block, 'z', 1 << 20);
        if (own) {
            assert_string_equal(kept, "own");
            large = arena_grow(&arena, large, 1 << 18, 1 << 20);
            memset(large, 'w', 1 << 20);
        }
        assert_int_equal(block[(1 << 20) - 1], 'z');
        arena_join(&arena, &other); // of nothing
        assert_string_equal(arena_copy(&arena, "more", 4), "more");
        arena_clear(&arena);
    }
}

RUN_TESTS(CASE(an_arena_takes_over_what_another_holds),
          CASE(an_older_allocation_in_another_chunk_grows_by_moving),
          CASE(memory_is_zeroed_and_aligned_whatever_its_size), CASE(allocations_do_not_overlap),
          CASE(the_newest_allocation_grows_in_place), CASE(memory_that_was_expected_is_like_any_other),
          CASE(an_older_allocation_moves_and_keeps_its_bytes),
          CASE(growing_keeps_bytes_across_every_size_of_chunk_and_block), CASE(a_cleared_arena_is_usable),
          CASE(a_reset_arena_gives_zeroed_memory_again), CASE(copies_end_with_a_nul_and_may_hold_some),
          CASE(vectors_grow_and_keep_their_items))
