// SPDX-License-Identifier: GPL-2.0-or-later
//
// Many rules that differ in addresses or ports become a tree of chains, so that a packet walks a few dozen of them:
//
//   -A INPUT -p tcp -j ctc-allow-000001
//   -A ctc-allow-000001 -s 10.0.0.0/9 -g ctc-allow-000002
//   -A ctc-allow-000001 -s 10.128.0.0/10 -g ctc-allow-000003
//   -A ctc-allow-000001 -s 10.200.3.4/32 -p tcp -m tcp --dport 25 -j ACCEPT
//   -A ctc-allow-000002 -s 10.1.2.3/32 -p tcp -m tcp --dport 25 -j ACCEPT
//
// A node sorts packets by one field, and ends with what none of its cells holds. Who matches nothing falls out of the tree
// and goes on behind it.
//
// May act on: neighbours that do the same with their packets and ask for nothing but the packet, for which it makes no
// difference which of them comes first; on neighbours with other verdicts, where they keep their order (passes/sequence.c);
// and on a rule alone, whatever it does, since each packet meets it once at most.
// Rules with a limit are never made twice: the tree leads to them.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "base/protocols.h"
#include "base/vec.h"
#include "passes/cost.h"
#include "passes/tree.h"

// Chains that may still stand inside each other is what `depth` says everywhere. At first: one is left for what the leaves of
// a tree lead to, be it the chain of a limit or that of the defaults.
#define DEPTH (RULESET_DEPTH_MAX - 1)

static void grow_rule(struct growing *growing, struct chain *chain, const struct rule *rule, size_t most,
                      unsigned depth);

struct chain *new_chain(struct growing *growing)
{
    // Names that begin so are nobody else's.
    return table_chain(growing->arena, growing->passing->table,
                       arena_printf(growing->arena, "ctc-%s-%06zu", growing->section, ++growing->number),
                       CHAIN_USER);
}

void append(struct growing *growing, struct chain *chain, const struct rule *rule)
{
    *chain_append(growing->arena, chain) = *rule;
}

// Calls `act` with each rule that has items, cut down to them.
void each_part(struct growing *growing, const struct crown *crown, struct item *items, size_t count,
               void (*act)(struct growing *growing, void *closure, const struct rule *part), void *closure)
{
    bool sorted = true;

    for (size_t i = 1; i < count && sorted; i++)
        sorted = compare_rules(&items[i - 1], &items[i]) < 0;
    if (!sorted)
        qsort(items, count, sizeof(*items), compare_rules);
    for (size_t i = 0, end; i < count; i = end) {
        struct rule part;

        for (end = i + 1; end < count && items[end].rule == items[i].rule; end++)
            ;
        part = crown->rules[items[i].rule];
        // Items of one rule differ, so that as many as it has ranges are all of them.
        if (has_dimension(&part, crown->dimension) && end - i < range_count(&part, crown->dimension))
            part = with_ranges(growing->arena, &part, crown->dimension, &items[i], end - i);
        act(growing, closure, &part);
    }
}

void append_part(struct growing *growing, void *closure, const struct rule *part)
{
    append(growing, closure, part);
}

void collect_part(struct growing *growing, void *closure, const struct rule *part)
{
    rule_list *parts = closure;

    *vec_push(growing->arena, parts) = *part;
}

// Items that no cut parts are sorted by another field, if by any.
static void grow_otherwise(struct growing *growing, const struct crown *crown, struct chain *chain,
                           struct item *items, size_t count, unsigned dimensions_left, unsigned depth)
{
    rule_list parts = {0};

    each_part(growing, crown, items, count, collect_part, &parts);
    grow_rules(growing, chain, parts.items, parts.count, dimensions_left, depth);
}

// A rule of a node: what lies in `range` goes to the chain.
void append_test(struct growing *growing, const struct crown *crown, struct chain *node,
                 struct addr_range range, const struct chain *inner)
{
    const struct item item = {range, 0, 1};
    struct rule test = {.protocol = dimensions[crown->dimension].protocol,
                        .section = crown->rules[0].section,
                        .target = {TARGET_GOTO, inner->name}};

    test = with_ranges(growing->arena, &test, crown->dimension, &item, 1);
    append(growing, node, &test);
}

static void grow(struct growing *growing, const struct crown *crown, struct chain *node, struct item *items,
                 size_t count, unsigned dimensions_left, unsigned depth);

