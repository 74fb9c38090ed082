// SPDX-License-Identifier: GPL-2.0-or-later
//
// What keeps rules from being read from the kernel or put into it.
#pragma once

#include <stdbool.h>

#include "base/arena.h"

enum kernel_trouble {
    KERNEL_FINE,
    KERNEL_PERMISSION, // CAP_NET_ADMIN or CAP_NET_RAW is lacking
    KERNEL_NO_TABLES,  // no legacy tables of that family
    KERNEL_NO_TABLE,   // they are there, but not that one
    KERNEL_RULE,       // a rule has a match, target or option that libxtables or the kernel does not know
    KERNEL_REFUSED,    // the kernel does not take the table, and does not say why
    KERNEL_TOO_LARGE,  // no room in the kernel for the table
    KERNEL_CHANGED,    // somebody else has replaced the table since it was read
    KERNEL_BUSY,       // somebody else holds the lock
    KERNEL_FAILED,     // anything else
};

// What everything here takes, in the words of a message.
#define KERNEL_NEEDS                                                                                     \
    "not permitted: it takes CAP_NET_ADMIN, to change tables, and CAP_NET_RAW, for the socket by which " \
    "they are read"

struct kernel_error {
    struct arena *arena; // where the text is; to be set by whoever asks
    enum kernel_trouble trouble;
    const char *text; // one line
};

// Sets both, and gives false.
bool kernel_fail(struct kernel_error *error, enum kernel_trouble trouble, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
