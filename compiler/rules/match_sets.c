// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of the kernel: a rule says their name, and a text of its own what is in them.
#include "ipset/ipset.h"
#include "rules/matches.h"

// `src,dst`: one side for each part of a member. Those beyond have no meaning. False where they are too few: such a rule
// matches nothing (net/netfilter/ipset/ip_set_core.c, ip_set_test).
static bool read_sides(struct slice list, size_t parts, enum side sides[2], bool *known)
{
    struct slice word;
    size_t count = 0;

    *known = true;
    for (; slice_item(&list, ',', &word); count++) {
        const bool source = slice_is(word, "src");

        *known = *known && (source || slice_is(word, "dst"));
        if (count < parts)
            sides[count] = source ? SIDE_SOURCE : SIDE_DESTINATION;
    }
    return count >= parts;
}

enum reading match_read_set(struct parts *parts, const struct option *option, struct match *match)
{
    const struct ipset *set;
    const struct ipset_type *type;
    bool enough, known;

    if (!option_is(option, "match-set") && !option_is(option, "set"))
        return READ_OPAQUE;
    if (match->set.set)
        return match_refuse(parts, option, "a second set needs a second -m set");
    if (!parts->sets)
        return READ_OPAQUE;
    set = ipset_find(parts->sets, option->values[0]);
    if (!set && parts->sets->partial)
        return READ_OPAQUE;
    if (!set)
        return match_refuse(parts, option, "no set of that name is among those given");
    match->set.set = set;
    match->set.inverted = option->inverted;
    if (set->kind == IPSET_OTHER)
        return READ_OPAQUE;
    type = &ipset_types[set->kind];
    if (type->addresses && set->family != parts->family)
        return match_refuse(parts, option,
                            parts->family == FAMILY_IPV4 ? "the set holds addresses of IPv6"
                                                         : "the set holds addresses of IPv4");
    enough = read_sides(option->values[1], (size_t)type->addresses + type->ports, match->set.sides, &known);
    if (!known)
        return match_refuse(parts, option, "the sides of a set are src and dst");
    return enough ? READ_FINE : READ_OPAQUE;
}
