// SPDX-License-Identifier: GPL-2.0-or-later
//
// Advice put into the text of a policy, whose comments and layout stay as they are.
#pragma once

#include "advice/advice.h"
#include "diag/diag.h"
#include "source/source.h"

// Appends the policy's text with the advice in it. NULL, or why it cannot be put in: then nothing is appended. `root` is the
// document of `source`.
struct node;
const char *edit_policy(struct arena *arena, struct buf *out, const struct source *source,
                        const struct node *root, const struct policy *policy, const struct advice *advice);
