// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each text goes to a nameless file first (O_TMPFILE, so that a kill leaves nothing behind), and gets a name only when all of
// them are on disk; where the file system has no nameless files, a named one beside the target takes its place. What is
// replaced or taken away keeps a name of its own until the last file stands.
#include "cli/files.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fatal.h"
#include "cli/cli.h"

#define NEW_FILE_MODE 0600

struct replacement {
    const struct output_file *file;
    struct place target;
    struct stat folder;           // of the target
    char temporary[NAME_MAX + 1]; // a name for the new file beside it; empty while it has none
    int fd;                       // of the new file; -1 where none is open
    bool direct;                  // a device or a pipe, written to as it is
    bool existed;                 // there is an old file
    bool exchanged;               // which has the temporary name now
    bool replaced;
};

static const char *shown(const struct replacement *replacement)
{
    return replacement->file->shown ? replacement->file->shown : replacement->file->path;
}

static enum exit_code failed(const struct replacement *replacement, const char *what)
{
    return world_error("cannot %s %s: %s", what, shown(replacement), strerror(errno));
}

static bool name_beside(struct replacement *replacement)
{
    const int size =
        snprintf(replacement->temporary, sizeof(replacement->temporary), ".%s.%s%ld",
                 replacement->target.name, replacement->file->text ? "new" : "old", (long)getpid());

    if (size < (int)sizeof(replacement->temporary))
        return true;
    replacement->temporary[0] = '\0';
    errno = ENAMETOOLONG;
    return false;
}

static int open_named(struct replacement *replacement)
{
    if (!name_beside(replacement))
        return -1;
    unlinkat(replacement->target.folder, replacement->temporary, 0);

    const int fd = openat(replacement->target.folder, replacement->temporary,
                          O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, NEW_FILE_MODE);

    if (fd < 0)
        replacement->temporary[0] = '\0';
    return fd;
}

static bool set_mode(const struct replacement *replacement, const struct stat *old)
{
    const mode_t mode = replacement->file->mode ? replacement->file->mode
                        : replacement->existed  ? old->st_mode & 07777
                                                : NEW_FILE_MODE;

    if (replacement->existed && fchown(replacement->fd, old->st_uid, old->st_gid) < 0 && errno != EPERM)
        return false;
    return fchmod(replacement->fd, mode) == 0;
}

