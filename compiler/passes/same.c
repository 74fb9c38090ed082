// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which rules ask the same and do the same, and which of them depend on the packet alone.
#include <string.h>

#include "passes/pass.h"

#define RANGES_MAX 1000 // of a rule's sets that are not large

static bool texts_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool port_sets_same(const struct port_set *a, const struct port_set *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count && a->items != b->items; i++)
        if (a->items[i].first != b->items[i].first || a->items[i].last != b->items[i].last)
            return false;
    return true;
}

bool range_lists_same(const struct range_list *a, const struct range_list *b)
{
    if (!a || !b || a->count != b->count)
        return a == b;
    for (size_t i = 0; i < a->count && a->items != b->items; i++)
        if (addr_compare(a->items[i].first, b->items[i].first) != 0 ||
            addr_compare(a->items[i].last, b->items[i].last) != 0)
            return false;
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15;
    return hash ^ hash >> 29;
}

uint64_t range_list_hash(const struct range_list *list)
{
    uint64_t hash = list ? list->count : UINT64_MAX;

    for (size_t i = 0; list && i < list->count; i++) {
        hash = mix(mix(hash, list->items[i].first.high), list->items[i].first.low);
        hash = mix(mix(hash, list->items[i].last.high), list->items[i].last.low);
    }
    return hash;
}

uint64_t port_set_hash(const struct port_set *set)
{
    uint64_t hash = set->count;

    for (size_t i = 0; i < set->count; i++)
        hash = mix(hash, (uint64_t)set->items[i].first << 16 | set->items[i].last);
    return hash;
}

static bool port_ranges_same(const struct match *a, const struct match *b)
{
    for (int side = 0; side < 2; side++)
        if (a->transport.named[side] != b->transport.named[side] ||
            a->transport.inverted[side] != b->transport.inverted[side] ||
            a->transport.ports[side].first != b->transport.ports[side].first ||
            a->transport.ports[side].last != b->transport.ports[side].last)
            return false;
    return true;
}

// Of the kinds that the lowering writes and that rule_is_pure() lets pass; of others two are never the same.
static bool matches_same(const struct match *a, const struct match *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case MATCH_TCP:
    case MATCH_UDP:
        return port_ranges_same(a, b) && a->transport.flags_mask == b->transport.flags_mask &&
               a->transport.flags == b->transport.flags &&
               a->transport.flags_inverted == b->transport.flags_inverted;
    case MATCH_ICMP:
    case MATCH_ICMPV6:
        return a->icmp.type == b->icmp.type && a->icmp.code_first == b->icmp.code_first &&
               a->icmp.code_last == b->icmp.code_last && a->icmp.any == b->icmp.any &&
               a->icmp.inverted == b->icmp.inverted;
    case MATCH_ADDRTYPE:
        return a->addrtype.types == b->addrtype.types && a->addrtype.inverted == b->addrtype.inverted;
    case MATCH_CONNTRACK:
        return a->state.states == b->state.states && a->state.inverted == b->state.inverted;
    case MATCH_HELPER:
        return texts_same(a->helper.name, b->helper.name) && a->helper.inverted == b->helper.inverted;
    case MATCH_SOCKET:
        return a->nowildcard == b->nowildcard;
    case MATCH_HOPLIMIT:
        return a->hoplimit.comparison == b->hoplimit.comparison && a->hoplimit.value == b->hoplimit.value &&
               a->hoplimit.inverted == b->hoplimit.inverted;
    case MATCH_FRAGMENT:
        return a->fragment_first == b->fragment_first;
    case MATCH_SET:
        return a->set.set == b->set.set && a->set.sides[0] == b->set.sides[0] &&
               a->set.sides[1] == b->set.sides[1] && a->set.inverted == b->set.inverted;
    case MATCH_COMMENT:
        return texts_same(a->comment, b->comment);
    default:
        return false;
    }
}

