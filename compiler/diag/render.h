// SPDX-License-Identifier: GPL-2.0-or-later
//
// Diagnostics as people and programs read them.
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "diag/diag.h"

// `file:line:col: error: text [name]`, the source line, a caret and the hint, for diagnostics of `least` severity and up.
void render_text(struct buf *out, const struct diag_list *list, enum severity least, bool colour);

// One JSON document, by schemas/diagnostics.schema.json. `policy` is the file as the user named it.
void render_json(struct buf *out, const struct diag_list *list, const char *policy);

// SARIF 2.1.0 (OASIS), for code scanning services.
void render_sarif(struct buf *out, const struct diag_list *list);

// Workflow commands: `::error file=...,line=...::text`.
void render_github(struct buf *out, const struct diag_list *list);
