// SPDX-License-Identifier: GPL-2.0-or-later
//
// What reasoning over all packets finds in a policy that reads well. Decided exactly, with the algebra, never by trying
// packets or by comparing entries in pairs.
#pragma once

#include "diag/diag.h"
#include "policy/policy.h"

// Reports the entries of allow, connect and forward that decide nothing, because the entries before them decide all their
// packets together. A policy too large to be decided is reported as such.
void find_dead_entries(const struct policy *policy, struct diag_list *diags);
