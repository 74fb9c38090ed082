// SPDX-License-Identifier: GPL-2.0-or-later
//
// A ruleset as text for iptables-restore, in the form that iptables-save prints.
#pragma once

#include "base/buf.h"
#include "ruleset/ruleset.h"

// Appends the tables of a ruleset of plain rules. The text loads on iptables-legacy and iptables-nft, and each table comes
// back from iptables-save as it is here but for counters.
void restore_text(struct buf *out, const struct ruleset *ruleset);

// Appends what stands behind "-A CHAIN" of a rule, a blank in front of it.
void restore_rule(struct buf *out, const struct rule *rule, enum family family);

// Appends one match or target, a blank in front of it: " -m tcp --dport 22", " -j ACCEPT".
void restore_match(struct buf *out, const struct match *match, enum family family);
void restore_target(struct buf *out, const struct target *target);
