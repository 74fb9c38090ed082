// SPDX-License-Identifier: GPL-2.0-or-later
//
// What counts of a rule, of all its bytes: the header, and of each match and target its name, revision and as much of its data
// as is not the kernel's own. Of a verdict or a jump, where it leads. Not for other folders.
//
// How much of the data counts is what the rules were encoded with; so `encoded` may hold none of the rules that are asked
// about.
#pragma once

#include "base/buf.h"
#include "kernel/table.h"

// Appends it: equal for two rules exactly if they are the same. `table`: that of the wanted rule.
void content_of_live(struct buf *out, const struct encoded *encoded, const struct live_rule *rule);
void content_of_wanted(struct buf *out, const struct encoded *encoded, const struct table *table,
                       const void *rule);

// Whether it is equal, without writing it down.
bool live_is_wanted(const struct encoded *encoded, const struct table *table, const struct live_rule *live,
                    const void *wanted);
bool live_rules_same(const struct encoded *encoded, const struct live_rule *a, const struct live_rule *b);
