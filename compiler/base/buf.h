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
void buf_grow(struct buf *buf, size_t more); // makes room for that many bytes more
char *digits_before(char *end,
                    unsigned long long value); // writes a number ahead of `end`: gives where it begins
void buf_number(struct buf *buf, unsigned long long value);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Its text in the arena, "" where nothing was appended, and the buffer is cleared.
struct arena;
char *buf_to_arena(struct buf *buf, struct arena *arena);

// Inline, since rules are made of short pieces by the million.
static inline void buf_append(struct buf *buf, const char *bytes, size_t length)
{
    if (buf->capacity - buf->length <= length)
        buf_grow(buf, length);
    if (length) // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): where there is room, there are bytes
        memcpy(buf->bytes + buf->length, bytes, length);
    buf->length += length;
    buf->bytes[buf->length] = '\0';
}

static inline void buf_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

static inline void buf_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}
