// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that differ in one set alone become one rule with both sets together: ports that fit one multiport match, prefixes
// that touch each other, addresses that one tree holds.
//
// May act on: neighbours that do the same with their packets and ask for nothing but the packet, for which it makes no
// difference which of them comes first.
#include <string.h>

#include "base/vec.h"
#include "passes/pass.h"

enum part { PART_SOURCE_PORTS, PART_DESTINATION_PORTS, PART_SOURCES, PART_DESTINATIONS, PART_COUNT };

// A rule of a run, and those that it is joined with.
struct joined {
    const struct rule_sets *sets;
    uint64_t rest;              // hash of all but the sets
    uint64_t parts[PART_COUNT]; // hashes of the sets
    size_t next;                // the next one of its group; 0: none, as the first one is nobody's next
    size_t last;                // of a group's first rule: the group's last one
    bool gone;
};

// A group in the hash table. A part of the hash tells most others from it without a look at their rules, which lie far apart.
struct slot {
    uint32_t hash;
    uint32_t first; // rule + 1; 0: no group
};

struct run {
    struct arena *arena;
    const struct rule *rules;
    struct joined *joined;
    size_t count;
    struct slot *slots; // hash table of groups
    size_t slot_count;
};

static const struct range_list *addresses_of(const struct joined *joined, enum part part)
{
    return joined->sets->addresses[part == PART_DESTINATIONS];
}

static const struct port_set *ports_of(const struct joined *joined, enum part part)
{
    return &joined->sets->ports[part == PART_DESTINATION_PORTS];
}

static bool is_ports(enum part part)
{
    return part == PART_SOURCE_PORTS || part == PART_DESTINATION_PORTS;
}

static uint64_t part_hash(const struct joined *joined, enum part part)
{
    return is_ports(part) ? port_set_hash(ports_of(joined, part))
                          : range_list_hash(addresses_of(joined, part));
}

static bool parts_same(const struct joined *a, const struct joined *b, enum part part)
{
    return is_ports(part) ? port_sets_same(ports_of(a, part), ports_of(b, part))
                          : range_lists_same(addresses_of(a, part), addresses_of(b, part));
}

// Whether two rules of a run differ in `but` at most.
static bool same_but(const struct run *run, size_t a, size_t b, enum part but)
{
    if (run->joined[a].rest != run->joined[b].rest)
        return false;
    for (enum part part = 0; part < PART_COUNT; part++)
        if (part != but && (run->joined[a].parts[part] != run->joined[b].parts[part] ||
                            !parts_same(&run->joined[a], &run->joined[b], part)))
            return false;
    return rules_same_but_sets(&run->rules[a], &run->rules[b]);
}

// The slot of the rule's group, or the empty one where it would stand, with its part of the hash.
static struct slot *group_slot(struct run *run, size_t rule, enum part but)
{
    uint64_t hash = run->joined[rule].rest;

    for (enum part part = 0; part < PART_COUNT; part++)
        if (part != but)
            hash = (hash ^ run->joined[rule].parts[part]) * 0x9E3779B97F4A7C15;
    for (size_t at = (size_t)(hash >> 32);; at++) {
        struct slot *slot = &run->slots[at & (run->slot_count - 1)];

        if (!slot->first)
            slot->hash = (uint32_t)hash;
        if (!slot->first || (slot->hash == (uint32_t)hash && same_but(run, slot->first - 1, rule, but)))
            return slot;
    }
}

static const struct range_list *join_addresses(struct run *run, size_t first, enum part part)
{
    struct range_list *list = arena_alloc(run->arena, sizeof(*list));

    *list = (struct range_list){0};
    for (size_t i = first;; i = run->joined[i].next) {
        const struct range_list *more = addresses_of(&run->joined[i], part);

        if (!more)
            return NULL;
        for (size_t j = 0; j < more->count; j++)
            *vec_push(run->arena, list) = more->items[j];
        if (!run->joined[i].next)
            break;
    }
    range_list_normalise(list);
    return list;
}

static struct port_set join_ports(struct run *run, size_t first, enum part part)
{
    struct port_set set = {0};

    for (size_t i = first;; i = run->joined[i].next) {
        const struct port_set *more = ports_of(&run->joined[i], part);

        if (!more->count)
            return (struct port_set){0};
        for (size_t j = 0; j < more->count; j++)
            *vec_push(run->arena, &set) = more->items[j];
        if (!run->joined[i].next)
            break;
    }
    port_set_normalise(&set);
    return set;
}

static void join_group(struct run *run, enum family family, size_t first, enum part part)
{
    struct rule_sets *sets = rule_sets_copy(run->arena, run->joined[first].sets);
    const enum side side =
        part == PART_DESTINATION_PORTS || part == PART_DESTINATIONS ? SIDE_DESTINATION : SIDE_SOURCE;

    if (is_ports(part)) {
        sets->ports[side] = join_ports(run, first, part);
    } else {
        sets->addresses[side] = join_addresses(run, first, part);
        if (sets->addresses[side] && range_list_all(family, sets->addresses[side]))
            sets->addresses[side] = NULL;
    }
    for (size_t i = run->joined[first].next; i; i = run->joined[i].next)
        run->joined[i].gone = true;
    run->joined[first].sets = sets;
    run->joined[first].parts[part] = part_hash(&run->joined[first], part);
}

