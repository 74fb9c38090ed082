// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rows of text in columns. A column without any text takes no room.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define COLUMNS 5

// A cell may have several lines, with '\n' between them.
struct row {
    const char *cells[COLUMNS];
};

struct rows {
    struct row *items;
    size_t count, capacity;
};

// Each column is as wide as its widest cell. With a `width` that is too narrow for that, cells are broken into lines; without
// one (0) a very wide cell moves what follows it in its own line, and nothing is cut.
void put_rows(struct buf *out, const struct rows *rows, const char *indent, size_t width);

// How wide they would be with no cell broken.
size_t rows_width(const struct rows *rows, const char *indent);

// The columns of the terminal that standard output is; 0: it is none.
size_t terminal_width(void);
