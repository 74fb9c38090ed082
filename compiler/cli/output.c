// SPDX-License-Identifier: GPL-2.0-or-later
//
// Standard output, and what writing to any descriptor takes.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

// Waits where the other end is slow, also where somebody has made it non-blocking.
bool write_whole(int fd, const struct buf *text)
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
    return world_error("cannot write to standard output: %s", strerror(errno));
}