// What a node's first cell should weigh.
size_t cell_weight(const struct crown *crown, size_t weight, unsigned depth)
{
    const size_t leaves = (weight + crown->leaf - 1) / crown->leaf;
    const size_t part = (size_t)((double)weight * shape_share(crown->shape, leaves, depth));

    return part > crown->leaf * 3 / 4 ? part : crown->leaf * 3 / 4;
}

// A cell of a node: few rules stand in the node itself.
static void grow_cell(struct growing *growing, const struct crown *crown, struct chain *node,
                      struct addr_range cell, struct item *items, size_t count, unsigned dimensions_left,
                      unsigned depth)
{
    struct chain *inner;

    if (weigh(items, count) <= COST_INLINE_RULES) {
        each_part(growing, crown, items, count, append_part, node);
        return;
    }
    inner = new_chain(growing);
    append_test(growing, crown, node, cell, inner);
    grow(growing, crown, inner, items, count, dimensions_left, depth - 1);
}

// Those that are left behind a cell, side by side. Gives how many, and where.
size_t close_gap(struct item **items, size_t count, const struct taken *taken)
{
    const size_t gap = taken->behind - taken->before, behind = count - taken->behind;

    if (taken->before < behind) {
        memmove(*items + gap, *items, taken->before * sizeof(**items));
        *items += gap;
    } else {
        memmove(*items + taken->before, *items + taken->behind, behind * sizeof(**items));
    }
    return count - gap;
}

// Fills a node with items, which are sorted by where they begin.
static void grow(struct growing *growing, const struct crown *crown, struct chain *node, struct item *items,
                 size_t count, unsigned dimensions_left, unsigned depth)
{
    size_t weight = weigh(items, count);

    while (weight > crown->leaf * 4 / 3 && depth) {
        const size_t target = cell_weight(crown, weight, depth);
        struct items crossing = {0};
        struct addr_range cell;
        struct taken taken;

        if (!find_cell(growing->passing->family, crown->dimension, items, count, target, &cell)) {
            grow_otherwise(growing, crown, node, items, count, dimensions_left & ~(1U << crown->dimension),
                           depth);
            return;
        }
        taken = take_cell(items, count, cell, &crossing, growing->arena);
        // What crosses stands ahead of the cell: a packet of the cell does not come back from there.
        if (crossing.count)
            grow_otherwise(growing, crown, node, crossing.items, crossing.count,
                           weigh(crossing.items, crossing.count) * 2 > weight
                               ? dimensions_left & ~(1U << crown->dimension)
                               : dimensions_left,
                           depth);
        grow_cell(growing, crown, node, cell, &items[taken.inside], taken.inside_count, dimensions_left,
                  depth);
        count = close_gap(&items, count, &taken);
        weight = weigh(items, count);
    }
    chain_reserve(growing->arena, node, count);
    each_part(growing, crown, items, count, append_part, node);
}

// Items of rules that have the dimension, sorted.
static struct items collect_items(struct growing *growing, const struct rule *rules, size_t count,
                                  enum dimension dimension)
{
    struct items items = {0};
    bool sorted = true;

    for (size_t i = 0; i < count; i++)
        items.capacity += range_count(&rules[i], dimension);
    items.items = arena_calloc(growing->arena, items.capacity, sizeof(*items.items));
    for (size_t i = 0; i < count; i++) {
        const size_t ranges = range_count(&rules[i], dimension);
        const size_t all = expanded_count(growing->passing->family, &rules[i]);
        const uint32_t weight = all / ranges ? (uint32_t)(all / ranges) : 1;

        for (size_t j = 0; j < ranges; j++)
            *vec_push(growing->arena, &items) =
                (struct item){range_at(&rules[i], dimension, j), (uint32_t)i, weight};
    }
    for (size_t i = 1; i < items.count && sorted; i++)
        sorted = compare_places(&items.items[i - 1], &items.items[i]) <= 0;
    if (!sorted)
        qsort(items.items, items.count, sizeof(*items.items), compare_places);
    return items;
}

static void grow_tree(struct growing *growing, struct chain *root, const struct rule *rules, size_t count,
                      enum dimension dimension, unsigned dimensions_left, unsigned depth)
{
    const struct items items = collect_items(growing, rules, count, dimension);
    const bool ports = dimensions[dimension].protocol;
    // Of one rule, fifteen ports make a rule.
    const struct crown crown = {dimension, rules, ports ? &growing->by_port : &growing->by_address,
                                ports && count == 1 ? COST_LEAF_MULTIPORTS * MULTIPORT_SLOTS
                                                    : COST_LEAF_RULES};

