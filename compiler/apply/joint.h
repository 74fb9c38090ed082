// SPDX-License-Identifier: GPL-2.0-or-later
//
// A filter of two: for the moment in which the tables beside it are neither all old nor all new.
#pragma once

#include "ruleset/ruleset.h"

enum joint {
    JOINT_NONE,
    JOINT_EITHER, // accepts what one of the two accepts: widened
    JOINT_BOTH,   // accepts what both accept: narrowed
};

// A packet walks the old rules, and where they do not settle it, the new ones. `before` may be NULL: it accepts everything. Both
// write the policies of their built-in chains. NULL where there is no such table: chains whose text is carried verbatim.
const struct ruleset *joint_filter(struct arena *arena, enum family family, const struct table *before,
                                   const struct table *after, enum joint joint);
