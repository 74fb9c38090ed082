// SPDX-License-Identifier: GPL-2.0-or-later
//
// Diagnostics as people and programs read them.
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "diag/diag.h"

// `file:line:col: error: text [name]`, the source line, a caret and the hint, for diagnostics of `least` severity and up.
void render_text(struct buf *out, const struct diag_list *list, enum severity least, bool colour);

// A file that was checked, and what was found about it.
struct checked_file {
    const char *path; // as the user named it
    bool is_ruleset;  // else a policy
    const struct diag_list *diags;
};

// One JSON document, by schemas/diagnostics.schema.json: the findings of the list, which are those of all the files.
void render_json(struct buf *out, const struct diag_list *list, const struct checked_file *files,
                 size_t count);

// SARIF 2.1.0 (OASIS), for code scanning services.
void render_sarif(struct buf *out, const struct diag_list *list);

// Workflow commands: `::error file=...,line=...::text`.
void render_github(struct buf *out, const struct diag_list *list);
