// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/slips.h"

#include <string.h>

// What text programs and web pages make of blanks, quotes and dashes, which reads like them and is none.
static const struct {
    const char *bytes, *hint;
} lookalikes[] = {
    {"\xC2\xA0", "there is a no-break space (U+00A0) in it, which looks like a blank"},
    {"\xE2\x80\x8B", "there is an invisible character (U+200B) in it"},
    {"\xEF\xBB\xBF", "there is an invisible byte order mark (U+FEFF) in it"},
    {"\xE3\x80\x80", "there is a wide space (U+3000) in it, which looks like a blank"},
    {"\xE2\x80\x93", "there is a dash of typography (U+2013) in it: write -"},
    {"\xE2\x80\x94", "there is a dash of typography (U+2014) in it: write -"},
    {"\xE2\x80\x98", "quotes of typography are none: write \" or leave them out"},
    {"\xE2\x80\x99", "quotes of typography are none: write \" or leave them out"},
    {"\xE2\x80\x9C", "quotes of typography are none: write \" or leave them out"},
    {"\xE2\x80\x9D", "quotes of typography are none: write \" or leave them out"},
    {"\xE2\x80\x9E", "quotes of typography are none: write \" or leave them out"},
};

#define BLANKS 4 // of the look-alikes, those that stand first

// What the languages of templates put around what is to be filled in.
static const struct {
    const char *open, *close, *hint;
} templates[] = {
    {"{{", "}}", "this is a template (Jinja, Ansible, Helm): render it, and give ctc what comes out"},
    {"{%", "%}", "this is a template (Jinja, Ansible): render it, and give ctc what comes out"},
    {"{#", "#}", "this is a template (Jinja, Ansible): render it, and give ctc what comes out"},
    {"<%", "%>", "this is a template (ERB, Puppet): render it, and give ctc what comes out"},
    {"${", "}", "this is left for a shell or envsubst to fill in; a list of `define` is written $name"},
};

// Finds `what` in `text`: the bytes before it, or all of them.
static size_t find(struct slice text, const char *what)
{
    const char *at = text.length ? memmem(text.at, text.length, what, strlen(what)) : NULL;

    return at ? (size_t)(at - text.at) : text.length;
}

static const char *find_template(struct slice text, size_t *start, size_t *length)
{
    for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++) {
        *start = find(text, templates[i].open);
        if (*start == text.length)
            continue;

        const struct slice rest = {text.at + *start, text.length - *start};
        const size_t end = find(rest, templates[i].close);

        *length = end < rest.length ? end + strlen(templates[i].close) : end;
        return templates[i].hint;
    }
    return NULL;
}

// The first of the look-alikes, of which `count` are asked for.
static const char *find_lookalike(struct slice text, size_t count, size_t *start, size_t *length)
{
    for (size_t i = 0; i < count; i++) {
        *start = find(text, lookalikes[i].bytes);
        *length = strlen(lookalikes[i].bytes);
        if (*start < text.length)
            return lookalikes[i].hint;
    }
    return NULL;
}

const char *slip_in(struct slice text, size_t *start, size_t *length)
{
    const char *hint = find_lookalike(text, sizeof(lookalikes) / sizeof(*lookalikes), start, length);

    return hint ? hint : find_template(text, start, length);
}

// A line as libyaml counts its columns: without the mark that UTF-8 text may begin with.
static struct slice counted_line(struct line_finder *lines, const struct source *source, uint32_t number)
{
    const struct slice line = line_find(lines, source, number);
    const size_t mark = number == 1 && slice_starts(line, "\xEF\xBB\xBF") ? 3 : 0;

    return (struct slice){line.at + mark, line.length - mark};
}

struct complaint {
    struct arena *arena;
    const struct source *source;
    const char *problem; // libyaml's words
    uint32_t from;       // the line where its construct begins
    struct span at;
    struct slice line;           // where it is
    struct slice before, behind; // on the line, of the place
};

static bool says(const struct complaint *complaint, const char *words)
{
    return strstr(complaint->problem, words);
}

static struct span span_in(const struct complaint *complaint, uint32_t number, struct slice line,
                           size_t start, size_t length)
{
    return (struct span){complaint->source, number,
                         1 + (uint32_t)slice_characters((struct slice){line.at, start}),
                         (uint32_t)slice_characters((struct slice){line.at + start, length})};
}

