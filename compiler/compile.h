// SPDX-License-Identifier: GPL-2.0-or-later
//
// The pipeline, from a file to text: its stages in order, and all that lives as long as they do.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "diag/diag.h"
#include "lower/lower.h"
#include "policy/policy.h"
#include "source/source_set.h"

struct compilation {
    struct arena arena;
    struct source_set sources;
    struct diag_list diags;
    const struct policy *policy; // NULL before compile_read()
};

void compilation_init(struct compilation *compilation);
void compilation_clear(struct compilation *compilation);

// Reads and checks a policy. False where it cannot be compiled: diags.exit says why.
bool compile_read(struct compilation *compilation, const char *path);

// Appends the rules of one family, as iptables-restore text with a header. False, with nothing appended, where they
// would break a limit of the kernel: diags.exit says so.
bool compile_rules(struct compilation *compilation, enum family family, struct lower_options options,
                   struct buf *out);
