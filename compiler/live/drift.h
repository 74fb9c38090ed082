// SPDX-License-Identifier: GPL-2.0-or-later
//
// What of a policy the kernel does not do: rules that are not as an apply would put them, traffic that fares otherwise than
// the policy says, whoever's rules decide it, and promises that the tables as a whole break.
#pragma once

#include "apply/plan.h"
#include "compile.h"
#include "proof/promises.h"

enum rule_drift_kind {
    DRIFT_MISSING, // a rule that the policy has and the kernel has not
    DRIFT_FOREIGN, // one that the kernel has, and that an apply would take away
    DRIFT_POLICY,  // the policy of a built-in chain
    DRIFT_TABLE,   // the table is not there
};

struct rule_drift {
    enum rule_drift_kind kind;
    enum family family;
    const char *table, *chain;
    size_t
        number; // of the rule: of the foreign one in the kernel, of the missing one in the policy's; from 1
    const char *text;     // the rule; of a chain its policy in the kernel
    const char *wanted;   // of a chain: the policy that it is to have
    struct reason reason; // of a missing rule: what of the policy it stands for
};

struct drift_promise {
    enum family family;
    struct promise_breach broken;
    const char *text; // the rule that breaks it; NULL: the policy of a chain
};

struct drift {
    VEC(struct rule_drift) rules;
    struct difference difference; // before: the policy; now: the kernel
    VEC(struct drift_promise) promises;
    bool undecided; // the rules are too many for an answer
};

// Compares what was planned with the live tables that it was planned for. Both families of the compilation are compiled.
// Of each kind and hook at most `regions`; families without their bit in `families` are left out.
void drift_find(struct arena *arena, const struct compilation *compilation, const struct apply_plan *plan,
                unsigned families, size_t regions, struct drift *drift);
