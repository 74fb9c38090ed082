// SPDX-License-Identifier: GPL-2.0-or-later
//
// Connections of this host that are in the tracking table and that rules refuse: nobody could open them again, or their
// packets are refused as they are. Rules that accept what is established let them live on until they end.
#pragma once

#include "base/addr.h"
#include "base/vec.h"
#include "ruleset/ruleset.h"

#define REFUSED_LISTED 20

struct refused_connection {
    enum family family;
    uint8_t protocol; // IANA's number
    struct addr source, target;
    uint16_t source_port, target_port; // 0 where the protocol has none
    bool lives;                        // what belongs to it is still accepted
};

struct refused {
    VEC(struct refused_connection) listed; // at most REFUSED_LISTED
    size_t count;                          // of all
    size_t cut;                            // of these
    bool stopped;                          // the time was over before all were looked at
    const char *trouble; // why the table cannot be looked at; NULL: it can, or there is none
};

// Finds those that rules refuse for certain, of the families that have some; NULL: not asked about. A packet counts as one of
// the interface that has this host's address. Those that are forwarded or translated, by lo or in zones are left out. With
// `cut` they are ended: a TCP socket is reset, and the entry deleted. Takes at most some seconds.
struct refused refused_find(struct arena *arena, const struct ruleset *const rules[FAMILY_COUNT], bool cut);
