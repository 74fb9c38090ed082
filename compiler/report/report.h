// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a policy means, for people who did not write it: gathered from the stages that know it, and printed as one page.
// Nothing here depends on the clock or the host. Texts may hold whatever a policy holds; whoever prints them escapes them.
#pragma once

#include "analysis/subject.h"
#include "base/vec.h"
#include "host/plan.h"
#include "passes/cost.h"
#include "policy/policy.h"

// What is shown of long lists; the rest is counted.
#define REPORT_ENTRIES  40 // of one list of the policy
#define REPORT_RULES    16 // of an entry, in one family
#define REPORT_SENDERS  7
#define REPORT_SERVICES 40
#define REPORT_ZONES    6
#define REPORT_FINDINGS 60

// Texts in their order.
struct texts {
    const char **items;
    size_t count, capacity;
};

// What becomes of packets that open something, as bits: those of one cell may fare differently.
enum {
    REACH_TRACKED = 1 << 0, // accepted
    REACH_UNTRACKED = 1 << 1,
    REACH_REJECTED = 1 << 2,
    REACH_DROPPED = 1 << 3,
    REACH_ELSEWHERE = 1 << 4, // decided by something that is not modelled
    REACH_BITS = 5
};
#define REACH_ACCEPTED (REACH_TRACKED | REACH_UNTRACKED)

// Bits while limits have room, and beyond them; 0: there is no such packet.
struct reach_cell {
    uint8_t within, over;
};

// A list of `define`, with its addresses or the first of them.
struct named_list {
    const char *name, *addresses;
};

struct named_lists {
    struct named_list *items;
    size_t count, capacity;
};

// Senders that fare alike with every service: a class of the meaning, not a line of the policy.
struct reach_senders {
    bool anyone;                        // the largest class, of senders that nothing names
    bool everyone;                      // there are no others
    struct texts packets[FAMILY_COUNT]; // in ctc's notation: `in eth1 from 192.168.1.0/24`
    struct texts said[FAMILY_COUNT];    // the same with the policy's names of lists: `in eth1 from lan`
    bool by_interface;                  // they are told by interfaces, too
    bool more[FAMILY_COUNT];            // there are more
    bool in_family[FAMILY_COUNT];
};

struct reach_service {
    const char *name;
    const char *what;    // `tcp 80,443`; NULL: all that is no service
    struct texts limits; // of the entries that it is in
};

// Who reaches what on this host: cells by service, then senders.
struct reach {
    VEC(struct reach_senders) senders;
    VEC(struct reach_service) services;
    const struct reach_cell *cells;
    struct named_lists names;               // in what is said of senders
    size_t senders_hidden, services_hidden; // beyond what is shown
    bool undecided;                         // too much to be decided
};

static inline struct reach_cell reach_at(const struct reach *reach, size_t service, size_t senders)
{
    return reach->cells[service * reach->senders.count + senders];
}

// What may be opened from one interface to another.
struct zone {
    enum { ZONE_NOTHING, ZONE_SOME, ZONE_EVERYTHING } passes[FAMILY_COUNT];
    struct texts packets[FAMILY_COUNT];
    bool more[FAMILY_COUNT];
};

// Who is forwarded to whom: zones by incoming, then outgoing interface. The last name stands for all others.
struct zones {
    struct texts names;
    const struct zone *zones;
    size_t hidden; // interfaces
    bool undecided;
};

struct report_rules {
    struct texts lines; // as they are emitted
    size_t count;       // beyond the lines, there are more
};

// An entry of the policy, in words and in rules.
struct report_entry {
    const char *name;
    const char *file;
    unsigned line;
    const char *text;   // that line of the policy
    struct texts words; // what it says
    struct report_rules rules[FAMILY_COUNT];
    struct texts shared; // names of entries in whose rules its own are
};

struct report_entries {
    VEC(struct report_entry) shown;
    size_t count;
    size_t hidden_rules[FAMILY_COUNT]; // of the entries that are not shown
};

// Rules that come from no entry, by the part of the policy's meaning that they stand for.
struct report_part {
    const char *name; // `loopback`
    struct report_rules rules[FAMILY_COUNT];
};

// What a built-in chain does for one part of the policy's meaning.
struct report_step {
    const char *section;
    bool accepts, refuses;
    size_t rules[FAMILY_COUNT];
};

// A built-in chain, and what a packet walks in it.
struct report_hook {
    const char *table, *chain;
    VEC(struct report_step) steps; // in their order
    bool present[FAMILY_COUNT];
    size_t rules[FAMILY_COUNT]; // with those of the chains that it leads to
    struct walked walked[FAMILY_COUNT], plain[FAMILY_COUNT];
    bool plain_known[FAMILY_COUNT]; // false: without the passes it is more than a table holds
};

enum { REPORT_PREROUTING, REPORT_RAW_OUTPUT, REPORT_INPUT, REPORT_FORWARD, REPORT_OUTPUT, REPORT_HOOKS };

struct report_promise {
    const char *words;
    bool holds[FAMILY_COUNT];
};

struct report_finding {
    enum severity severity;
    const char *name, *message, *hint; // the hint may be NULL
    const char *file;                  // NULL: about no place
    unsigned line;                     // 0: the whole file
    const char *text;                  // that line
};

struct report_expectation {
    const char *name; // NULL: none
    const char *file;
    unsigned line;
    const char *text; // that line
    const char *expected;
    bool in_family[FAMILY_COUNT];
};

struct report {
    const struct policy *policy;
    struct texts files; // all that was read
    struct texts summary;
    struct reach reach;
    enum { OUTPUT_ALL, OUTPUT_SOME, OUTPUT_NONE, OUTPUT_UNDECIDED } output; // what this host may open
    struct zones zones; // no names: nothing is forwarded by this policy
    struct report_hook hooks[REPORT_HOOKS];
    struct report_entries trust, deny, allow, connect, forward;
    VEC(struct report_part) parts;
    VEC(struct report_promise) promises;
    VEC(struct report_expectation) expectations;
    VEC(struct report_finding) windows, findings; // reply windows apart
    size_t findings_hidden;
    const struct plan *plan;
    size_t rule_count[FAMILY_COUNT];
};

// Gathers all of it. The subject is a policy that was compiled and proved; what is found stands in its arena, and its
// diagnostics have the findings then.
void report_gather(struct report *report, struct subject *subject);

// Appends the page: HTML, with its style and its pictures in it.
void report_page(struct buf *out, const struct report *report);
