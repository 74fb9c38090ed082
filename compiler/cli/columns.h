// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rows of text in columns, each as wide as its widest cell; a column without any text takes no room.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define COLUMNS 5

struct row {
    const char *cells[COLUMNS];
};

struct rows {
    struct row *items;
    size_t count, capacity;
};

void put_rows(struct buf *out, const struct rows *rows, const char *indent);
