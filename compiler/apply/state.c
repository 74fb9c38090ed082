// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/child.h"

#define DIRECTORY "/run/ctc"
#define LASTING   "/var/lib/ctc"
#define TEMPORARY "new"

static bool fail(struct kernel_error *error, const char *what, const char *name)
{
    const bool forbidden = errno == EACCES || errno == EPERM;

    return kernel_fail(error, forbidden ? KERNEL_PERMISSION : KERNEL_FAILED, "cannot %s %s: %s%s", what, name,
                       strerror(errno), forbidden && geteuid() != 0 ? "; it takes root" : "");
}

static int open_directory(const char *name, struct kernel_error *error)
{
    struct stat found;
    int directory;

    if (mkdir(name, 0700) < 0 && errno != EEXIST) {
        fail(error, "make the directory", name);
        return -1;
    }
    directory = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0 || fstat(directory, &found) < 0) {
        fail(error, "open the directory", name);
    } else if (found.st_uid != geteuid() || (found.st_mode & (S_IWGRP | S_IWOTH))) {
        kernel_fail(error, KERNEL_FAILED,
                    "others may write to the directory %s: it must belong to root alone", name);
    } else {
        return directory;
    }
    if (directory >= 0)
        close(directory);
    return -1;
}

static const char *named_directory(void)
{
    const char *named = getenv("CTC_STATE_DIR");

    return named && named[0] ? named : NULL;
}

int state_open(struct kernel_error *error)
{
    const char *named = named_directory();

    return open_directory(named ? named : DIRECTORY, error);
}

int state_open_lasting(struct kernel_error *error)
{
    const char *named = named_directory();

    return open_directory(named ? arena_printf(error->arena, "%s.lasting", named) : LASTING, error);
}

int state_begin(int directory, const char *name, struct kernel_error *error)
{
    int file;

    unlinkat(directory, TEMPORARY, 0);
    file = openat(directory, TEMPORARY, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        fail(error, "write", name);
    return file;
}

bool state_end(int directory, int file, const char *name, int problem, struct kernel_error *error)
{
    if (!problem && renameat(directory, TEMPORARY, directory, name) == 0) {
        fsync(directory);
        return true;
    }
    errno = problem ? problem : errno;
    fail(error, "write", name);
    state_drop(directory, file);
    return false;
}

void state_drop(int directory, int file)
{
    close(file);
    unlinkat(directory, TEMPORARY, 0);
}

int state_add(int file, struct slice bytes)
{
    return child_write(file, bytes) ? 0 : errno;
}

int state_write(int directory, const char *name, const struct buf *bytes, struct kernel_error *error)
{
    const int file = state_begin(directory, name, error);
    int problem;

    if (file < 0)
        return -1;
    problem = state_add(file, (struct slice){bytes->bytes, bytes->length});
    if (!problem && fsync(file) < 0)
        problem = errno;
    return state_end(directory, file, name, problem, error) ? file : -1;
}

static bool read_whole(int file, char *bytes, size_t length)
{
    size_t done = 0;

    while (done < length) {
        const ssize_t more = pread(file, bytes + done, length - done, (off_t)done);

        if (more == 0)
            errno = EINVAL;
        if (more == 0 || (more < 0 && errno != EINTR))
            return false;
        done += more > 0 ? (size_t)more : 0;
    }
    return true;
}

bool state_read_open(struct arena *arena, int file, struct slice *bytes)
{
    struct stat found;
    char *at;

    errno = EINVAL;
    if (fstat(file, &found) < 0 || !S_ISREG(found.st_mode))
        return false;
    at = arena_alloc(arena, (size_t)found.st_size);
    *bytes = (struct slice){at, (size_t)found.st_size};
    return read_whole(file, at, bytes->length);
}

int state_find(int directory, const char *name)
{
    return openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int state_read(struct arena *arena, int directory, const char *name, struct slice *bytes)
{
    const int file = state_find(directory, name);

    if (file < 0 || state_read_open(arena, file, bytes))
        return file;
    close(file);
    return -1;
}

bool state_has(int directory, const char *name)
{
    return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool state_is(int directory, int file, const char *name)
{
    struct stat named, open;

    return fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(file, &open) == 0 &&
           named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

bool state_rename(int directory, int file, const char *from, const char *to)
{
    return state_is(directory, file, from) && renameat(directory, from, directory, to) == 0;
}

void state_remove(int directory, const char *name)
{
    unlinkat(directory, name, 0);
}

// Whoever is killed in between leaves a last one.
bool state_settle(int directory, int file)
{
    if (!state_is(directory, file, STATE_PENDING))
        return false;
    state_remove(directory, STATE_BEFORE);
    if (linkat(directory, STATE_LAST, directory, STATE_BEFORE, 0) < 0)
        state_remove(directory,
                     STATE_BEFORE); // there was none, or it is not to be had: nobody is less safe for that
    return state_rename(directory, file, STATE_PENDING, STATE_LAST);
}
