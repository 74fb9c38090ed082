// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whether the kernel tracks connections in the network namespace of the process, family by family, and what keeps it doing
// so: the rules of whatever tool that ask for the tracker (ruleset/stateful.def for those of iptables).
#pragma once

#include "ipset/ipset.h"
#include "kernel/table.h"

// Something that asks for the tracker: a rule, or an object of nf_tables.
struct tracking_cause {
    const char *tool;  // "iptables", "ip6tables" for legacy tables, or "nft"
    const char *place; // as the tool names it: `filter INPUT 3`; `inet firewall input handle 7`
    const char *what;  // the match, target, statement or object that asks for it
    const char *text;  // the rule; NULL where only what it does is known
    bool unclear;      // it may ask for it: its options cannot be seen
};

struct tracked_family {
    VEC(struct tracking_cause) causes;
    const char *legacy_unseen; // why legacy tables were not looked at; NULL: they were
    bool
        all_out; // raw takes every packet out: nothing is tracked though the tracker is on. Proved, of the legacy tables
};

struct live_tracking {
    bool tracker;             // it is in the kernel; else nothing can be tracked
    uint64_t entries;         // of both families, in the table now
    const char *sets_unknown; // as kernel_sets_know() says it, of those that rules ask for
    const char *nft_unseen;   // why rules of nf_tables were not looked at; NULL: they were
    struct tracked_family families[FAMILY_COUNT];
};

// Looks at the legacy tables with `backend` and at nf_tables with the installed nft. `sets`: those that rules ask for; NULL: the
// kernel's. False, and why, where permissions or
// memory do not suffice. A kernel without legacy tables, and a host without nft, are no failures.
bool tracking_read(struct arena *arena, const struct kernel_backend *backend, const struct ipset_list *sets,
                   struct live_tracking *tracking, struct kernel_error *error);

// The same for nf_tables alone: adds to the causes, or says why it cannot.
void tracking_read_nft(struct arena *arena, struct live_tracking *tracking);

// Adds what `nft -j list ruleset` printed to the causes. False where it is not such a document.
bool tracking_add_nft(struct arena *arena, const char *text, size_t length, struct live_tracking *tracking);
