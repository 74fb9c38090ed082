// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a hashlimit is besides its name: all that the kernel keeps with the table of that name, in the kernel's own units,
// so that two spellings of one limit are one. The name alone would hide a rate that changed under it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "policy/policy.h"
#include "ruleset/ruleset.h"

// struct hashlimit_cfg3 (linux/netfilter/xt_hashlimit.h), with the defaults of libxt_hashlimit.c.
struct limit_settings {
    uint64_t between;     // microseconds from one event to the next
    uint64_t burst;       // events
    uint64_t modes;       // what has a bucket of its own: bits in the order of XT_HASHLIMIT_HASH_*
    uint64_t masks[2];    // bits of the address that count, by side
    uint64_t size, max;   // of the table: slots and entries; 0: as the kernel likes
    uint64_t gc_interval; // milliseconds
    uint64_t expire;      // milliseconds that an idle bucket lives
    const char *others;   // options that are none of these, as they were written; "": none
};

bool limit_settings_equal(const struct limit_settings *a, const struct limit_settings *b);
uint64_t limit_settings_hash(const struct limit_settings *settings);

// Of a hashlimit as it was written: its options.
struct limit_settings written_limit(struct arena *arena, const char *options, enum family family);

// In the words of a policy: `20/minute burst 5 per source`; of rates and buckets that a policy has no words for, in such as are
// like them.
void limit_settings_print(struct buf *out, const struct limit_settings *settings);
void limit_rate_print(struct buf *out, const struct limit_settings *settings); // `20/minute` alone

// Of a limit in a policy: so many events in so many seconds.
struct limit_settings said_limit(struct rate rate, bool per_source, enum family family);
