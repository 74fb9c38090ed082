// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/columns.h"

#include <string.h>

void put_rows(struct buf *out, const struct rows *rows, const char *indent)
{
    size_t widths[COLUMNS] = {0};

    for (size_t i = 0; i < rows->count; i++)
        for (size_t j = 0; j < COLUMNS; j++)
            if (strlen(rows->items[i].cells[j]) > widths[j])
                widths[j] = strlen(rows->items[i].cells[j]);
    for (size_t i = 0; i < rows->count; i++) {
        buf_text(out, indent);
        for (size_t j = 0; j < COLUMNS; j++)
            if (widths[j])
                buf_printf(out, "%-*s%s", j + 1 < COLUMNS ? (int)widths[j] : 0, rows->items[i].cells[j],
                           j + 1 < COLUMNS ? "   " : "");
        while (out->length && out->bytes[out->length - 1] == ' ')
            out->length--;
        buf_char(out, '\n');
    }
}
