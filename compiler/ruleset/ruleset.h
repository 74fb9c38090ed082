// SPDX-License-Identifier: GPL-2.0-or-later
//
// Tables, chains and rules of one address family, as the kernel has them: a rule is a header (addresses, interfaces,
// protocol), matches in their order, and a target. The lowering and the reader of iptables-save text write rulesets; the
// emitters and the algebra read them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/kernel.h"
#include "base/ports.h"
#include "base/protocols.h"
#include "base/text.h"
#include "base/vec.h"
#include "source/source.h"

struct ipset; // ipset/ipset.h

enum match_kind {
#define MATCH(id, name) MATCH_##id,
#include "ruleset/match.def"
#undef MATCH
    MATCH_COUNT
};

extern const char *const match_names[MATCH_COUNT];

enum side { SIDE_SOURCE, SIDE_DESTINATION, SIDE_EITHER };

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

enum comparison { COMPARE_EQUAL, COMPARE_LESS, COMPARE_GREATER };

struct match {
    enum match_kind kind;
    union {
        struct {                        // MATCH_TCP, MATCH_UDP, MATCH_SCTP, MATCH_DCCP, MATCH_UDPLITE
            struct port_range ports[2]; // by side, where `named`
            bool named[2], inverted[2];
            uint8_t flags_mask, flags; // of TCP; mask 0: any
            bool flags_inverted;
        } transport;
        struct { // MATCH_MULTIPORT
            enum side side;
            bool inverted;
            const struct port_range *items;
            size_t count;
        } multiport;
        struct { // MATCH_IPRANGE
            const struct addr_range
                *ranges[2]; // by side; NULL: not named. Elsewhere, for most matches are others
            bool inverted[2];
        } iprange;
        struct {                                 // MATCH_ICMP, MATCH_ICMPV6
            uint8_t type, code_first, code_last; // codes 0 to 255: any
            bool any;                            // every type
            bool inverted;
        } icmp;
        struct { // MATCH_ADDRTYPE, of the destination
            unsigned types;
            bool inverted;
        } addrtype;
        struct {             // MATCH_CONNTRACK, MATCH_STATE
            unsigned states; // of enum state
            bool inverted;
        } state;
        struct { // MATCH_HELPER
            const char *name;
            bool inverted;
        } helper;
        struct {              // MATCH_MAC, of the source
            uint64_t address; // 48 bits, the first byte on the wire highest
            bool inverted;
        } mac;
        bool nowildcard; // MATCH_SOCKET: listeners on any address count too
        struct {         // MATCH_HOPLIMIT, MATCH_TTL
            enum comparison comparison;
            uint8_t value;
            bool inverted;
        } hoplimit;
        struct { // MATCH_SET
            const struct ipset *set;
            enum side sides[2]; // of what its members hold, in their order
            bool inverted;
        } set;
        bool fragment_first; // MATCH_FRAGMENT; else any packet with a fragment header
        struct {             // MATCH_LIMIT, MATCH_HASHLIMIT: up to `events` in `period` seconds
            uint32_t events, period, burst;
            bool per_source, above; // MATCH_HASHLIMIT; above: matches what is over the limit
            const char *name;       // MATCH_HASHLIMIT
        } limit;
        struct {              // MATCH_HASHLIMIT_TEXT: a hashlimit as it was written
            const char *text; // its options
            const char *name;
            bool above;   // matches what is over the limit
            bool buckets; // one for each address or port, in a table that can be full
        } hashlimit;
        const char *comment;
        struct {              // MATCH_OPAQUE: one that is not modelled, as it was written
            const char *text; // all of it: "-m owner --uid-owner 0", "-s example.net"
            bool
                fickle; // two rules with this text may answer differently for one packet (limit, recent, statistic)
        } opaque;
    };
};

