// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the text of a long document comes apart: at an item of a list in block style that stands below keys alone. With the
// lines of those keys ahead of it, what is behind a seam is a document of its own.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define SEAM_KEYS_MAX 4 // the lists of policies stand below one key or two

struct seam {
    size_t at;     // byte of the text: the beginning of the item's line
    uint32_t line; // of the text, from 1
    uint32_t key_count;
    struct slice keys[SEAM_KEYS_MAX]; // the lines of the keys, the outermost first, each with its end
};

// The first one at or behind byte `from` of a text. It looks like one: lines of other things, such as a scalar of many lines,
// may look the same, so that only who reads the text from its beginning can tell. False where there is none.
bool seam_find(struct slice text, size_t from, struct seam *seam);
