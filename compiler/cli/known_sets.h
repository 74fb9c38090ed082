// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of the kernel that rules may ask for, from a text of `ipset save`: what check, explain and diff look at knows only
// their names. The kernel's own are read where its own rules are (kernel/sets.h).
#pragma once

#include "compile.h"

struct known_sets {
    struct compilation compilation; // holds what was read
    const struct ipset_list *list;  // NULL: none were given, or they cannot be read
};

// Reads the file, "-" being standard input; NULL: none is given. False where it cannot be read: the diagnostics say why.
bool known_sets_read(struct known_sets *known, const char *path);
// The same for a command whose findings are not of the file: what is wrong with it is said on standard error.
enum exit_code known_sets_open(struct known_sets *known, const char *path);
void known_sets_clear(struct known_sets *known);

// Warns that nothing is known of sets that live rules ask for. NULL: it is.
void warn_of_unknown_sets(const char *why);
