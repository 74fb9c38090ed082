// SPDX-License-Identifier: GPL-2.0-or-later
//
// The packet model: which packets there are, and the names they are told apart by. One space holds everything that is
// compared with each other: the names of all of it are collected first, then the space is opened and diagrams are made.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algebra/diagram.h"
#include "base/addr.h"
#include "base/arena.h"
#include "meaning/limits.h"
#include "packets/packets.h"
#include "policy/policy.h"
#include "ruleset/ruleset.h"

enum field {
#define FIELD(id, bits, name) FIELD_##id,
#include "meaning/fields.def"
#undef FIELD
    FIELD_COUNT, // the first unknown
};

extern const char *const field_names[FIELD_COUNT];
extern const enum field address_fields[2], port_fields[2]; // by enum side

// The largest value that the field can have.
field_value field_last(enum family family, enum field field);

// FIELD_STATE: what the tracker would say; UNTRACKED is what the filter sees of a packet that raw took out.
enum {
    PACKET_STATE_NEW,
    PACKET_STATE_ESTABLISHED,
    PACKET_STATE_RELATED,
    PACKET_STATE_INVALID,
    PACKET_STATE_UNTRACKED
};

// FIELD_IN, FIELD_OUT: numbers of interfaces. Names that are known follow from INTERFACE_NAMED on.
enum { INTERFACE_NONE, INTERFACE_OTHER, INTERFACE_NAMED };

// FIELD_DESTINATION_TYPE, as routing sees the destination on this host.
enum { DESTINATION_LOCAL, DESTINATION_BROADCAST, DESTINATION_MULTICAST, DESTINATION_OTHER };

enum { FRAGMENT_NONE, FRAGMENT_FIRST, FRAGMENT_LATER };

// FIELD_SOCKET: what this host has open for the packet.
enum { SOCKET_NONE, SOCKET_WILDCARD, SOCKET_BOUND, SOCKET_CONNECTED };

// FIELD_MAC of what came without one: by lo, through a tunnel. No station sends from the broadcast address.
#define NO_MAC ((uint64_t)0xFFFFFFFFFFFF)

enum hook { HOOK_INPUT, HOOK_FORWARD, HOOK_OUTPUT, HOOK_COUNT };
extern const char *const hook_names[HOOK_COUNT]; // "input"

// Values of an unknown. A limit is within its rate or over it; a hashlimit with a bucket a source can have no room left
// for one, and the kernel drops the packet on the spot (net/netfilter/xt_hashlimit.c).
enum { UNKNOWN_NO, UNKNOWN_YES };
enum { LIMIT_WITHIN, LIMIT_OVER, LIMIT_FULL };

enum unknown_kind { UNKNOWN_MATCH, UNKNOWN_LIMIT, UNKNOWN_HASHLIMIT, UNKNOWN_POLICY };

struct unknown {
    enum unknown_kind kind;
    const char *text;               // the match as it is written; the limit's name; the chain
    unsigned number;                // of those with the same text that may answer differently, from 0
    struct limit_settings settings; // of a limit with a name
    const char *about;              // a limit in a policy's words; NULL: none
};

// Beyond, rules are too many to be decided: functions grow with each unknown that a packet meets on its way.
#define PACKET_UNKNOWNS_MAX 10000

// Nodes for packet_space_open(), unless the caller has less to spend: 512 MB with their edges, of IPv6 1.3 GB at most.
#define PACKET_NODES_MAX ((size_t)8 << 20)

struct packet_space {
    struct arena *arena;
    enum family family;
    struct diagram_space *diagrams; // NULL before packet_space_open()
    struct {
        const char **items; // sorted, each once
        size_t count, capacity;
    } interfaces, helpers, answers, templates;
    struct {
        struct unknown *items;
        size_t count, capacity;
    } unknowns;
    size_t *unknown_index; // hash table of the unknowns by what they are; numbers from 1, 0 for an empty slot
    size_t unknown_slots;
    struct {
        const struct match *match;
        unsigned unknown;
    } * matches; // hash table of the matches that are unknowns
    size_t match_count, match_slots;
    // Whether the kernel puts fragments together before the rules see them: it does where it tracks or looks for sockets.
    bool defragments;
};

