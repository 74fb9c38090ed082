// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the harnesses share. Each gives its input to one stage of the compiler and requires what that stage promises for
// every input; a broken promise ends the process, as a crash would, and libFuzzer keeps the input.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

// assert(3), whatever NDEBUG says.
#define REQUIRE(truth) ((truth) ? (void)0 : promise_broken(#truth, __FILE__, __LINE__))

_Noreturn static inline void promise_broken(const char *truth, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, truth);
    abort();
}

static inline bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 127;
}

// Whether a line of text has nothing that could end it early or steer a terminal.
static inline bool is_printable(const char *at, size_t length, bool tabs)
{
    for (size_t i = 0; i < length; i++) {
        // U+0080 to U+009F are controls as well (ISO 6429, C1).
        if (is_control(at[i]) && !(tabs && at[i] == '\t'))
            return false;
        if ((unsigned char)at[i] == 0xC2 && i + 1 < length && (unsigned char)at[i + 1] <= 0x9F)
            return false;
    }
    return true;
}

// Takes the next line, without its end, off the front of a text. False behind the last one.
static inline bool next_line(const char **rest, size_t *left, const char **line, size_t *length)
{
    if (!*left)
        return false;

    const char *end = memchr(*rest, '\n', *left);

    *line = *rest;
    *length = end ? (size_t)(end - *rest) : *left;
    *rest += *length + (end != NULL);
    *left -= *length + (end != NULL);
    return true;
}
