// SPDX-License-Identifier: GPL-2.0-or-later
//
// Text to sets, line by line as `ipset restore` does it.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipset/reader.h"

struct span text_span(const struct reader *reader, struct slice at)
{
    const uintptr_t line = (uintptr_t)reader->line.at, piece = (uintptr_t)at.at;
    struct span span = reader->span;
    size_t length;

    if (piece < line || piece + at.length > line + reader->line.length)
        at = reader->line;
    span.column +=
        (uint32_t)slice_characters((struct slice){reader->line.at, (size_t)(at.at - reader->line.at)});
    length = slice_characters(at);
    span.length = (uint32_t)(length ? length : 1);
    return span;
}

bool reader_refuse_unprintable(struct reader *reader)
{
    if (slice_is_printable(reader->line))
        return false;
    diag_add(reader->diags, DIAG_IPSET, text_span(reader, reader->line),
             "the line holds a character that is not fit to print");
    return true;
}

bool text_refuse(struct reader *reader, struct slice at, const char *hint, const char *format, ...)
{
    char text[512];
    va_list args;

    if (reader_refuse_unprintable(reader))
        return false;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diag_add(reader->diags, DIAG_IPSET, text_span(reader, at), "%s", text);
    if (hint)
        diag_hint(reader->diags, "%s", hint);
    return false;
}

void text_warn(struct reader *reader, struct slice at, const char *hint, const char *format, ...)
{
    char text[512];
    va_list args;

    if (reader_refuse_unprintable(reader))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diag_add_as(reader->diags, SEVERITY_WARNING, DIAG_IPSET, text_span(reader, at), "%s", text);
    diag_hint(reader->diags, "%s", hint);
}

const char *text_hint(struct reader *reader, const char *format, ...)
{
    const char *hint;
    va_list args;

    if (reader->diags->counts[SEVERITY_ERROR] >= DIAG_KEPT)
        return NULL;
    va_start(args, format);
    hint = arena_vprintf(reader->arena, format, args);
    va_end(args);
    return hint;
}

const char *text_nearest(struct reader *reader, struct slice word, const char *const *words)
{
    const char *nearest =
        reader->diags->counts[SEVERITY_ERROR] < DIAG_KEPT ? nearest_word(word, words) : NULL;

    return nearest ? text_hint(reader, "did you mean %s?", nearest) : NULL;
}

