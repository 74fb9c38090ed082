// SPDX-License-Identifier: GPL-2.0-or-later
//
// Entries of the tracking table as packets: what the two directions of each look like to the rules.
#pragma once

#include "advice/table.h"
#include "meaning/rules.h"

// Whether the tracking table has any entry. To ask more of a table that is not there would load its module.
bool entries_are_there(void);

enum entry_way { ENTRY_OPENING, ENTRY_ANSWER, ENTRY_WAYS };

struct table_entry {
    const struct connection *connection;
    enum family family;
    uint8_t icmp_type, icmp_code; // of its opening
    bool expected;                // a helper announced it: RELATED opened it
    bool loopback;                // both ends are of this host: the output side alone decides about tracking
    enum hook hooks[ENTRY_WAYS];
    const char *interface; // that has this host's end of it
};

// Visits the entries of this host's own traffic, for at most some seconds: those of other hosts, of translated traffic and of
// zones are left out. NULL, or what is wrong.
const char *entries_walk(struct arena *arena,
                         enum visited (*each)(const struct table_entry *entry, void *context), void *context,
                         struct walked *walked);

// The packet of one direction as a value for each field that a projection keeps; `packet` has room for all fields.
void entry_packet(const struct packet_space *space, const struct table_entry *entry, enum entry_way way,
                  field_value *packet);

// For what an entry knows of a packet, whether the set has any such packet. `interfaces`: by the interfaces too.
diagram entry_projection(struct packet_space *space, diagram set, bool interfaces);
