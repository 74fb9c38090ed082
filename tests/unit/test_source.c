// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/fixture.h"

#include <errno.h>

#include "source/source_set.h"

struct reading {
    char folder[PATH_MAX], path[PATH_MAX + 32];
    struct arena arena;
    struct source source;
};

static void reading_open(struct reading *reading, const char *name)
{
    *reading = (struct reading){0};
    folder_make(reading->folder);
    snprintf(reading->path, sizeof(reading->path), "%s/%s", reading->folder, name);
}

static void reading_close(struct reading *reading)
{
    arena_clear(&reading->arena);
    folder_remove(reading->folder);
}

static struct source text_source(const char *text)
{
    return (struct source){.name = "t", .path = "t", .bytes = text, .length = strlen(text)};
}

TEST(a_file_is_read_whole_with_a_nul_behind_it)
{
    struct reading reading;

    reading_open(&reading, "f");
    file_write(reading.path, "a\0b\n", 4);
    assert_succeeds(source_read(&reading.arena, reading.path, 100, &reading.source));
    assert_int_equal(reading.source.length, 4);
    assert_memory_equal(reading.source.bytes, "a\0b\n", 5);
    assert_string_equal(reading.source.name, reading.path);
    reading_close(&reading);
}

TEST(an_empty_file_is_no_error)
{
    struct reading reading;

    reading_open(&reading, "f");
    file_write(reading.path, "", 0);
    assert_succeeds(source_read(&reading.arena, reading.path, 100, &reading.source));
    assert_int_equal(reading.source.length, 0);
    assert_string_equal(reading.source.bytes, "");
    reading_close(&reading);
}

TEST(a_file_may_be_as_large_as_the_limit)
{
    struct reading reading;

    reading_open(&reading, "f");
    file_write(reading.path, "12345", 5);
    assert_succeeds(source_read(&reading.arena, reading.path, 5, &reading.source));
    assert_fails_with(source_read(&reading.arena, reading.path, 4, &reading.source), EFBIG);
    reading_close(&reading);
}

TEST(what_cannot_be_read_is_told_in_words)
{
    struct arena arena = {0};

    assert_string_equal(source_problem(&arena, -EFBIG, SOURCE_POLICY_MAX), "it is larger than 32 MiB");
    assert_string_equal(source_problem(&arena, -EFBIG, SOURCE_ADDRESSES_MAX), "it is larger than 256 MiB");
    assert_string_equal(source_problem(&arena, -ENODEV, 1), "it is a device");
    assert_string_equal(source_problem(&arena, -EISDIR, 1), strerror(EISDIR));
    arena_clear(&arena);
}

TEST(files_that_say_they_are_empty_are_read_all_the_same)
{
    struct arena arena = {0};
    struct source source;

    assert_succeeds(source_read(&arena, "/proc/self/stat", 1 << 16, &source));
    assert_true(source.length > 10);
    assert_fails_with(source_read(&arena, "/proc/self/stat", 3, &source), EFBIG);
    arena_clear(&arena);
}

TEST(what_is_no_file_gives_the_reason)
{
    struct reading reading;

    reading_open(&reading, "missing");
    assert_fails_with(source_read(&reading.arena, reading.path, 100, &reading.source), ENOENT);
    assert_fails_with(source_read(&reading.arena, reading.folder, 100, &reading.source), EISDIR);
    assert_fails_with(source_read(&reading.arena, "/dev/zero", 100, &reading.source), ENODEV);
    // A name and no bytes, which diagnostics can print.
    assert_string_equal(reading.source.name, "/dev/zero");
    assert_int_equal(reading.source.length, 0);
    reading_close(&reading);
}

TEST(a_pipe_that_nobody_writes_to_does_not_block)
{
    struct reading reading;

    reading_open(&reading, "pipe");
    assert_succeeds(mkfifo(reading.path, 0600));
    alarm(10);
    assert_succeeds(source_read(&reading.arena, reading.path, 100, &reading.source));
    alarm(0);
    assert_int_equal(reading.source.length, 0);
    reading_close(&reading);
}

TEST(lines_come_without_their_end)
{
    const struct source source = text_source("one\ntwo\r\n\nfour");
    struct slice line = source_line(&source, 1);

    assert_bytes_are(line.at, line.length, "one");
    line = source_line(&source, 2);
    assert_bytes_are(line.at, line.length, "two");
    assert_int_equal(source_line(&source, 3).length, 0);
    line = source_line(&source, 4);
    assert_bytes_are(line.at, line.length, "four");
    assert_int_equal(source_line(&source, 5).length, 0);
    assert_int_equal(source_line(&source, UINT32_MAX).length, 0);
}

