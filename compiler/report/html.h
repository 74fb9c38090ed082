// SPDX-License-Identifier: GPL-2.0-or-later
//
// HTML as text: what the pages of the report are put together from. Whatever is not markup of ctc's own is escaped.
#pragma once

#include "base/buf.h"

// Appends text so that it is text to every reader of HTML, in elements and in quoted attributes. What is not fit to print
// is replaced by a question mark.
void html_text(struct buf *out, const char *text);

// The same for long words: lines may break behind commas.
void html_breakable(struct buf *out, const char *text);

// The same where `...` is code.
void html_ticks(struct buf *out, const char *text);

// Appends markup with parts as printf() has them: `%s` is text and escaped, numbers are %u, %d, %zu and %llu, a percent
// sign is %%. No flags and no widths.
void html_put(struct buf *out, const char *markup, ...) __attribute__((format(printf, 2, 3)));

// 262144 as 262,144
void html_number(struct buf *out, unsigned long long number);
