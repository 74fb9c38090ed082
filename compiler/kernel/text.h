// SPDX-License-Identifier: GPL-2.0-or-later
//
// Live tables as text, and as rulesets.
#pragma once

#include "diag/diag.h"
#include "kernel/table.h"

// Appends tables of one family as iptables-save prints them (as iptables-save -c with `counters`). False, and why
// (KERNEL_RULE names the rule), where libxtables does not know a match or target, or a revision of it.
bool kernel_text(struct buf *out, struct kernel_table *const *tables, size_t count, bool counters,
                 struct kernel_error *error);

// Reads text that iptables-save printed. Whatever rules the kernel has are rules, so what iptables-restore would not take is
// reported in `diags`, and kept (rules_read_anyway). They have no spans. NULL where there is no table.
const struct ruleset *kernel_text_read(struct arena *arena, const struct buf *text, enum family family,
                                       struct diag_list *diags);

// Reads the text of live tables of a family as anybody's rules are read (kernel_text_read), with their
// counters. NULL, and why, where there is no text.
const struct ruleset *kernel_ruleset(struct arena *arena, struct kernel_table *const *tables, size_t count,
                                     enum family family, struct diag_list *diags, struct kernel_error *error);
