// SPDX-License-Identifier: GPL-2.0-or-later
//
// What makes trees of chains: of rules without an order, and of rules whose order matters. Not for other folders.
#pragma once

#include "base/vec.h"
#include "passes/cells.h"
#include "passes/pass.h"
#include "passes/shape.h"

// A tree that has been made of one set, for those that need the same.
struct grown {
    enum dimension dimension;
    const struct rule_sets *sets;
    const struct rule *leaf;
    const struct chain *root;
};

struct growing {
    struct passing *passing;
    struct arena *arena;
    const char *section; // that the chains are named after
    size_t number;
    struct shape by_address, by_port;
    VEC(struct grown) grown;
};

// What the items of a tree belong to.
struct crown {
    enum dimension dimension;
    const struct rule *rules;
    const struct shape *shape;
    size_t leaf; // the weight of a leaf
};

typedef VEC(struct rule) rule_list;

#define DIMENSIONS_ALL ((1U << DIMENSION_COUNT) - 1)

struct chain *new_chain(struct growing *growing);
void append(struct growing *growing, struct chain *chain, const struct rule *rule);

// Calls `act` with each rule that has items, cut down to them, in the order of the rules.
void each_part(struct growing *growing, const struct crown *crown, struct item *items, size_t count,
               void (*act)(struct growing *growing, void *closure, const struct rule *part), void *closure);
void append_part(struct growing *growing, void *closure, const struct rule *part);  // to a struct chain
void collect_part(struct growing *growing, void *closure, const struct rule *part); // in a rule_list

// A rule of a node: what lies in `range` goes to the chain.
void append_test(struct growing *growing, const struct crown *crown, struct chain *node,
                 struct addr_range range, const struct chain *inner);

// What all the rules ask of a packet's header, ahead of their tree; and the rules without it.
struct rule guard_of(const struct rule *rules, size_t count, const struct chain *root);
const struct rule *strip(struct growing *growing, const struct rule *rules, size_t count,
                         const struct rule *guard);

// What a node's first cell should weigh.
size_t cell_weight(const struct crown *crown, size_t weight, unsigned depth);

// Those that are left behind a cell, side by side. Gives how many, and where.
size_t close_gap(struct item **items, size_t count, const struct taken *taken);

// How much of the rules a cut in one dimension leaves together: a share from 0 to 1, of which less is better.
double left_together(struct growing *growing, const struct rule *rules, size_t count,
                     enum dimension dimension);

// Whether the rules stand for more than so many.
bool expand_beyond(enum family family, const struct rule *rules, size_t count, size_t few);

// Puts rules into the chain, or trees of them and what leads there: rules of which it makes no difference which comes first;
// and rules of which the first that matches decides. `dimensions_left` are those to sort by, a bit for each; `depth` is how
// many chains may stand inside each other.
void grow_rules(struct growing *growing, struct chain *chain, const struct rule *rules, size_t count,
                unsigned dimensions_left, unsigned depth);
void grow_sequence(struct growing *growing, struct chain *chain, const struct rule *rules, size_t count,
                   unsigned dimensions_left, unsigned depth);
