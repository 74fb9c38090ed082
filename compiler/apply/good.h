// SPDX-License-Identifier: GPL-2.0-or-later
//
// The last good rules: those that stood last, as iptables-restore text, for a start of the machine at which the policy cannot be
// loaded. They are in a file of mode 0600 in a directory of root's own that outlives the start, /var/lib/ctc
// (state_open_lasting()).
#pragma once

#include "apply/state.h"
#include "base/addr.h"

// Remembers the rules that were just loaded; `waits`: for a confirmation, before which they are not good. False, and why, where
// they cannot be written.
bool good_put(const struct buf texts[FAMILY_COUNT], bool waits, struct kernel_error *error);

// Those that waited are good; the last ones were not, and those of before are again.
void good_confirm(struct kernel_error *error);
void good_revert(struct kernel_error *error);

// Reads them, into the arena. False, and why, where there are none, or what is there is not whole.
bool good_get(struct arena *arena, struct slice texts[FAMILY_COUNT], struct kernel_error *error);
