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
        CONNECTIONS_PLANNED,
        CONNECTIONS_WAIT,
        CONNECTIONS_DONE
    } stage; // a dry run; not confirmed; loaded
};

// Ahead of a load, entries that the rules of now have made stale are deleted.
void connections_before(struct arena *arena, const struct apply_plan *plan, struct connections *found);

// Looks through the table by the rules that a plan puts there: deletes stale entries once they are loaded, and with `cut` ends
// connections that they refuse once they stand.
void connections_after(struct arena *arena, const struct apply_plan *plan, bool cut,
                       struct connections *found);

// By the rules that the kernel has, which have just been confirmed: ends what they refuse, and says so on standard error.
void connections_cut(struct arena *arena);

// Nothing where there is nothing to tell.
void put_connections(struct buf *out, struct arena *arena, const struct connections *found);

// The key `connections`.
void set_connections(json_t *object, const struct connections *found);
