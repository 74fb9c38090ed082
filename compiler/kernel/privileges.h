// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a process may do (capabilities(7)): no more than it takes to read and change tables. CAP_NET_ADMIN is what the kernel
// asks for that; CAP_NET_RAW is what a raw socket takes, which libiptc opens to speak of tables (libiptc.c, TC_INIT), as do
// the plugins of libxtables.
#pragma once

#include "kernel/error.h"

// Whether it may. KERNEL_PERMISSION, and what lacks, where not.
bool privileges_suffice(struct kernel_error *error);

// Gives up everything else, for good and for all programs that it starts. Where the file cannot be read without it, being
// somebody else's, the right to read all files stays until the next call: then it gives true. NULL: no
// file is to be read.
bool privileges_drop(const char *file);
