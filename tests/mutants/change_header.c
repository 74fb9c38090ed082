// SPDX-License-Identifier: GPL-2.0-or-later
//
// The header of a rule: its addresses, ranges of them too, its interfaces, its protocol.
#include "mutants/change.h"

#include <string.h>

#include "base/protocols.h"

static struct addr plus(struct addr a, struct addr b)
{
    const struct addr sum = {a.high + b.high, a.low + b.low};

    return (struct addr){sum.high + (sum.low < a.low), sum.low};
}

// The lowest bit of a prefix.
static struct addr unit(enum family family, unsigned bits)
{
    const unsigned shift = family_bits(family) - bits;

    return shift < 64 ? (struct addr){0, (uint64_t)1 << shift}
                      : (struct addr){(uint64_t)1 << (shift - 64), 0};
}

static struct prefix cut(enum family family, struct prefix prefix)
{
    const struct addr_range range = prefix_range(family, prefix);
    struct prefix result = {range.first, prefix.bits};

    for (unsigned bit = 0; bit < family_bits(family) - prefix.bits; bit++) {
        if (bit < 64)
            result.addr.low &= ~((uint64_t)1 << bit);
        else
            result.addr.high &= ~((uint64_t)1 << (bit - 64));
    }
    return result;
}

static void change_prefix(struct change *change, int side)
{
    const enum family family = change->ruleset->family;
    struct rule_address *address = &change_rule(change)->addresses[side],
                        *other = &change_rule(change)->addresses[!side];
    const unsigned bits = address->prefix.bits;
    const struct addr one = unit(family, bits), range_last = prefix_range(family, address->prefix).last;
    const bool last = addr_compare(range_last, addr_max(family)) == 0;

    if (!last && change_chosen(change))
        address->prefix.addr = plus(address->prefix.addr, one);
    else if ((address->prefix.addr.high || address->prefix.addr.low) && change_chosen(change))
        address->prefix = cut(family, (struct prefix){addr_previous(address->prefix.addr), (uint8_t)bits});
    else if (bits > 1 && change_chosen(change))
        address->prefix = cut(family, (struct prefix){address->prefix.addr, (uint8_t)(bits - 1)});
    else if (bits < family_bits(family) && change_chosen(change))
        address->prefix.bits++;
    else if (change_chosen(change)) {
        const struct rule_address old = *address;

        *address = *other;
        *other = old;
    } else if (change_chosen(change))
        *address = (struct rule_address){0};
}

static struct addr_range *edit_range(struct change *change, size_t index, int side)
{
    struct match *match = change_edit(change, index);
    struct addr_range *range = arena_alloc(change->arena, sizeof(*range));

    *range = *match->iprange.ranges[side];
    match->iprange.ranges[side] = range;
    return range;
}

static void change_iprange(struct change *change, size_t index, int side)
{
    const struct match *match = &change_rule(change)->matches[index];
    const struct addr_range *range = match->iprange.ranges[side];
    const struct addr one = {0, 1};

    if ((range->first.high || range->first.low) && change_chosen(change))
        edit_range(change, index, side)->first = addr_previous(range->first);
    else if (addr_compare(range->first, range->last) < 0 && change_chosen(change))
        edit_range(change, index, side)->first = plus(range->first, one);
    else if (addr_compare(range->first, range->last) < 0 && change_chosen(change))
        edit_range(change, index, side)->last = addr_previous(range->last);
    else if (addr_compare(range->last, addr_max(change->ruleset->family)) < 0 && change_chosen(change))
        edit_range(change, index, side)->last = plus(range->last, one);
    else if (!match->iprange.ranges[!side] && change_chosen(change)) {
        struct match *edited = change_edit(change, index);

        edited->iprange.ranges[side] = NULL;
        edited->iprange.ranges[!side] = range;
        edited->iprange.inverted[!side] = match->iprange.inverted[side];
    }
}

void change_address(struct change *change)
{
    for (int side = 0; side < 2; side++)
        if (change_rule(change)->addresses[side].prefix.bits)
            change_prefix(change, side);
    for (size_t i = 0; i < change_rule(change)->match_count; i++)
        for (int side = 0; side < 2; side++)
            if (change_rule(change)->matches[i].kind == MATCH_IPRANGE &&
                change_rule(change)->matches[i].iprange.ranges[side])
                change_iprange(change, i, side);
}

static void change_one_interface(struct change *change, const char **name, bool *inverted, const char **other,
                                 bool *other_inverted)
{
    if (!*name)
        return;
    if (strcmp(*name, "lo") != 0 && change_chosen(change))
        *name = "lo";
    else if (change_chosen(change))
        *name = arena_printf(change->arena, "%.13s9", *name);
    else if (change_chosen(change))
        *name = arena_printf(change->arena, "%.*s+", (int)strlen(*name) - 1, *name);
    else if (!*other && change_chosen(change)) {
        *other = *name;
        *other_inverted = *inverted;
        *name = NULL;
        *inverted = false;
    } else if (change_chosen(change)) {
        *name = NULL;
        *inverted = false;
    }
}

void change_interface(struct change *change)
{
    struct rule *rule = change_rule(change);
    const bool in = rule->in, out = rule->out;

    if (in)
        change_one_interface(change, &rule->in, &rule->in_inverted, &rule->out, &rule->out_inverted);
    if (out)
        change_one_interface(change, &rule->out, &rule->out_inverted, &rule->in, &rule->in_inverted);
}

static void set_protocol(struct change *change, uint8_t protocol)
{
    struct rule *rule = change_rule(change);

    rule->protocol = protocol;
    for (size_t i = 0; i < rule->match_count; i++) {
        if (rule->matches[i].kind != MATCH_TCP && rule->matches[i].kind != MATCH_UDP)
            continue;

        struct match *match = change_edit(change, i);

        match->kind = protocol == PROTOCOL_TCP ? MATCH_TCP : MATCH_UDP;
        match->transport.flags_mask = 0;
    }
}

void change_protocol(struct change *change)
{
    struct rule *rule = change_rule(change);
    const uint8_t protocol = rule->protocol;

    if (protocol == PROTOCOL_TCP && change_chosen(change))
        set_protocol(change, PROTOCOL_UDP);
    else if (protocol == PROTOCOL_UDP && change_chosen(change))
        set_protocol(change, PROTOCOL_TCP);
    else if (protocol && change_chosen(change))
        rule->protocol = (uint8_t)(protocol + 1);
    else if (protocol && change_chosen(change))
        rule->protocol = 0;
    else if (!protocol && change_chosen(change))
        rule->protocol = PROTOCOL_UDP;
}
