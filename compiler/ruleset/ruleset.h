// SPDX-License-Identifier: GPL-2.0-or-later
//
// Tables, chains and rules of one address family, as the kernel has them: a rule is a header (addresses, interfaces,
// protocol), matches in their order, and a target. The lowering writes rulesets, the emitters read them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/kernel.h"
#include "base/ports.h"
#include "base/vec.h"
#include "source/source.h"

enum match_kind {
#define MATCH(id, name) MATCH_##id,
#include "ruleset/match.def"
#undef MATCH
    MATCH_COUNT
};

extern const char *const match_names[MATCH_COUNT];

enum side { SIDE_SOURCE, SIDE_DESTINATION };

// TCP flags (RFC 9293, 3.1).
enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10, TCP_URG = 0x20 };

// States of connection tracking, as -m conntrack --ctstate names them.
enum {
    STATE_INVALID = 1 << 0,
    STATE_NEW = 1 << 1,
    STATE_RELATED = 1 << 2,
    STATE_ESTABLISHED = 1 << 3,
    STATE_UNTRACKED = 1 << 4,
};

// Types of addresses, as -m addrtype names them.
enum { ADDRTYPE_LOCAL = 1 << 0, ADDRTYPE_BROADCAST = 1 << 1, ADDRTYPE_MULTICAST = 1 << 2 };

struct match {
    enum match_kind kind;
    union {
        struct {                        // MATCH_TCP, MATCH_UDP
            struct port_range ports[2]; // by side; 0-0: any
            uint8_t flags_mask, flags;  // of TCP; mask 0: any
            bool flags_inverted;
        } transport;
        struct { // MATCH_MULTIPORT
            enum side side;
            const struct port_range *items;
            size_t count;
        } multiport;
        struct { // MATCH_IPRANGE
            enum side side;
            struct addr_range range;
        } iprange;
        uint8_t icmp_type;
        struct { // MATCH_ADDRTYPE, of the destination
            unsigned types;
            bool inverted;
        } addrtype;
        unsigned states;
        const char *helper;
        uint8_t hoplimit;    // exactly
        bool fragment_first; // else any packet with a fragment header
        struct {             // MATCH_LIMIT, MATCH_HASHLIMIT: up to `events` in `period` seconds
            uint32_t events, period, burst;
            bool per_source;
            const char *name; // MATCH_HASHLIMIT
        } limit;
        const char *comment;
    };
};

enum target_kind {
    TARGET_ACCEPT,
    TARGET_DROP,
    TARGET_REJECT,  // text: the answer
    TARGET_LOG,     // text: the prefix
    TARGET_NOTRACK, // CT --notrack
    TARGET_HELPER,  // CT --helper, text: its name
    TARGET_JUMP,    // text: the chain
    TARGET_GOTO,    // text: the chain
};

struct target {
    enum target_kind kind;
    const char *text;
};

// An address of the rule's header.
struct rule_address {
    struct prefix prefix; // of 0 bits: any
    bool inverted;
};

struct rule {
    struct span span; // the policy's entry that the rule comes from; no source where none does
    struct rule_address addresses[2]; // by side
    const char *in, *out;             // NULL: any
    uint8_t protocol;                 // 0: any
    bool protocol_inverted;
    bool later_fragments; // IPv4: the fragments behind the first one, and nothing else
    const struct match *matches;
    size_t match_count;
    struct target target;
    const char *verbatim; // not NULL: the text of the rule, and nothing else of it counts
};

enum chain_policy { CHAIN_USER, CHAIN_ACCEPT, CHAIN_DROP };

struct chain {
    const char *name;
    enum chain_policy policy; // CHAIN_USER: no built-in chain
    struct rule *items;
    size_t count;
    size_t capacity;
};

struct table {
    const char *name;
    struct chain **items; // built-in chains first
    size_t count;
    size_t capacity;
};

struct ruleset {
    enum family family;
    struct table *items; // in the order in which they are loaded
    size_t count;
    size_t capacity;
};

// A table, made where it is not there yet.
struct table *ruleset_table(struct arena *arena, struct ruleset *ruleset, const char *name);

// A chain, made with `policy` where it is not there yet. Its address stays.
struct chain *table_chain(struct arena *arena, struct table *table, const char *name,
                          enum chain_policy policy);

struct rule *chain_append(struct arena *arena, struct chain *chain);

// Built-in chains in the kernel's order, then the others by the bytes of their names, as iptables-save prints them.
void ruleset_sort(struct ruleset *ruleset);

// What a ruleset must keep to be loaded everywhere. NULL, or the limit that it breaks:
//   - names of chains within CHAIN_NAME_MAX bytes, multiport within MULTIPORT_SLOTS;
//   - jumps and gotos to chains that exist, at most RULESET_DEPTH_MAX user chains inside each other, and no circle;
//   - a table within RULESET_TABLE_MAX bytes in the kernel.
#define RULESET_DEPTH_MAX 12                    // iptables-nft refuses the 16th
#define RULESET_RULES_MAX ((size_t)2 << 20)     // rules: more of the smallest do not fit RULESET_TABLE_MAX
#define RULESET_TABLE_MAX ((uint64_t)400 << 20) // bytes; legacy tables of about 512 MB are refused
const char *ruleset_broken_limit(struct arena *arena, const struct ruleset *ruleset);
