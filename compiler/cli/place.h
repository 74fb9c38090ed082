// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where a file stands: an open folder, and the file's name in it. Symbolic links are followed once, when the place is found,
// so that nobody can turn another one around between the look and the write.
#pragma once

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct place {
    int folder; // open for paths alone (O_PATH); -1: none
    char name[NAME_MAX + 1];
};

// Folders that were made on the way, in the order in which they were.
struct made_folders {
    struct place *items;
    size_t count, capacity;
};

#define NO_ROOT AT_FDCWD // paths are what they are to everybody

// Finds where `path` leads, which need not exist. Below a root, a folder that is open, links lead no further than the root,
// as they will where it is the root of a system. With `made`, folders that are not there are made, mode 0755. False with
// errno where the way there fails. To be closed.
bool place_find(int root, const char *path, struct made_folders *made, struct place *place);
void place_close(struct place *place);

// Takes the folders away again, where they are to go.
void made_folders_clear(struct made_folders *made, bool remove);