// Whether any rules were joined.
static bool join_part(struct run *run, enum family family, enum part part)
{
    bool any = false;

    memset(run->slots, 0, run->slot_count * sizeof(*run->slots));
    for (size_t i = 0; i < run->count; i++) {
        struct slot *slot;

        if (run->joined[i].gone)
            continue;
        run->joined[i].next = 0;
        run->joined[i].last = i;
        slot = group_slot(run, i, part);
        if (!slot->first) {
            slot->first = (uint32_t)i + 1;
            continue;
        }
        run->joined[run->joined[slot->first - 1].last].next = i;
        run->joined[slot->first - 1].last = i;
        any = true;
    }
    for (size_t i = 0; i < run->count && any; i++)
        if (!run->joined[i].gone && run->joined[i].next)
            join_group(run, family, i, part);
    return any;
}

// A rule with other sets.
static struct rule with_sets(const struct rule *rule, const struct rule_sets *sets)
{
    struct rule made = *rule;

    made.sets = sets->addresses[0] || sets->addresses[1] || sets->ports[0].count || sets->ports[1].count
                    ? sets
                    : NULL;
    return made;
}

// A chain whose runs are joined, one after the other.
struct joining {
    struct passing *passing;
    const struct rule *rules; // of the chain
    size_t count;
    struct rule *left; // those that are left; NULL as long as that is all
    size_t left_count; // up to where the chain has been looked at
};

static void keep_rules(struct joining *joining, size_t from, size_t count)
{
    if (joining->left)
        memcpy(&joining->left[joining->left_count], &joining->rules[from], count * sizeof(*joining->rules));
    joining->left_count += count;
}

static void keep_joined(struct joining *joining, const struct run *run, size_t gone)
{
    if (!joining->left) {
        joining->left = arena_calloc(joining->passing->arena, joining->count - gone, sizeof(*joining->left));
        memcpy(joining->left, joining->rules, joining->left_count * sizeof(*joining->left));
    }
    for (size_t i = 0; i < run->count; i++)
        if (!run->joined[i].gone)
            joining->left[joining->left_count++] = with_sets(&run->rules[i], run->joined[i].sets);
}

static void join_run(struct joining *joining, size_t from, size_t count)
{
    struct arena scratch = {0};
    struct run run = {
        .arena = joining->passing->arena, .rules = &joining->rules[from], .count = count, .slot_count = 4};
    bool named[PART_COUNT] = {[PART_DESTINATION_PORTS] =
                                  true}; // by some rule; of one alone, that twins are joined
    size_t gone = 0;

    while (run.slot_count < count * 2)
        run.slot_count *= 2;
    run.joined = arena_calloc(&scratch, count, sizeof(*run.joined));
    run.slots = arena_calloc(&scratch, run.slot_count, sizeof(*run.slots));
    for (size_t i = 0; i < count; i++) {
        run.joined[i].sets = rule_sets_of(&run.rules[i]);
        run.joined[i].rest = rule_hash(&run.rules[i]);
        for (enum part part = 0; part < PART_COUNT; part++) {
            run.joined[i].parts[part] = part_hash(&run.joined[i], part);
            named[part] |= is_ports(part) ? ports_of(&run.joined[i], part)->count > 0
                                          : addresses_of(&run.joined[i], part) != NULL;
        }
    }
    // Each join takes a rule away, so that this ends: when no part has joined any since it was last looked at.
    for (unsigned part = 0, quiet = 0; quiet < PART_COUNT; part = (part + 1) % PART_COUNT)
        quiet = named[part] && join_part(&run, joining->passing->family, (enum part)part) ? 0 : quiet + 1;
    for (size_t i = 0; i < count; i++)
        gone += run.joined[i].gone;
    if (gone)
        keep_joined(joining, &run, gone);
    else
        keep_rules(joining, from, count);
    arena_clear(&scratch);
}

bool join_two(struct passing *passing, const struct rule *a, const struct rule *b, struct rule *joined)
{
    const struct rule two[] = {*a, *b};
    struct joining joining = {.passing = passing, .rules = two, .count = 2};

    join_run(&joining, 0, 2);
    if (joining.left_count != 1)
        return false;
    *joined = joining.left[0];
    return true;
}

static void join_chain(struct passing *passing, struct chain *chain)
{
    struct joining joining = {.passing = passing, .rules = chain->items, .count = chain->count};
    const struct rule *rules = chain->items;

    for (size_t i = 0, end; i < chain->count; i = end) {
        for (end = i + 1; has_no_order(&rules[i]) && end < chain->count && has_no_order(&rules[end]) &&
                          targets_same(&rules[i].target, &rules[end].target);
             end++)
            ;
        if (end - i > 1)
            join_run(&joining, i, end - i);
        else
            keep_rules(&joining, i, 1);
    }
    if (!joining.left)
        return;
    chain->items = joining.left;
    chain->count = chain->capacity = joining.left_count;
    chain->borrowed = false;
}

void pass_join(struct passing *passing)
{
    for (size_t i = 0; i < passing->table->count; i++)
        join_chain(passing, passing->table->items[i]);
}
