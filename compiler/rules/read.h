// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rules reader: text as iptables-save prints it, and as people write it for iptables-restore, to a ruleset. What it
// does not model stays in the rule as it was written (MATCH_OPAQUE, TARGET_OTHER), so that nothing is ignored and the
// ruleset prints back to text of the same meaning: to the same text, where it was in iptables-save's form.
#pragma once

#include <stdbool.h>

#include "diag/diag.h"
#include "ipset/ipset.h"
#include "ruleset/ruleset.h"
#include "source/source.h"

// Whether the text is a ruleset rather than a policy: its first line that is not empty and no comment begins as one
// (`*table`, `:CHAIN`, `-A`, `-P`, `-N`, `[packets:bytes]`).
bool rules_recognised(const struct source *source);

// The family a ruleset is for, from what only one family has: addresses, ICMP names, comments that iptables-save and
// `ctc` write, then from the name of the file. IPv4 where nothing tells; `*sure`, which may be NULL, is false then.
enum family rules_family(const struct source *source, bool *sure);

// Reads all tables. Every rule's span is its line. NULL, with what is wrong in `diags` (DIAG_RULES), where iptables-restore
// would not take the text whatever the host: no table, an unfinished one, a jump to what is neither a chain above nor a
// target, an option without its value. What only its words are for and not the rules, blanks behind COMMIT and the like, is a
// warning. Built-in chains without a line of their own are CHAIN_UNWRITTEN, and all the hooks
// of a table that is there are there. Of `sets` the members are known, and they stay as long as the ruleset does: a rule that
// asks for one which is not among them is a mistake. NULL: none is known, and -m set stays as it was written.
const struct ruleset *rules_read(struct arena *arena, const struct source *source, enum family family,
                                 const struct ipset_list *sets, struct diag_list *diags);

// The same for whoever wants to know what a text means that does not load: mistakes are reported, and what cannot be read
// is kept as it is written, a match that may or may not hold and a target that may do anything. NULL where there is no
// table.
const struct ruleset *rules_read_anyway(struct arena *arena, const struct source *source, enum family family,
                                        const struct ipset_list *sets, struct diag_list *diags);

// Whether a rule asks for a set of which nothing is known.
bool rules_ask_sets(const struct ruleset *ruleset);

// Has rulesets of one kernel that were read without sets know those of `sets`: what asks for one is a MATCH_SET then. Sets that a
// rule of any of them changes stay unknown. The name of a set that is asked for and not among them; NULL: none is.
const char *rules_know_sets(struct arena *arena, const struct ruleset *const *rulesets, size_t count,
                            const struct ipset_list *sets);

// What is in sets that rules put members into or take them out of (-j SET), no text tells: what asks for a set that a rule of any
// of the rulesets changes, which stand in one kernel, is text again. One ruleset by itself was read so.
void rules_forget_changed_sets(struct arena *arena, const struct ruleset *const *rulesets, size_t count,
                               const struct ipset_list *sets);

// Reads one rule, what stands behind `-A CHAIN `. A list of addresses in it makes several rules, as iptables does (-s a,b):
// gives the rules and their number in `*count`, which is 0 where the rule says that it is for the other family (-4, -6).
// A target that is no extension ctc knows is a TARGET_JUMP where it has no options: whoever knows the chains of the table
// tells whether there is one. NULL, reported in `diags`, where the text is no rule.
const struct rule *rule_read(struct arena *arena, struct slice text, enum family family, struct span span,
                             struct diag_list *diags, size_t *count);

// Why iptables-restore does not take a rule in that place, whatever its words: NULL where it does.
const char *rule_misplaced(const struct rule *rule, const char *table, const char *chain);

// The target or verdict that the name is likely a misspelling of; NULL where there is none.
const char *rules_target_nearest(struct slice name);

// Warns of matches of a rule that ctc does not know and that are likely misspellings of ones that it does. The host may know them
// all the same.
void rule_check_spelling(const struct rule *rule, struct diag_list *diags);

// Whether a chain cannot have the name, for it is a verdict's or that of a target which ctc knows.
bool rules_target_name(struct slice name);
