// SPDX-License-Identifier: GPL-2.0-or-later
//
// What rules cost a packet, and what follows from it.
#pragma once

#include "ruleset/ruleset.h"

// A tree is made where a packet would walk more rules than this: it costs two or three levels of rules itself, and is
// harder to read.
#define COST_TREE_RULES 64

// Of a tree. What it costs is memory: entries at random find the last two or three chains of their way in none of the
// nearer caches. Of 100,000 addresses, a leaf's rule costs 20 to 50 ns there, a chain more 200, and the rules that all packets
// walk 5. Leaves of 8 to 16 rules and chains for 3 to 8 rules cost the same within the noise; of these the shape is the
// one with few chains, which load in less than twice the time of flat rules, and a short way for the dearest packet.
#define COST_LEAF_RULES   12
#define COST_GOTO_RULES   3 // what going on to another chain costs
#define COST_INLINE_RULES 3 // stand in the node itself
#define COST_PORT_RULES   6 // what asking for a port costs, in rules of the header alone
// Of a tree of ports alone, where asking costs more than going on, and a multiport rule as much as nine of addresses.
#define COST_LEAF_MULTIPORTS 2
#define COST_GOTO_PORTS      1

// Of sets, where they are asked for. A look-up costs what some 55 rules of the header do, or 6 of 15 ports (by
// tests/bench/RESULTS.md); so more than these of one rule become a set. Of single pairs a rule asks for both, and few of them read better as they are.
#define COST_SET_ADDRESSES 48
#define COST_SET_PORTS     6
#define COST_SET_PAIRS     16
// Prefix lengths of a set, at most: the kernel looks once for each, and a tree finds a prefix of any length alike. Where the one
// overtakes the other is not measured.
#define COST_SET_LENGTHS 6

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
