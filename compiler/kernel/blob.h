// SPDX-License-Identifier: GPL-2.0-or-later
//
// A legacy table as the kernel gives it (struct ipt_get_entries, linux/netfilter_ipv4/ip_tables.h), taken apart where it
// stands: for whoever only looks at it, libiptc copies every rule. Not for other folders.
#pragma once

#include "kernel/table.h"

// Reads a table of that family and name, which the kernel makes where it is not there yet: its chains, whose rules belong to
// the arena too. False, and errno, where it cannot; EINVAL where the kernel's entries are no chains.
bool blob_read(struct arena *arena, struct kernel_table *table);
