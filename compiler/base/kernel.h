// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers that the kernel's and iptables' own headers fix.
#pragma once

#define CHAIN_NAME_MAX  28 // XT_EXTENSION_MAXNAMELEN (linux/netfilter/x_tables.h) less the NUL
#define MULTIPORT_SLOTS 15 // XT_MULTI_PORTS (linux/netfilter/xt_multiport.h); a range takes two
#define LOG_PREFIX_MAX  29 // bytes: struct xt_log_info has 30 with the NUL (linux/netfilter/xt_LOG.h)
#define INTERFACE_MAX   15 // bytes: IFNAMSIZ is 16 with the NUL (linux/if.h)

// The parts into which a match divides a second to store a rate.
#define LIMIT_RESOLUTION     10000   // XT_LIMIT_SCALE (linux/netfilter/xt_limit.h)
#define HASHLIMIT_RESOLUTION 1000000 // XT_HASHLIMIT_SCALE_v2 (linux/netfilter/xt_hashlimit.h)
