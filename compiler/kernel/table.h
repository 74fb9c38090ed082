// SPDX-License-Identifier: GPL-2.0-or-later
//
// The legacy tables of the kernel (ip_tables and ip6_tables) in the network namespace of the process, through libiptc.
// It asks for CAP_NET_ADMIN and CAP_NET_RAW. libiptc takes no lock: see kernel/lock.h.
#pragma once

#include "base/vec.h"
#include "kernel/encode.h"
#include "kernel/error.h"

struct xtc_handle;

struct live_rule {
    const void *entry;  // struct ipt_entry or ip6t_entry; the number of its verdict or jump is of no use
    const char *target; // a verdict, a chain, a target, or "" for none
};

struct live_chain {
    const char *name;
    enum chain_policy policy;
    struct counters counters; // of a built-in chain
    VEC(struct live_rule) rules;
};

// A table as it was when it was read.
struct kernel_table {
    enum family family;
    const char *name;
    VEC(struct live_chain) chains; // built-in ones, then the others by the bytes of their names
    struct xtc_handle *handle;
};

// The names of the tables that the family has now: NULL ends them. A table that is not there has no rules, and to read
// it would make it. NULL, and why, where that cannot be told.
const char *const *kernel_tables(struct arena *arena, enum family family, struct kernel_error *error);

// Reads a table, which the kernel makes where it is not there yet. NULL, and why, where it cannot. To be closed.
struct kernel_table *kernel_table_read(struct arena *arena, enum family family, const char *name,
                                       struct kernel_error *error);
void kernel_table_close(struct kernel_table *table); // NULL is fine

// Gives the table the contents that it was compared with, which nobody sees before they are committed. Rules that stay keep
// their counters, and so do policies, but for those whose counters are written. What was read of the table is gone.
struct table_comparison;
bool kernel_table_change(struct kernel_table *table, const struct table_comparison *comparison,
                         const struct encoded *encoded, struct kernel_error *error);

// Puts the new contents into the kernel, all at once, and then their counters. False, and why, where it cannot: the
// kernel keeps the old ones, but where somebody else replaced the table between the two, so whoever must know reads it
// again. KERNEL_CHANGED only where the number of rules has changed since the table was read: nothing else is noticed.
bool kernel_table_commit(struct kernel_table *table, struct kernel_error *error);
