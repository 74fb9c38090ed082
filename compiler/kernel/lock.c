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

// flock() alone waits without a bound, and a timer would be the whole process's.
static bool take(int lock, unsigned milliseconds)
{
    const uint64_t end = now() + milliseconds;

    while (flock(lock, LOCK_EX | LOCK_NB) < 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || now() >= end)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = TRY_AGAIN}, NULL);
    }
    return true;
}

int xtables_lock(unsigned milliseconds, struct kernel_error *error)
{
    const char *named = getenv("XTABLES_LOCKFILE");
    const char *file = named && named[0] ? named : LOCK_FILE;
    const int lock = open(file, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

    if (lock < 0) {
        kernel_fail(error, errno == EACCES || errno == EPERM ? KERNEL_PERMISSION : KERNEL_FAILED,
                    "cannot open the lock %s: %s", file, strerror(errno));
        return -1;
    }
    if (take(lock, milliseconds))
        return lock;
    if (errno == EWOULDBLOCK || errno == EINTR)
        kernel_fail(error, KERNEL_BUSY, "another program holds the lock %s, still after %u.%u s", file,
                    milliseconds / 1000, milliseconds % 1000 / 100);
    else
        kernel_fail(error, KERNEL_FAILED, "cannot lock %s: %s", file, strerror(errno));
    close(lock);
    return -1;
}

void xtables_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}
