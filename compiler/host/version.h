// SPDX-License-Identifier: GPL-2.0-or-later
//
// Versions of the Linux kernel, as far as names and defaults change with them.
#pragma once

#include <stdbool.h>

// 0.0: unknown, which counts as the newest.
struct kernel_version {
    unsigned major, minor;
};

// Reads what `uname -r` prints, or the part of it that people write: 5.14, 6.1.90, 4.18.0-553.el8_10.x86_64.
bool kernel_version_parse(const char *text, struct kernel_version *version);

bool kernel_known(struct kernel_version version);
bool kernel_at_least(struct kernel_version version, unsigned major, unsigned minor);
