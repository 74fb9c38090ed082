// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc build: every file that a host needs, where its distribution looks for it; or what differs from what is there.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/difference.h"
#include "base/vec.h"
#include "cli/columns.h"
#include "cli/files.h"
#include "cli/options.h"
#include "compile.h"
#include "host/layout.h"

#define FILE_BYTES_MAX ((off_t)1 << 30) // of a file that is there; a table ends at 512 MB

struct options {
    enum layout layout; // LAYOUT_COUNT: not said
    const char *root;
    bool check;
    bool sets; // make sets of many addresses or ports
    struct compile_options compile;
    struct plan_options plan;
    const char *policy;
};

static enum exit_code take_layout(const char *command, const struct option_row *row)
{
    enum layout *layout = row->into;
    int number;
    const enum exit_code code = take_word(command, row->word, layout_names, &number);

    *layout = (enum layout)number;
    return code;
}

static enum exit_code take_root(const char *command, const struct option_row *row)
{
    const char **root = row->into;

    if (!optarg[0])
        return usage_error(command, "--root names no folder");
    *root = optarg;
    return EXIT_FINE;
}

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    const struct option_row rows[] = {option_value("layout", take_layout, &options->layout),
                                      option_value("root", take_root, &options->root),
                                      option_flag("check", &options->check),
                                      option_flag("sets", &options->sets),
                                      option_kernel(&options->plan.version),
                                      OPTIONS_COMPILE(&options->compile),
                                      {0}};
    const enum exit_code code = take_options("build", argc, argv, rows);

    if (code != EXIT_FINE)
        return code;
    if (options->layout == LAYOUT_COUNT)
        return usage_error("build", "--layout says what distribution the host has: redhat or debian");
    return take_policy("build", argc, argv, &options->policy);
}

// What stands where a file is to be.
struct standing {
    const char *shown; // the path with its root
    bool there;
    mode_t mode;
    struct buf text;
};

static bool same_text(const struct standing *standing, const struct layout_file *file)
{
    return standing->text.length == file->text.length &&
           (!file->text.length || memcmp(standing->text.bytes, file->text.bytes, file->text.length) == 0);
}

static bool is_ours(const struct standing *standing)
{
    return made_by_ctc((struct slice){standing->text.bytes, standing->text.length});
}

static enum exit_code failed(const struct standing *standing, const char *what, int error)
{
    return world_error("cannot %s %s: %s", what, standing->shown, strerror(error));
}

static bool read_whole(int fd, struct buf *text)
{
    char bytes[1 << 16];
    ssize_t count;

    while ((count = read(fd, bytes, sizeof(bytes))) > 0)
        buf_append(text, bytes, (size_t)count);
    return count == 0;
}

static enum exit_code read_open(const struct compilation *compilation, int fd, struct standing *standing)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return failed(standing, "read", errno);
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX)
        return failed(standing, "replace",
                      S_ISDIR(status.st_mode)   ? EISDIR
                      : S_ISREG(status.st_mode) ? EFBIG
                                                : EINVAL);
    if (compile_has_read(compilation, status.st_dev, status.st_ino))
        return usage_error("build", "%s would be replaced, a file of the policy itself", standing->shown);
    standing->there = true;
    standing->mode = status.st_mode & 07777;
    return read_whole(fd, &standing->text) ? EXIT_FINE : failed(standing, "read", errno);
}

static enum exit_code read_standing(const struct compilation *compilation, int root, const char *path,
                                    struct standing *standing)
{
    struct place place;
    enum exit_code code;
    int fd;

