// SPDX-License-Identifier: GPL-2.0-or-later
//
// A way to the kernel's tables, in the network namespace of the process. Whoever reads and changes tables (kernel/table.h)
// does not know which one is at work.
#pragma once

#include "kernel/table.h"

struct iptables_programs;

enum kernel_way {
    WAY_LIBIPTC,        // the legacy tables (ip_tables and ip6_tables), by libiptc
    WAY_LEGACY_RESTORE, // the same, by iptables-restore and iptables-save
    WAY_NFT_RESTORE,    // the tables that iptables-restore and iptables-save have in nf_tables
    WAY_COUNT,
};

// Whether two ways lead to the same tables.
static inline bool ways_share_tables(enum kernel_way a, enum kernel_way b)
{
    return (a == WAY_NFT_RESTORE) == (b == WAY_NFT_RESTORE);
}

struct kernel_backend {
    enum kernel_way way;
    const char *name;    // that the command line has for it: libiptc, restore
    const char *program; // what puts tables into the kernel, and its variant; NULL: this process
    const struct iptables_programs *programs; // of the ways that need them

    // As the functions of kernel/table.h that are named alike. At least one table is committed.
    bool (*read_all)(struct arena *arena, const struct kernel_backend *backend, enum family family,
                     struct kernel_tables *tables, struct kernel_error *error);
    struct kernel_table *(*read)(struct arena *arena, const struct kernel_backend *backend,
                                 enum family family, const char *name, struct kernel_error *error);
    struct kernel_table *(*look)(struct arena *arena, const struct kernel_backend *backend,
                                 enum family family, const char *name, struct kernel_error *error);
    void (*close)(struct kernel_table *table); // its handle is not NULL
    bool (*change)(struct kernel_table *table, const struct table_comparison *comparison,
                   const struct encoded *encoded, struct kernel_error *error);
    bool (*commit)(struct kernel_table *const *tables, size_t count, struct kernel_error *error);
};

// It asks for CAP_NET_ADMIN and CAP_NET_RAW, and takes no lock: see kernel/lock.h.
extern const struct kernel_backend libiptc_backend;

// Whether the kernel has legacy tables of a family, or loads the module that has them. None is made. Where that cannot be
// told, true: whoever reads them is told why.
bool libiptc_available(enum family family);

// Whether the kernel has the family at all: one that was started with ipv6.disable=1 has no IPv6, and no packet of it. Where that
// cannot be told, as where a process may have no such sockets, true.
bool kernel_has_family(enum family family);

// What the caller asks for.
enum kernel_choice {
    CHOICE_FITTING, // legacy tables where the kernel has them, else iptables-restore
    CHOICE_LIBIPTC,
    CHOICE_RESTORE, // iptables-restore, whichever variant that is
};

// Finds the way. `*why` is set where the caller asked for none in particular and it is not libiptc: in words. NULL, and why,
// where there is none. It belongs to the arena.
const struct kernel_backend *backend_choose(struct arena *arena, enum kernel_choice choice, const char **why,
                                            struct kernel_error *error);

// Finds one way again, later or in another process. NULL, and why, where it is gone.
const struct kernel_backend *backend_open(struct arena *arena, enum kernel_way way,
                                          struct kernel_error *error);

// A table of which nothing is known yet, for a backend that begins to read one. It belongs to the arena.
struct kernel_table *kernel_table_new(struct arena *arena, const struct kernel_backend *backend,
                                      enum family family, const char *name);