enum target_kind {
    TARGET_ACCEPT,
    TARGET_DROP,
    TARGET_REJECT,  // text: the answer
    TARGET_LOG,     // text: the prefix
    TARGET_NOTRACK, // CT --notrack; text "NOTRACK" where it is written so, else NULL
    TARGET_HELPER,  // CT --helper, text: its name
    TARGET_JUMP,    // text: the chain
    TARGET_GOTO,    // text: the chain
    TARGET_RETURN,
    TARGET_NONE,  // a rule that only counts
    TARGET_OTHER, // text: its name and options as they were written
};

struct target {
    enum target_kind kind;
    const char *text;
};

// What a target of that name does to a packet's walk.
enum target_effect {
    EFFECT_CONTINUE, // the walk goes on behind it: LOG, MARK
    EFFECT_CT,       // of these, those that decide about tracking
    EFFECT_DROP,     // the packet ends here
    EFFECT_UNKNOWN,  // decided elsewhere (NFQUEUE), or a target that is not known
    EFFECT_COUNT
};

// The effect of a TARGET_OTHER, by its name (ruleset/target.def).
enum target_effect target_effect(const struct target *target);

struct counters {
    uint64_t packets, bytes;
    bool present; // else none were written
};

// An address of the rule's header.
struct rule_address {
    struct prefix prefix; // of 0 bits: any
    bool inverted;        // of any: none
};

// Sets that one rule of the lowering asks for. The kernel's rules name one prefix and fifteen ports: the passes make such
// rules of it.
struct rule_sets {
    const struct range_list *addresses[2]; // by side; NULL: any
    struct port_set ports[2];              // by side, of TCP or UDP; none: any
};

struct rule_sets *rule_sets_copy(struct arena *arena, const struct rule_sets *sets);

struct rule {
    struct span
        span; // what the rule comes from: an entry of a policy, a line of a ruleset; no source: neither
    const char
        *section; // of the policy's meaning that the rule stands for ("allow", "replies"); NULL: no policy
    const char *name;             // of the entry; NULL: none
    const struct rule_sets *sets; // NULL: a plain rule, as every text has them and passes_run() makes them
    struct rule_address addresses[2]; // by side; not where there are sets
    const char *in, *out;             // NULL: any
    bool in_inverted, out_inverted;
    uint8_t protocol; // 0: any
    bool protocol_inverted;
    bool later_fragments; // IPv4: the fragments behind the first one, and nothing else
    bool later_fragments_inverted;
    const struct match *matches;
    size_t match_count;
    struct target target;
    struct counters counters;
    const char *verbatim; // not NULL: the text to print, behind "-A CHAIN ", in place of what the fields say
};

enum chain_policy {
    CHAIN_USER,      // no built-in chain
    CHAIN_UNWRITTEN, // a built-in chain whose policy the text does not write: the kernel keeps the one it has
    CHAIN_ACCEPT,
    CHAIN_DROP,
};

struct chain {
    const char *name;
    enum chain_policy policy;
    struct span span; // of its line; no source: none
    bool ours;        // made from a policy
    bool borrowed;    // its rules stand in another chain too, and are not changed there
    size_t number;    // in the order in which the table's chains were made, from 0
    struct counters counters;
    struct rule *items;
    size_t count;
    size_t capacity;
};

struct table {
    const char *name;
    struct chain **items; // built-in chains first
    size_t count;
    size_t capacity;
    struct chain **index; // hash table of the chains by name; NULL for an empty slot
    size_t index_size;
};

struct ruleset {
    enum family family;
    struct table *items; // in the order in which they are loaded
    size_t count;
    size_t capacity;
    const struct ruleset *printed; // the plain rules that were made of these; NULL: these are plain
    bool
        sets_vary; // of what is in the sets that rules ask for nothing is taken: others may change it at any time
};

#define TABLE_HOOKS_MAX 5

// The tables of the kernel and the hooks of each (iptables(8)); `hooks` ends with NULL.
struct table_kind {
    const char *name;
    const char *hooks[TABLE_HOOKS_MAX + 1];
};
extern const struct table_kind table_kinds[];
extern const size_t table_kind_count;

// The hooks of a table, ended by NULL; none of one that the kernel does not know.
const char *const *table_hooks(const char *table);

