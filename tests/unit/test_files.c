// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/fixture.h"

#include <dirent.h>
#include <errno.h>

#include "cli/cli.h"
#include "cli/files.h"

// The command's table, which main.c has outside of tests.
const struct command commands[] = {{"none", "", "", NULL}};
const size_t command_count = 1;

struct writing {
    char folder[PATH_MAX];
    char a[PATH_MAX + 32], b[PATH_MAX + 32];
    struct buf text_a, text_b;
};

static void writing_open(struct writing *writing)
{
    *writing = (struct writing){0};
    folder_make(writing->folder);
    snprintf(writing->a, sizeof(writing->a), "%s/a", writing->folder);
    snprintf(writing->b, sizeof(writing->b), "%s/b", writing->folder);
    buf_text(&writing->text_a, "new a\n");
    buf_text(&writing->text_b, "new b\n");
}

static void writing_close(struct writing *writing)
{
    buf_clear(&writing->text_a);
    buf_clear(&writing->text_b);
    folder_remove(writing->folder);
}

// Files of the folder, but for `.` and `..`: nothing temporary is left behind.
static size_t files_in(const char *folder)
{
    DIR *directory = opendir(folder);
    size_t count = 0;

    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

static void assert_file(const char *path, const char *text)
{
    char *contents = file_contents(path);

    if (text) {
        assert_non_null(contents);
        assert_string_equal(contents, text);
    } else {
        assert_null(contents);
    }
    free(contents);
}

// write_files() with what it says on standard error thrown away.
static enum exit_code write_quietly(const struct output_file *files, size_t count)
{
    const int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

    assert_true(saved >= 0 && null >= 0);
    fflush(stderr);
    dup2(null, STDERR_FILENO);

    const enum exit_code code = write_files(NO_ROOT, files, count);

    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(null);
    close(saved);
    return code;
}

static void write_one(const char *path, const struct buf *text)
{
    assert_int_equal(write_files(NO_ROOT, &(struct output_file){.path = path, .text = text}, 1), EXIT_FINE);
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    assert_succeeds(lstat(path, &status));
    return status.st_mode & 07777;
}

TEST_WITH(writing, a_new_file_is_the_owners_alone)
{
    write_one(writing->a, &writing->text_a);
    assert_file(writing->a, "new a\n");
    assert_int_equal(mode_of(writing->a), 0600);
    assert_int_equal(files_in(writing->folder), 1);
}

TEST_WITH(writing, a_file_keeps_its_mode_and_is_replaced_by_another)
{
    struct stat before, after;

    file_write(writing->a, "old and longer\n", 15);
    assert_succeeds(chmod(writing->a, 0644));
    assert_succeeds(stat(writing->a, &before));
    write_one(writing->a, &writing->text_a);
    assert_succeeds(stat(writing->a, &after));
    assert_file(writing->a, "new a\n");
    assert_int_equal(after.st_mode & 07777, 0644);
    // Never written in place: whoever has the old file open reads it to its end.
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(files_in(writing->folder), 1);
}

TEST_WITH(writing, a_symbolic_link_stays_and_its_target_is_replaced)
{
    char link_path[PATH_MAX + 32], dangling[PATH_MAX + 32];

    snprintf(link_path, sizeof(link_path), "%s/link", writing->folder);
    snprintf(dangling, sizeof(dangling), "%s/dangling", writing->folder);
    file_write(writing->a, "old\n", 4);
    assert_succeeds(symlink("a", link_path));
    assert_succeeds(symlink("b", dangling));
    write_one(link_path, &writing->text_a);
    assert_file(writing->a, "new a\n");
    write_one(dangling, &writing->text_b);
    assert_file(writing->b, "new b\n");

    char target[10];

    assert_int_equal(readlink(link_path, target, sizeof(target)), 1);
    assert_int_equal(readlink(dangling, target, sizeof(target)), 1);
    assert_int_equal(files_in(writing->folder), 4);
}

TEST_WITH(writing, two_files_are_written_together)
{
    file_write(writing->b, "old b\n", 6);

    const struct output_file files[] = {{.path = writing->a, .text = &writing->text_a},
                                        {.path = writing->b, .text = &writing->text_b}};

    assert_int_equal(write_files(NO_ROOT, files, 2), EXIT_FINE);
    assert_file(writing->a, "new a\n");
    assert_file(writing->b, "new b\n");
    assert_int_equal(files_in(writing->folder), 2);
}

TEST_WITH(writing, where_one_of_two_fails_neither_is_written)
{
    char missing[PATH_MAX + 32];

    snprintf(missing, sizeof(missing), "%s/no/such", writing->folder);
    file_write(writing->a, "old a\n", 6);

    const struct output_file last_fails[] = {{.path = writing->a, .text = &writing->text_a},
                                             {.path = missing, .text = &writing->text_b}},
                             first_fails[] = {{.path = missing, .text = &writing->text_b},
                                              {.path = writing->a, .text = &writing->text_a}};

    assert_int_equal(write_quietly(last_fails, 2), EXIT_WORLD);
    assert_int_equal(write_quietly(first_fails, 2), EXIT_WORLD);
    assert_file(writing->a, "old a\n");
    assert_int_equal(files_in(writing->folder), 1);
}

TEST_WITH(writing, where_the_second_name_is_a_folder_the_first_file_stays)
{
    file_write(writing->a, "old a\n", 6);
    assert_succeeds(mkdir(writing->b, 0700));

    const struct output_file files[] = {{.path = writing->a, .text = &writing->text_a},
                                        {.path = writing->b, .text = &writing->text_b}};

    assert_int_equal(write_quietly(files, 2), EXIT_WORLD);
    assert_file(writing->a, "old a\n");
    assert_int_equal(files_in(writing->folder), 2);
}

TEST_WITH(writing, a_folder_is_not_replaced)
{
    assert_int_equal(
        write_quietly(&(struct output_file){.path = writing->folder, .text = &writing->text_a}, 1),
        EXIT_WORLD);
    assert_int_equal(files_in(writing->folder), 0);
}

TEST_WITH(writing, a_device_is_written_to_and_stays_one)
{
    struct stat status;

    write_one("/dev/null", &writing->text_a);
    assert_succeeds(stat("/dev/null", &status));
    assert_true(S_ISCHR(status.st_mode));
    if (access("/dev/full", W_OK) == 0)
        assert_int_equal(
            write_quietly(&(struct output_file){.path = "/dev/full", .text = &writing->text_a}, 1),
            EXIT_WORLD);
}

TEST_WITH(writing, an_empty_text_makes_an_empty_file)
{
    const struct buf nothing = {0};

    file_write(writing->a, "old\n", 4);
    write_one(writing->a, &nothing);
    assert_file(writing->a, "");
}

TEST_WITH(writing, a_name_without_a_folder_is_in_the_current_one)
{
    char before[PATH_MAX];

    assert_non_null(getcwd(before, sizeof(before)));
    assert_succeeds(chdir(writing->folder));
    write_one("a", &writing->text_a);
    write_one("a", &writing->text_b);
    assert_succeeds(chdir(before));
    assert_file(writing->a, "new b\n");
    assert_int_equal(files_in(writing->folder), 1);
}

TEST_WITH(writing, a_mode_that_is_asked_for_is_given)
{
    file_write(writing->a, "old\n", 4);
    assert_succeeds(chmod(writing->a, 0600));

    const struct output_file files[] = {{.path = writing->a, .text = &writing->text_a, .mode = 0644},
                                        {.path = writing->b, .text = &writing->text_b, .mode = 0640}};

    assert_int_equal(write_files(NO_ROOT, files, 2), EXIT_FINE);
    assert_int_equal(mode_of(writing->a), 0644);
    assert_int_equal(mode_of(writing->b), 0640);
}

TEST_WITH(writing, a_file_is_taken_away_together_with_the_others)
{
    file_write(writing->a, "old\n", 4);

    const struct output_file files[] = {{.path = writing->a}, {.path = writing->b, .text = &writing->text_b}};

    assert_int_equal(write_files(NO_ROOT, files, 2), EXIT_FINE);
    assert_file(writing->a, NULL);
    assert_file(writing->b, "new b\n");
    assert_int_equal(files_in(writing->folder), 1);
}

TEST_WITH(writing, a_file_that_is_not_there_is_gone_already)
{
    assert_int_equal(write_files(NO_ROOT, &(struct output_file){.path = writing->a}, 1), EXIT_FINE);
    assert_int_equal(files_in(writing->folder), 0);
}

TEST_WITH(writing, one_file_under_two_names_is_refused)
{
    char other[PATH_MAX + 64];

    file_write(writing->a, "old\n", 4);
    snprintf(other, sizeof(other), "%s/./a", writing->folder);

    const struct output_file files[] = {{.path = writing->a, .text = &writing->text_a},
                                        {.path = other, .text = &writing->text_b}};

    assert_int_equal(write_quietly(files, 2), EXIT_WORLD);
    assert_file(writing->a, "old\n");
    assert_int_equal(files_in(writing->folder), 1);
}

TEST_WITH(writing, below_a_root_folders_are_made_and_links_stay_inside)
{
    char path[PATH_MAX + 64];

    const int root = open(writing->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct output_file files[] = {{.path = "/etc/deep/a", .text = &writing->text_a},
                                        {.path = "/link/b", .text = &writing->text_b}};

    assert_true(root >= 0);
    snprintf(path, sizeof(path), "%s/link", writing->folder);
    assert_succeeds(symlink("/../../etc", path));
    assert_int_equal(write_files(root, files, 2), EXIT_FINE);
    snprintf(path, sizeof(path), "%s/etc/deep/a", writing->folder);
    assert_file(path, "new a\n");
    snprintf(path, sizeof(path), "%s/etc/b", writing->folder);
    assert_file(path, "new b\n");
    close(root);
}

RUN_TESTS(CASE(a_mode_that_is_asked_for_is_given), CASE(a_file_is_taken_away_together_with_the_others),
          CASE(a_file_that_is_not_there_is_gone_already), CASE(one_file_under_two_names_is_refused),
          CASE(below_a_root_folders_are_made_and_links_stay_inside), CASE(a_new_file_is_the_owners_alone),
          CASE(a_file_keeps_its_mode_and_is_replaced_by_another),
          CASE(a_symbolic_link_stays_and_its_target_is_replaced), CASE(two_files_are_written_together),
          CASE(where_one_of_two_fails_neither_is_written),
          CASE(where_the_second_name_is_a_folder_the_first_file_stays), CASE(a_folder_is_not_replaced),
          CASE(a_device_is_written_to_and_stays_one), CASE(an_empty_text_makes_an_empty_file),
          CASE(a_name_without_a_folder_is_in_the_current_one))