TEST(lines_of_an_empty_source_are_empty)
{
    const struct source source = text_source("");

    assert_int_equal(source_line(&source, 1).length, 0);
    assert_int_equal(source_line(&source, 2).length, 0);
}

TEST(offsets_count_characters_and_not_bytes)
{
    static const struct {
        size_t offset;
        uint32_t line, column;
    } rows[] = {{0, 1, 1}, {1, 1, 2}, {3, 1, 3}, {4, 2, 1}, {7, 2, 2}, {8, 2, 3}, {99, 2, 3}};
    const struct source source = text_source("a\xC3\xBC\n\xE2\x82\xACz");

    for (size_t i = 0; i < array_length(rows); i++) {
        const struct span span = source_at_offset(&source, rows[i].offset);

        assert_int_equal(span.line, rows[i].line);
        assert_int_equal(span.column, rows[i].column);
    }
}

TEST(names_are_relative_to_the_file_that_names_them)
{
    static const struct {
        const char *from, *name, *path;
    } rows[] = {
        {"policy.yaml", "site.yaml", "site.yaml"},
        {"conf/policy.yaml", "site.yaml", "conf/site.yaml"},
        {"/etc/ctc/policy.yaml", "lists/drop", "/etc/ctc/lists/drop"},
        {"/policy.yaml", "a", "/a"},
        {"conf/policy.yaml", "/abs/a", "/abs/a"},
        {"conf/policy.yaml", "../a", "conf/../a"},
        {"", "a", "a"}, // standard input
    };
    struct arena arena = {0};

    for (size_t i = 0; i < array_length(rows); i++) {
        const struct source from = {.path = rows[i].from};

        assert_string_equal(source_relative(&arena, &from, slice_of(rows[i].name)), rows[i].path);
    }
    arena_clear(&arena);
}

TEST(sources_are_numbered_in_the_order_they_were_read)
{
    struct reading reading;
    const struct source *first, *second, *missing;
    char other[PATH_MAX + 32];

    reading_open(&reading, "a");
    snprintf(other, sizeof(other), "%s/b", reading.folder);
    file_write(reading.path, "x", 1);
    file_write(other, "y", 1);

    struct source_set set = {.arena = &reading.arena};

    assert_succeeds(source_set_open(&set, reading.path, 10, &first));
    assert_fails_with(source_set_open(&set, "/nowhere/at/all", 10, &missing), ENOENT);
    assert_string_equal(missing->name, "/nowhere/at/all");
    assert_succeeds(source_set_open(&set, other, 10, &second));
    assert_int_equal(set.count, 2);
    assert_true(first->order < second->order);
    assert_true(first->inode != second->inode);
    reading_close(&reading);
}

static void hash_texts(const char *const *texts, char hash[65])
{
    struct arena arena = {0};
    struct source sources[3];
    const struct source *items[3];
    struct source_set set = {.arena = &arena, .items = items};
    struct source_hashing hashing;

    for (; texts[set.count]; set.count++) {
        sources[set.count] = text_source(texts[set.count]);
        items[set.count] = &sources[set.count];
    }
    source_hash_begin(&hashing, &set);
    source_hash_end(&hashing, &set, hash);
    arena_clear(&arena);
}

TEST(the_hash_tells_files_apart)
{
    char hash[65], again[65], other[65], joined[65];

    hash_texts((const char *const[]){"ab", "c", NULL}, hash);
    hash_texts((const char *const[]){"ab", "c", NULL}, again);
    hash_texts((const char *const[]){"a", "bc", NULL}, other);
    hash_texts((const char *const[]){"abc", NULL}, joined);
    assert_int_equal(strlen(hash), 64);
    assert_int_equal(strspn(hash, "0123456789abcdef"), 64);
    assert_string_equal(hash, again);
    assert_string_not_equal(hash, other);
    assert_string_not_equal(hash, joined);
}

RUN_TESTS(CASE(a_file_is_read_whole_with_a_nul_behind_it), CASE(an_empty_file_is_no_error),
          CASE(a_file_may_be_as_large_as_the_limit), CASE(what_cannot_be_read_is_told_in_words),
          CASE(files_that_say_they_are_empty_are_read_all_the_same), CASE(what_is_no_file_gives_the_reason),
          CASE(a_pipe_that_nobody_writes_to_does_not_block), CASE(lines_come_without_their_end),
          CASE(lines_of_an_empty_source_are_empty), CASE(offsets_count_characters_and_not_bytes),
          CASE(names_are_relative_to_the_file_that_names_them),
          CASE(sources_are_numbered_in_the_order_they_were_read), CASE(the_hash_tells_files_apart))
