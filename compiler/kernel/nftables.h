// SPDX-License-Identifier: GPL-2.0-or-later
//
// What nf_tables has in the network namespace of the process, as far as it matters to whoever loads rules beside it. It is
// read by netlink (linux/netfilter/nf_tables.h) and never changed.
#pragma once

#include "base/addr.h"
#include "base/vec.h"
#include "kernel/error.h"

struct nft_table {
    const char *family; // as nft names it: ip, ip6, inet, arp, bridge, netdev
    const char *name;
    bool
        iptables; // one of those that the iptables programs of the nf_tables variant have, by its name and chains
    bool strange; // of these: a rule that iptables did not make, and may take for another
    bool filters; // a chain's policy drops, or a rule refuses packets or hands them to others who may
    bool tracks;  // a rule that switches the tracker on
    size_t rules;
};

struct nft_tables {
    struct nft_table *items;
    size_t count, capacity;
};

// Reads them; a kernel without nf_tables has none. False, and why, where it cannot be told.
bool nft_tables_read(struct arena *arena, struct nft_tables *tables, struct kernel_error *error);

// Whether a table of iptables is strange, as far as that can be told.
bool nft_table_is_strange(enum family family, const char *name);

// Whether nf_tables takes that revision of a match or target of iptables (nft_compat); the kernel loads the module if it can.
// 0, or a negative errno: -ENOENT: it has none of that kind.
int nft_extension_find(enum family family, const char *name, uint8_t revision, bool target);

// The number of changes that nf_tables has seen in the namespace, which goes on with each transaction. 0: not to be told.
uint32_t nft_generation(void);
