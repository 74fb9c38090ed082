// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/fatal.h"

void buf_grow(struct buf *buf, size_t more)
{
    size_t need;

    if (__builtin_add_overflow(buf->length, more, &need) || need > SIZE_MAX / 2 - 1)
        fatal_no_memory();

    const size_t capacity = need < 128 ? 256 : need * 2;
    char *bytes = realloc(buf->bytes, capacity);

    if (!bytes)
        fatal_no_memory();
    buf->bytes = bytes;
    buf->capacity = capacity;
}

void buf_clear(struct buf *buf)
{
    free(buf->bytes);
    *buf = (struct buf){0};
}

char *buf_to_arena(struct buf *buf, struct arena *arena)
{
    char *text = arena_copy(arena, buf->length ? buf->bytes : "", buf->length);

    buf_clear(buf);
    return text;
}

char *digits_before(char *end, unsigned long long value)
{
    do
        *--end = (char)('0' + value % 10);
    while (value /= 10);
    return end;
}

void buf_number(struct buf *buf, unsigned long long value)
{
    char digits[24], *at = digits + sizeof(digits);

    at = digits_before(at, value);
    buf_append(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);

    const int length = vsnprintf(NULL, 0, format, args);

    va_end(args);
    assert(length >= 0);
    if (buf->capacity - buf->length <= (size_t)length)
        buf_grow(buf, (size_t)length);
    va_start(args, format);
    vsnprintf(buf->bytes + buf->length, (size_t)length + 1, format, args);
    va_end(args);
    buf->length += (size_t)length;
}
