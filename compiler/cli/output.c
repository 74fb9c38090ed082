// SPDX-License-Identifier: GPL-2.0-or-later
//
// Standard output, and files that are replaced whole or not at all. Each text goes to a nameless file first (O_TMPFILE, so that a kill leaves
// nothing behind), and gets a name only when all of them are on disk; where the file system has no nameless files, a named
// one beside the target takes its place.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define NEW_FILE_MODE 0600

struct replacement {
    const struct output_file *file;
    char target[PATH_MAX];    // with symbolic links followed
    char temporary[PATH_MAX]; // a name for the new file beside it; empty while it has none
    int fd;                   // of the new file; -1 where none is open
    bool direct;              // a device or a pipe, written to as it is
    bool existed;             // there is an old file
    bool exchanged;           // which has the temporary name now
    bool replaced;
};

// Waits where the other end is slow, also where somebody has made it non-blocking.
static bool write_whole(int fd, const struct buf *text)
{
    for (size_t written = 0; written < text->length;) {
        const ssize_t count = write(fd, text->bytes + written, text->length - written);
        struct pollfd ready = {.fd = fd, .events = POLLOUT};

        if (count >= 0)
            written += (size_t)count;
        else if (errno == EAGAIN)
            poll(&ready, 1, -1);
        else if (errno != EINTR)
            return false;
    }
    return true;
}

enum exit_code write_output(const struct buf *text)
{
    if (write_whole(STDOUT_FILENO, text))
        return EXIT_FINE;
    fprintf(stderr, "ctc: error: cannot write to standard output: %s\n", strerror(errno));
    return EXIT_WORLD;
}

static enum exit_code failed(const struct replacement *replacement, const char *what)
{
    fprintf(stderr, "ctc: error: cannot %s %s: %s\n", what, replacement->file->path, strerror(errno));
    return EXIT_WORLD;
}

// The file that `path` leads to, which need not exist. False where the way there fails.
static bool resolve(const char *path, char target[PATH_MAX])
{
    char link[PATH_MAX];

    if (realpath(path, target))
        return true;
    if (errno != ENOENT)
        return false;

    // A dangling link: what it points to will be made.
    const ssize_t length = readlink(path, link, sizeof(link) - 1);
    const char *slash = strrchr(path, '/');
    int size;

    if (length > 0) {
        link[length] = '\0';
        size = link[0] == '/' || !slash
                   ? snprintf(target, PATH_MAX, "%s", link)
                   : snprintf(target, PATH_MAX, "%.*s/%s", (int)(slash - path), path, link);
    } else {
        size = snprintf(target, PATH_MAX, "%s", path);
    }
    if (size >= PATH_MAX)
        errno = ENAMETOOLONG;
    return size < PATH_MAX;
}

static bool name_beside(const char *target, const char *kind, char name[PATH_MAX])
{
    const char *slash = strrchr(target, '/');
    const int directory = slash ? (int)(slash - target + 1) : 0;
    const int size = snprintf(name, PATH_MAX, "%.*s.%s.%s%ld", directory, target, target + directory, kind,
                              (long)getpid());

    if (size >= PATH_MAX)
        errno = ENAMETOOLONG;
    return size < PATH_MAX;
}

static int open_nameless(const char *target)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(target, '/');

    snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - target + 1) : 1,
             slash ? target : ".");
    return open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, NEW_FILE_MODE);
}

static int open_named(struct replacement *replacement)
{
    if (!name_beside(replacement->target, "new", replacement->temporary))
        return -1;
    unlink(replacement->temporary);

    const int fd =
        open(replacement->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, NEW_FILE_MODE);

    if (fd < 0)
        replacement->temporary[0] = '\0';
    return fd;
}

// Owner and mode of the file that is replaced; the owner only where the caller may.
static bool keep_mode(int fd, const struct stat *old)
{
    if (fchown(fd, old->st_uid, old->st_gid) < 0 && errno != EPERM)
        return false;
    return fchmod(fd, old->st_mode & 07777) == 0;
}

// Everything that can fail for want of space or permission.
static enum exit_code prepare(struct replacement *replacement)
{
    struct stat old;
    bool exists;

