// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/source_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"

int source_set_open(struct source_set *set, const char *path, size_t limit, const struct source **source)
{
    struct source *opened = arena_alloc(set->arena, sizeof(*opened));
    const bool given = set->given && strcmp(set->given_path, path) == 0;
    int error = 0;

    if (!given)
        error = source_read(set->arena, arena_printf(set->arena, "%s", path), limit, opened);
    else if (set->given->length > limit)
        error = -EFBIG;
    if (given) {
        *opened = *set->given;
        set->given = NULL;
    }

    // A file that could not be read has a name all the same, which diagnostics print.
    opened->order = (unsigned)set->count + 1;
    *source = opened;
    if (!error)
        *vec_push(set->arena, set) = opened;
    return error;
}

#define LONG_BYTES ((size_t)128 << 10) // are hashed in half a millisecond

static void hash_source(SHA2_CTX *context, const struct source *source)
{
    // The length keeps two files apart from one that holds both texts.
    const uint64_t length = source->length;
    uint8_t bytes[8];

    for (int byte = 0; byte < 8; byte++)
        bytes[byte] = (uint8_t)(length >> (8 * byte));
    SHA256Update(context, bytes, sizeof(bytes));
    SHA256Update(context, (const uint8_t *)source->bytes, source->length);
}

static void hash_begun(void *context)
{
    struct source_hashing *hashing = context;

    for (size_t i = 0; i < hashing->count; i++)
        hash_source(&hashing->context, hashing->items[i]);
}

void source_hash_begin(struct source_hashing *hashing, const struct source_set *set)
{
    const struct source **items = arena_calloc(set->arena, set->count, sizeof(*items));
    size_t bytes = 0;

    // The set may grow meanwhile, and its list move.
    for (size_t i = 0; i < set->count; i++) {
        items[i] = set->items[i];
        bytes += items[i]->length;
    }
    *hashing = (struct source_hashing){.items = items, .count = set->count};
    SHA256Init(&hashing->context);
    job_begin(&hashing->job, bytes > LONG_BYTES, hash_begun, hashing);
}

void source_hash_end(struct source_hashing *hashing, const struct source_set *set, char hash[65])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    job_end(&hashing->job);
    for (size_t i = hashing->count; i < set->count; i++)
        hash_source(&hashing->context, set->items[i]);
    SHA256Final(digest, &hashing->context);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}
