// SPDX-License-Identifier: GPL-2.0-or-later
//
// The way back beside others: what ctc did to a table is undone, and what others did since stays.
#pragma once

#include "apply/ownership.h"

// What a table is to become. `before` and `after` are that table as it was before an apply of own chains, and as that left it.
// ctc's chains become what they were. In others', rules of ctc that went come back behind those that they stood behind, or to
// where the jump stands; chain policies are those of before, where nobody else has changed them.
struct encoded merge_back(struct arena *arena, const struct kernel_table *live, const struct encoded *before,
                          const struct encoded *after);
