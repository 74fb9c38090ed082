// SPDX-License-Identifier: GPL-2.0-or-later
//
// Live tables with ctc's rules in them beside those of others, which stay as they are and in their order.
#pragma once

#include "apply/ownership.h"

// Where a rule of the composition comes from: the chain of the same name in the live tables, or in ctc's own rules.
struct rule_origin {
    bool own;
    size_t index; // in that chain
};

struct composition {
    const struct ruleset *ruleset; // whole tables: those of `own`, and those in which ctc has something now
    struct rule_origin ***origins; // by number of the table, of the chain, and of the rule
};

// Puts `own`, rules in chains of its own, in place of what ctc has in the live tables. A jump stays where one stood; a new one
// stands behind all rules of others, but ahead of those at the end that take every packet, and of the logs in front of these.
// Chain policies stay, but for one that an apply of whole tables wrote: it accepts again where `own` refuses nothing there.
struct composition compose(struct arena *arena, const struct live_tables *live,
                           const struct ownership *ownership, const struct ruleset *own);

// The composition as the kernel's bytes: those of the live rules, and those of the own ones, which it takes over.
struct encoded compose_encoded(struct arena *arena, const struct composition *composition,
                               const struct live_tables *live, struct encoded *own);