    if (!place_find(root, path, NULL, &place))
        return errno == ENOENT ? EXIT_FINE : failed(standing, "reach", errno);
    fd = openat(place.folder, place.name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        code = errno == ENOENT ? EXIT_FINE : failed(standing, "read", errno);
    else
        code = read_open(compilation, fd, standing);
    if (fd >= 0)
        close(fd);
    place_close(&place);
    return code;
}

enum action { ACTION_NONE, ACTION_MAKE, ACTION_REPLACE, ACTION_REMOVE, ACTION_LEAVE };

static enum action action_for(const struct layout_file *file, const struct standing *standing)
{
    if (!file->needed)
        return !standing->there    ? ACTION_NONE
               : is_ours(standing) ? ACTION_REMOVE
               : file->common      ? ACTION_NONE
                                   : ACTION_LEAVE;
    if (!standing->there)
        return ACTION_MAKE;
    return same_text(standing, file) && standing->mode == file->mode ? ACTION_NONE : ACTION_REPLACE;
}

// What differs, for people; true where nothing does.
static bool put_check(struct buf *out, const struct layout_file *file, const struct standing *standing)
{
    switch (action_for(file, standing)) {
    case ACTION_NONE:
    case ACTION_LEAVE:
        return true;
    case ACTION_MAKE:
        buf_printf(out, "%s: is not there\n", standing->shown);
        break;
    case ACTION_REMOVE:
        buf_printf(out, "%s: is no longer needed\n", standing->shown);
        break;
    case ACTION_REPLACE:
        if (standing->mode != file->mode)
            buf_printf(out, "%s: has mode %04o instead of %04o\n", standing->shown, (unsigned)standing->mode,
                       (unsigned)file->mode);
        if (!same_text(standing, file))
            put_difference(out, standing->shown, (struct slice){standing->text.bytes, standing->text.length},
                           (struct slice){file->text.bytes, file->text.length});
        break;
    }
    return false;
}

static struct row report_row(struct arena *arena, const struct layout_file *file,
                             const struct standing *standing, enum action action)
{
    static const char *const words[] = {[ACTION_NONE] = "unchanged",
                                        [ACTION_MAKE] = "new",
                                        [ACTION_REPLACE] = "replaced",
                                        [ACTION_REMOVE] = "removed",
                                        [ACTION_LEAVE] = "left"};
    const char *note = "";

    if (action == ACTION_LEAVE)
        note = "the policy needs no such file, but it is not ctc's";
    else if (action == ACTION_REPLACE && !is_ours(standing))
        note = "it was not ctc's";
    return (struct row){{words[action],
                         file->needed ? arena_printf(arena, "%04o", (unsigned)file->mode) : "-",
                         standing->shown, note, ""}};
}

static enum exit_code write_layout(struct arena *arena, int root, const struct layout_file *files,
                                   const struct standing *standing, size_t count, struct buf *out)
{
    struct output_file *outputs = arena_calloc(arena, count, sizeof(*outputs));
    struct rows rows = {0};
    size_t changed = 0;

    for (size_t i = 0; i < count; i++) {
        const enum action action = action_for(&files[i], &standing[i]);

        if (action != ACTION_NONE || files[i].needed)
            *vec_push(arena, &rows) = report_row(arena, &files[i], &standing[i], action);
        if (action != ACTION_NONE && action != ACTION_LEAVE)
            outputs[changed++] = (struct output_file){.path = files[i].path,
                                                      .shown = standing[i].shown,
                                                      .text = files[i].needed ? &files[i].text : NULL,
                                                      .mode = files[i].mode};
    }
    put_rows(out, &rows, "", 0);
    return changed ? write_files(root, outputs, changed) : EXIT_FINE;
}

static enum exit_code build_at(struct compilation *compilation, const struct options *options, int root,
                               const struct layout_file *files, size_t count)
{
    struct standing *standing = arena_calloc(&compilation->arena, count, sizeof(*standing));
    int slashes = (int)strlen(options->root);
    struct buf out = {0};
    enum exit_code code = EXIT_FINE;
    bool same = true;

    while (slashes && options->root[slashes - 1] == '/')
        slashes--;
    for (size_t i = 0; i < count; i++)
        standing[i].shown =
            arena_printf(&compilation->arena, "%.*s%s", slashes, options->root, files[i].path);
    for (size_t i = 0; i < count && code == EXIT_FINE; i++)
        code = read_standing(compilation, root, files[i].path, &standing[i]);
    for (size_t i = 0; i < count && code == EXIT_FINE && options->check; i++)
        same = put_check(&out, &files[i], &standing[i]) && same;
    if (code == EXIT_FINE && !options->check)
        code = write_layout(&compilation->arena, root, files, standing, count, &out);
    if (code == EXIT_FINE)
        code = write_output(&out);
    for (size_t i = 0; i < count; i++)
        buf_clear(&standing[i].text);
    buf_clear(&out);
    return code == EXIT_FINE && !same ? EXIT_DIFFERENCE : code;
}

static enum exit_code build(struct compilation *compilation, const struct options *options,
                            const struct buf rules[FAMILY_COUNT])
{
    const struct buf *sets = compilation->sets.count ? options->compile.sets : NULL;
    const struct plan *plan = plan_host(&compilation->arena, compilation->policy, &options->plan);
    struct layout_file *files;
    enum exit_code code;
    size_t count;
    int root;

    plan_check(plan, source_whole(compilation->sources.items[0]), &compilation->diags);
    report_diags(&compilation->diags, SEVERITY_WARNING);
    root = open(options->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return world_error("cannot open %s: %s", options->root, strerror(errno));
    files = plan_files(&compilation->arena, plan, options->layout, rules, sets, &count);
    code = build_at(compilation, options, root, files, count);
    layout_files_clear(files, count);
    close(root);
    return code;
}

enum exit_code run_build(int argc, char **argv)
{
    struct options options = {.layout = LAYOUT_COUNT, .root = "/"};
    struct buf rules[FAMILY_COUNT] = {{0}}, sets = {0};
    struct compilation compilation;
    enum exit_code code = parse(argc, argv, &options);
    bool fine;

    if (code != EXIT_FINE)
        return code;
    options.compile.sets = options.sets ? &sets : NULL;
    compilation_init(&compilation);
    fine = compile_read(&compilation, options.policy);
    for (enum family family = 0; family < FAMILY_COUNT && fine; family++)
        fine = compile_rules(&compilation, family, &options.compile, &rules[family]);
    if (fine) {
        code = build(&compilation, &options, rules);
    } else {
        report_diags(&compilation.diags, SEVERITY_WARNING);
        code = compilation.diags.exit;
    }
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        buf_clear(&rules[family]);
    buf_clear(&sets);
    compilation_clear(&compilation);
    return code;
}
