// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that the kernel has beside the tables that an apply changes, and that packets meet as well: the other ones of the two
// rulesets that iptables has, in legacy tables and in nf_tables, and tables of nf_tables that are nobody's but nft's.
#pragma once

#include "kernel/backend.h"

struct rivals {
    // In words; NULL: none.
    const char *live;    // tables of the other ruleset that have rules or a policy that drops
    const char *foreign; // nft's own that filter or track
};

// False, and why, where it cannot be told.
bool rivals_find(struct arena *arena, const struct kernel_backend *backend, struct rivals *rivals,
                 struct kernel_error *error);
