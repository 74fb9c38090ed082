// SPDX-License-Identifier: GPL-2.0-or-later
//
// How the kernel differs from a policy, as text and as JSON.
#pragma once

#include "base/json.h"
#include "live/drift.h"

// Appends nothing where nothing differs.
void put_drift(struct buf *out, struct arena *arena, const struct drift *drift);

// The whole document, as drift.schema.json describes it. `same`: whether it is what `command` calls the same.
json_t *drift_json(const char *command, const char *policy, const struct drift *drift, bool same);