// Words that ipset takes out of a line wherever they stand. Gives whether this is one.
static bool read_setting(struct reader *reader, struct slice text)
{
    static const char *const others[] = {"-q", "-quiet", "-r", "-resolve", "-s", "-sorted"};

    if (slice_is(text, "-exist") || slice_is(text, "-!")) {
        reader->exist = true;
        return true;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (slice_is(text, others[i]))
            return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

// A word with quotes in it, from `from` on: those go, and blanks between them do not end it. Gives where it ends; NULL where a
// quote is open.
static const char *read_quoted(struct reader *reader, const char *from, const char *end, struct word *word)
{
    const char *at = from;
    bool quoted = false;
    size_t length = 0;
    char *text;

    for (; at < end && (quoted || !is_blank(*at)); at++)
        if (*at == '"')
            quoted = !quoted;
    if (quoted)
        return NULL;
    word->raw = (struct slice){from, (size_t)(at - from)};
    // Mostly the quotes stand around it.
    if (word->raw.length >= 2 && *from == '"' && !memchr(from + 1, '"', word->raw.length - 2)) {
        word->text = (struct slice){from + 1, word->raw.length - 2};
        return at;
    }
    text = arena_alloc(reader->arena, word->raw.length);
    for (size_t i = 0; i < word->raw.length; i++)
        if (from[i] != '"')
            text[length++] = from[i];
    word->text = (struct slice){text, length};
    return at;
}

static const char *read_word(struct reader *reader, const char *from, const char *end, struct word *word)
{
    const char *at = from;

    while (at < end && !is_blank(*at) && *at != '"')
        at++;
    if (at < end && *at == '"')
        return read_quoted(reader, from, end, word);
    word->text.at = word->raw.at = from;
    word->text.length = word->raw.length = (size_t)(at - from);
    return at;
}

static bool split(struct reader *reader)
{
    const char *at = reader->line.at, *end = at + reader->line.length;

    reader->count = 0;
    while (at < end) {
        struct word word;
        const char *from = at;

        at = read_word(reader, from, end, &word);
        if (!at)
            return text_refuse(reader, (struct slice){from, (size_t)(end - from)}, NULL,
                               "a quote is left open");
        while (at < end && is_blank(*at))
            at++;
        if (!word.text.length || read_setting(reader, word.text))
            continue;
        if (reader->count == IPSET_WORDS_MAX)
            return text_refuse(reader, word.raw, NULL, "ipset takes no more than %d words on a line",
                               IPSET_WORDS_MAX);
        reader->words[reader->count++] = word;
    }
    return true;
}

// What the kernel printed of a set stands behind the line that creates it. A name with a blank in it is printed without quotes,
// and may begin as another one does.
static void forget_read(struct reader *reader)
{
    if (reader->sets.count)
        making_forget(*vec_last(&reader->sets));
    if (reader->last)
        making_forget(reader->last);
}

// `create NAME TYPE OPTION VALUE ...`, for every type has an option that is printed; or `add NAME MEMBER ...`.
static bool is_saved(const struct reader *reader)
{
    return reader->count >= 3 && (slice_is(reader->words[0].text, "add") ||
                                  (slice_is(reader->words[0].text, "create") && reader->count >= 5));
}

static void read_saved_line(struct reader *reader)
{
    if (!split(reader) || !is_saved(reader))
        reader->forged = true;
    else if (!text_run(reader))
        forget_read(reader);
}

static void read_line(struct reader *reader, struct slice raw)
{
    const struct slice line = slice_trim(raw);

    reader->span.line++;
    reader->span.column = 1 + (uint32_t)(line.at - raw.at);
    reader->line = line;
    if (reader->saved)
        read_saved_line(reader);
    else if (line.length && line.at[0] != '#' && !slice_is(line, "COMMIT") && split(reader) && reader->count)
        text_run(reader);
}

// Where a line ends. Comments of the kernel's members may hold newlines, but no quotes.
static const char *line_end(const struct reader *reader, const char *at, const char *end)
{
    bool quoted = false;

    for (;;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;

        for (const char *quote = at; reader->saved && (quote = memchr(quote, '"', (size_t)(stop - quote)));
             quote++)
            quoted = !quoted;
        if (!quoted || !newline)
            return stop;
        at = newline + 1;
    }
}

static void read_text(struct reader *reader, const struct source *source)
{
    const char *at = source->bytes, *end = at + source->length;

    while (at < end) {
        const char *stop = line_end(reader, at, end);

        read_line(reader, (struct slice){at, (size_t)(stop - at)});
        at = stop + 1;
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct ipset *const *left = a, *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

static void order_by_name(struct arena *arena, struct ipset_list *list)
{
    list->by_name = arena_calloc(arena, list->count, sizeof(const struct ipset *));
    for (size_t i = 0; i < list->count; i++)
        list->by_name[i] = list->items[i];
    if (list->count)
        qsort(list->by_name, list->count, sizeof(const struct ipset *), compare_names);
}

// False where the text is taken for the kernel's, and is not.
static bool read_sets(struct arena *arena, const struct source *source, bool saved, struct ipset_list *list,
                      struct diag_list *diags)
{
    struct reader *reader = arena_alloc(arena, sizeof(*reader));

    reader->arena = arena;
    reader->diags = diags;
    reader->saved = saved;
    reader->span.source = source;
    text_begin(reader);
    read_text(reader, source);
    if (!reader->forged)
        text_finish(reader, list);
    order_by_name(arena, list);
    return !reader->forged;
}

bool ipset_read(struct arena *arena, const struct source *source, struct ipset_list *list,
                struct diag_list *diags)
{
    const size_t errors = diags->counts[SEVERITY_ERROR];

    read_sets(arena, source, false, list, diags);
    return diags->counts[SEVERITY_ERROR] == errors;
}

bool ipset_read_saved(struct arena *arena, const struct source *source, struct ipset_list *list)
{
    struct diag_list ignored = {.arena = arena};

    return read_sets(arena, source, true, list, &ignored);
}
