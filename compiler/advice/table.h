// SPDX-License-Identifier: GPL-2.0-or-later
//
// A tracking table as it was read: from the kernel, or from text that somebody saved.
#pragma once

#include <stdint.h>

#include "base/addr.h"
#include "base/vec.h"

// Those of protocols without states of their own stand behind TCP's.
enum connection_state {
#define STATE(id, number, name) CT_STATE_##id = (number),
#include "advice/states.def"
#undef STATE
    CT_STATE_UNREPLIED, // one direction was seen
    CT_STATE_REPLIED,
    CT_STATE_COUNT
};

extern const char *const state_names[CT_STATE_COUNT]; // as the kernel prints them; "UNREPLIED" and "REPLIED"

enum connection_flag {
    CONNECTION_ASSURED = 1 << 0,   // a full table does not push it out
    CONNECTION_UNREPLIED = 1 << 1, // one direction was seen
    CONNECTION_NAT = 1 << 2,       // the replies' addresses or ports are others than the question's
    CONNECTION_HELPER = 1 << 3,
};

// One entry: as its first packet had addresses and ports. 48 bytes, for there may be a million of them.
struct connection {
    struct addr source, target;
    uint16_t source_port, target_port; // 0 where the protocol has none
    uint8_t protocol;                  // IANA's number
    uint8_t family;                    // enum family
    uint8_t state;                     // enum connection_state
    uint8_t flags;                     // enum connection_flag
    uint32_t timeout;                  // seconds left
};

struct dump {
    VEC(struct connection) connections;
};

// What the kernel says about its table. Each that it does not say is absent.
struct table_limits {
    bool has_size;       // count and max
    uint64_t count, max; // entries; `count` has those that are over and not collected yet
    bool has_buckets;
    uint64_t buckets;
    bool has_drops; // since the namespace was made
    uint64_t drop, early_drop, insert_failed;
};

// Dumps the table of this network namespace, both families; what is over is not in it. NULL, or what is wrong.
const char *table_read_kernel(struct arena *arena, struct dump *table);

// What becomes of an entry that was looked at.
enum visited { VISITED_KEEP, VISITED_DELETE, VISITED_STOP };

struct walked {
    size_t deleted; // entries
    bool stopped;   // before the end, by VISITED_STOP
};

// Walks the same table entry by entry, in no order, with none of it in memory. NULL, or what is wrong.
struct nf_conntrack;
const char *table_walk_kernel(struct arena *arena,
                              enum visited (*visit)(const struct nf_conntrack *entry,
                                                    const struct connection *connection, void *context),
                              void *context, struct walked *walked);

// Reads a file as `conntrack -L` prints it, also with -o extended, or /proc/net/nf_conntrack as it is; "-" is standard
// input. NULL, or what is wrong: with the file's name, and line and column where it is about one.
const char *table_read_text(struct arena *arena, const char *path, struct dump *table);

// The same of text that is in memory, all of it.
const char *table_read_bytes(struct arena *arena, const char *name, struct slice bytes, struct dump *table);

void table_limits_read(struct table_limits *limits);

// The addresses of this host's interfaces, and loopback. NULL, or what is wrong.
const char *table_local_addresses(struct arena *arena, struct addr_set *local);

// The addresses that a table's host likely has: those that most entries have at one end. Empty where there are none such.
void table_guess_local(struct arena *arena, const struct dump *table, struct addr_set *local);

// Multicast (RFC 5771, RFC 4291) and 255.255.255.255.
bool addr_is_group(enum family family, struct addr addr);

bool addr_set_holds(const struct addr_set *set, enum family family, struct addr addr);
