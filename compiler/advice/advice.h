// SPDX-License-Identifier: GPL-2.0-or-later
//
// What could go untracked, what it would save, and what must not.
#pragma once

#include "advice/census.h"

// Why a service stays in the table.
enum obstacle {
#define OBSTACLE(id, name, about) OBSTACLE_##id,
#include "advice/obstacles.def"
#undef OBSTACLE
    OBSTACLE_COUNT
};

extern const struct obstacle_kind {
    const char *name; // stable
    const char *about;
} obstacle_kinds[OBSTACLE_COUNT];

struct suggestion {
    const struct group *group;
    enum obstacle obstacle;
    bool worthwhile;       // to be untracked: nothing is against it, and it is a good part of the table
    bool repeated;         // an earlier one already untracks the same entry or word
    struct addr_set peers; // of what goes out: all that it went to; empty: too many to name
};

struct advice {
    VEC(struct suggestion) items; // one for each group, in their order
    uint64_t saved;               // entries of all that is worthwhile
};

// A service is worthwhile from this part of the table on, in percent.
#define WORTHWHILE_PERCENT 5

struct advice *advise(struct arena *arena, const struct dump *table, const struct census *census,
                      const struct addr_set *local, const struct policy *policy);

// The list of a policy that the suggestion is about: trust, allow or connect.
const char *suggestion_list(const struct suggestion *suggestion);

// What the service is called where an entry for it is made: {service: dns, to: 192.0.2.53, track: false}
void put_new_entry(struct buf *out, const struct suggestion *suggestion);
