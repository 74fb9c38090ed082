// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which entry of a policy a connection belongs to.
#pragma once

#include "advice/census.h"

// The entries that are about one protocol and port in one direction: first those of trust, each in the policy's order.
struct claims {
    const struct entry **items;
    size_t count, trusts;
};

// Of the connection's protocol and port. None where there is no policy (NULL), and of what is neither in nor out.
struct claims claims_find(struct arena *arena, const struct policy *policy, enum direction direction,
                          const struct connection *connection);

// Whether addresses decide between them; else the first has all.
bool claims_need_addresses(const struct claims *claims);

// The first that holds; NULL: none. Interfaces do not count, for a table does not have them.
const struct entry *claims_decide(const struct claims *claims, const struct connection *connection,
                                  bool *is_trust);

// Whether an entry of allow or connect is about the connection.
bool entry_claims(const struct entry *entry, const struct connection *connection);
