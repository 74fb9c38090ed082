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
#include <string.h>

#include "passes/cost.h"
#include "passes/section.h"
#include "passes/tree.h"

// Chains that may still stand inside each other is what `depth` says everywhere. At first: one is left for what the leaves of
// a tree lead to, be it the chain of a limit or that of the defaults.
#define DEPTH (RULESET_DEPTH_MAX - 1)

// A cut that leaves more together than this share does not pay.
#define WORTH_PARTING 0.75

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

// A port needs the protocol beside it.
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

void grow_rules(struct growing *growing, struct chain *chain, const struct rule *rules, size_t count,
                unsigned dimensions_left, unsigned depth)
{
    const enum family family = growing->passing->family;
    struct rule *with, *without;
    enum dimension dimension = DIMENSION_COUNT;
    size_t standing = 0;

    if (count > 1 && depth && expand_beyond(family, rules, count, 2 * (size_t)COST_LEAF_RULES))
        dimension = best_dimension(growing, rules, count, dimensions_left, WORTH_PARTING);
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
    with = arena_calloc(growing->arena, standing, sizeof(*with));
    without = arena_calloc(growing->arena, count - standing, sizeof(*without));
    for (size_t i = 0, before = 0; i < count; i++)
        if (stands_in(family, &rules[i], dimension))
            with[before++] = rules[i];
        else
            without[i - before] = rules[i];
    grow_rules(growing, chain, without, count - standing, dimensions_left & ~(1U << dimension), depth);
    grow_guarded(growing, chain, with, standing, dimension, dimensions_left, depth);
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
        growing->section = section_word(growing->arena, rules->section);
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
