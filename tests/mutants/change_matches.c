// SPDX-License-Identifier: GPL-2.0-or-later
//
// The matches of a rule, and the `!` of all its parts.
#include "mutants/change.h"

#include <string.h>

static bool is_transport(const struct match *match)
{
    return match->kind == MATCH_TCP || match->kind == MATCH_UDP || match->kind == MATCH_SCTP ||
           match->kind == MATCH_DCCP || match->kind == MATCH_UDPLITE;
}

// The ends of a range by one, and where it is one port, the whole of it.
static bool change_range(struct change *change, struct port_range range, struct port_range *changed)
{
    *changed = range;
    if (range.first > 0 && change_chosen(change))
        changed->first--;
    else if (range.last < UINT16_MAX && change_chosen(change))
        changed->last++;
    else if (range.first < range.last && change_chosen(change))
        changed->first++;
    else if (range.first < range.last && change_chosen(change))
        changed->last--;
    else if (range.first == range.last && range.last < UINT16_MAX && change_chosen(change))
        *changed = (struct port_range){(uint16_t)(range.first + 1), (uint16_t)(range.last + 1)};
    else if (range.first == range.last && range.first > 1 && change_chosen(change))
        *changed = (struct port_range){(uint16_t)(range.first - 1), (uint16_t)(range.last - 1)};
    else
        return false;
    return true;
}

static void change_transport_ports(struct change *change, size_t index, int side)
{
    const struct match *match = &change_rule(change)->matches[index];
    struct port_range changed;

    if (change_range(change, match->transport.ports[side], &changed)) {
        change_edit(change, index)->transport.ports[side] = changed;
    } else if (change_chosen(change)) { // to the other side, and what stands there to this one
        struct match *edited = change_edit(change, index);

        for (int at = 0; at < 2; at++) {
            edited->transport.named[at] = match->transport.named[!at];
            edited->transport.ports[at] = match->transport.ports[!at];
            edited->transport.inverted[at] = match->transport.inverted[!at];
        }
    } else if (change_chosen(change)) {
        change_edit(change, index)->transport.named[side] = false;
    }
}

static void change_multiport(struct change *change, size_t index)
{
    const struct match match = change_rule(change)->matches[index];
    struct port_range changed;

    for (size_t i = 0; i < match.multiport.count; i++) {
        struct port_range *items;
        const bool edited = change_range(change, match.multiport.items[i], &changed);

        if (!edited && !(match.multiport.count > 1 && change_chosen(change)))
            continue;
        items = arena_calloc(change->arena, match.multiport.count, sizeof(*items));
        memcpy(items, match.multiport.items, match.multiport.count * sizeof(*items));
        items[i] = edited ? changed : items[match.multiport.count - 1];
        change_edit(change, index)->multiport.items = items;
        change_edit(change, index)->multiport.count -= !edited;
        return;
    }
    for (enum side side = SIDE_SOURCE; side <= SIDE_EITHER; side++)
        if (side != match.multiport.side && change_chosen(change)) {
            change_edit(change, index)->multiport.side = side;
            return;
        }
}

void change_port(struct change *change)
{
    for (size_t i = 0; i < change_rule(change)->match_count; i++) {
        const struct match match = change_rule(change)->matches[i];

        for (int side = 0; side < 2; side++)
            if (is_transport(&match) && match.transport.named[side])
                change_transport_ports(change, i, side);
        if (match.kind == MATCH_MULTIPORT)
            change_multiport(change, i);
    }
}

void change_flags(struct change *change)
{
    for (size_t i = 0; i < change_rule(change)->match_count; i++) {
        const struct match match = change_rule(change)->matches[i];

        if (match.kind != MATCH_TCP || !match.transport.flags_mask)
            continue;
        for (unsigned bit = 1; bit < 64; bit *= 2)
            if (match.transport.flags_mask != bit && change_chosen(change)) {
                change_edit(change, i)->transport.flags_mask ^= (uint8_t)bit;
                change_edit(change, i)->transport.flags &=
                    change_rule(change)->matches[i].transport.flags_mask;
            } else if (change_chosen(change)) {
                change_edit(change, i)->transport.flags ^= (uint8_t)bit;
            }
        if (change_chosen(change))
            change_edit(change, i)->transport.flags_inverted ^= true;
        if (change_chosen(change))
            change_edit(change, i)->transport.flags_mask = 0;
    }
}

