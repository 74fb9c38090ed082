// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

// One read, waiting for a writer that is slow.
static ssize_t read_some(int fd, char *into, size_t size)
{
    for (;;) {
        const ssize_t got = read(fd, into, size);

        if (got >= 0)
            return got;
        if (errno == EAGAIN) {
            struct pollfd ready = {.fd = fd, .events = POLLIN};

            if (poll(&ready, 1, -1) < 0 && errno != EINTR)
                return -errno;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
}

static int read_sized(struct arena *arena, int fd, size_t size, struct source *source)
{
    char *bytes = arena_alloc(arena, size + 1);
    size_t length = 0;

    while (length < size) {
        const ssize_t got = read_some(fd, bytes + length, size - length);

        if (got < 0)
            return (int)got;
        if (!got)
            break;
        length += (size_t)got;
    }
    source->bytes = bytes;
    source->length = length;
    return 0;
}

static int read_stream(struct arena *arena, int fd, size_t limit, struct source *source)
{
    struct buf all = {0};
    char piece[1 << 14];
    int error = 0;

    for (;;) {
        const ssize_t got = read_some(fd, piece, sizeof(piece));

        if (got <= 0) {
            error = (int)got;
            break;
        }
        if ((size_t)got > limit - all.length) {
            error = -EFBIG;
            break;
        }
        buf_append(&all, piece, (size_t)got);
    }
    if (!error) {
        source->bytes = arena_copy(arena, all.bytes, all.length);
        source->length = all.length;
    }
    buf_clear(&all);
    return error;
}

static int read_fd(struct arena *arena, int fd, bool is_stdin, size_t limit, struct source *source)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    source->device = status.st_dev;
    source->inode = status.st_ino;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (S_ISREG(status.st_mode)) {
        if ((uint64_t)status.st_size > limit)
            return -EFBIG;
        // Files of /proc say that they are empty.
        if (status.st_size > 0)
            return read_sized(arena, fd, (size_t)status.st_size, source);
    } else if (!S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode) && !is_stdin) {
        return -ENODEV;
    }
    return read_stream(arena, fd, limit, source);
}

static const char *printable_name(struct arena *arena, const char *path)
{
    struct slice rest = slice_of(path);
    char *name = arena_copy(arena, path, rest.length);

    for (char *at = name; rest.length;) {
        const size_t bytes = printable_bytes(rest), step = bytes ? bytes : 1;

        if (!bytes)
            *at = '?';
        at += step;
        rest = (struct slice){rest.at + step, rest.length - step};
    }
    return name;
}

int source_read(struct arena *arena, const char *path, size_t limit, struct source *source)
{
    const bool is_stdin = strcmp(path, "-") == 0;

    *source = (struct source){.name = is_stdin ? "<stdin>" : printable_name(arena, path),
                              .path = is_stdin ? "" : path,
                              .bytes = ""};
    if (is_stdin)
        return read_fd(arena, STDIN_FILENO, true, limit, source);

    // Without O_NONBLOCK, a pipe that nobody writes to would keep open() waiting.
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -errno;

    const int error = read_fd(arena, fd, false, limit, source);

    close(fd);
    return error;
}

const char *source_problem(struct arena *arena, int error, size_t limit)
{
    switch (error) {
    case -EFBIG:
        return arena_printf(arena, "it is larger than %zu MiB", limit >> 20);
    case -ENODEV:
        return "it is a device";
    default:
        return strerror(-error);
    }
}

const char *source_relative(struct arena *arena, const struct source *from, struct slice name)
{
    const char *slash = strrchr(from->path, '/');

    if ((name.length && name.at[0] == '/') || !slash)
        return arena_copy(arena, name.at, name.length);
    return arena_printf(arena, "%.*s%.*s", (int)(slash - from->path + 1), from->path, (int)name.length,
                        name.at);
}

struct slice line_find(struct line_finder *finder, const struct source *source, uint32_t line)
{
    const char *const end = source->bytes + source->length;

    if (finder->source != source || line < finder->line)
        *finder = (struct line_finder){source, source->bytes, 1};
    for (; finder->line < line && finder->at; finder->line++) {
        finder->at = memchr(finder->at, '\n', (size_t)(end - finder->at));
        if (finder->at)
            finder->at++;
    }
    if (!finder->at || finder->at >= end)
        return (struct slice){end, 0};

    const char *stop = memchr(finder->at, '\n', (size_t)(end - finder->at));
    struct slice text = {finder->at, (size_t)((stop ? stop : end) - finder->at)};

    if (text.length && text.at[text.length - 1] == '\r')
        text.length--;
    return text;
}

struct slice source_line(const struct source *source, uint32_t line)
{
    return line_find(&(struct line_finder){0}, source, line);
}

struct span source_whole(const struct source *source)
{
    return (struct span){.source = source, .length = 1};
}

struct span source_at_offset(const struct source *source, size_t offset)
{
    struct span span = {source, 1, 1, 1};

    for (size_t i = 0; i < offset && i < source->length; i++) {
        if (source->bytes[i] == '\n') {
            span.line++;
            span.column = 1;
        } else if (((unsigned char)source->bytes[i] & 0xC0) !=
                   0x80) { // continuation bytes of UTF-8 do not count
            span.column++;
        }
    }
    return span;
}

// `web.yml` for `web.yaml`, and the other way round.
static const char *other_ending(struct arena *arena, const char *path)
{
    static const char *const endings[][2] = {{".yml", ".yaml"}, {".yaml", ".yml"}, {"", ".yaml"}};
    const size_t length = strlen(path);

    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        const size_t tail = strlen(endings[i][0]);

        if (length <= tail || strcmp(path + length - tail, endings[i][0]) != 0)
            continue;

        const char *other = arena_printf(arena, "%.*s%s", (int)(length - tail), path, endings[i][1]);

        if (access(other, F_OK) == 0)
            return other;
    }
    return NULL;
}

const char *source_hint(struct arena *arena, const char *path, int error)
{
    const char *other = error == -ENOENT ? other_ending(arena, path) : NULL,
               *colon = error == -ENOENT ? strchr(path, ':') : NULL;

    if (other)
        return arena_printf(arena, "%s is there", other);
    if (colon && access(colon + 1, F_OK) == 0)
        return arena_printf(arena, "a file of a commit comes from `git show %s |`, and is named -", path);
    return error == -EISDIR ? "name the files in it" : NULL;
}