    grow(growing, &crown, root, items.items, items.count, dimensions_left, depth);
}

// What all the rules ask of a packet's header, ahead of their tree.
struct rule guard_of(const struct rule *rules, size_t count, const struct chain *root)
{
    struct rule guard = {.section = rules[0].section,
                         .in = rules[0].in,
                         .out = rules[0].out,
                         .protocol = rules[0].protocol,
                         .protocol_inverted = rules[0].protocol_inverted,
                         .target = {TARGET_JUMP, root->name}};

    for (size_t i = 1; i < count; i++) {
        if (!guard.in || !rules[i].in || strcmp(guard.in, rules[i].in) != 0)
            guard.in = NULL;
        if (!guard.out || !rules[i].out || strcmp(guard.out, rules[i].out) != 0)
            guard.out = NULL;
        if (guard.protocol != rules[i].protocol || guard.protocol_inverted != rules[i].protocol_inverted) {
            guard.protocol = 0;
            guard.protocol_inverted = false;
        }
    }
    return guard;
}

// The rules without what their guard has asked. A port needs the protocol beside it.
const struct rule *strip(struct growing *growing, const struct rule *rules, size_t count,
                         const struct rule *guard)
{
    struct rule *stripped;

    if (!guard->in && !guard->out)
        return rules;
    stripped = arena_calloc(growing->arena, count, sizeof(*stripped));
    for (size_t i = 0; i < count; i++) {
        stripped[i] = rules[i];
        if (guard->in)
            stripped[i].in = NULL;
        if (guard->out)
            stripped[i].out = NULL;
    }
    return stripped;
}

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

