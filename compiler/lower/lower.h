// SPDX-License-Identifier: GPL-2.0-or-later
//
// From a policy to the rules of one family. The same code serves IPv4 and IPv6.
#pragma once

#include "policy/policy.h"
#include "ruleset/ruleset.h"

struct lower_options {
    bool comments; // the names of entries as comments of their rules
};

// The rules that mean what the policy says, with sets of addresses and ports where it names such: passes_run() makes rules
// of the kernel's of them. *filter before *raw, since a host that goes from full to selective tracking loses no connection
// in that order; verbatim tables behind them. The policy must be free of errors. NULL, and reported, where the interfaces
// of an entry stand for more rules than a table holds.
struct ruleset *policy_to_ruleset(struct arena *arena, const struct policy *policy, enum family family,
                                  struct lower_options options, struct diag_list *diags);
