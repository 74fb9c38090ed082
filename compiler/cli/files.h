// SPDX-License-Identifier: GPL-2.0-or-later
//
// Files that are replaced as a set: all of them, or none.
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/exit.h"
#include "cli/place.h"

struct output_file {
    const char *path;
    const struct buf *text; // NULL: the file is taken away
    const char *shown;      // the path as people know it; NULL: as it is
    mode_t mode;            // 0: that of the file that is replaced, and 0600 for a new one
};

// Replaces each file with its text, or leaves all of them as they are and says why on standard error. A file is at every
// instant, and whatever is killed, the old one or the new one. A symbolic link stays and its target is replaced. The owner of
// a file stays where the caller may set it. Devices and pipes are written to. Below a root, see place.h, devices and pipes
// are refused, and folders that are missing are made.
enum exit_code write_files(int root, const struct output_file *files, size_t count);