void packet_space_init(struct packet_space *space, struct arena *arena, enum family family);

// Collect names.
void packet_space_add_ruleset(struct packet_space *space, const struct ruleset *ruleset);
void packet_space_add_policy(struct packet_space *space, const struct policy *policy);
void packet_space_add_packets(struct packet_space *space, const struct packets *packets);

// Whether a rule can change what becomes of a packet. What the others ask is no unknown.
bool rule_decides(const struct rule *rule);

void packet_space_add_rule_names(struct packet_space *space,
                                 const struct rule *rule); // interfaces and helpers

void packet_space_add_limit(struct packet_space *space, const struct limit *limit);

// The text of the unknown that stands for the policy of a built-in chain, where nobody writes it.
const char *policy_unknown(struct packet_space *space, const struct table *table, const char *chain);

// Names these unknowns for the built-in chains that tables of the ruleset do not have: who reads its text finds them, with
// policies that nobody writes.
void packet_space_add_unwritten(struct packet_space *space, const struct ruleset *ruleset);

// Opens the space; no name is added behind it, but rules may be that bring none. At most `node_limit` nodes. False where
// memory is short.
bool packet_space_open(struct packet_space *space, size_t node_limit);
void packet_space_close(struct packet_space *space);

// Adds a ruleset to an open space. False where it has names that the space does not: they would need another space.
bool packet_space_admit(struct packet_space *space, const struct ruleset *ruleset);

// Whether an interface of the model, by its number, has a name that a rule's `pattern` fits.
bool interface_number_fits(const struct packet_space *space, size_t number, const char *pattern);

size_t packet_space_interface(const struct packet_space *space,
                              const char *name); // INTERFACE_OTHER: not among them
unsigned packet_space_answer(struct packet_space *space, const char *answer); // of a reject
// What a CT target has a connection begin with, by its options; from 1, 0: none.
uint32_t packet_space_template(struct packet_space *space, const char *options);
uint32_t helper_template(struct packet_space *space, const char *helper); // of `--helper NAME`
unsigned packet_space_unknown(const struct packet_space *space, enum unknown_kind kind, const char *text,
                              unsigned number);
unsigned packet_space_limit(const struct packet_space *space, const struct limit *limit);
unsigned packet_space_match(const struct packet_space *space, const struct match *match); // the unknown it is
// Whether a MATCH_SET is told by the members of its set; else it is an unknown.
bool packet_space_knows_set(const struct packet_space *space, const struct match *match);
// Has the matches that are one unknown be another one, in all that is made of them behind it.
void packet_space_identify(struct packet_space *space, unsigned unknown, unsigned as);

// The packets that there are at a hook, as a set. States are those that the tracker has.
diagram hook_domain(struct packet_space *space, enum hook hook);

// Operations on diagrams of this model, each with a number of its own in the memory of the space.
diagram set_and(struct packet_space *space, diagram left, diagram right);
diagram set_or(struct packet_space *space, diagram left, diagram right);
diagram set_minus(struct packet_space *space, diagram left, diagram right);
diagram set_all(struct packet_space *space);
diagram set_none(struct packet_space *space);

// `function` where `set` holds, 0 elsewhere.
diagram only_where(struct packet_space *space, diagram set, diagram function);

// The left function where it is not 0, else the right one.
diagram first_of(struct packet_space *space, diagram left, diagram right);
diagram first_of_all(struct packet_space *space, const diagram *functions, size_t count);

// `inside` where the set holds, else `outside`.
diagram choose(struct packet_space *space, diagram set, diagram inside, diagram outside);

// 1 where one field lies between two values, both among them.
diagram field_between(struct packet_space *space, unsigned field, uint64_t first, uint64_t last);

// 1 where the functions differ.
diagram differences(struct packet_space *space, diagram left, diagram right);

// A packet as people expect to see one, for diagram_witness(): one value for each field and unknown, from the arena.
const field_value *usual_packet(struct packet_space *space, enum hook hook);