// One rule, which may stand for `most` rules as it is. The trees of its sets stand one behind the other, and share the depth.
static void grow_rule(struct growing *growing, struct chain *chain, const struct rule *rule, size_t most,
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

// How many items stay together in the largest of some cells, with what crosses all of them.
#define SAMPLE_CELLS 9
static size_t largest_cell(struct growing *growing, enum dimension dimension, struct item *items,
                           size_t count)
{
    const size_t target = count / SAMPLE_CELLS + 1;
    struct items crossing = {0};
    struct addr_range cell;
    size_t largest = 0;

    while (count > target && find_cell(growing->passing->family, dimension, items, count, target, &cell)) {
        const struct taken taken = take_cell(items, count, cell, &crossing, growing->arena);

        if (taken.inside_count > largest)
            largest = taken.inside_count;
        count = close_gap(&items, count, &taken);
    }
    return (count > largest ? count : largest) + crossing.count;
}

// How much of a sample of the rules a cut in one dimension leaves together: a share from 0 to 1, of which less is better.
#define SAMPLE 4096
double left_together(struct growing *growing, const struct rule *rules, size_t count,
                     enum dimension dimension)
{
    const enum family family = growing->passing->family;
    const size_t step = count / SAMPLE + 1;
    struct items items = {0};
    size_t ranges = 0, apart = 0;

    for (size_t i = 0; i < count; i += step)
        ranges += has_dimension(&rules[i], dimension) ? range_count(&rules[i], dimension) : 0;
    if (!ranges)
        return 1;

    const size_t range_step = ranges / SAMPLE + 1;

    for (size_t i = 0; i < count; i += step) {
        if (!has_dimension(&rules[i], dimension)) {
            apart += expanded_count(family, &rules[i]) / range_step + 1;
            continue;
        }
        for (size_t j = i % range_step; j < range_count(&rules[i], dimension); j += range_step)
            *vec_push(growing->arena, &items) = (struct item){range_at(&rules[i], dimension, j), 0, 1};
    }
    if (items.count < 2)
        return 1;
    qsort(items.items, items.count, sizeof(*items.items), compare_places);
    return (double)(apart + largest_cell(growing, dimension, items.items, items.count)) /
           (double)(items.count + apart);
}

// What tells packets apart the most for what it costs.
#define WORTH_PARTING 0.75
static enum dimension best_dimension(struct growing *growing, const struct rule *rules, size_t count,
                                     unsigned dimensions_left)
{
    enum dimension best = DIMENSION_COUNT;
    double most = 0;

    for (enum dimension dimension = 0; dimension < DIMENSION_COUNT; dimension++) {
        double together, parted;

        if (!(dimensions_left >> dimension & 1))
            continue;
        together = left_together(growing, rules, count, dimension);
        parted = -log2(together) / (dimensions[dimension].protocol ? COST_PORT_RULES : 1);
        if (together < WORTH_PARTING && parted > most) {
            most = parted;
            best = dimension;
        }
    }
    return best;
}

// Whether the rules stand for more than so many.
bool expand_beyond(enum family family, const struct rule *rules, size_t count, size_t few)
{
    for (size_t i = 0; i < count; i++) {
        const size_t more = expanded_count(family, &rules[i]);

        if (more > few)
            return true;
        few -= more;
    }
    return false;
}

// Whether the rule stands in a tree of that dimension. One of which one range still makes so many rules needs a tree of its
// own.
static bool stands_in(enum family family, const struct rule *rule, enum dimension dimension)
{
    return has_dimension(rule, dimension) &&
           expanded_count(family, rule) / range_count(rule, dimension) <= COST_LEAF_RULES;
}

// A tree of rules that all stand in it.
static void grow_guarded(struct growing *growing, struct chain *chain, const struct rule *rules, size_t count,
                         enum dimension dimension, unsigned dimensions_left, unsigned depth)
{
    struct chain *root = new_chain(growing);
    const struct rule guard = guard_of(rules, count, root);

    append(growing, chain, &guard);
    grow_tree(growing, root, strip(growing, rules, count, &guard), count, dimension, dimensions_left,
              depth - 1);
}

// Rules of which it makes no difference which comes first.
void grow_rules(struct growing *growing, struct chain *chain, const struct rule *rules, size_t count,
                unsigned dimensions_left, unsigned depth)
{
    const enum family family = growing->passing->family;
    rule_list with = {0}, without = {0};
    enum dimension dimension = DIMENSION_COUNT;
    size_t standing = 0;

    if (count > 1 && depth && expand_beyond(family, rules, count, 2 * (size_t)COST_LEAF_RULES))
        dimension = best_dimension(growing, rules, count, dimensions_left);
    for (size_t i = 0; i < count && dimension != DIMENSION_COUNT; i++)
        standing += stands_in(family, &rules[i], dimension);
    if (standing < 2) {
        for (size_t i = 0; i < count; i++)
            grow_rule(growing, chain, &rules[i], COST_LEAF_RULES, depth);
        return;
    }
    if (standing == count) {
        grow_guarded(growing, chain, rules, count, dimension, dimensions_left, depth);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (stands_in(family, &rules[i], dimension))
            *vec_push(growing->arena, &with) = rules[i];
        else
            *vec_push(growing->arena, &without) = rules[i];
    grow_rules(growing, chain, without.items, without.count, dimensions_left & ~(1U << dimension), depth);
    grow_guarded(growing, chain, with.items, with.count, dimension, dimensions_left, depth);
}

// One name for all chains of a part of the policy: "ICMP errors" is ctc-icmp-errors.
static const char *name_part(struct arena *arena, const char *section)
{
    char *name = arena_copy(arena, section ? section : "rules", strlen(section ? section : "rules"));

    for (char *at = name; *at; at++)
        *at = *at == ' ' ? '-' : *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    return name;
}

static void grow_chain(struct growing *growing, struct chain *chain)
{
    const struct chain before = *chain;

    chain->items = NULL;
    chain->count = chain->capacity = 0;
    chain->borrowed = false;
    for (size_t i = 0, end; i < before.count; i = end) {
        const struct rule *rules = &before.items[i];

        end = i + 1;
        growing->section = name_part(growing->arena, rules->section);
        if (!has_no_order(rules)) {
            if (rules->sets)
                grow_rule(growing, chain, rules, COST_TREE_RULES, DEPTH);
            else
                append(growing, chain, rules);
            continue;
        }
        // Rules of one part of the policy, so that its chains tell where they come from.
        while (end < before.count && has_no_order(&before.items[end]) &&
               before.items[end].section == rules->section)
            end++;
        grow_sequence(growing, chain, rules, end - i, DIMENSIONS_ALL, DEPTH);
    }
}

static bool is_large(const struct growing *growing, const struct chain *chain)
{
    return expand_beyond(growing->passing->family, chain->items, chain->count, COST_TREE_RULES);
}

void pass_tree(struct passing *passing)
{
    struct growing growing = {.passing = passing, .arena = passing->arena};
    const size_t chains = passing->table->count;

    shape_init(&growing.by_address, COST_GOTO_RULES);
    shape_init(&growing.by_port, COST_GOTO_PORTS);

    // Those that it makes are at their end, and done.
    for (size_t i = 0; i < chains; i++)
        if (is_large(&growing, passing->table->items[i]))
            grow_chain(&growing, passing->table->items[i]);
}
