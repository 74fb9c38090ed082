// SPDX-License-Identifier: GPL-2.0-or-later
//
// A legacy table as the kernel gives it (struct ipt_get_entries, linux/netfilter_ipv4/ip_tables.h), taken apart where it stands:
// for whoever only looks at it, libiptc copies every rule. Not for other folders.
#pragma once

#include "kernel/table.h"

struct blob;

// Reads a table, which the kernel makes where it is not there yet. NULL, and errno, where it cannot.
struct blob *blob_read(enum family family, const char *name);
void blob_free(struct blob *blob); // NULL is fine

// Adds its chains, whose rules point into it. False where it is not made as the kernel makes tables.
bool blob_chains(struct arena *arena, const struct blob *blob, struct kernel_table *table);
