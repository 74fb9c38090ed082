// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's tables, read and changed one at a time, by whichever way there is to them (kernel/backend.h).
#pragma once

#include "base/vec.h"
#include "kernel/encoded.h"
#include "kernel/error.h"

struct kernel_backend;

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
    const struct kernel_backend *backend;
    enum family family;
    const char *name;
    VEC(struct live_chain) chains; // built-in ones, then the others by the bytes of their names
    bool unknown;                  // it holds what the backend knows nothing of and would lose
    uint32_t generation;           // of nf_tables, ahead of the reading; 0: not told, or no matter
    bool raced;   // behind a commit: of all changes since that generation, it is not the only one
    void *handle; // the backend's own; NULL where the table is only looked at
};

struct kernel_tables {
    struct kernel_table **items;
    size_t count, capacity;
};

// Reads the tables of the family that are there now, and makes none. False, and why, where that cannot be done. What was
// added to `tables` is to be closed either way.
bool kernel_tables_read(struct arena *arena, const struct kernel_backend *backend, enum family family,
                        struct kernel_tables *tables, struct kernel_error *error);
void kernel_tables_close(struct kernel_tables *tables);

// The one of that family and name among them; NULL where there is none.
struct kernel_table *kernel_tables_find(const struct kernel_tables *tables, enum family family,
                                        const char *name);

// Reads a table, which the kernel makes where it is not there yet. NULL, and why, where it cannot. To be closed.
struct kernel_table *kernel_table_read(struct arena *arena, const struct kernel_backend *backend,
                                       enum family family, const char *name, struct kernel_error *error);
void kernel_table_close(struct kernel_table *table); // NULL is fine

// The same of one that is only looked at, as are those of kernel_tables_read(): it is not to be changed.
struct kernel_table *kernel_table_look(struct arena *arena, const struct kernel_backend *backend,
                                       enum family family, const char *name, struct kernel_error *error);

// Whether it holds neither rules nor chains but the built-in ones.
bool kernel_table_is_empty(const struct kernel_table *table);

// Whether all of the table is known, so that nobody's rules are lost where it is changed. False, and what to look at, where it
// is not.
bool kernel_table_known(const struct kernel_table *table, struct kernel_error *error);

// Gives the table the contents that it was compared with, which nobody sees before they are committed. Rules that stay keep
// their counters, and so do policies, but for those whose counters are written. What was read of the table is gone.
struct table_comparison;
bool kernel_table_change(struct kernel_table *table, const struct table_comparison *comparison,
                         const struct encoded *encoded, struct kernel_error *error);

// Puts the new contents into the kernel, all at once, and then their counters. False, and why, where it cannot: the
// kernel keeps the old ones, but where somebody else replaced the table between the two, so whoever must know reads it
// again. KERNEL_CHANGED only where the number of rules has changed since the table was read: nothing else is noticed.
bool kernel_table_commit(struct kernel_table *table, struct kernel_error *error);

// The same for several tables of one family, each at once and one after the other: a way that starts programs starts one for
// all of them. Where one cannot be committed, those behind it are not.
bool kernel_tables_commit(struct kernel_table *const *tables, size_t count, struct kernel_error *error);