    if (!resolve(replacement->file->path, replacement->target))
        return failed(replacement, "reach");
    exists = replacement->existed = stat(replacement->target, &old) == 0;
    if (exists && S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        return failed(replacement, "replace");
    }
    if (exists && !S_ISREG(old.st_mode)) {
        replacement->direct = true;
        replacement->fd = open(replacement->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return replacement->fd < 0 ? failed(replacement, "open") : EXIT_FINE;
    }
    // A nameless file gets its name by way of /proc.
    replacement->fd = access("/proc/self/fd", X_OK) == 0 ? open_nameless(replacement->target) : -1;
    if (replacement->fd < 0 && (errno == ENOENT || errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        replacement->fd = open_named(replacement);
    if (replacement->fd < 0)
        return failed(replacement, "write beside");
    if (!write_whole(replacement->fd, replacement->file->text) ||
        (exists && !keep_mode(replacement->fd, &old)) || fsync(replacement->fd) < 0)
        return failed(replacement, "write");
    return EXIT_FINE;
}

// Gives a nameless file a name beside its target.
static bool give_name(struct replacement *replacement)
{
    char descriptor[64];

    if (replacement->temporary[0])
        return true;
    if (!name_beside(replacement->target, "new", replacement->temporary))
        return false;
    snprintf(descriptor, sizeof(descriptor), "/proc/self/fd/%d", replacement->fd);
    unlink(replacement->temporary);
    if (linkat(AT_FDCWD, descriptor, AT_FDCWD, replacement->temporary, AT_SYMLINK_FOLLOW) == 0)
        return true;
    replacement->temporary[0] = '\0';
    return false;
}

// Puts the new file in the place of the old one. Where there is a way back to be kept, the two change names, so that the
// old one is there still: under the temporary name.
static bool take_place(struct replacement *replacement, bool may_go_back)
{
    if (may_go_back &&
        renameat2(AT_FDCWD, replacement->temporary, AT_FDCWD, replacement->target, RENAME_EXCHANGE) == 0) {
        replacement->exchanged = true;
        return true;
    }
    // There is no old file, or the file system cannot exchange names; the last file that is replaced needs no way back.
    if (rename(replacement->temporary, replacement->target) < 0)
        return false;
    replacement->temporary[0] = '\0';
    return true;
}

static enum exit_code replace(struct replacement *replacement, bool may_go_back)
{
    if (replacement->direct)
        return write_whole(replacement->fd, replacement->file->text) ? EXIT_FINE
                                                                     : failed(replacement, "write");
    if (!give_name(replacement) || !take_place(replacement, may_go_back))
        return failed(replacement, "replace");
    replacement->replaced = true;
    return EXIT_FINE;
}

static void go_back(struct replacement *replacement)
{
    if (replacement->exchanged)
        renameat2(AT_FDCWD, replacement->temporary, AT_FDCWD, replacement->target, RENAME_EXCHANGE);
    else if (replacement->replaced && !replacement->existed)
        unlink(replacement->target);
}

static void clean_up(struct replacement *replacement)
{
    if (replacement->temporary[0])
        unlink(replacement->temporary);
    if (replacement->fd >= 0)
        close(replacement->fd);
}

// Two names that lead to one file would leave it with the last text.
static bool any_twice(const struct replacement *replacements, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (!replacements[i].direct && strcmp(replacements[i].target, replacements[j].target) == 0)
                return true;
    return false;
}

// Signals that would end the program wait until all files are replaced or none is.
static enum exit_code replace_all(struct replacement *replacements, size_t count)
{
    enum exit_code code = EXIT_FINE;
    sigset_t ending, before;

    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigaddset(&ending, SIGQUIT);
    sigprocmask(SIG_BLOCK, &ending, &before);
    for (size_t i = 0; i < count && code == EXIT_FINE; i++)
        code = replace(&replacements[i], i + 1 < count);
    for (size_t i = 0; i < count && code != EXIT_FINE; i++)
        go_back(&replacements[i]);
    for (size_t i = 0; i < count; i++)
        clean_up(&replacements[i]);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

enum exit_code write_files(const struct output_file *files, size_t count)
{
    struct replacement *replacements = calloc(count, sizeof(*replacements));
    enum exit_code code = EXIT_FINE;

    if (!replacements)
        return EXIT_WORLD;
    for (size_t i = 0; i < count; i++) {
        replacements[i].file = &files[i];
        replacements[i].fd = -1;
    }
    for (size_t i = 0; i < count && code == EXIT_FINE; i++)
        code = prepare(&replacements[i]);
    if (code == EXIT_FINE && any_twice(replacements, count)) {
        fprintf(stderr, "ctc: error: %s and another output are one file\n", files[0].path);
        code = EXIT_WORLD;
    }
    if (code == EXIT_FINE)
        code = replace_all(replacements, count);
    else
        for (size_t i = 0; i < count; i++)
            clean_up(&replacements[i]);
    free(replacements);
    return code;
}
