// SPDX-License-Identifier: GPL-2.0-or-later
//
// A passage: the way of packets through one table at one hook. Each chain is a tree over its rules, whose nodes know what a
// run of rules is about and what becomes of it, so that a question about a few packets meets few rules.
#pragma once

#include "meaning/rules.h"

// Neighbouring rules that end the walk of all their packets in one and the same way, or one rule of any other kind: a leaf
// of the tree. A list of a hundred thousand addresses is one.
struct run {
    size_t first, end; // rules of the chain
};

struct passage_chain {
    const struct chain *chain;
    struct run *runs;
    size_t run_count;
    size_t leaves;  // of the trees, a power of two; the children of i are 2i and 2i + 1
    diagram *walks; // what becomes of packets there
    diagram *wants; // what its rules are about
    bool built, open;
};

struct passage {
    struct packet_space *space;
    const struct table *table;
    const struct chain *hook_chain;
    struct view view;
    diagram domain;               // the packets that there are
    struct passage_chain *chains; // sorted by the address of the chain
    size_t count;
    struct passage_chain **order; // callers first
    size_t order_count;
};

// `scratch` lives as long as the passage. The ruleset has the table and the chain. `mirrored`: packets are told by those
// they answer, so that what leaves is compared with what comes in.
void passage_open(struct passage *passage, struct packet_space *space, struct arena *scratch,
                  const struct table *table, const char *chain, enum hook hook, bool mirrored);

struct passage_chain *passage_chain_of(const struct passage *passage,
                                       const struct chain *chain); // built or not
const struct passage_chain *passage_find(const struct passage *passage,
                                         const struct chain *chain); // NULL: no way leads there

// For each packet that rules of a run match, the first of them, as a number of run_rule(); RUN_SEVERAL is set where there
// are more.
#define RUN_SEVERAL 1u
diagram passage_numbers(const struct passage *passage, const struct passage_chain *built,
                        const struct run *run);
static inline size_t run_rule(const struct run *run, uint32_t number)
{
    return run->first + (number >> 1) - 1;
}

// The packets that a rule is about, whatever comes before it; of one that changes nothing, at least these.
diagram passage_match(const struct passage *passage, const struct rule *rule);

// What a rule asks of addresses, protocols and ports alone.
diagram passage_match_widely(const struct passage *passage, const struct rule *rule);

// Packets of a set that a walk does not end, and those whose tracking it does not decide either.
diagram still_walking(struct packet_space *space, diagram set, diagram walk);
diagram still_fresh(struct packet_space *space, diagram set, diagram walk);

bool rule_changes_nothing(const struct rule *rule); // but counters and logs
bool rule_counts(const struct rule *rule);          // what comes to it changes what it says of others
