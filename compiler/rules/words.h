// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line of a ruleset as words.
#pragma once

#include "base/arena.h"
#include "base/text.h"

// iptables-restore takes a line apart within these (iptables/xshared.h and xshared.c): 255 arguments, of which its own are
// three, each within 1024 bytes, and a line within a buffer of 10240, the newline and the NUL among them.
#define RULE_WORDS_MAX 251
#define RULE_WORD_MAX  1023
#define RULE_LINE_MAX  10238

struct word {
    struct slice text; // without its quotes
    struct slice raw;  // as it is written
};

struct words {
    size_t count;
    struct word items[RULE_WORDS_MAX];
};

// Takes a line apart at blanks and quotes. NULL, or what is wrong, at `*at`.
const char *words_split(struct arena *arena, struct slice line, struct words *words, struct slice *at);
