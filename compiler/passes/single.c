// SPDX-License-Identifier: GPL-2.0-or-later
//
// Trees of one rule whose sets are large: one for each such set, the one leading to the next. What else the rule asks for is
// asked ahead of them or behind the last one, once; so it may be any rule.
#include "passes/cost.h"
#include "passes/tree.h"

// Of one rule: what ranges of its set are left with in a tree of their own.
static const struct grown *find_grown(const struct growing *growing, enum dimension dimension,
                                      const struct rule *rule, const struct rule *leaf)
{
    const enum side side = dimensions[dimension].side;
    const struct rule_sets *sets = rule_sets_of(rule);

    for (size_t i = 0; i < growing->grown.count; i++) {
        const struct grown *grown = &growing->grown.items[i];

        if (grown->dimension == dimension && targets_same(&grown->leaf->target, &leaf->target) &&
            (dimensions[dimension].protocol
                 ? port_sets_same(&grown->sets->ports[side], &sets->ports[side])
                 : range_lists_same(grown->sets->addresses[side], sets->addresses[side])))
            return grown;
    }
    return NULL;
}

// Where the packets of the leaves go: to the target itself, or to a chain with what must be asked of them first, and once.
static struct target leaf_target(struct growing *growing, const struct rule *rule)
{
    struct chain *chain;
    struct rule last = {.section = rule->section,
                        .name = rule->name,
                        .span = rule->span,
                        .protocol = rule->protocol,
                        .protocol_inverted = rule->protocol_inverted,
                        .matches = rule->matches,
                        .match_count = rule->match_count,
                        .target = rule->target};

    if (rule_is_pure(rule))
        return rule->target;
    chain = new_chain(growing);
    append(growing, chain, &last);
    return (struct target){TARGET_GOTO, chain->name};
}

// How many rules a rule stands for by its set in one dimension.
static size_t width_of(enum family family, const struct rule *rule, enum dimension dimension)
{
    const enum side side = dimensions[dimension].side;

    return !has_dimension(rule, dimension)  ? 1
           : dimensions[dimension].protocol ? port_rules(rule, side)
                                            : address_rules(family, rule, side);
}

// The dimension in which a rule stands for most rules, and in how many it stands for more than one.
static enum dimension widest(enum family family, const struct rule *rule, unsigned *wide)
{
    enum dimension best = DIMENSION_COUNT;
    size_t most = 1;

    *wide = 0;
    for (enum dimension dimension = 0; dimension < DIMENSION_COUNT; dimension++) {
        const size_t width = width_of(family, rule, dimension);

        *wide += width > 1;
        if (width > most) {
            most = width;
            best = dimension;
        }
    }
    return best;
}

// The root of the tree of one rule's set.
static const struct chain *grow_set(struct growing *growing, const struct rule *rule,
                                    enum dimension dimension, unsigned depth)
{
    struct rule *leaf = arena_alloc(growing->arena, sizeof(*leaf));
    const enum side side = dimensions[dimension].side;
    struct rule_sets only = {0};
    const struct grown *grown;
    struct chain *root;

    if (dimensions[dimension].protocol)
        only.ports[side] = rule_sets_of(rule)->ports[side];
    else
        only.addresses[side] = rule_sets_of(rule)->addresses[side];

    *leaf = (struct rule){.section = rule->section,
                          .name = rule->name,
                          .span = rule->span,
                          .protocol = dimensions[dimension].protocol,
                          .sets = rule_sets_copy(growing->arena, &only)};
    if (rule_is_pure(rule)) {
        leaf->target = rule->target;
        grown = find_grown(growing, dimension, rule, leaf);
        if (grown)
            return grown->root;
    } else {
        leaf->target = leaf_target(growing, rule);
    }
    root = new_chain(growing);
    *vec_push(growing->arena, &growing->grown) = (struct grown){dimension, leaf->sets, leaf, root};
    grow_tree(growing, root, leaf, 1, dimension, 0, depth);
    return root;
}

void grow_rule(struct growing *growing, struct chain *chain, const struct rule *rule, size_t most,
               unsigned depth)
{
    const enum family family = growing->passing->family;
    struct rule guard;
    enum dimension dimension;
    unsigned wide, own;

    dimension = widest(family, rule, &wide);
    own = wide ? depth / wide : 0;
    if (expanded_count(family, rule) <= most || !own) {
        append(growing, chain, rule);
        return;
    }
    guard = with_ranges(growing->arena, rule, dimension, NULL, 0);
    guard.target = (struct target){TARGET_JUMP, grow_set(growing, rule, dimension, own - 1)->name};
    if (!rule_is_pure(rule)) {
        // Protocols that the guard asks for, its matches wait behind the tree.
        guard.matches = NULL;
        guard.match_count = 0;
    }
    grow_rule(growing, chain, &guard, most, depth - own);
}
