// SPDX-License-Identifier: GPL-2.0-or-later
//
// One family's tables as a load would leave them, looked through for what speaks against it: what is found is put down with the
// rule of others that it is for.
#pragma once

#include "analysis/trace.h"
#include "apply/plan.h"

struct hearing {
    struct arena *arena;
    struct apply_plan *plan;
    const struct policy *policy;
    const struct source *source;
    enum family family;
    const struct ruleset *after; // all tables, as they would be, whatever is in sets
};

// Puts down an objection, once. `text` is copied, `hint` is not.
void object(const struct hearing *hearing, enum severity severity, const char *name, const char *text,
            const char *hint);

// The same, an error, where what the policy refuses gets in, or may.
void object_to_opening(const struct hearing *hearing, const char *name, const char *text, const char *hint);

// Whether what stands in a chain of a table, as that would be, is others'; NULL: its policy.
bool is_others(const struct hearing *hearing, const struct table *table, const struct chain *chain,
               const struct rule *rule);
bool place_is_others(const struct hearing *hearing, const struct rule_place *place);

// "filter INPUT 3 (-s 192.0.2.1/32 -j DROP)".
void put_place(struct buf *out, const struct hearing *hearing, const struct rule_place *place);
