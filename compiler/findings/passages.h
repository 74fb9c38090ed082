// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which packets come to each rule of a chain, decided for all rules in one pass: over a tree of the chain's rules, whose
// nodes know what runs of rules are about and what becomes of it. A passage is the way of packets through one table at one
// hook.
#pragma once

#include "meaning/rules.h"

struct passage_chain {
    const struct chain *chain;
    size_t leaves;              // of the trees, a power of two; the children of i are 2i and 2i + 1
    diagram *walks;             // what becomes of packets in a run of rules
    diagram *wants;             // what the rules of a run are about
    diagram *touches;           // what rules of a run count or mark, or more than that
    diagram comes_to, fresh_to; // packets that come to the chain; those whose tracking nothing has decided
    diagram *comes;             // by rule: the packets that come to it and that it is about
    diagram *fresh;             // of these, those whose tracking nothing has decided; NULL beyond raw
    bool *idle;                 // by rule: without it every packet of `comes` fares the same
    bool built, open;
};

struct passage {
    struct packet_space *space;
    const struct table *table;
    const struct chain *hook_chain;
    struct view view;
    unsigned flags;
    diagram domain;               // the packets that there are
    struct passage_chain *chains; // sorted by the address of the chain
    size_t count;
    struct passage_chain **order; // callers first
    size_t order_count;
};

enum {
    PASSAGE_MIRRORED =
        1 << 0, // packets are told by those they answer, so that what leaves is compared with what comes in
    PASSAGE_IDLE = 1 << 1, // find out which rules are idle; costs as much as all the rest
};

// `scratch` lives as long as the passage. The ruleset has the table and the chain.
void passage_open(struct passage *passage, struct packet_space *space, struct arena *scratch,
                  const struct table *table, const char *chain, enum hook hook, unsigned flags);

// A rule, and packets that it decides.
struct share {
    struct rule_place place; // index chain->count: the policy of the chain
    diagram packets;
};

struct shares {
    struct share *items;
    size_t count, capacity;
};

// Rules that decide packets of a set, each with these packets, at most `limit` of them.
struct shares passage_deciders(const struct passage *passage, diagram set, size_t limit);

// Rules that take packets of a set out of tracking.
struct shares passage_untrackers(const struct passage *passage, diagram set, size_t limit);

// What is known of a rule at a passage.
const struct passage_chain *passage_find(const struct passage *passage,
                                         const struct chain *chain); // NULL: no way leads there
bool rule_may_be_idle(const struct rule *rule);                      // whether `idle` says something of it

// The rules of a chain that decide, before rule `index`, what comes to the chain and is of the rule's packets: the indices
// of the first `limit`. Gives how many there are of these; `*left` are the packets that none of them decides.
size_t passage_blame(const struct passage *passage, const struct passage_chain *built, size_t index,
                     size_t *blamed, size_t limit, diagram *left);

// The packets that a rule is about, whatever comes before it; of one that changes nothing, at least these.
diagram passage_match(const struct passage *passage, const struct rule *rule);
