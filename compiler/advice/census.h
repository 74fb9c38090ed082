// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who is in a table: by service, direction, protocol, state and source.
#pragma once

#include "advice/table.h"
#include "policy/policy.h"

// Seen from the host that the table is of.
enum direction {
    DIRECTION_IN,        // somebody opened it to this host, or to all of the link
    DIRECTION_OUT,       // this host opened it
    DIRECTION_FORWARDED, // neither end is this host
    DIRECTION_LOOPBACK,  // both are
    DIRECTION_COUNT
};

extern const char *const direction_names[DIRECTION_COUNT];

// Entries of one service in one direction.
struct group {
    enum direction direction;
    uint8_t protocol;
    uint16_t port;    // on the side that was asked; 0: several, or none
    const char *name; // of the policy's entry, a service word, `8443/tcp`, a protocol, or `other tcp`
    bool is_word;     // `name` can stand for a service in a policy
    const struct entry *entry; // of the policy: the first that is about it; NULL: none, or no policy
    bool is_trust;             // which is one of `trust`
    uint64_t entries, assured, unreplied, nat, helper;
    uint64_t states[CT_STATE_COUNT];
};

struct peer {
    enum family family;
    struct addr addr;
    uint64_t entries;
};

struct census {
    uint64_t entries, assured, unreplied, nat;
    uint64_t families[FAMILY_COUNT], directions[DIRECTION_COUNT], protocols[256], states[CT_STATE_COUNT];
    VEC(struct group) groups; // the largest first
    VEC(struct peer)
    sources;               // who opens most of what this host did not open, the largest first; at most `top`
    uint64_t source_count; // how many there are
};

struct census *census_take(struct arena *arena, const struct dump *table, const struct addr_set *local,
                           const struct policy *policy, size_t top);

// The addresses that the entries of a group went to. False where there are more than `most`, or
// some that others answer for: broadcast and multicast.
bool census_targets(struct arena *arena, const struct dump *table, const struct addr_set *local,
                    const struct group *group, size_t most, struct addr_set *targets);
