// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a host needs beside its rules: the size and timeouts of the tracking table, the modules, the ports to reserve. A
// plan is a pure function of the policy, the kernel's version and the formula.
#pragma once

#include "diag/diag.h"
#include "host/sizing.h"

// One kernel setting.
struct setting {
    const char *key;   // as sysctl has it, with dots
    const char *value; // as the kernel prints it back
    const char *why;   // lines of a comment, without '#' and without a last line's end
};

struct plan {
    const struct policy *policy;
    struct kernel_version version;
    struct forecast forecast;
    struct sizing sizing;
    VEC(struct setting) settings; // in the order in which they are to be written
    VEC(const char *) modules;    // to be loaded at boot, so that settings of the tracker find their keys
    const char *reserved_not;     // ports that would have to be reserved, but are too many; NULL: none
};

struct plan_options {
    struct kernel_version version; // unknown: the policy's, or the newest
    enum formula formula;
};

struct plan *plan_host(struct arena *arena, const struct policy *policy, const struct plan_options *options);

// Warns of a table that the load fills, and of timeouts that cut live connections. `whole` is the policy's main file.
void plan_check(const struct plan *plan, struct span whole, struct diag_list *diags);

// The files, each with comments that say why. The path is where a host keeps it.
enum host_file { HOST_SYSCTL, HOST_MODPROBE, HOST_MODULES, HOST_FILE_COUNT };

extern const char *const host_file_paths[HOST_FILE_COUNT];

void put_host_file(struct buf *out, const struct plan *plan, enum host_file file);

// Whether there is more in it than comments.
bool host_file_needed(const struct plan *plan, enum host_file file);

// The first line of every file: what it is, and of which policy.
void put_host_header(struct buf *out, const struct plan *plan, const char *what);
