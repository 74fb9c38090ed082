// SPDX-License-Identifier: GPL-2.0-or-later
//
// Live rules and wanted ones, compared by the kernel's bytes: what a rule counted, and what the kernel keeps for
// itself, is no part of it.
#pragma once

#include "kernel/table.h"

// A wanted rule that has no live one.
#define RULE_NEW SIZE_MAX

struct chain_comparison {
    const char *name;
    const struct live_chain *live; // NULL: there is none
    const struct chain *wanted;    // NULL: it is not wanted
    enum chain_policy policy;      // that it gets; CHAIN_UNWRITTEN: it keeps the one it has, if any
    size_t *partners; // by the number of the wanted rule: that of the live one, ascending, or RULE_NEW
    size_t first;     // of the wanted rules, among those that were encoded
    size_t kept, removed, added; // rules
};

struct table_comparison {
    struct chain_comparison *chains; // those of the live table, then those that are new
    size_t count;
    size_t kept, removed, added;         // rules
    size_t chains_removed, chains_added; // that are no built-in ones
    bool same;                           // nothing would change, counters apart
};

// Compares a table with that of the same name in a ruleset, whose lack is an empty table.
struct table_comparison kernel_table_compare(struct arena *arena, const struct kernel_table *table,
                                             const struct encoded *encoded);

// For each rule of a chain of one recorded table, that of the chain of the same name in another one, ascending, or RULE_NEW.
// What counts of a rule is what `other` was encoded with.
size_t *encoded_partners(struct arena *arena, const struct encoded *encoded, const struct chain *chain,
                         const struct encoded *other);

// Whether two readings of a table found the same chains, policies and rules, by what counts of them beside such rules as were
// encoded.
bool kernel_tables_same(const struct kernel_table *a, const struct kernel_table *b,
                        const struct encoded *encoded);
