// SPDX-License-Identifier: GPL-2.0-or-later
//
// Files that are replaced whole or not at all. Each text goes to a nameless file first (O_TMPFILE, so that a kill leaves
// nothing behind), and gets a name only when all of them are on disk; where the file system has no nameless files, a named
// one beside the target takes its place.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
    char backup[PATH_MAX];    // a second name of the old file; empty where there is none
    int fd;                   // of the new file; -1 where none is open
    bool direct;              // a device or a pipe, written to as it is
    bool replaced;
};

static enum exit_code failed(const struct replacement *replacement, const char *what)
{
    fprintf(stderr, "ctc: error: cannot %s %s: %s\n", what, replacement->file->path, strerror(errno));
    return EXIT_WORLD;
}

static bool write_whole(int fd, const struct buf *text)
{
    for (size_t written = 0; written < text->length;) {
        const ssize_t count = write(fd, text->bytes + written, text->length - written);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        written += (size_t)count;
    }
    return true;
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
    exists = stat(replacement->target, &old) == 0;
    if (exists && S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        return failed(replacement, "replace");
    }
    if (exists && !S_ISREG(old.st_mode)) {
        replacement->direct = true;
        replacement->fd = open(replacement->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return replacement->fd < 0 ? failed(replacement, "open") : EXIT_FINE;
    }
    replacement->fd = open_nameless(replacement->target);
    if (replacement->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
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

// Keeps the old file under a second name until all files are replaced.
static bool keep_old(struct replacement *replacement)
{
    if (!name_beside(replacement->target, "old", replacement->backup))
        return false;
    unlink(replacement->backup);
    if (link(replacement->target, replacement->backup) == 0)
        return true;
    replacement->backup[0] = '\0';
    return errno == ENOENT;
}

static enum exit_code replace(struct replacement *replacement, bool may_go_back)
{
    if (replacement->direct)
        return write_whole(replacement->fd, replacement->file->text) ? EXIT_FINE
                                                                     : failed(replacement, "write");
    if (!give_name(replacement) || (may_go_back && !keep_old(replacement)) ||
        rename(replacement->temporary, replacement->target) < 0)
        return failed(replacement, "replace");
    replacement->temporary[0] = '\0';
    replacement->replaced = true;
    return EXIT_FINE;
}

static void go_back(struct replacement *replacement)
{
    if (!replacement->replaced)
        return;
    if (replacement->backup[0])
        rename(replacement->backup, replacement->target);
    else
        unlink(replacement->target);
    replacement->backup[0] = '\0';
}

static void clean_up(struct replacement *replacement)
{
    if (replacement->temporary[0])
        unlink(replacement->temporary);
    if (replacement->backup[0])
        unlink(replacement->backup);
    if (replacement->fd >= 0)
        close(replacement->fd);
}

enum exit_code write_files(const struct output_file *files, size_t count)
{
    struct replacement *replacements = calloc(count, sizeof(*replacements));
    enum exit_code code = replacements ? EXIT_FINE : EXIT_WORLD;

    for (size_t i = 0; replacements && i < count; i++) {
        replacements[i].file = &files[i];
        replacements[i].fd = -1;
    }
    for (size_t i = 0; i < count && code == EXIT_FINE; i++)
        code = prepare(&replacements[i]);
    for (size_t i = 0; i < count && code == EXIT_FINE; i++)
        code = replace(&replacements[i], count > 1);
    for (size_t i = 0; replacements && i < count; i++) {
        if (code != EXIT_FINE)
            go_back(&replacements[i]);
        clean_up(&replacements[i]);
    }
    free(replacements);
    return code;
}
