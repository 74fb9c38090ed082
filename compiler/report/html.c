// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/html.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

// Appends the first character, escaped. Gives what is behind it.
static struct slice put_character(struct buf *out, struct slice rest)
{
    const size_t bytes = printable_bytes(rest), taken = bytes ? bytes : 1;
    const char *escaped = entity(rest.at[0]);

    if (escaped)
        buf_text(out, escaped);
    else if (bytes || rest.at[0] == '\n')
        buf_append(out, rest.at, taken);
    else
        buf_char(out, rest.at[0] == '\t' ? ' ' : '?');
    return (struct slice){rest.at + taken, rest.length - taken};
}

void html_text(struct buf *out, const char *text)
{
    for (struct slice rest = slice_of(text); rest.length;)
        rest = put_character(out, rest);
}

void html_breakable(struct buf *out, const char *text)
{
    for (struct slice rest = slice_of(text); rest.length;) {
        const bool comma = rest.at[0] == ',';

        rest = put_character(out, rest);
        if (comma && rest.length && rest.at[0] != ' ')
            buf_text(out, "<wbr>");
    }
}

void html_ticks(struct buf *out, const char *text)
{
    bool inside = false;

    for (struct slice rest = slice_of(text); rest.length;) {
        const struct slice behind = {rest.at + 1, rest.length - 1};

        if (rest.at[0] != '`' || (!inside && !memchr(behind.at, '`', behind.length))) {
            rest = put_character(out, rest);
            continue;
        }
        buf_text(out, inside ? "</code>" : "<code>");
        inside = !inside;
        rest = behind;
    }
}

static const char *put_part(struct buf *out, const char *at, va_list *args)
{
    switch (*at) {
    case 's':
        html_text(out, va_arg(*args, const char *));
        return at + 1;
    case 'u':
        buf_number(out, va_arg(*args, unsigned));
        return at + 1;
    case 'd':
        buf_printf(out, "%d", va_arg(*args, int));
        return at + 1;
    case 'z':
        assert(at[1] == 'u');
        buf_number(out, va_arg(*args, size_t));
        return at + 2;
    case 'l':
        assert(at[1] == 'l' && at[2] == 'u');
        buf_number(out, va_arg(*args, unsigned long long));
        return at + 3;
    default:
        assert(*at == '%');
        buf_char(out, '%');
        return at + 1;
    }
}

void html_put(struct buf *out, const char *markup, ...)
{
    va_list args;

    va_start(args, markup);
    while (*markup) {
        const size_t plain = strcspn(markup, "%");

        buf_append(out, markup, plain);
        markup += plain;
        if (*markup)
            markup = put_part(out, markup + 1, &args);
    }
    va_end(args);
}

void html_number(struct buf *out, unsigned long long number)
{
    char digits[32];
    const int length = snprintf(digits, sizeof(digits), "%llu", number);

    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            buf_char(out, ',');
        buf_char(out, digits[i]);
    }
}