void change_icmp(struct change *change)
{
    for (size_t i = 0; i < change_rule(change)->match_count; i++) {
        const struct match match = change_rule(change)->matches[i];

        if ((match.kind != MATCH_ICMP && match.kind != MATCH_ICMPV6) || match.icmp.any)
            continue;
        if (match.icmp.type < UINT8_MAX && change_chosen(change))
            change_edit(change, i)->icmp.type++;
        if (match.icmp.type > 0 && change_chosen(change))
            change_edit(change, i)->icmp.type--;
        if (match.icmp.code_first != match.icmp.code_last && change_chosen(change))
            change_edit(change, i)->icmp.code_last = match.icmp.code_first;
        if (match.icmp.code_first == match.icmp.code_last && change_chosen(change)) {
            change_edit(change, i)->icmp.code_first = 0;
            change_edit(change, i)->icmp.code_last = UINT8_MAX;
        }
    }
}

void change_addrtype(struct change *change)
{
    for (size_t i = 0; i < change_rule(change)->match_count; i++)
        for (unsigned bit = 1; change_rule(change)->matches[i].kind == MATCH_ADDRTYPE && bit < 8; bit *= 2)
            if (change_rule(change)->matches[i].addrtype.types != bit && change_chosen(change)) {
                change_edit(change, i)->addrtype.types ^= bit;
                return;
            }
}

void change_state(struct change *change)
{
    for (size_t i = 0; i < change_rule(change)->match_count; i++) {
        const enum match_kind kind = change_rule(change)->matches[i].kind;

        for (unsigned bit = 1; (kind == MATCH_CONNTRACK || kind == MATCH_STATE) && bit < 32; bit *= 2)
            if (change_rule(change)->matches[i].state.states != bit && change_chosen(change)) {
                change_edit(change, i)->state.states ^= bit;
                return;
            }
    }
}

void change_helper(struct change *change)
{
    struct target *target = &change_rule(change)->target;

    for (size_t i = 0; i < change_rule(change)->match_count; i++)
        if (change_rule(change)->matches[i].kind == MATCH_HELPER && change_chosen(change))
            change_edit(change, i)->helper.name = "sip";
        else if (change_rule(change)->matches[i].kind == MATCH_HELPER && change_chosen(change))
            change_edit(change, i)->helper.name = "";
    if (target->kind == TARGET_HELPER && change_chosen(change))
        *target = (struct target){TARGET_NOTRACK, NULL};
    if (target->kind == TARGET_HELPER && change_chosen(change))
        target->text = strcmp(target->text, "tftp") ? "tftp" : "irc";
    if (target->kind == TARGET_HELPER && change_chosen(change))
        target->kind = TARGET_NONE;
}

// The reader keeps the options as they were written. What stands behind one of them is put in place of its value; where
// the option is missing it is added.
static void set_option(struct change *change, size_t index, const char *option, const char *value)
{
    struct match *match = change_edit(change, index);
    const char *found = strstr(match->hashlimit.text, option);
    const char *old = found ? found + strlen(option) + 1 : NULL;

    match->hashlimit.text =
        found ? arena_printf(change->arena, "%.*s%s%s", (int)(old - match->hashlimit.text),
                             match->hashlimit.text, value, old + strcspn(old, " "))
              : arena_printf(change->arena, "%s %s %s", match->hashlimit.text, option, value);
}