bool match_is_pure(const struct match *match)
{
    switch (match->kind) {
    case MATCH_TCP:
    case MATCH_UDP:
    case MATCH_ICMP:
    case MATCH_ICMPV6:
    case MATCH_ADDRTYPE:
    case MATCH_CONNTRACK:
    case MATCH_HELPER:
    case MATCH_SOCKET:
    case MATCH_HOPLIMIT:
    case MATCH_FRAGMENT:
    case MATCH_SET:
    case MATCH_COMMENT:
        return true;
    default:
        return false;
    }
}

bool rule_is_large(const struct rule *rule)
{
    const struct rule_sets *sets = rule_sets_of(rule);
    size_t ranges = sets->ports[SIDE_SOURCE].count + sets->ports[SIDE_DESTINATION].count;

    for (int side = 0; side < 2; side++)
        ranges += sets->addresses[side] ? sets->addresses[side]->count : 0;
    return ranges > RANGES_MAX;
}

bool rule_is_verbatim(const struct rule *rule)
{
    return rule->verbatim || (rule->section && strcmp(rule->section, "verbatim") == 0);
}

bool rule_is_pure(const struct rule *rule)
{
    if (rule_is_verbatim(rule))
        return false;
    for (size_t i = 0; i < rule->match_count; i++)
        if (!match_is_pure(&rule->matches[i]))
            return false;
    return true;
}

bool target_is_final(const struct target *target)
{
    return target->kind == TARGET_ACCEPT || target->kind == TARGET_DROP || target->kind == TARGET_REJECT;
}

bool has_no_order(const struct rule *rule)
{
    // Of NOTRACK and helpers the first one decides, and another one is the same.
    return rule_is_pure(rule) && (target_is_final(&rule->target) || rule->target.kind == TARGET_NOTRACK ||
                                  rule->target.kind == TARGET_HELPER);
}

bool rules_commute(enum family family, const struct rule *a, const struct rule *b)
{
    if (rule_is_verbatim(a) || rule_is_verbatim(b))
        return false;
    return (has_no_order(a) && has_no_order(b) && targets_same(&a->target, &b->target)) ||
           rules_apart(family, a, b);
}

bool targets_same(const struct target *a, const struct target *b)
{
    return a->kind == b->kind && texts_same(a->text, b->text);
}

bool rules_same_but_sets(const struct rule *a, const struct rule *b)
{
    if (!texts_same(a->in, b->in) || !texts_same(a->out, b->out) || a->in_inverted != b->in_inverted ||
        a->out_inverted != b->out_inverted || a->protocol != b->protocol ||
        a->protocol_inverted != b->protocol_inverted || a->later_fragments != b->later_fragments ||
        a->later_fragments_inverted != b->later_fragments_inverted || a->match_count != b->match_count ||
        !targets_same(&a->target, &b->target))
        return false;
    for (int side = 0; side < 2; side++)
        if (a->addresses[side].prefix.bits || b->addresses[side].prefix.bits || a->addresses[side].inverted ||
            b->addresses[side].inverted)
            return false;
    for (size_t i = 0; i < a->match_count && a->matches != b->matches; i++)
        if (!matches_same(&a->matches[i], &b->matches[i]))
            return false;
    return true;
}

bool rule_sets_same(const struct rule *a, const struct rule *b)
{
    const struct rule_sets *left = rule_sets_of(a), *right = rule_sets_of(b);

    for (int side = 0; side < 2; side++)
        if (!range_lists_same(left->addresses[side], right->addresses[side]) ||
            !port_sets_same(&left->ports[side], &right->ports[side]))
            return false;
    return true;
}

static uint64_t text_hash(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = mix(hash, (unsigned char)*text);
    return hash;
}

uint64_t rule_hash(const struct rule *rule)
{
    uint64_t hash = mix(rule->protocol, rule->match_count);

    hash = text_hash(text_hash(hash, rule->in), rule->out);
    for (size_t i = 0; i < rule->match_count; i++) {
        hash = mix(hash, rule->matches[i].kind);
        if (rule->matches[i].kind == MATCH_COMMENT)
            hash = text_hash(hash, rule->matches[i].comment);
        if (rule->matches[i].kind == MATCH_ICMP || rule->matches[i].kind == MATCH_ICMPV6)
            hash = mix(hash, rule->matches[i].icmp.type);
    }
    return hash;
}
