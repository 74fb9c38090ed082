// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where on a line a mistake stands.
#include <stdarg.h>
#include <string.h>

#include "rules/parts.h"

static uint32_t characters(const char *at, const char *end)
{
    return (uint32_t)slice_characters((struct slice){at, (size_t)(end - at)});
}

// Text out of a policy may have lost its indentation there, or stand in quotes.
static bool find_place(const struct parts *parts, struct span *span)
{
    if (parts->place != PLACE_UNKNOWN || !span->source)
        return parts->place == PLACE_KNOWN;

    const struct slice line = source_line(span->source, span->line), text = parts->text;
    const char *at = text.length ? memmem(line.at, line.length, text.at, text.length) : NULL;

    if (at)
        span->column = 1 + characters(line.at, at);
    return at;
}

static struct span span_at(const struct parts *parts, struct slice at)
{
    struct span span = parts->span;
    const bool inside = at.at >= parts->text.at && at.at + at.length <= parts->text.at + parts->text.length;

    if (!inside || !find_place(parts, &span))
        return parts->span;
    span.column += characters(parts->text.at, at.at);
    span.length = (uint32_t)slice_characters(at);
    span.length += span.length == 0;
    return span;
}

bool parts_refuse(const struct parts *parts, struct slice at, const char *hint, const char *format, ...)
{
    va_list args;

    *parts->refused = at;
    va_start(args, format);
    // The place is looked for where it is kept, or a file of mistakes would take long.
    diag_add(parts->diags, DIAG_RULES,
             parts->diags->counts[SEVERITY_ERROR] < DIAG_KEPT ? span_at(parts, at) : parts->span, "%s",
             arena_vprintf(parts->arena, format, args));
    va_end(args);
    if (hint)
        diag_hint(parts->diags, "%s", hint);
    return false;
}
