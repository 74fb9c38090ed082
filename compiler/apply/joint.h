// SPDX-License-Identifier: GPL-2.0-or-later
//
// A filter of two: for the moment in which the tables beside it are neither all old nor all new.
#pragma once

#include "ruleset/ruleset.h"

enum joint {
    JOINT_NONE,
    // Untracked packets are the old rules', tracked ones the new rules': split. Where raw untracks less from now on it is right
    // with both: a packet that changes sides is UNTRACKED to the old rules alone.
    JOINT_OLD_UNTRACKED,
    JOINT_NEW_UNTRACKED, // the other way round, where raw untracks more
    JOINT_EITHER,        // accepts what one of the two accepts: widened
    JOINT_BOTH,          // accepts what both accept: narrowed
    JOINT_COUNT
};

extern const char *const joint_words[JOINT_COUNT]; // "widened"; NULL: none

// A packet walks the old rules, or is the new ones'; and where the old ones do not settle it, the new ones. `before` may be
// NULL: it accepts everything. Both write the policies of their built-in chains. NULL where there is no such table: chains
// whose text is carried verbatim.
const struct ruleset *joint_filter(struct arena *arena, enum family family, const struct table *before,
                                   const struct table *after, enum joint joint);
