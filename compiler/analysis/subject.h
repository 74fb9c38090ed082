// SPDX-License-Identifier: GPL-2.0-or-later
//
// What explain, diff and check look at: a policy, or a ruleset that somebody wrote. Which of them a file is, its text says.
#pragma once

#include "compile.h"
#include "rules/read.h"

struct subject {
    struct compilation compilation;
    const char *path;            // as it was named
    bool is_ruleset;             // by its text
    const struct policy *policy; // NULL: a ruleset, or a policy that cannot be read
    const struct ruleset *rules
        [FAMILY_COUNT]; // of a policy those that say what the proved ones do; NULL: nothing about the family
};

// Reads a policy, compiles and proves it; or reads a ruleset. `family`: of a ruleset, FAMILY_COUNT: the one that its text
// shows. `sets`: those that its rules may ask for; NULL: none is known. False where that cannot be done: the diagnostics say why.
bool subject_read(struct subject *subject, const char *path, enum family family,
                  const struct ipset_list *sets);
void subject_clear(struct subject *subject);