void change_limit(struct change *change)
{
    static const char *const settings[][2] = {
        {"--hashlimit-name", "other"},        {"--hashlimit-upto", "100000/day"},
        {"--hashlimit-upto", "7/min"},        {"--hashlimit-burst", "77"},
        {"--hashlimit-mode", "srcip,dstip"},  {"--hashlimit-mode", "dstip"},
        {"--hashlimit-srcmask", "23"},        {"--hashlimit-htable-max", "1000"},
        {"--hashlimit-htable-size", "100"},   {"--hashlimit-htable-expire", "777777"},
        {"--hashlimit-htable-expire", "500"}, {"--hashlimit-htable-gcinterval", "1"},
    };

    for (size_t i = 0; i < change_rule(change)->match_count; i++) {
        const struct match match = change_rule(change)->matches[i];

        for (size_t j = 0; match.kind == MATCH_HASHLIMIT_TEXT && j < sizeof(settings) / sizeof(*settings);
             j++)
            if (change_chosen(change))
                set_option(change, i, settings[j][0], settings[j][1]);
        // The other way round, and the same said in another way.
        if (match.kind == MATCH_HASHLIMIT_TEXT && strstr(match.hashlimit.text, "--hashlimit-upto") &&
            change_chosen(change))
            change_edit(change, i)->hashlimit.text =
                arena_printf(change->arena, "--hashlimit-above%s", strchr(match.hashlimit.text, ' '));
        if (match.kind == MATCH_HASHLIMIT_TEXT && !strstr(match.hashlimit.text, "gcinterval") &&
            change_chosen(change))
            set_option(change, i, "--hashlimit-htable-gcinterval", "1000");
    }
}

void change_other(struct change *change)
{
    for (size_t i = 0; i < change_rule(change)->match_count; i++) {
        const struct match match = change_rule(change)->matches[i];
        const bool hops = match.kind == MATCH_HOPLIMIT || match.kind == MATCH_TTL;

        if (hops && match.hoplimit.value > 0 && change_chosen(change))
            change_edit(change, i)->hoplimit.value--;
        if (hops && change_chosen(change))
            change_edit(change, i)->hoplimit.comparison =
                match.hoplimit.comparison == COMPARE_LESS ? COMPARE_GREATER : COMPARE_LESS;
        if (match.kind == MATCH_SOCKET && change_chosen(change))
            change_edit(change, i)->nowildcard ^= true;
        if (match.kind == MATCH_FRAGMENT && change_chosen(change))
            change_edit(change, i)->fragment_first ^= true;
    }
}

static void negate_match(struct change *change, size_t i)
{
    const struct match match = change_rule(change)->matches[i];

    for (int side = 0; side < 2; side++) {
        if (is_transport(&match) && match.transport.named[side] && change_chosen(change))
            change_edit(change, i)->transport.inverted[side] ^= true;
        if (match.kind == MATCH_IPRANGE && match.iprange.ranges[side] && change_chosen(change))
            change_edit(change, i)->iprange.inverted[side] ^= true;
    }
    if (match.kind == MATCH_MULTIPORT && change_chosen(change))
        change_edit(change, i)->multiport.inverted ^= true;
    if ((match.kind == MATCH_ICMP || match.kind == MATCH_ICMPV6) && change_chosen(change))
        change_edit(change, i)->icmp.inverted ^= true;
    if (match.kind == MATCH_ADDRTYPE && change_chosen(change))
        change_edit(change, i)->addrtype.inverted ^= true;
    if ((match.kind == MATCH_CONNTRACK || match.kind == MATCH_STATE) && change_chosen(change))
        change_edit(change, i)->state.inverted ^= true;
    if (match.kind == MATCH_HELPER && change_chosen(change))
        change_edit(change, i)->helper.inverted ^= true;
    if (match.kind == MATCH_HOPLIMIT && change_chosen(change))
        change_edit(change, i)->hoplimit.inverted ^= true;
}

void change_negation(struct change *change)
{
    struct rule *rule = change_rule(change);

    for (int side = 0; side < 2; side++)
        if (rule->addresses[side].prefix.bits && change_chosen(change))
            rule->addresses[side].inverted ^= true;
    if (rule->in && change_chosen(change))
        rule->in_inverted ^= true;
    if (rule->out && change_chosen(change))
        rule->out_inverted ^= true;
    if (rule->protocol && change_chosen(change))
        rule->protocol_inverted ^= true;
    for (size_t i = 0; i < rule->match_count; i++)
        negate_match(change, i);
}

void change_match(struct change *change)
{
    struct rule *rule = change_rule(change);
    const size_t count = rule->match_count;

    for (size_t i = 0; i < count; i++)
        if (rule->matches[i].kind != MATCH_COMMENT && change_chosen(change)) {
            struct match *gone = change_edit(change, i);

            memmove(gone, gone + 1, (count - i - 1) * sizeof(*gone));
            rule->match_count--;
            return;
        }
}
