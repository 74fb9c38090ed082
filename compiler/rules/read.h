// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rules reader: text as iptables-save prints it, and as people write it for iptables-restore, to a ruleset. What it
// does not model stays in the rule as it was written (MATCH_OPAQUE, TARGET_OTHER), so that nothing is ignored and the
// ruleset prints back to text of the same meaning: to the same text, where it was in iptables-save's form.
#pragma once

#include <stdbool.h>

#include "diag/diag.h"
#include "ruleset/ruleset.h"
#include "source/source.h"

// Whether the text is a ruleset rather than a policy: its first line that is not empty and no comment begins as one
// (`*table`, `:CHAIN`, `-A`, `-P`, `-N`, `[packets:bytes]`).
bool rules_recognised(const struct source *source);

// The family a ruleset is for, from what only one family has: addresses, ICMP names, comments that iptables-save and
// `ctc` write, then from the name of the file. IPv4 where nothing tells; `*sure`, which may be NULL, is false then.
enum family rules_family(const struct source *source, bool *sure);

// Reads all tables. Every rule's span is its line. NULL, with what is wrong in `diags` (DIAG_RULES), where iptables-restore
// would not take the text whatever the host: no table, an unfinished one, a jump to a chain that is neither there nor a
// target, an option without its value. Built-in chains without a line of their own are CHAIN_UNWRITTEN, and all the hooks
// of a table that is there are there.
const struct ruleset *rules_read(struct arena *arena, const struct source *source, enum family family,
                                 struct diag_list *diags);

// Reads one rule, what stands behind `-A CHAIN `. A list of addresses in it makes several rules, as iptables does (-s a,b):
// gives the rules and their number in `*count`. A target that is in no table of
// ctc's is a TARGET_JUMP where it could be a chain's name: whoever knows the chains of the table tells (rules_read turns it
// into TARGET_OTHER where no chain has the name). NULL, reported in `diags`, where the text is no rule.
const struct rule *rule_read(struct arena *arena, struct slice text, enum family family, struct span span,
                             struct diag_list *diags, size_t *count);
