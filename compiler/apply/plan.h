// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a load of a policy's rules would change in the kernel: by rule, on the kernel's bytes, and by meaning. The tables that the
// policy has rules in are replaced as wholes; the others stay.
#pragma once

#include "analysis/diff.h"
#include "kernel/compare.h"
#include "policy/policy.h"

struct plan_table {
    enum family family;
    const char *name;
    bool there; // before; else the kernel makes it
    struct table_comparison comparison;
};

struct apply_plan {
    struct plan_table *items; // IPv4, then IPv6, each in the order of its ruleset
    size_t count, capacity;
    bool same; // nothing would change, counters apart
    struct difference difference;
};

// Reads the live tables and compares them with the rules of a policy, of both families. Nothing is changed, and no table is made that
// is not there. False, and why, where it cannot be done. Rules that are too many to be compared by meaning are `difference.undecided`.
bool plan_apply(struct arena *arena, const struct policy *policy,
                const struct ruleset *const wanted[FAMILY_COUNT], size_t regions, struct apply_plan *plan,
                struct kernel_error *error);
