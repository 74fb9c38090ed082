// SPDX-License-Identifier: GPL-2.0-or-later
//
// What ctc apply --boot does around the load, while a machine starts and its network is down.
#pragma once

#include "base/exit.h"
#include "kernel/backend.h"

// What is loaded where the policy cannot be.
enum boot {
    BOOT_NOT,    // it is no start of the machine
    BOOT_LAST,   // the last good rules; where there are none, as BOOT_CLOSED
    BOOT_CLOSED, // rules that let nothing pass but lo
};

// Puts back what an earlier apply has left half done. Another code than EXIT_FINE, and said, where somebody is still at it.
enum exit_code boot_settle(void);

// Loads something else, after the policy could not be loaded, and says what.
void boot_otherwise(enum boot boot, enum kernel_choice via);
