// SPDX-License-Identifier: GPL-2.0-or-later
//
// From the rules of the lowering to those of the kernel, and to fewer of them. Every pass keeps the meaning; the proof runs
// behind the last one.
#pragma once

#include "diag/diag.h"
#include "ruleset/ruleset.h"

enum pass {
#define PASS(id, name, about) PASS_##id,
#include "passes/passes.def"
#undef PASS
    PASS_COUNT
};

extern const char *const pass_names[PASS_COUNT];

struct pass_options {
    unsigned without; // a bit for each pass, 1 << PASS_x, that does not run
    struct ipset_list
        *sets; // gets the sets that rules ask for, one for all that need the same; NULL: no rule asks for one
};
#define PASSES_NONE ((1U << PASS_COUNT) - 1) // for `without`: sets become rules, and nothing else changes

// The rules of `lowered`, which stays as it is, behind the passes: plain ones. NULL, and reported at the entry, where its
// sets make more rules than a table holds.
const struct ruleset *passes_run(struct arena *arena, const struct ruleset *lowered,
                                 struct pass_options options, struct diag_list *diags);
