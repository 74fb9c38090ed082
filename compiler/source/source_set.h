// SPDX-License-Identifier: GPL-2.0-or-later
//
// All the files of one compilation, in the order in which they were read.
#pragma once

#include <sha2.h>

#include "base/job.h"
#include "source/source.h"

struct source_set {
    struct arena *arena;
    const struct source **items;
    size_t count;
    size_t capacity;
    const struct source
        *given; // read ahead by whoever had to see what it is: what `given_path` opens. NULL: none
    const char *given_path;
};

// source_read() into the set. The source lives as long as the arena.
int source_set_open(struct source_set *set, const char *path, size_t limit, const struct source **source);

// SHA-256 (FIPS 180-4) over the contents of all files. Beginning to hash does so beside its caller with those that are there
// by then; ending it adds the files that came since, and gives 64 hexadecimal digits. What was begun is to be ended.
struct source_hashing {
    SHA2_CTX context;
    struct job job;
    const struct source *const *items; // of the job
    size_t count;
};
void source_hash_begin(struct source_hashing *hashing, const struct source_set *set);
void source_hash_end(struct source_hashing *hashing, const struct source_set *set, char hash[65]);
