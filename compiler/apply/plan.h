// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a load of a policy's rules would change in the kernel: by rule, on the kernel's bytes, and by meaning. The tables that the
// policy has rules in are replaced as wholes, or ctc's own chains in them are; the others stay.
#pragma once

#include "analysis/diff.h"
#include "apply/joint.h"
#include "apply/ownership.h"
#include "diag/diag.h"
#include "ipset/ipset.h"
#include "kernel/backend.h"
#include "kernel/compare.h"
#include "policy/policy.h"

struct plan_table {
    enum family family;
    const char *name;
    struct kernel_table *live; // as it was read; NULL: it is not there, and the kernel makes it
    struct table_comparison comparison;
    struct others others; // what stays as it is, since it is not ctc's
};

// What is true between two tables of a family.
enum between {
    BETWEEN_SAFE,      // what both old and new rules accept is accepted, what both refuse is refused
    BETWEEN_LOSES,     // some packets that both accept are refused for that moment
    BETWEEN_OPENS,     // some packets that both refuse are accepted for that moment
    BETWEEN_UNDECIDED, // the rules are too many to tell
};

struct table_order {
    enum between between;
    enum joint joint;    // the filter that stands there meanwhile
    const char *example; // a packet for which it is not safe; NULL: none
};

// A table is replaced.
struct plan_step {
    size_t table;                   // of the plan's
    const struct encoded *contents; // that it gets
    const struct encoded *before;   // that it has: of an earlier step; NULL: what was read
    bool patient; // the step ahead of it has more packets tracked: what is under way is to arrive first
};

// What speaks against the load (apply/objections.h).
struct objection {
    enum severity severity; // an error: nothing is loaded, unless the caller insists
    bool opens;             // of an error: what the policy refuses gets in, or may
    const char *name;       // stable
    enum family family;     // FAMILY_COUNT: of both
    const char *text;
    const char *hint; // NULL: none
};

struct apply_plan {
    const struct kernel_backend *backend; // by which the tables were read, and are to be changed
    struct plan_table *items;             // IPv4, then IPv6, in the order in which they become what is wanted
    size_t count, capacity;
    enum own own;  // what the load owns; never OWN_UNSAID
    bool moves_in; // its own chains are new there, and nobody asked for them
    bool same;     // nothing would change, counters apart
    bool told;     // `difference` is what changes; else it was not asked for, or is too much
    struct difference difference;
    struct table_order orders[FAMILY_COUNT];
    const struct ruleset *live[FAMILY_COUNT]; // all tables that there are
    struct encoded encoded[FAMILY_COUNT];     // what the tables become, whole
    struct encoded joint[FAMILY_COUNT];       // a filter for the moment in between
    struct {
        struct plan_step *items; // IPv4, then IPv6; none before order_tables()
        size_t count, capacity;
    } steps;
    struct {
        struct objection *items; // none before find_objections()
        size_t count, capacity;
    } objections;
    struct kernel_tables tables; // that were read
    const char *sets_unknown;    // as kernel_sets_know() says it, of those that live rules ask for
    struct ahead *ahead;         // of this load (apply/ahead.h); NULL: nothing
    struct slice basis;          // for the journal (apply/unchanged.h); empty: none
    // Tables in the moment of whose load somebody else changed nf_tables, in words; NULL: none.
    const char *raced;
};

// What the tables are to become.
struct wanted {
    const struct ruleset *rules[FAMILY_COUNT]; // plain ones
    struct ahead *ahead;                       // that was begun with them; NULL: none was
    const struct ipset_list
        *sets; // that live rules ask for; NULL: the kernel's are read where they ask for any
};

// What this kernel is to have of the rules of a family: nothing where it does not have the family.
const struct ruleset *wanted_here(const struct ruleset *rules);

// Reads the live tables and compares them with the rules of a policy, of both families. Nothing is changed, and no table is
// made that is not there. `own`: what is ctc's of them; where it is not said, its own chains where others have rules or chains
// in these tables or ctc has chains of its own there already, else whole tables. False, and why, where it cannot be done. With
// `regions` 0 they are not compared by meaning. To be cleared either way.
bool plan_apply(struct arena *arena, const struct kernel_backend *backend, const struct policy *policy,
                const struct wanted *wanted, enum own own, size_t regions, struct apply_plan *plan,
                struct kernel_error *error);

// Of that, only the live tables, all that there are: `live` and `tables`, by the plan's backend.
bool plan_read_live(struct arena *arena, struct apply_plan *plan, struct kernel_error *error);
void plan_clear(struct apply_plan *plan);

// The live rules with the wanted tables in place of those of the same name for which `chosen` has the bit of their number in
// the wanted ruleset.
const struct ruleset *rules_between(struct arena *arena, const struct ruleset *live,
                                    const struct ruleset *wanted, unsigned chosen);

// The rules of a family as they are behind a step of the plan.
const struct ruleset *rules_behind(struct arena *arena, const struct apply_plan *plan, enum family family,
                                   size_t step);
