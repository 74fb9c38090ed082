// SPDX-License-Identifier: GPL-2.0-or-later
//
// What reasoning over all packets finds in a policy or a ruleset that reads well. Decided exactly, with the algebra, never by
// trying packets or by comparing entries in pairs.
#pragma once

#include "diag/diag.h"
#include "policy/policy.h"
#include "ruleset/ruleset.h"

// Reports the entries that decide nothing, because the entries before them decide all their packets together; and, of a policy
// that is `sound` (it has no errors), those without which every packet would fare the same. A policy too large to be decided
// is reported as such.
void find_idle_entries(const struct policy *policy, bool sound, struct diag_list *diags);

// Expectations, and the rules of one family that they are held against.
struct held {
    const char *name; // of the file, for people
    const struct ruleset *rules;
    const struct policy *policy; // NULL: somebody's ruleset
    const struct expectation *expectations;
    size_t count;
};

// Reports, at the expectation, each that does not hold, with a packet and what decides it.
void find_failing_expectations(const struct held *held, struct diag_list *diags);

// Reports what the rules of one family do that nobody means. `source` is what is said to be wrong as a whole. Of the rules
// of a policy, which is not NULL then, only what the policy's author chose.
void find_in_rules(struct arena *arena, const struct ruleset *rules, const struct policy *policy,
                   const struct source *source, struct diag_list *diags);

// Reports the rules of a family that no packet comes to, and those without which every packet would fare the same.
void find_dead_rules(struct arena *arena, const struct ruleset *rules, const struct source *source,
                     struct diag_list *diags);
