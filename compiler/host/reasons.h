// SPDX-License-Identifier: GPL-2.0-or-later
//
// The reasoning behind a plan, in words: lines of comments, without '#' and without a last line's end.
#pragma once

#include "host/plan.h"

const char *why_load(struct arena *arena, const struct plan *plan); // NULL where no load is expected
const char *why_max(struct arena *arena, const struct plan *plan);
const char *why_buckets(struct arena *arena, const struct plan *plan);
const char *why_timeout(struct arena *arena, const struct plan *plan, enum timeout timeout);
const char *why_reserved(struct arena *arena, const struct plan *plan);
