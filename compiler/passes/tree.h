// SPDX-License-Identifier: GPL-2.0-or-later
//
// What makes trees of chains: of rules without an order (tree.c), of rules whose order matters (sequence.c), and of one rule
// (single.c). Not for other folders.
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

// The tree of one field (nodes.c).

struct chain *new_chain(struct growing *growing);
void append(struct growing *growing, struct chain *chain, const struct rule *rule);

// Calls `act` with each rule that has items, cut down to them, in the order of the rules.
void each_part(struct growing *growing, const struct crown *crown, struct item *items, size_t count,
               void (*act)(struct growing *growing, void *closure, const struct rule *part), void *closure);
void collect_part(struct growing *growing, void *closure, const struct rule *part); // in a rule_list

// A rule of a node: what lies in `range` goes to the chain.
void append_test(struct growing *growing, const struct crown *crown, struct chain *node,
                 struct addr_range range, const struct chain *inner);

// What a node's first cell should weigh.
size_t cell_weight(const struct crown *crown, size_t weight, unsigned depth);

// Those that are left behind a cell, side by side. Gives how many, and where.
size_t close_gap(struct item **items, size_t count, const struct taken *taken);

// The items of rules in one dimension, sorted by where they begin. A rule that does not ask for it has one item: everything.
struct items collect_items(struct growing *growing, const struct rule *rules, size_t count,
                           enum dimension dimension);

// Fills the root with rules of which it makes no difference which comes first, and which all have the dimension. What no cut
// parts is sorted by another field, of `dimensions_left`, if by any.
void grow_tree(struct growing *growing, struct chain *root, const struct rule *rules, size_t count,
               enum dimension dimension, unsigned dimensions_left, unsigned depth);

// One rule, or trees of its sets where it stands for more than `most` rules. They share the depth (single.c).
void grow_rule(struct growing *growing, struct chain *chain, const struct rule *rule, size_t most,
               unsigned depth);

// Of `dimensions_left`, what tells packets apart the most for what it costs; DIMENSION_COUNT where each of them leaves as
// large a share of the rules together as `most_together`, of 1 in all, or a larger one (parting.c).
enum dimension best_dimension(struct growing *growing, const struct rule *rules, size_t count,
                              unsigned dimensions_left, double most_together);

// What all the rules ask of a packet's header, ahead of their tree; and the rules without it.
struct rule guard_of(const struct rule *rules, size_t count, const struct chain *root);
const struct rule *strip(struct growing *growing, const struct rule *rules, size_t count,
                         const struct rule *guard);

// Whether the rules stand for more than so many.
bool expand_beyond(enum family family, const struct rule *rules, size_t count, size_t few);

// Puts rules into the chain, or trees of them and what leads there: rules of which it makes no difference which comes first
// (tree.c); and rules of which the first that matches decides (sequence.c). `dimensions_left` are those to sort by, a bit for
// each; `depth` is how many chains may stand inside each other.
void grow_rules(struct growing *growing, struct chain *chain, const struct rule *rules, size_t count,
                unsigned dimensions_left, unsigned depth);
void grow_sequence(struct growing *growing, struct chain *chain, const struct rule *rules, size_t count,
                   unsigned dimensions_left, unsigned depth);