// A template or a blank that is none, on the line of the complaint or on those above it, from where its construct begins.
static bool find_stranger(const struct complaint *complaint, struct slip *slip)
{
    const uint32_t line = complaint->at.line, numbers[] = {line, line > 1 ? line - 1 : 1, complaint->from};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        const struct slice text = counted_line(&(struct line_finder){0}, complaint->source, numbers[i]);
        size_t start, length;

        slip->hint = find_template(text, &start, &length);
        if (slip->hint && slice_trim(text).at[0] != '#') {
            slip->span = span_in(complaint, numbers[i], text, start, length);
            slip->what =
                arena_printf(complaint->arena, "`%.*s` is not filled in", (int)length, text.at + start);
            return true;
        }
        slip->hint = find_lookalike(text, BLANKS, &start, &length);
        if (slip->hint) {
            slip->span = span_in(complaint, numbers[i], text, start, length);
            slip->what = "a character that looks like a blank is none";
            return true;
        }
    }
    return false;
}

// What git leaves where a merge did not come to an end (git-merge(1), "How conflicts are presented").
static bool find_conflict(const struct complaint *complaint, struct slip *slip)
{
    struct line_finder lines = {0};

    for (uint32_t number = 1; number <= complaint->at.line; number++) {
        const struct slice line = counted_line(&lines, complaint->source, number);

        if (slice_starts(line, "<<<<<<< ") || slice_starts(line, ">>>>>>> ")) {
            *slip = (struct slip){
                {complaint->source, number, 1, 7},
                "a merge left its marks here",
                "settle the conflict, and take the lines with <<<<<<<, ======= and >>>>>>> out"};
            return true;
        }
    }
    return false;
}

// A tab where YAML wants blanks: ahead of the first word, or behind a dash.
static bool find_tab(const struct complaint *complaint, struct slip *slip)
{
    const struct slice start = slice_trim(complaint->line);
    const bool indents =
        start.length && memchr(complaint->line.at, '\t', (size_t)(start.at - complaint->line.at));

    if (!indents && !(complaint->behind.length && complaint->behind.at[0] == '\t'))
        return false;
    slip->what = indents ? "a tab indents this line" : "a tab stands where a blank belongs";
    slip->hint = "indent with blanks: YAML takes no tabs there";
    return true;
}

// The text that begins at the place, as far as it goes without quotes: to the end of the line, or of an item between brackets.
static struct slice text_at(const struct complaint *complaint)
{
    struct slice text = complaint->behind;
    const bool bracketed = memchr(complaint->before.at, '[', complaint->before.length) ||
                           memchr(complaint->before.at, '{', complaint->before.length);

    for (size_t i = 0; i < text.length; i++)
        if ((bracketed && strchr(",]}", text.at[i])) || (i && text.at[i] == '#' && text.at[i - 1] == ' ') ||
            (text.at[i] == ':' && (i + 1 == text.length || text.at[i + 1] == ' ')))
            text.length = i;
    return slice_trim(text);
}

// Characters that YAML keeps for itself, at the begin of a text.
static bool find_reserved(const struct complaint *complaint, struct slip *slip)
{
    const struct slice text = text_at(complaint);

    if (!says(complaint, "cannot start any token") || !text.length || !strchr("@`%", text.at[0]))
        return false;
    slip->what = arena_printf(complaint->arena, "no text without quotes begins with '%c'", text.at[0]);
    if (memchr(text.at, '"', text.length) || memchr(text.at, '\\', text.length))
        slip->hint = "put it in quotes: '...'";
    else
        slip->hint = arena_printf(complaint->arena, "put it in quotes: \"%.*s\"", (int)text.length, text.at);
    slip->span.length = (uint32_t)slice_characters(text);
    return true;
}

// A `*` for everything, which begins an alias of YAML; `&` likewise an anchor.
static bool find_alias(const struct complaint *complaint, struct slip *slip)
{
    const struct slice before = slice_trim(complaint->before);

    if (says(complaint, "scanning an anchor"))
        slip->hint = "text that begins with '&' needs quotes";
    if (!says(complaint, "scanning an alias"))
        return slip->hint;
    slip->what = "a '*' is no value";
    slip->hint = "leave the key out where anything is meant; text that begins with '*' needs quotes";
    if (before.length && before.at[before.length - 1] == '*')
        slip->span.column--;
    return true;
}

static bool ends_in_quote(struct slice text)
{
    return text.length && strchr("'\"", text.at[text.length - 1]);
}

