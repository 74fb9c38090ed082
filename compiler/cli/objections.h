// SPDX-License-Identifier: GPL-2.0-or-later
//
// What speaks against loading a plan: said on standard error, and whether it keeps the plan from being loaded.
#pragma once

#include "apply/plan.h"
#include "apply/session.h"
#include "cli/apply_options.h"

// The objections of a plan, notes only for whoever asks what would be. Whether one of them stops the load.
bool report_objections(const struct apply_options *options, const struct apply_plan *plan);

// All that is not safe: objections, what happens to packets while some tables are new and some old, and the `trouble` of the
// caller's session (NULL: none). EXIT_FINE where the plan may be loaded, or is not to be.
enum exit_code report_dangers(const struct apply_options *options, const struct session *session,
                              const char *trouble, const struct apply_plan *plan);
