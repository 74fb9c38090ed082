// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an apply means for connections that the tracking table has, as apply and confirm carry it out and print it.
#pragma once

#include "apply/plan.h"
#include "apply/refused.h"
#include "apply/stale.h"
#include "base/json.h"

struct connections {
    struct stale stale;
    struct refused refused;
    enum {
        ENTRIES_WOULD_GO, // by a dry run
        ENTRIES_WAIT,     // for a confirmation: a way back would find them gone
        ENTRIES_GO,
    } entries;
};

// Looks through the table by the rules that a plan puts there. With `cut`, and where entries go, connections that the rules refuse
// are ended.
void connections_after(struct arena *arena, const struct apply_plan *plan, bool cut,
                       struct connections *connections);

// By the rules that the kernel has, which have just been confirmed. Says on standard error what was done; trouble is a warning.
void connections_confirmed(struct arena *arena, bool cut);

// Nothing where there is nothing to tell.
void put_connections(struct buf *out, struct arena *arena, const struct connections *connections);

// The key `connections`.
void set_connections(json_t *object, const struct connections *connections);
