// SPDX-License-Identifier: GPL-2.0-or-later
//
// Slips of people who write YAML: what libyaml complains of is a token that it missed, which few know the name of.
#pragma once

#include "base/arena.h"
#include "source/source.h"

struct slip {
    struct span span;
    const char *what; // in place of libyaml's words, or NULL
    const char *hint; // NULL where nothing better is known
};

// What was most likely done where libyaml ends: its words, and the place that it names. `from` is the line where what it was
// reading there begins.
struct slip slip_behind(struct arena *arena, const struct source *source, const char *problem, uint32_t from,
                        struct span at);

// Where in a text something stands that reads like what it is not, or that somebody was to replace: dashes and quotes of
// typography, invisible characters, templates. NULL, or a hint; `*start` and `*length` are bytes of the text.
const char *slip_in(struct slice text, size_t *start, size_t *length);
