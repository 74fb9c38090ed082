// SPDX-License-Identifier: GPL-2.0-or-later
//
// What ctc apply is asked for.
#pragma once

#include "apply/journal.h"
#include "apply/stops.h"
#include "base/exit.h"
#include "cli/boot.h"
#include "kernel/backend.h"

struct apply_options {
    const char *policy; // its path
    bool dry_run;       // says what would change, and loads nothing
    bool check;         // says whether the kernel is as an apply would make it
    bool widen;         // `check`: of traffic that changes only what is opened counts
    bool now;           // waits for no confirmation
    unsigned confirm;   // seconds in which a confirmation is to come; 0: none is asked for
    bool force;         // loads what objections speak against
    bool cut;           // ends connections that the rules refuse
    enum boot boot;     // the machine starts
    enum own own;
    enum kernel_choice via;
    bool json;
    sigset_t stops; // the signals that are held back where no tables are worked at
};

// Takes the arguments of the command into options that are zeroed. EXIT_USAGE, said, where they do not fit.
enum exit_code parse_apply_options(int argc, char **argv, struct apply_options *options);
