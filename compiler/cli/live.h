// SPDX-License-Identifier: GPL-2.0-or-later
//
// What diff --live and apply --check share: a policy against the kernel that runs.
#pragma once

#include "apply/journal.h"
#include "base/exit.h"
#include "kernel/backend.h"

struct live_question {
    const char *command; // "diff --live"
    const char *policy;  // its path
    enum kernel_choice via;
    enum own own;
    enum family family; // FAMILY_COUNT: both
    const char *sets;   // a text of those that the kernel's rules ask for; NULL: the kernel's
    bool json;
    bool widen; // of traffic that changes only what is opened counts
    bool rules; // rules that are not as an apply would put them count, and broken promises, not traffic alone
};

// Prints what differs: as text nothing where nothing that counts does. EXIT_DIFFERENCE, or what keeps it from an answer.
enum exit_code ask_live(const struct live_question *question);
