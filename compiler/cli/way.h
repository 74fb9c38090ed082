// SPDX-License-Identifier: GPL-2.0-or-later
//
// The way by which a command reads and changes the kernel's tables: what the caller asks for, what there is, and what
// other rules the kernel has beside those.
#pragma once

#include "base/exit.h"
#include "cli/options.h"
#include "kernel/backend.h"

// The row of --via: libiptc or restore.
struct option_row option_via(enum kernel_choice *choice);

// Finds the way, and says on standard error why it is another than usual. NULL, and why, where there is none.
const struct kernel_backend *open_way(struct arena *arena, enum kernel_choice choice,
                                      struct kernel_error *error);

// Names on standard error what other rules there are. EXIT_WORLD where they stand in the way of an apply that is not forced:
// both rulesets of iptables would be live. `applying`: something is to be changed.
enum exit_code report_rivals(struct arena *arena, const struct kernel_backend *backend, bool applying,
                             bool force);
