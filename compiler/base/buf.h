// SPDX-License-Identifier: GPL-2.0-or-later
//
// Growing text buffer on the heap, for output that is complete before a byte of it is written.
#pragma once

#include <stddef.h>
#include <string.h>

struct buf {
    char *bytes; // NUL-terminated once anything was appended
    size_t length;
    size_t capacity;
};

void buf_clear(struct buf *buf);
void buf_append(struct buf *buf, const char *bytes, size_t length);
void buf_char(struct buf *buf, char c);
void buf_number(struct buf *buf, unsigned long long value);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void buf_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}
