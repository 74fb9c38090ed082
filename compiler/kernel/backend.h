// SPDX-License-Identifier: GPL-2.0-or-later
//
// A way to the kernel's tables, in the network namespace of the process. Whoever reads and changes tables (kernel/table.h)
// does not know which one is at work.
#pragma once

#include "kernel/table.h"

struct kernel_backend {
    const char *name; // that the command line has for it

    // As the functions of kernel/table.h that are named alike.
    bool (*read_all)(struct arena *arena, const struct kernel_backend *backend, enum family family,
                     struct kernel_tables *tables, struct kernel_error *error);
    struct kernel_table *(*read)(struct arena *arena, const struct kernel_backend *backend,
                                 enum family family, const char *name, struct kernel_error *error);
    void (*close)(struct kernel_table *table); // its handle is not NULL
    bool (*change)(struct kernel_table *table, const struct table_comparison *comparison,
                   const struct encoded *encoded, struct kernel_error *error);
    bool (*commit)(struct kernel_table *table, struct kernel_error *error);
};

// The legacy tables (ip_tables and ip6_tables), by libiptc. It asks for CAP_NET_ADMIN and CAP_NET_RAW, and takes no lock: see
// kernel/lock.h.
extern const struct kernel_backend libiptc_backend;
