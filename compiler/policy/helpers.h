// SPDX-License-Identifier: GPL-2.0-or-later
//
// Connection tracking helpers, which learn from a control connection what data connections to expect.
#pragma once

#include <stdint.h>

#include "base/text.h"
#include "policy/traffic.h"

struct helper {
    const char *name;          // as the kernel and the CT target call it
    enum traffic_kind control; // TRAFFIC_TCP or TRAFFIC_UDP
    uint16_t port;             // where the protocol is usually spoken
    enum traffic_kind data;
};

// NULL where there is none of that name.
const struct helper *helper_find(struct slice name);

// All names, ended by NULL.
extern const char *const helper_names[];
