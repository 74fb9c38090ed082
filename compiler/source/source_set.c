// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/source_set.h"

#include <errno.h>
#include <sha2.h>
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

void source_set_hash(const struct source_set *set, char hash[65])
{
    SHA2_CTX context;
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256Init(&context);
    for (size_t i = 0; i < set->count; i++) {
        // The length keeps two files apart from one that holds both texts.
        const uint64_t length = set->items[i]->length;
        uint8_t bytes[8];

        for (int byte = 0; byte < 8; byte++)
            bytes[byte] = (uint8_t)(length >> (8 * byte));
        SHA256Update(&context, bytes, sizeof(bytes));
        SHA256Update(&context, (const uint8_t *)set->items[i]->bytes, set->items[i]->length);
    }
    SHA256Final(digest, &context);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}