static bool find_quotes(const struct complaint *complaint, struct slip *slip)
{
    if (says(complaint, "scanning a quoted scalar")) {
        slip->what = says(complaint, "unexpected end") ? "a quote is opened and not closed" : NULL;
        slip->hint = slip->what ? "close it on the line where the text ends" : NULL;
    } else if (says(complaint, "did not find expected") && ends_in_quote(complaint->before)) {
        slip->what = "text goes on behind the quote that ends it";
        slip->hint = "between '...' an apostrophe is written twice: 'it''s'; between \"...\" a quote is \\\"";
    }
    return slip->hint;
}

// Whether a line has a colon that makes no key, for no blank follows: `version:1`.
static bool has_tight_key(struct slice line)
{
    const struct slice text = slice_trim(line);
    const char *colon = text.length ? memchr(text.at, ':', text.length) : NULL;

    return colon && colon > text.at && colon + 1 < text.at + text.length && colon[1] != ' ';
}

static bool has(struct slice line, const char *what)
{
    return find(line, what) < line.length;
}

static bool is_unclosed(struct slice line, const char *open, const char *close)
{
    return has(line, open) && !has(line, close);
}

// Whether an item without quotes begins or ends with two colons.
static bool has_bare_colons(struct slice line)
{
    for (size_t i = 0; i + 1 < line.length; i++)
        if (line.at[i] == ':' && line.at[i + 1] == ':' &&
            ((i && strchr(" [{,", line.at[i - 1])) || i + 2 == line.length || strchr(" ]},", line.at[i + 2])))
            return true;
    return false;
}

// What stands on the line, whatever the complaint is.
static const char *hint_of_line(const struct complaint *complaint)
{
    const struct slice line = complaint->line;

    if (has_bare_colons(line))
        return "put IPv6 addresses that begin or end with a colon in quotes: \"::1\"";
    if (is_unclosed(line, "{", "}"))
        return "a '{' on this line is not closed";
    if (is_unclosed(line, "[", "]"))
        return "a '[' on this line is not closed";
    if (has(line, " !") || says(complaint, "scanning a tag"))
        return "to take an address away write `not X`; text that begins with '!' needs quotes";
    return NULL;
}

// What libyaml's words come from most often.
static const char *hint_of_problem(const struct complaint *complaint)
{
    static const struct {
        const char *problem, *hint;
    } hints[] = {{"could not find expected ':'", "a key ends in a colon"},
                 {"did not find expected '-' indicator", "what belongs together begins in one column"},
                 {"did not find expected key", "what belongs together begins in one column"},
                 {"scanning a block scalar", "text that begins with '>' or '|' needs quotes"}};

    if (says(complaint, "mapping values are not allowed")) {
        if (complaint->at.line > 1 && has_tight_key(source_line(complaint->source, complaint->at.line - 1)))
            return "the line above has a colon without a blank behind it: write `version: 1`";
        if (has(complaint->before, ": "))
            return "text that holds a colon and a blank needs quotes";
    }
    if (says(complaint, "did not find expected ','") && complaint->from < complaint->at.line)
        return arena_printf(complaint->arena, "what is opened with '%c' on line %u is not closed",
                            says(complaint, "']'") ? '[' : '{', complaint->from);
    if (says(complaint, "did not find expected ','") && has(complaint->line, "]:"))
        return "an address of IPv6 has no brackets, and a port stands under `tcp` or `udp`";
    if (says(complaint, "did not find expected ','") && has(complaint->line, ": "))
        return "commas stand between the items, and text that holds a colon and a blank needs quotes";
    for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
        if (says(complaint, hints[i].problem))
            return hints[i].hint;
    return NULL;
}

struct slip slip_behind(struct arena *arena, const struct source *source, const char *problem, uint32_t from,
                        struct span at)
{
    const struct slice line = counted_line(&(struct line_finder){0}, source, at.line);
    const size_t head = slice_head(line, at.column - 1);
    const struct complaint complaint = {.arena = arena,
                                        .source = source,
                                        .problem = problem,
                                        .from = from,
                                        .at = at,
                                        .line = line,
                                        .before = {line.at, head},
                                        .behind = {line.at + head, line.length - head}};
    struct slip slip = {.span = at};

    if (find_conflict(&complaint, &slip) || find_stranger(&complaint, &slip) || find_tab(&complaint, &slip) ||
        find_reserved(&complaint, &slip) || find_alias(&complaint, &slip) || find_quotes(&complaint, &slip))
        return slip;
    slip = (struct slip){.span = at, .hint = hint_of_line(&complaint)};
    if (!slip.hint)
        slip.hint = hint_of_problem(&complaint);
    return slip;
}
