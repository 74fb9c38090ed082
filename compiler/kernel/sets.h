// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's sets (ipset/ipset.h), in the network namespace of the process: rules ask for them by name, and the tables do not
// tell what is in them.
#pragma once

#include "ipset/ipset.h"
#include "kernel/error.h"
#include "ruleset/ruleset.h"

// Reads all of them by the installed `ipset save`, one after the other while others may change them: what is told of a set is of
// the moment in which it was read. It asks for CAP_NET_ADMIN. False, and why, where it cannot be done.
bool kernel_sets_read(struct arena *arena, struct ipset_list *list, struct kernel_error *error);

// Has the kernel's rules, of all families, know what is in the sets that they ask for: in `given`; NULL: in the kernel's, which are
// read where rules ask for any. Gives why nothing is known of one, in words; NULL: all are known, but for those that rules
// change, or whose members are more than an address and a port. `*gone`: that is since it is not there, though a set that a
// rule asks for stays: the rules are others by now.
const char *kernel_sets_know(struct arena *arena, const struct ruleset *const *rulesets, size_t count,
                             const struct ipset_list *given, bool *gone);
