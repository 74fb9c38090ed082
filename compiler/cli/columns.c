// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/columns.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

#define GAP         3
#define NARROW      16 // what a column keeps at least
#define WIDE        72 // cells beyond do not widen their column, where no width is given
#define WIDTH_LEAST 40

size_t terminal_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < WIDTH_LEAST)
        return 0;
    return size.ws_col;
}

static size_t text_width(const char *text, size_t length)
{
    return slice_characters((struct slice){text, length});
}

static size_t widest_line(const char *cell)
{
    size_t widest = 0;

    for (;;) {
        const size_t length = strcspn(cell, "\n"), width = text_width(cell, length);

        widest = width > widest ? width : widest;
        if (!cell[length])
            return widest;
        cell += length + 1;
    }
}

struct layout {
    const char *indent;
    size_t widths[COLUMNS];
    bool breaks; // lines that are too long
};

// The bytes of the line that a cell begins with, and in `*next` where the following one does. A line is broken at a blank,
// or behind a comma or a slash; in words where it must be.
static size_t take_line(const char *cell, size_t width, bool breaks, const char **next)
{
    const size_t length = strcspn(cell, "\n");
    size_t fits = 0, seen = 0, blank = 0, mark = 0;

    *next = cell[length] ? cell + length + 1 : cell + length;
    if (!breaks || text_width(cell, length) <= width)
        return length;
    for (size_t i = 0; i < length; i++) {
        seen += ((unsigned char)cell[i] & 0xC0) != 0x80;
        if (seen > width + 1 || (seen > width && cell[i] != ' '))
            break;
        fits = i + 1;
        if (cell[i] == ' ')
            blank = i;
        if (seen <= width && (cell[i] == ',' || cell[i] == '/'))
            mark = i + 1;
    }
    if (blank) {
        *next = cell + blank + 1;
        return blank;
    }
    *next = cell + (mark ? mark : fits);
    return mark ? mark : fits;
}

static void put_line(struct buf *out, const struct layout *layout, const char *rest[COLUMNS])
{
    buf_text(out, layout->indent);
    for (size_t j = 0; j < COLUMNS; j++) {
        const char *cell = rest[j];
        size_t length;

        if (!layout->widths[j])
            continue;
        length = take_line(cell, layout->widths[j], layout->breaks, &rest[j]);
        buf_append(out, cell, length);
        for (size_t i = text_width(cell, length); i < layout->widths[j] + GAP; i++)
            buf_char(out, ' ');
        if (text_width(cell, length) > layout->widths[j])
            buf_text(out, "   ");
    }
    while (out->length && out->bytes[out->length - 1] == ' ')
        out->length--;
    buf_char(out, '\n');
}

static bool any_left(const char *const rest[COLUMNS])
{
    for (size_t j = 0; j < COLUMNS; j++)
        if (rest[j][0])
            return true;
    return false;
}

static size_t total_width(const struct layout *layout)
{
    size_t total = strlen(layout->indent), shown = 0;

    for (size_t j = 0; j < COLUMNS; j++) {
        total += layout->widths[j] + (layout->widths[j] && shown ? GAP : 0);
        shown += layout->widths[j] > 0;
    }
    return total;
}

// The widest column gives way.
static void fit(struct layout *layout, size_t width)
{
    while (total_width(layout) > width) {
        size_t widest = 0;

        for (size_t j = 0; j < COLUMNS; j++)
            widest = layout->widths[j] > layout->widths[widest] ? j : widest;
        if (layout->widths[widest] <= NARROW)
            return;
        layout->widths[widest]--;
    }
}

static struct layout natural_layout(const struct rows *rows, const char *indent, size_t widest)
{
    struct layout layout = {.indent = indent};

    for (size_t i = 0; i < rows->count; i++)
        for (size_t j = 0; j < COLUMNS; j++) {
            const size_t wide = widest_line(rows->items[i].cells[j]);

            if (wide > layout.widths[j])
                layout.widths[j] = wide > widest ? widest : wide;
        }
    return layout;
}

size_t rows_width(const struct rows *rows, const char *indent)
{
    const struct layout layout = natural_layout(rows, indent, SIZE_MAX);

    return total_width(&layout);
}

void put_rows(struct buf *out, const struct rows *rows, const char *indent, size_t width)
{
    struct layout layout = natural_layout(rows, indent, width ? SIZE_MAX : WIDE);

    layout.breaks = width;
    if (width)
        fit(&layout, width);
    for (size_t i = 0; i < rows->count; i++) {
        const char *rest[COLUMNS];

        memcpy(rest, rows->items[i].cells, sizeof(rest));
        do
            put_line(out, &layout, rest);
        while (any_left(rest));
    }
}
