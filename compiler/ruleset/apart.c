// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules of which it is plain that no packet passes both.
#include <string.h>

#include "ruleset/ruleset.h"

#define RANGES_MAX 1000 // of a set: larger ones are taken to meet every other

static bool exact_interface(const char *name, bool inverted)
{
    return name && !inverted && !strchr(name, '+');
}

static bool interfaces_apart(const char *a, bool a_inverted, const char *b, bool b_inverted)
{
    return exact_interface(a, a_inverted) && exact_interface(b, b_inverted) && strcmp(a, b) != 0;
}

// What a rule asks of one side's addresses; false: nothing that is told here. `one` is for what is no list yet.
static bool addresses_of(enum family family, const struct rule *rule, enum side side, struct addr_range *one,
                         struct range_list *list)
{
    const struct rule_address *address = &rule->addresses[side];

    *list = (struct range_list){one, 1, 1};
    if (rule_sets_of(rule)->addresses[side]) {
        *list = *rule_sets_of(rule)->addresses[side];
        return list->count <= RANGES_MAX;
    }
    if (address->prefix.bits && !address->inverted) {
        *one = prefix_range(family, address->prefix);
        return true;
    }
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_IPRANGE && rule->matches[i].iprange.ranges[side] &&
            !rule->matches[i].iprange.inverted[side]) {
            *one = *rule->matches[i].iprange.ranges[side];
            return true;
        }
    return false;
}

struct port_list {
    const struct port_range *items;
    size_t count;
};

// The same for ports.
static bool ports_of(const struct rule *rule, enum side side, struct port_list *list)
{
    const struct port_set *set = &rule_sets_of(rule)->ports[side];

    *list = (struct port_list){set->items, set->count};
    if (set->count)
        return set->count <= RANGES_MAX;
    for (size_t i = 0; i < rule->match_count; i++) {
        const struct match *match = &rule->matches[i];

        if ((match->kind == MATCH_TCP || match->kind == MATCH_UDP) && match->transport.named[side] &&
            !match->transport.inverted[side]) {
            *list = (struct port_list){&match->transport.ports[side], 1};
            return true;
        }
        if (match->kind == MATCH_MULTIPORT && match->multiport.side == side && !match->multiport.inverted) {
            *list = (struct port_list){match->multiport.items, match->multiport.count};
            return true;
        }
    }
    return false;
}

static bool ports_apart(const struct port_list *a, const struct port_list *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (a->items[i].first <= b->items[j].last && b->items[j].first <= a->items[i].last)
                return false;
    return true;
}

static bool sides_apart(enum family family, const struct rule *a, const struct rule *b, enum side side)
{
    struct addr_range ranges[2];
    struct range_list lists[2];
    struct port_list ports[2];

    return (addresses_of(family, a, side, &ranges[0], &lists[0]) &&
            addresses_of(family, b, side, &ranges[1], &lists[1]) &&
            !range_list_overlap(&lists[0], &lists[1])) ||
           (ports_of(a, side, &ports[0]) && ports_of(b, side, &ports[1]) &&
            ports_apart(&ports[0], &ports[1]));
}

static unsigned states_of(const struct rule *rule)
{
    unsigned states = ~0U;

    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_CONNTRACK && !rule->matches[i].state.inverted)
            states &= rule->matches[i].state.states;
    return states;
}

static bool protocols_apart(const struct rule *a, const struct rule *b)
{
    if (!a->protocol || !b->protocol || (a->protocol_inverted && b->protocol_inverted))
        return false;
    return (a->protocol == b->protocol) == (a->protocol_inverted || b->protocol_inverted);
}

static bool is_icmp(const struct match *match)
{
    return (match->kind == MATCH_ICMP || match->kind == MATCH_ICMPV6) && !match->icmp.any &&
           !match->icmp.inverted;
}

// Whether two matches ask for what no packet is both of: types of ICMP, and openings of TCP and what is none.
static bool matches_apart(const struct match *a, const struct match *b)
{
    if (is_icmp(a) && is_icmp(b))
        return a->icmp.type != b->icmp.type || a->icmp.code_first > b->icmp.code_last ||
               b->icmp.code_first > a->icmp.code_last;
    return a->kind == MATCH_TCP && b->kind == MATCH_TCP && a->transport.flags_mask &&
           a->transport.flags_mask == b->transport.flags_mask && a->transport.flags == b->transport.flags &&
           a->transport.flags_inverted != b->transport.flags_inverted;
}

static bool any_matches_apart(const struct rule *a, const struct rule *b)
{
    for (size_t i = 0; i < a->match_count; i++)
        for (size_t j = 0; j < b->match_count; j++)
            if (matches_apart(&a->matches[i], &b->matches[j]))
                return true;
    return false;
}

bool rules_apart(enum family family, const struct rule *a, const struct rule *b)
{
    return protocols_apart(a, b) || any_matches_apart(a, b) ||
           interfaces_apart(a->in, a->in_inverted, b->in, b->in_inverted) ||
           interfaces_apart(a->out, a->out_inverted, b->out, b->out_inverted) ||
           sides_apart(family, a, b, SIDE_SOURCE) || sides_apart(family, a, b, SIDE_DESTINATION) ||
           !(states_of(a) & states_of(b));
}
