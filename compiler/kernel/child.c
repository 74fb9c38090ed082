// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void close_all(const int *descriptors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(descriptors[i]);
}

static _Noreturn void live(int (*work)(const void *context, int output), const void *context, int output,
                           int errors)
{
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

    // Nobody reads what it says before it ends; what does not fit the pipe is lost.
    fcntl(errors, F_SETFL, O_NONBLOCK);
    if (dup2(nowhere, STDIN_FILENO) < 0 || dup2(nowhere, STDOUT_FILENO) < 0 ||
        dup2(errors, STDERR_FILENO) < 0)
        _exit(1);
    _exit(work(context, output));
}

// A thread may hold a lock of the allocator in that moment. The C library frees its own in the child; AddressSanitizer's would be
// waited for forever.
static void wait_for_threads(void)
{
#ifdef __SANITIZE_ADDRESS__
    struct stat found;

    // Two links, and one for each thread.
    for (int i = 0; i < 10000 && stat("/proc/self/task", &found) == 0 && found.st_nlink > 3; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
#endif
}

bool child_start(struct child *child, int (*work)(const void *context, int output), const void *context)
{
    int ends[4];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    if (pipe2(ends + 2, O_CLOEXEC) < 0) {
        close_all(ends, 2);
        return false;
    }
    fflush(NULL); // what waits to be written is written once
    wait_for_threads();
    child->pid = fork();
    if (child->pid == 0)
        live(work, context, ends[1], ends[3]);
    if (child->pid < 0) {
        const int problem = errno;

        close_all(ends, 4);
        errno = problem;
        return false;
    }
    close(ends[1]);
    close(ends[3]);
    child->output = ends[0];
    child->errors = ends[2];
    return true;
}

#define FOREVER INT64_MAX
#define TICK    2000000L // nanoseconds between two looks at a child that has closed its outputs and lives on

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Appends what is there; false at the end of it.
static bool read_some(int descriptor, struct buf *out)
{
    char piece[1 << 14];
    const ssize_t got = read(descriptor, piece, sizeof(piece));

    if (got > 0)
        buf_append(out, piece, (size_t)got);
    return got > 0 || (got < 0 && errno == EINTR);
}

// False where time was over before both ends were closed.
static bool read_both(const struct child *child, int64_t end, struct buf *output, struct buf *errors)
{
    struct pollfd ends[] = {{.fd = child->output, .events = POLLIN}, {.fd = child->errors, .events = POLLIN}};
    struct buf *const outs[] = {output, errors};

    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        const int64_t left = end - now();

        if (left <= 0)
            return false;
        if (poll(ends, 2, end == FOREVER ? -1 : (int)left) < 0)
            continue;
        for (size_t i = 0; i < 2; i++)
            if (ends[i].fd >= 0 && ends[i].revents && !read_some(ends[i].fd, outs[i]))
                ends[i].fd = -1;
    }
    return true;
}

// Its status; -1: time was over, or there is none to be had.
static int reap(pid_t pid, int64_t end)
{
    int status = 0;
    pid_t ended;

    while ((ended = waitpid(pid, &status, end == FOREVER ? 0 : WNOHANG)) == 0 ||
           (ended < 0 && errno == EINTR)) {
        if (ended == 0 && now() >= end)
            return -1;
        if (ended == 0)
            nanosleep(&(struct timespec){.tv_nsec = TICK}, NULL);
    }
    return ended == pid ? status : -1;
}

static int wait_until(struct child *child, int64_t end, struct buf *output, struct buf *errors)
{
    int status = read_both(child, end, output, errors) ? reap(child->pid, end) : -1;

    close(child->output);
    close(child->errors);
    if (status < 0 && end != FOREVER) {
        if (kill(-child->pid, SIGKILL) < 0)
            kill(child->pid, SIGKILL);
        reap(child->pid, FOREVER);
    }
    return status;
}

int child_wait(struct child *child, unsigned milliseconds, struct buf *output, struct buf *errors)
{
    return wait_until(child, now() + milliseconds, output, errors);
}

bool child_finish(struct child *child, struct buf *output, struct buf *errors)
{
    return wait_until(child, FOREVER, output, errors) == 0;
}

bool child_write(int output, struct slice bytes)
{
    for (size_t done = 0; done < bytes.length;) {
        const ssize_t more = write(output, bytes.at + done, bytes.length - done);

        if (more < 0 && errno != EINTR)
            return false;
        done += more > 0 ? (size_t)more : 0;
    }
    return true;
}

const char *child_reason(struct buf *said)
{
    while (said->length && said->bytes[said->length - 1] == '\n')
        said->bytes[--said->length] = '\0';

    const char *line = said->length ? strrchr(said->bytes, '\n') : NULL;

    return line ? line + 1 : said->length ? said->bytes : "libxtables gave up without a word";
}
