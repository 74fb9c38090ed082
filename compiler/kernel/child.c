// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
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

static void read_all(int descriptor, struct buf *out)
{
    static char piece[1 << 16];
    ssize_t got;

    while ((got = read(descriptor, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            buf_append(out, piece, (size_t)got);
    close(descriptor);
}

bool child_finish(struct child *child, struct buf *output, struct buf *errors)
{
    int status = 0;
    pid_t ended;

    read_all(child->output, output);
    read_all(child->errors, errors);
    do
        ended = waitpid(child->pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    return ended == child->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool child_write(int output, const struct buf *bytes)
{
    for (size_t done = 0; done < bytes->length;) {
        const ssize_t more = write(output, bytes->bytes + done, bytes->length - done);

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
