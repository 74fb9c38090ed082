// SPDX-License-Identifier: GPL-2.0-or-later
//
// Files that are no UTF-8 text, by their first bytes: text in another encoding, what a compressor made, programs.
#pragma once

#include <stdbool.h>

#include "diag/diag.h"

// False, and reported, where the file is of a known kind that nobody can read here. What is in no known kind may still be no text.
bool encoding_fits(const struct source *source, struct diag_list *diags);
