// SPDX-License-Identifier: GPL-2.0-or-later
//
// What rules cost a packet, and what follows from it.
#pragma once

#include "ruleset/ruleset.h"

// A tree is made where a packet would walk more rules than this: it costs two or three levels of rules itself, and is
// harder to read.
#define COST_TREE_RULES 64

// Of a tree. Small nodes make many chains, which load slowly, large ones make a packet walk more of them. Of 4 to 32 cells
// these are about the fastest for packets (100,000 addresses), and the smallest whose rules load in less than twice the
// time of flat ones: with 6 cells and 8 rules it is 2.1 times in legacy tables, with 9 and 12 it is 1.3.
#define COST_NODE_CELLS 9
#define COST_LEAF_RULES 12
// Of a tree of ports alone: a multiport rule costs as much as nine of addresses. With 6 of them 5,000 services cost a
// packet a fifth more than with 3, with 2 it is no less.
#define COST_LEAF_MULTIPORTS 3
#define COST_INLINE_RULES    3 // stand in the node itself

#define COST_OTHER_SHARE 0.001 // of a part that shares.def does not name

// Which share of a busy server's packets a part of the policy decides, of 1 in all.
double section_share(const char *section);

// Rules that a packet walks in a built-in chain and those that it leads to; 0 where there is no such chain.
struct walked {
    size_t worst;    // at most
    double expected; // the mean over the rules that decide, each part of the policy by its share
};
struct walked ruleset_walked(struct arena *arena, const struct ruleset *ruleset, const char *table,
                             const char *chain);
