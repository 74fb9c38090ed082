// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "diag/render.h"

#define LINE_SHOWN 110 // characters of a source line that are shown; longer ones are cut around the caret

struct colours {
    const char *severity[SEVERITY_COUNT], *strong, *hint, *end;
};

static const struct colours with_colour = {.severity = {"\033[1;36m", "\033[1;35m", "\033[1;31m"},
                                           .strong = "\033[1m",
                                           .hint = "\033[1;32m",
                                           .end = "\033[0m"};
static const struct colours without_colour = {.severity = {"", "", ""}, .strong = "", .hint = "", .end = ""};

static bool starts_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

// Nothing in an input file may steer the terminal.
static void put_source(struct buf *out, struct slice text)
{
    while (text.length) {
        const size_t bytes = printable_bytes(text), step = bytes ? bytes : 1;

        if (bytes || text.at[0] == '\t')
            buf_append(out, text.at, step);
        else
            buf_char(out, '?');
        text = (struct slice){text.at + step, text.length - step};
    }
}

static void put_snippet(struct buf *out, const struct diag *diag, struct line_finder *lines,
                        const struct colours *colours)
{
    const struct span *span = &diag->span;
    struct slice text = line_find(lines, span->source, span->line);
    size_t before = span->column - 1;
    size_t skip = before > LINE_SHOWN * 2 / 3 ? before - LINE_SHOWN / 2 : 0;
    const size_t skipped = slice_head(text, skip);

    text = (struct slice){text.at + skipped, text.length - skipped};
    before -= skip;

    const size_t shown = slice_head(text, LINE_SHOWN);
    const bool cut = shown < text.length;

    text.length = shown;
    buf_printf(out, "%4u | %s", span->line, skip ? "…" : "");
    put_source(out, text);
    buf_printf(out, "%s\n     | %s", cut ? "…" : "", skip ? " " : "");
    for (size_t i = 0, characters = 0; characters < before; i++) {
        if (i >= text.length) {
            buf_char(out, ' ');
            characters++;
        } else if (starts_character(text.at[i])) {
            buf_char(out, text.at[i] == '\t' ? '\t' : ' ');
            characters++;
        }
    }
    buf_text(out, colours->hint);
    buf_char(out, '^');
    for (uint32_t i = 1; i < span->length && before + i < LINE_SHOWN; i++)
        buf_char(out, '^');
    buf_text(out, colours->end);
    if (diag->hint)
        buf_printf(out, " %s", diag->hint);
    buf_char(out, '\n');
}

static void put_diag(struct buf *out, const struct diag *diag, struct line_finder *lines,
                     const struct colours *colours)
{
    const struct span *span = &diag->span;

    buf_text(out, colours->strong);
    if (span->source && span->line)
        buf_printf(out, "%s:%u:%u: ", span->source->name, span->line, span->column);
    else if (span->source)
        buf_printf(out, "%s: ", span->source->name);
    buf_printf(out, "%s%s:%s %s [%s]\n", colours->severity[diag->severity], severity_name(diag->severity),
               colours->end, diag->message, diag_kinds[diag->code].name);
    if (span->source && span->line)
        put_snippet(out, diag, lines, colours);
    else if (diag->hint)
        buf_printf(out, "     = %s\n", diag->hint);
}

void render_text(struct buf *out, const struct diag_list *list, enum severity least, bool colour)
{
    const struct colours *colours = colour ? &with_colour : &without_colour;
    struct line_finder lines = {0};

    for (size_t i = 0; i < list->items.count; i++)
        if (list->items.items[i].severity >= least)
            put_diag(out, &list->items.items[i], &lines, colours);
    for (int severity = SEVERITY_COUNT - 1; severity >= (int)least; severity--) {
        size_t kept = 0;

        for (size_t i = 0; i < list->items.count; i++)
            kept += (int)list->items.items[i].severity == severity;
        if (list->counts[severity] > kept)
            buf_printf(out, "ctc: %zu more of severity %s\n", list->counts[severity] - kept,
                       severity_name((enum severity)severity));
    }
}
