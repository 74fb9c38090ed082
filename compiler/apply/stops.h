// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ctrl-Z waits while the tables are worked at: whoever is stopped there keeps the xtables lock, so that nobody else gets at the
// tables, until the guard takes him for one that hangs. Ctrl-C counts at once where there is a guard.
#pragma once

#include <signal.h>

// Holds back the stop signals of a terminal, in this thread and in those that it starts. What the mask was goes to `before`.
void stops_hold(sigset_t *before);

// The same of what ends a process from its terminal or by kill(1), where nobody else would go on with the tables: a connection
// that is lost ends what it has begun (SIGHUP), too.
void ends_hold(sigset_t *before);

// Back to that mask. A signal that was held back comes now.
void stops_release(const sigset_t *before);
