// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_FILE "/run/xtables.lock" // XT_LOCK_NAME as distributions build iptables
#define TRY_AGAIN 10000000L           // nanoseconds

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static const char *lock_file(void)
{
    const char *named = getenv("XTABLES_LOCKFILE");

    return named && named[0] ? named : LOCK_FILE;
}

static int open_file(int mode, struct kernel_error *error)
{
    const int file = open(lock_file(), mode | O_CREAT | O_CLOEXEC, 0600);

    if (file < 0)
        kernel_fail(error, errno == EACCES || errno == EPERM ? KERNEL_PERMISSION : KERNEL_FAILED,
                    "cannot open the lock %s: %s", lock_file(), strerror(errno));
    return file;
}

static int lock_whole(int file)
{
    return flock(file, LOCK_EX | LOCK_NB);
}

// Locks of this kind and those of flock() do not see each other.
static int lock_start(int file)
{
    struct flock start = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

    return fcntl(file, F_OFD_SETLK, &start);
}

// Either call alone waits without a bound, and a timer would be the whole process's.
static bool take(int (*lock)(int file), int file, unsigned milliseconds)
{
    const uint64_t end = now() + milliseconds;

    while (lock(file) < 0) {
        if ((errno != EWOULDBLOCK && errno != EACCES && errno != EINTR) || now() >= end)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = TRY_AGAIN}, NULL);
    }
    return true;
}

static int fail(int file, unsigned milliseconds, const char *held, struct kernel_error *error)
{
    if (errno == EWOULDBLOCK || errno == EACCES || errno == EINTR)
        kernel_fail(error, KERNEL_BUSY, "%s %s, still after %u.%u s", held, lock_file(), milliseconds / 1000,
                    milliseconds % 1000 / 100);
    else
        kernel_fail(error, KERNEL_FAILED, "cannot lock %s: %s", lock_file(), strerror(errno));
    close(file);
    return -1;
}

int xtables_lock(unsigned milliseconds, struct kernel_error *error)
{
    const int file = open_file(O_RDONLY, error);

    if (file < 0 || take(lock_whole, file, milliseconds))
        return file;
    return fail(file, milliseconds, "another program holds the lock", error);
}

int xtables_turn(unsigned milliseconds, struct kernel_error *error)
{
    const int file = open_file(O_RDWR, error);

    if (file < 0 || take(lock_start, file, milliseconds))
        return file;
    return fail(file, milliseconds, "another run of an iptables program holds its turn at", error);
}

void xtables_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}
