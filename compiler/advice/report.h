// SPDX-License-Identifier: GPL-2.0-or-later
//
// What was found in a table, for people and for programs.
#pragma once

#include "advice/advice.h"
#include "base/buf.h"

struct report {
    const char *source;                // the file that was read; NULL: the kernel's own table
    const char *policy;                // as it was given; NULL: none
    const struct table_limits *limits; // NULL: nothing is known of them
    const struct census *census;
    const struct advice *advice;
    const struct addr_set *local;
    bool guessed;           // `local` was
    enum tracking tracking; // of the policy; full without one
    size_t top;             // rows of services and of sources
};

struct style {
    size_t width; // columns of the terminal
    bool colour;
    bool unicode; // bars may be blocks
};

void put_report_text(struct buf *out, const struct report *report, const struct style *style);

// One JSON document, by schemas/advise.schema.json.
void put_report_json(struct buf *out, const struct report *report);

// The text format of Prometheus, version 0.0.4 (prometheus.io, exposition formats).
void put_report_prometheus(struct buf *out, const struct report *report);
