// SPDX-License-Identifier: GPL-2.0-or-later
//
// The lock by which the iptables programs (since 1.4.20) keep out of each other's way: an exclusive flock(2) on
// /run/xtables.lock, or on the file that XTABLES_LOCKFILE names (iptables/xshared.c). It keeps out nobody who does not
// ask for it.
#pragma once

#include "kernel/error.h"

#define XTABLES_WAIT 20000 // milliseconds that whoever was asked for something waits for the lock

// Waits for the lock for at most that long. Its descriptor, which is not handed on by exec; -1, and why, where it is
// not to be had.
int xtables_lock(unsigned milliseconds, struct kernel_error *error);
void xtables_unlock(int lock);

// The turn of programs that are run on the tables (kernel/program.h): one at a time, whoever has the lock. Whoever is killed
// leaves a program behind, which keeps its turn until it is gone. Waits for it for at most that long. Its descriptor, which is
// not handed on by exec unless that is changed; -1, and why, where it is not to be had.
int xtables_turn(unsigned milliseconds, struct kernel_error *error);
