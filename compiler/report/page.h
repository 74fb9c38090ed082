// SPDX-License-Identifier: GPL-2.0-or-later
//
// The parts of report_page(), a file each. Not for other folders.
#pragma once

#include "report/html.h"
#include "report/report.h"

extern const char report_style[]; // report/style.css

void put_way(struct buf *out, const struct report *report);      // the picture
void put_reach(struct buf *out, const struct report *report);    // who reaches what
void put_zones(struct buf *out, const struct report *report);    // who is forwarded to whom
void put_entries(struct buf *out, const struct report *report);  // entries with their rules
void put_parts(struct buf *out, const struct report *report);    // the other rules
void put_proof(struct buf *out, const struct report *report);    // promises, windows, expectations
void put_findings(struct buf *out, const struct report *report); // what `check` says besides
void put_costs(struct buf *out, const struct report *report);    // rules per packet, size of the table

// The signs of the matrix and the picture.
enum sign { SIGN_TRACKED, SIGN_UNTRACKED, SIGN_LIMITED, SIGN_PART, SIGN_REFUSED, SIGN_NONE, SIGN_COUNT };
extern const char *const sign_names[SIGN_COUNT]; // of their classes and symbols
void put_sign(struct buf *out, enum sign sign);
