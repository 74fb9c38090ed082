// SPDX-License-Identifier: GPL-2.0-or-later
//
// YAML text as a tree whose every node knows its place. All use of libyaml is behind this header.
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "diag/diag.h"
#include "source/source.h"

#define DOCUMENT_DEPTH_MAX 32 // lists and mappings inside each other; policies need five

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node {
    enum node_kind kind;
    bool plain;            // scalar: written without quotes
    uint32_t line, column; // of the first character, from 1
    uint32_t length;       // characters on that line
    uint32_t count;        // bytes of text, items, or pairs
    const struct source *source;
    union {
        const char *text;   // scalar: NUL-terminated, but `count` bytes long
        struct node *items; // sequence: `count` nodes; mapping: `count` pairs, key and value in turn
    };
};

struct span node_span(const struct node *node);
struct slice node_text(const struct node *scalar);

static inline const struct node *node_key(const struct node *mapping, size_t i)
{
    return &mapping->items[2 * i];
}

static inline const struct node *node_value(const struct node *mapping, size_t i)
{
    return &mapping->items[2 * i + 1];
}

// The value of `key`, or NULL.
const struct node *node_find(const struct node *mapping, const char *key);

// Reads the one document of `source`. NULL where the text is not YAML or uses what policies do not have (tags, anchors,
// aliases, merge keys, several documents); duplicate keys are reported, and the first one stands.
const struct node *document_read(struct arena *arena, const struct source *source, struct diag_list *diags);

// The same, where what stands behind byte `*middle` is read beside what stands ahead of it, if an item of a list begins there:
// it is how document_read() reads a long text. `*middle` becomes the byte where the second half began; SIZE_MAX, as it may be
// given too: the text was read in one.
const struct node *document_read_in_two(struct arena *arena, const struct source *source,
                                        struct diag_list *diags, size_t *middle);
