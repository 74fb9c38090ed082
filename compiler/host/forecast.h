// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a load makes of the tracking table: in the long run a service has rate × lifetime entries in it.
#pragma once

#include "host/version.h"
#include "policy/policy.h"

// One line of `conntrack: {load: ...}`.
struct forecast_item {
    const struct load *load;
    enum timeout timeout;             // the one that an entry waits for when its connection is over
    uint32_t wait;                    // that timeout, in seconds
    uint32_t lifetime;                // seconds that an entry stays: the time in use and the wait
    uint64_t entries;                 // in the long run, rounded up; 0 where nothing is tracked
    const struct entry *untracked_by; // the entry that keeps it out of the table; NULL: none
    const struct entry
        *part_by; // an entry that keeps some of it out, which is counted all the same; NULL: none
};

struct forecast {
    const struct forecast_item *items;
    size_t count;
    uint64_t entries; // in the long run, of all items
    uint32_t longest; // seconds until then: the longest lifetime of an item in the table
};

// A service counts for no more than this, which is far beyond the 2^31 entries that a kernel can be told.
#define FORECAST_MOST ((uint64_t)1 << 40)

#define FORECAST_NEVER UINT64_MAX

// Of the policy's load, with its timeouts, or the kernel's own where it says none.
struct forecast forecast_load(struct arena *arena, const struct policy *policy,
                              struct kernel_version version);

// Entries of a table that was empty so many seconds ago.
uint64_t forecast_entries(const struct forecast *forecast, uint64_t seconds);

// Seconds until an empty table has `max` entries; FORECAST_NEVER where it levels off below.
uint64_t forecast_time_to_full(const struct forecast *forecast, uint64_t max);

// The timeout that holds: the policy's, else the kernel's own; in seconds.
uint32_t timeout_seconds(const struct policy *policy, enum timeout timeout, struct kernel_version version);

// As policies and sysctl call it.
const char *timeout_name(enum timeout timeout);
const char *timeout_key(enum timeout timeout); // below net.netfilter
