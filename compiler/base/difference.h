// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an edit changed in a text, for people to see.
#pragma once

#include "base/buf.h"
#include "base/text.h"

// Appends the difference of two texts as diff -u has it, with three lines around each change.
void put_difference(struct buf *out, const char *name, struct slice before, struct slice after);
