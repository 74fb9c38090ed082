// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whose the live chains and rules are. Beside others, ctc's rules stand in chains of its own, whose names begin with ctc-: one
// for each hook, to which one rule of the built-in chain jumps. All else is others', but what an apply of whole tables has
// left, which its journal tells.
#pragma once

#include "apply/journal.h"
#include "kernel/table.h"

struct owned_chain {
    bool whole;  // the chain: not a built-in one
    bool policy; // of a built-in one, an apply of whole tables wrote it
    bool *rules;
};

struct ownership {
    struct owned_chain **chains; // by number of the table in the live ruleset, and of the chain in the table
    bool stands;                 // ctc has chains of its own there, and a jump to one
};

// The tables of a family that were read.
struct live_tables {
    const struct ruleset *ruleset;
    const struct kernel_tables *tables; // of all families
};

// Whether a chain of that name is ctc's.
bool own_chain(const char *name);

// Whether a rule leads to such a chain. Of a built-in chain, it is ctc's then.
bool own_rule(const struct rule *rule);

// The name of the chain that holds ctc's rules of a hook: ctc-INPUT.
const char *own_hook(struct arena *arena, const char *hook);

// Tells what of the live tables is ctc's. `journal` is of the last apply; NULL: none is known. `wanted` are the rules to come, of
// whole tables; NULL: not known. Where a whole table holds nothing but these, it is ctc's.
struct ownership ownership_find(struct arena *arena, const struct live_tables *live,
                                const struct journal *journal, const struct encoded *wanted);

// What of a live table is others'.
struct others {
    size_t rules;
    size_t chains; // that are no built-in ones
    const char *const *names;
};
struct others ownership_others(struct arena *arena, const struct ownership *ownership,
                               const struct ruleset *live, const char *name);

// A policy's rules in chains of ctc's own. What was a built-in chain is ctc-INPUT and so on, and decides what it is to refuse by
// itself: the policies of built-in chains are not written. Of a table without rules nothing is left.
const struct ruleset *rules_in_own_chains(struct arena *arena, const struct ruleset *wanted);

// Whether a table is as an apply left it, as far as that owned it: the whole of it, or its chains and the jumps to them.
bool own_stands(struct arena *arena, const struct kernel_table *table, const struct encoded *after,
                enum own own);
