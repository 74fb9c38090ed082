// SPDX-License-Identifier: GPL-2.0-or-later
//
// A text read as a document.
#pragma once

#include "source/document.h"
#include "support/test.h"

struct reading {
    struct arena arena;
    struct source source;
    struct diag_list diags;
    const struct node *root;
};

static inline void read_bytes(struct reading *reading, const char *bytes, size_t length)
{
    *reading = (struct reading){.source = {.name = "t", .path = "t", .bytes = bytes, .length = length}};
    reading->diags.arena = &reading->arena;
    reading->root = document_read(&reading->arena, &reading->source, &reading->diags);
}
