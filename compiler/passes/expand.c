// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets become rules: a rule with three prefixes and sixteen ports is the product of them, rules of one prefix and up to
// fifteen ports each. Always sound: the packets of the rules together are those of the sets, each in one of them.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/protocols.h"
#include "passes/pass.h"

// How one rule names addresses of one side.
struct address_match {
    struct rule_address address;
    const struct addr_range *range; // for -m iprange; NULL: `address` says it
};

struct address_matches {
    struct address_match *items;
    size_t count;
    struct address_match one; // most rules have one
};

struct expanding {
    struct arena *arena;
    struct arena scratch; // of one rule's expansion
    enum family family;
};

// Where all addresses but one prefix are meant, a rule names that prefix.
static bool all_but_one(enum family family, const struct range_list *list, struct prefix *prefix)
{
    const struct addr zero = {0, 0}, max = addr_max(family);
    struct addr_range gap = {zero, max};

    if (!list->count || list->count > 2)
        return false;

    const bool from_zero = addr_compare(list->items[0].first, zero) == 0;
    const bool to_max = addr_compare(list->items[list->count - 1].last, max) == 0;

    if (list->count == 2 ? !from_zero || !to_max : from_zero == to_max)
        return false;
    if (from_zero)
        gap.first = addr_next(list->items[0].last);
    if (to_max)
        gap.last = addr_previous(list->items[list->count - 1].first);
    *prefix = range_first_prefix(family, &gap);
    return range_is_prefix(gap);
}

static bool named_by_exception(enum family family, const struct range_list *list, struct prefix *prefix)
{
    // One prefix that is meant reads better than the one that is not.
    return (list->count > 1 || !range_is_prefix(list->items[0])) && all_but_one(family, list, prefix);
}

// One rule a range: as a prefix where it is one, else with -m iprange.
static void match_addresses(struct expanding *expanding, const struct range_list *list,
                            struct address_matches *matches)
{
    struct prefix but;

    matches->count = list ? list->count : 1;
    matches->one = (struct address_match){0};
    matches->items = matches->count == 1
                         ? &matches->one
                         : arena_calloc(&expanding->scratch, matches->count, sizeof(*matches->items));
    if (!list)
        return;
    if (named_by_exception(expanding->family, list, &but)) {
        matches->items[0].address = (struct rule_address){but, .inverted = true};
        matches->count = 1;
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct address_match *match = &matches->items[i];

        if (!range_is_prefix(list->items[i]))
            match->range = &list->items[i];
        else
            match->address.prefix = range_first_prefix(expanding->family, &list->items[i]);
    }
}

// Ports of one side that fit one rule: none, one range in the protocol's own match, or a multiport match.
struct port_groups {
    struct port_set *items;
    size_t count;
    struct port_set one; // most rules have one
};

static size_t slots_of(const struct port_range *range)
{
    return range->first == range->last ? 1 : 2;
}

static void group_ports(struct expanding *expanding, const struct port_set *ports, struct port_groups *groups)
{
    size_t slots = MULTIPORT_SLOTS;

    groups->one = (struct port_set){0};
    groups->items = ports->count <= 1
                        ? &groups->one
                        : arena_calloc(&expanding->scratch, ports->count, sizeof(*groups->items));
    groups->count = !ports->count;
    for (size_t i = 0; i < ports->count; i++) {
        const size_t need = slots_of(&ports->items[i]);

        if (slots + need > MULTIPORT_SLOTS) {
            groups->items[groups->count++].items = &ports->items[i];
            slots = 0;
        }
        slots += need;
        groups->items[groups->count - 1].count++;
    }
}

size_t address_rules(enum family family, const struct rule *rule, enum side side)
{
    const struct range_list *list = rule_sets_of(rule)->addresses[side];
    struct prefix but;

    return !list || list->count == 1 || named_by_exception(family, list, &but) ? 1 : list->count;
}

size_t port_rules(const struct rule *rule, enum side side)
{
    const struct port_set *ports = &rule_sets_of(rule)->ports[side];
    size_t slots = MULTIPORT_SLOTS, groups = !ports->count;

    if (ports->count <= MULTIPORT_SLOTS / 2)
        return 1;

    for (size_t i = 0; i < ports->count; i++) {
        const size_t need = slots_of(&ports->items[i]);

        if (slots + need > MULTIPORT_SLOTS) {
            groups++;
            slots = 0;
        }
        slots += need;
    }
    return groups;
}

size_t expanded_count(enum family family, const struct rule *rule)
{
    size_t total = 1;

    for (int side = 0; side < 2 && rule->sets; side++)
        if (__builtin_mul_overflow(total, address_rules(family, rule, (enum side)side), &total) ||
            __builtin_mul_overflow(total, port_rules(rule, (enum side)side), &total))
            return SIZE_MAX;
    return total;
}

static bool is_of_protocol(const struct match *match)
{
    return match->kind == MATCH_TCP || match->kind == MATCH_UDP;
}

