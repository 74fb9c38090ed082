// SPDX-License-Identifier: GPL-2.0-or-later
//
// The last good rules: those that stood last, as iptables-restore text, for a start of the machine at which the policy cannot be
// loaded. They are in a file of mode 0600 in a directory of root's own that outlives the start, /var/lib/ctc
// (state_open_lasting()).
#pragma once

#include "apply/state.h"
#include "base/addr.h"
#include "base/job.h"

#define GOOD_PARTS (1 + FAMILY_COUNT) // of the file: a line ahead of the texts

// Rules on their way into the file. It stays where it is until their end.
struct good_writing {
    int directory, file;
    struct buf head;
    struct slice parts[GOOD_PARTS];
    struct job job;
    bool waits;
    bool stands; // they are the last good ones already
    int problem; // an errno
};

// Begins to write rules that are being loaded, beside the caller where they are many; the texts stay meanwhile. `waits`: for a
// confirmation, before which they are not good. No others wait for one from then on. False, and why, where they cannot be
// written: then there is nothing to end.
bool good_begin(struct good_writing *writing, const struct buf texts[FAMILY_COUNT], bool waits,
                struct kernel_error *error);

enum good_place {
    GOOD_NOT,
    GOOD_BEHIND,   // behind the last ones, which stay those of before, for whoever takes this apply back
    GOOD_IN_PLACE, // of the last ones: they stood already, and there is nothing more to take back
};

// Remembers them there; what waits has no place yet. False, and why, where they cannot be remembered.
bool good_end(struct good_writing *writing, enum good_place place, struct kernel_error *error);

// Those that waited are good, there; the last ones were not, and those of before are again.
void good_confirm(enum good_place place, struct kernel_error *error);
void good_revert(struct kernel_error *error);

// Reads them, into the arena. False, and why, where there are none, or what is there is not whole.
bool good_get(struct arena *arena, struct slice texts[FAMILY_COUNT], struct kernel_error *error);
