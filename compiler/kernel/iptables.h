// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's iptables programs as a way to the kernel's tables: iptables-save reads them, iptables-restore puts them into the
// kernel, a table at a time and each at once. Between the two a table stands as the kernel's bytes, as libxtables makes
// them of the programs' text, so that it is compared and recorded like any other (kernel/compare.h, kernel/record.h).
//
// What rules that stay have counted is written with them: what they count between the last reading and the commit is
// lost.
#pragma once

#include "kernel/backend.h"

// The programs of one variant, for both families.
struct iptables_programs {
    const char *save[FAMILY_COUNT], *restore[FAMILY_COUNT]; // paths
    const char *version;                                    // of iptables-restore, as it says it
    bool nft;                                               // the rules that it loads are nf_tables'
};

// The programs that iptables-restore stands for on this host, whichever variant that is, and those of IPv6 of the same one;
// or, where `nft` or legacy ones are asked for, those of that variant under whatever name. False where there are none.
bool iptables_find(struct arena *arena, struct iptables_programs *programs);
bool iptables_find_variant(struct arena *arena, bool nft, struct iptables_programs *programs);

const struct kernel_backend *iptables_backend(struct arena *arena, const struct iptables_programs *programs);
