// SPDX-License-Identifier: GPL-2.0-or-later
//
// How traffic that changes is printed, as text and as JSON, whichever command found it.
#pragma once

#include "analysis/diff.h"
#include "base/buf.h"
#include "base/json.h"

#define REGIONS_TOLD 40 // of one kind at one hook

// One row a region; or that nothing changes.
void put_changes(struct buf *out, struct arena *arena, const struct difference *difference);

// The keys `changes` and `complete`.
void set_changes(json_t *object, const struct difference *difference);