// Whether `chain` is one of the table's built-in chains.
bool table_has_hook(const char *table, struct slice chain);

// NULL where there is none.
const struct table *ruleset_find_table(const struct ruleset *ruleset, const char *name);
struct chain *table_find_chain(const struct table *table, const char *name);

// How many rules stand in all its chains.
size_t table_rule_count(const struct table *table);
size_t ruleset_rule_count(const struct ruleset *ruleset);

// Whether a rule asks for a set whose members are known.
bool ruleset_knows_sets(const struct ruleset *ruleset);

// The same rules, of which nothing is taken from what is in the sets that they ask for (sets_vary).
const struct ruleset *ruleset_with_varying_sets(struct arena *arena, const struct ruleset *ruleset);

// A table, made where it is not there yet.
struct table *ruleset_table(struct arena *arena, struct ruleset *ruleset, const char *name);

// A chain, made with `policy` where it is not there yet. Its address stays.
struct chain *table_chain(struct arena *arena, struct table *table, const char *name,
                          enum chain_policy policy);

// Takes a chain out of its table; no rule of it leads there.
void table_remove_chain(struct table *table, const struct chain *chain);

// The sets of a rule; where it has none, sets of nothing.
extern const struct rule_sets rule_sets_none;
static inline const struct rule_sets *rule_sets_of(const struct rule *rule)
{
    return rule->sets ? rule->sets : &rule_sets_none;
}

// Whether its packets go on in another chain: a jump or a goto.
static inline bool rule_leads_on(const struct rule *rule)
{
    return rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO;
}

// Whether it is plain that no packet passes both rules; false where it may be so and would cost time to find out.
bool rules_apart(enum family family, const struct rule *a, const struct rule *b);

// Whether a rule is about every packet: it asks for nothing.
bool rule_asks_nothing(const struct rule *rule);

// Room for that many rules more, which chain_append() then takes without moving the others.
void chain_reserve(struct arena *arena, struct chain *chain, size_t more);

struct rule *chain_append(struct arena *arena, struct chain *chain);

// Built-in chains in the kernel's order, then the others by the bytes of their names, as iptables-save prints them.
void ruleset_sort(struct ruleset *ruleset);

// What makes the kernel track as soon as the rule is loaded in that table: the name of a match, a target or `nat`; NULL:
// nothing (ruleset/stateful.def). One such rule anywhere switches tracking on for its family.
const char *rule_tracks(const struct rule *rule, const char *table);

// The same of a match or target by its name alone, CT apart, which does so or not by its options.
bool extension_tracks(const char *name, bool target);

// What the rules of a ruleset write that matches read (ruleset/changes.def), as bits for match_is_changed(): whether a match
// may say something else behind such a rule than ahead of it.
uint64_t ruleset_changes(const struct ruleset *ruleset);
bool match_is_changed(const struct match *match, uint64_t by);

// A rule whose jump closes a circle of chains; NULL where there is none.
const struct rule *table_find_loop(const struct table *table);

// How many user chains of a table stand inside each other at most, of jumps and gotos; no more than `limit` + 1 are counted.
unsigned table_depth(struct arena *arena, const struct table *table, unsigned limit);

// What a ruleset must keep to be loaded everywhere. NULL, or the limit that it breaks:
//   - names of chains within CHAIN_NAME_MAX bytes, multiport within MULTIPORT_SLOTS;
//   - jumps and gotos to chains that exist, at most RULESET_DEPTH_MAX user chains inside each other, and no circle;
//   - a table within RULESET_TABLE_MAX bytes in the kernel.
#define RULESET_DEPTH_MAX 12                    // iptables-nft refuses the 16th
#define RULESET_RULES_MAX ((size_t)2 << 20)     // rules: more of the smallest do not fit RULESET_TABLE_MAX
#define RULESET_TABLE_MAX ((uint64_t)400 << 20) // bytes; legacy tables of about 512 MB are refused
const char *ruleset_broken_limit(struct arena *arena, const struct ruleset *ruleset);
