// SPDX-License-Identifier: GPL-2.0-or-later
//
// TCP connections of this host's programs, ended from outside as `ss -K` does.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct socket_end {
    struct addr addr;
    uint16_t port; // in host order
};

// Resets the connection, both to its program and to the peer: never a listener. False where there is none, or the kernel cannot
// (CONFIG_INET_DIAG_DESTROY).
bool socket_reset(enum family family, struct socket_end own, struct socket_end peer);