// Matches in the order in which they are quick to fail: ports and flags, ICMP, ranges of addresses, all others.
static void add_matches(struct expanding *expanding, struct rule *rule, const struct port_set *ports[2],
                        const struct address_match *addresses[2])
{
    const bool has_transport = rule->match_count && is_of_protocol(&rule->matches[0]);
    struct match transport = {.kind = rule->protocol == PROTOCOL_TCP ? MATCH_TCP : MATCH_UDP};
    const size_t room = rule->match_count + (ports[0]->count > 0) + (ports[1]->count > 0) +
                        (addresses[0]->range != NULL) + (addresses[1]->range != NULL);
    struct match *matches = arena_calloc(expanding->arena, room, sizeof(*matches));
    bool needed = has_transport;
    size_t count = 0, next = has_transport;

    if (has_transport)
        transport = rule->matches[0];
    for (int side = 0; side < 2; side++) {
        if (ports[side]->count == 1) {
            transport.transport.ports[side] = ports[side]->items[0];
            transport.transport.named[side] = true;
            needed = true;
        } else if (ports[side]->count) {
            matches[count] = (struct match){.kind = MATCH_MULTIPORT};
            matches[count].multiport.side = (enum side)side;
            matches[count].multiport.items = ports[side]->items;
            matches[count++].multiport.count = ports[side]->count;
        }
    }
    if (needed)
        matches[count++] = transport;
    while (next < rule->match_count &&
           (rule->matches[next].kind == MATCH_ICMP || rule->matches[next].kind == MATCH_ICMPV6))
        matches[count++] = rule->matches[next++];
    for (int side = 0; side < 2; side++) {
        if (!addresses[side]->range)
            continue;
        matches[count] = (struct match){.kind = MATCH_IPRANGE};
        matches[count++].iprange.ranges[side] = addresses[side]->range;
    }
    while (next < rule->match_count)
        matches[count++] = rule->matches[next++];
    rule->matches = matches;
    rule->match_count = count;
}

// `into` has room for as many rules as expanded_count() says: where that is one, it may be the rule's own place.
static void expand_rule(struct expanding *expanding, const struct rule *rule, struct rule *into)
{
    const struct rule_sets *sets = rule->sets;
    struct address_matches addresses[2];
    struct port_groups ports[2];

    arena_reset(&expanding->scratch);
    for (int side = 0; side < 2; side++) {
        match_addresses(expanding, sets->addresses[side], &addresses[side]);
        group_ports(expanding, &sets->ports[side], &ports[side]);
    }

    const size_t factors[] = {ports[SIDE_SOURCE].count, ports[SIDE_DESTINATION].count,
                              addresses[SIDE_DESTINATION].count, addresses[SIDE_SOURCE].count};
    const size_t total = factors[0] * factors[1] * factors[2] * factors[3];

    for (size_t i = 0; i < total; i++) {
        struct rule *made = &into[i];
        const struct port_set *groups[2];
        const struct address_match *matches[2];
        size_t at = i;

        groups[SIDE_SOURCE] = &ports[SIDE_SOURCE].items[at % factors[0]], at /= factors[0];
        groups[SIDE_DESTINATION] = &ports[SIDE_DESTINATION].items[at % factors[1]], at /= factors[1];
        matches[SIDE_DESTINATION] = &addresses[SIDE_DESTINATION].items[at % factors[2]], at /= factors[2];
        matches[SIDE_SOURCE] = &addresses[SIDE_SOURCE].items[at];
        if (made != rule)
            *made = *rule;
        made->sets = NULL;
        for (int side = 0; side < 2; side++)
            made->addresses[side] = matches[side]->address;
        add_matches(expanding, made, groups, matches);
    }
}

// False where the table would hold more rules than any does.
static bool expand_chain(struct expanding *expanding, struct chain *chain, size_t *room,
                         const struct rule **too_many)
{
    const struct rule *rules = chain->items;
    struct rule *into = chain->items;
    const size_t count = chain->count;
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t more = expanded_count(expanding->family, &rules[i]);

        *too_many = &rules[i];
        if (more > *room)
            return false;
        *room -= more;
        total += more;
    }
    // Most rules of a tree have sets of one range, and stay where they are.
    if (total != count || chain->borrowed)
        into = arena_calloc(expanding->arena, total, sizeof(*into));
    chain->items = into;
    chain->count = chain->capacity = total;
    chain->borrowed = false;
    for (size_t i = 0; i < count; i++) {
        const size_t more = expanded_count(expanding->family, &rules[i]);

        if (rules[i].sets)
            expand_rule(expanding, &rules[i], into);
        else if (into != &rules[i])
            *into = rules[i];
        into += more;
    }
    return true;
}

bool expand_sets(struct passing *passing, struct diag_list *diags)
{
    struct expanding expanding = {.arena = passing->arena, .family = passing->family};
    const struct rule *too_many = NULL;
    size_t room = RULESET_RULES_MAX;
    bool fine = true;

    for (size_t i = 0; i < passing->table->count && fine; i++)
        fine = expand_chain(&expanding, passing->table->items[i], &room, &too_many);
    arena_clear(&expanding.scratch);
    if (fine)
        return true;
    diag_add(diags, DIAG_TOO_LARGE, too_many->span,
             "%s: with the addresses and ports of this entry, table %s has more than %zu rules",
             family_name(passing->family), passing->table->name, RULESET_RULES_MAX);
    diag_hint(diags, "name fewer of them together");
    return false;
}