static enum exit_code write_new(struct replacement *replacement, const struct stat *old)
{
    // A nameless file gets its name by way of /proc.
    if (access("/proc/self/fd", X_OK) == 0)
        replacement->fd =
            openat(replacement->target.folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, NEW_FILE_MODE);
    else
        errno = EOPNOTSUPP;
    if (replacement->fd < 0 && (errno == ENOENT || errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        replacement->fd = open_named(replacement);
    if (replacement->fd < 0)
        return failed(replacement, "write beside");
    if (!write_whole(replacement->fd, replacement->file->text) || !set_mode(replacement, old) ||
        fsync(replacement->fd) < 0)
        return failed(replacement, "write");
    return EXIT_FINE;
}

// Whoever may not write to the folder may not take a file out of it either; better said before anything is changed.
static enum exit_code prepare_removal(struct replacement *replacement)
{
    if (!replacement->existed)
        return EXIT_FINE;
    if (faccessat(replacement->target.folder, ".", W_OK | X_OK, AT_EACCESS) < 0 || !name_beside(replacement))
        return failed(replacement, "remove");
    return EXIT_FINE;
}

// Devices and pipes, also such as /dev/stdout leads to, are open already or open by their own name alone.
static bool open_directly(struct replacement *replacement)
{
    struct stat status;

    replacement->direct =
        stat(replacement->file->path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
    if (replacement->direct)
        replacement->fd = open(replacement->file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return replacement->direct;
}

// Everything that can fail for want of space or permission.
static enum exit_code prepare(int root, struct made_folders *made, struct replacement *replacement)
{
    struct place *target = &replacement->target;
    struct stat old = {0};

    if (root == NO_ROOT && open_directly(replacement))
        return replacement->fd < 0 ? failed(replacement, "open") : EXIT_FINE;
    if (!place_find(root, replacement->file->path, made, target) ||
        fstat(target->folder, &replacement->folder) < 0)
        return failed(replacement, "reach");
    replacement->existed = fstatat(target->folder, target->name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (!replacement->existed && errno != ENOENT)
        return failed(replacement, "reach");
    if (replacement->existed && !S_ISREG(old.st_mode)) {
        errno = S_ISDIR(old.st_mode) ? EISDIR : EINVAL;
        return failed(replacement, "replace");
    }
    return replacement->file->text ? write_new(replacement, &old) : prepare_removal(replacement);
}

// Gives a nameless file a name beside its target.
static bool give_name(struct replacement *replacement)
{
    char descriptor[64];

    if (replacement->temporary[0])
        return true;
    if (!name_beside(replacement))
        return false;
    snprintf(descriptor, sizeof(descriptor), "/proc/self/fd/%d", replacement->fd);
    unlinkat(replacement->target.folder, replacement->temporary, 0);
    if (linkat(AT_FDCWD, descriptor, replacement->target.folder, replacement->temporary, AT_SYMLINK_FOLLOW) ==
        0)
        return true;
    replacement->temporary[0] = '\0';
    return false;
}

static bool rename_in_place(const struct replacement *replacement, const char *from, const char *to,
                            unsigned flags)
{
    const int folder = replacement->target.folder;

    return renameat2(folder, from, folder, to, flags) == 0;
}

// Puts the new file in the place of the old one. Where there is a way back to be kept, the two change names, so that the
// old one is there still: under the temporary name.
static bool take_place(struct replacement *replacement, bool may_go_back)
{
    const char *name = replacement->target.name;

    if (may_go_back && rename_in_place(replacement, replacement->temporary, name, RENAME_EXCHANGE)) {
        replacement->exchanged = true;
        return true;
    }
    // There is no old file, or the file system cannot exchange names; the last file that is replaced needs no way back.
    if (!rename_in_place(replacement, replacement->temporary, name, 0))
        return false;
    replacement->temporary[0] = '\0';
    return true;
}

static enum exit_code replace(struct replacement *replacement, bool may_go_back)
{
    if (replacement->direct)
        return write_whole(replacement->fd, replacement->file->text) ? EXIT_FINE
                                                                     : failed(replacement, "write");
    if (!replacement->file->text) {
        if (replacement->existed &&
            !rename_in_place(replacement, replacement->target.name, replacement->temporary, 0))
            return failed(replacement, "remove");
    } else if (!give_name(replacement) || !take_place(replacement, may_go_back)) {
        return failed(replacement, "replace");
    }
    replacement->replaced = true;
    return EXIT_FINE;
}

static void go_back(struct replacement *replacement)
{
    const char *name = replacement->target.name;

    if (replacement->exchanged)
        rename_in_place(replacement, replacement->temporary, name, RENAME_EXCHANGE);
    else if (replacement->replaced && !replacement->file->text && replacement->existed &&
             rename_in_place(replacement, replacement->temporary, name, 0))
        replacement->temporary[0] = '\0';
    else if (replacement->replaced && replacement->file->text && !replacement->existed)
        unlinkat(replacement->target.folder, name, 0);
}

static void clean_up(struct replacement *replacement)
{
    if (replacement->temporary[0] && (replacement->file->text || replacement->replaced))
        unlinkat(replacement->target.folder, replacement->temporary, 0);
    if (replacement->fd >= 0)
        close(replacement->fd);
    place_close(&replacement->target);
}

static bool same_place(const struct replacement *one, const struct replacement *other)
{
    return one->folder.st_dev == other->folder.st_dev && one->folder.st_ino == other->folder.st_ino &&
           strcmp(one->target.name, other->target.name) == 0;
}

// Two names that lead to one file would leave it with the last text.
static enum exit_code refuse_twice(const struct replacement *replacements, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (!replacements[i].direct && !replacements[j].direct &&
                same_place(&replacements[i], &replacements[j]))
                return world_error("%s and %s are one file", shown(&replacements[j]),
                                   shown(&replacements[i]));
    return EXIT_FINE;
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

enum exit_code write_files(int root, const struct output_file *files, size_t count)
{
    struct replacement *replacements = calloc(count, sizeof(*replacements));
    struct made_folders made = {0};
    enum exit_code code = EXIT_FINE;

    if (!replacements)
        fatal_no_memory();
    for (size_t i = 0; i < count; i++) {
        replacements[i].file = &files[i];
        replacements[i].fd = replacements[i].target.folder = -1;
    }
    for (size_t i = 0; i < count && code == EXIT_FINE; i++)
        code = prepare(root, root == NO_ROOT || !files[i].text ? NULL : &made, &replacements[i]);
    if (code == EXIT_FINE)
        code = refuse_twice(replacements, count);
    if (code == EXIT_FINE)
        code = replace_all(replacements, count);
    else
        for (size_t i = 0; i < count; i++)
            clean_up(&replacements[i]);
    made_folders_clear(&made, code != EXIT_FINE);
    free(replacements);
    return code;
}
