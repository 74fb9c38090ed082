// SPDX-License-Identifier: GPL-2.0-or-later
//
// A plan against the kernel that runs here: reading its settings, and writing them.
#pragma once

#include "host/plan.h"

enum setting_state {
    SETTING_HOLDS,     // the kernel has the plan's value
    SETTING_DIFFERS,   // it has another one
    SETTING_READ_ONLY, // it has another one, and does not let it be changed from here
    SETTING_ABSENT,    // it has no such key
    SETTING_FACT,      // it has another one, which the plan takes for a fact of the host and never writes
    SETTING_WRITTEN,   // it had another one, and gives the plan's back now
    SETTING_REFUSED,   // it took the value, or said so, and gives another one back
    SETTING_STATE_COUNT
};

struct running_setting {
    const char *key, *wanted;
    const char *before, *now; // NULL where it cannot be read
    enum setting_state state;
    const char *problem; // of reading or writing; NULL: none
};

struct running {
    VEC(struct running_setting) settings;
    size_t counts[SETTING_STATE_COUNT];
};

// The version of the kernel that runs.
struct kernel_version running_version(void);

// Reads what the kernel has for each setting of the plan. Beside these: the ephemeral range, which the plan takes for a fact
// and never writes; and for a plan that keeps the tracker out, the tracker.
struct running *running_read(struct arena *arena, const struct plan *plan);

// Writes what differs, and reads every value back. All or nothing: where one setting cannot be written, or does not come
// back, those written before it get their old values again. True where the kernel has all of the plan now, and the facts hold.
bool running_write(struct arena *arena, const struct plan *plan, struct running *running);
