// SPDX-License-Identifier: GPL-2.0-or-later
//
// Limits that hit those they are to protect. A budget for everyone is used up by whoever sends the most; a table of
// senders can be filled, and then the kernel drops who is new; a limit that does not ask for SYN counts live connections.
#include <string.h>

#include "analysis/trace.h"
#include "base/vec.h"
#include "findings/inspection.h"

#define LIMITS_MAX 64 // looked at
#define SSH        22
#define GENEROUS   100 // openings a second

// The rule whose match is the unknown.
static struct rule_place rule_of_limit(struct inspection *inspection, size_t unknown)
{
    const struct table *filter = ruleset_find_table(inspection->rules, "filter");

    for (size_t i = 0; filter && i < filter->count; i++)
        for (size_t j = 0; j < filter->items[i]->count; j++) {
            const struct rule *rule = &filter->items[i]->items[j];

            if (rule->target.kind == TARGET_LOG || rule->target.kind == TARGET_NONE)
                continue;
            for (size_t k = 0; k < rule->match_count; k++)
                if ((rule->matches[k].kind == MATCH_LIMIT || rule->matches[k].kind == MATCH_HASHLIMIT ||
                     rule->matches[k].kind == MATCH_HASHLIMIT_TEXT) &&
                    packet_space_match(&inspection->space, &rule->matches[k]) == unknown)
                    return (struct rule_place){filter, filter->items[i], j};
        }
    return (struct rule_place){0};
}

// More than a server's users open in a second: against floods, and nobody is kept out by less than one.
static bool is_generous(const struct rule_place *place)
{
    const struct rule *rule = place_rule(place);

    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_LIMIT &&
            rule->matches[i].limit.events / rule->matches[i].limit.period >= GENEROUS)
            return true;
    return false;
}

// TCP packets of one kind, that input accepts while a limit has room and refuses otherwise.
static diagram at_the_mercy(struct inspection *inspection, size_t unknown, diagram packets,
                            unsigned without_room)
{
    struct packet_space *space = &inspection->space;
    const enum field field = (enum field)(FIELD_COUNT + unknown);
    const diagram outcomes = hook_outcomes(space, &inspection->meaning, HOOK_INPUT, packets);
    const diagram accepted = settled_but(inspection, accepted_set(space, outcomes), unknown);
    const diagram refused = settled_but(inspection, refused_set(space, outcomes), unknown);

    return set_and(space, where(inspection, accepted, field, LIMIT_WITHIN),
                   where(inspection, refused, field, without_room));
}

static diagram of_protocol(struct inspection *inspection, uint64_t protocol)
{
    struct packet_space *space = &inspection->space;
    diagram packets = set_and(space, inspection->meaning.domains[HOOK_INPUT],
                              of_value(inspection, FIELD_PROTOCOL, protocol));

    packets = set_minus(space, packets, of_value(inspection, FIELD_IN, packet_space_interface(space, "lo")));
    packets = set_and(space, packets, of_value(inspection, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL));
    packets = set_and(space, packets, of_value(inspection, FIELD_HELPER, 0));
    return set_and(space, packets, of_value(inspection, FIELD_FRAGMENT, FRAGMENT_NONE));
}

static diagram tcp_with_flags(struct inspection *inspection, uint64_t state, uint64_t flags)
{
    struct packet_space *space = &inspection->space;

    return set_and(
        space, of_protocol(inspection, PROTOCOL_TCP),
        set_and(space, of_value(inspection, FIELD_STATE, state), of_value(inspection, FIELD_FLAGS, flags)));
}

// Whether anyone at all is accepted with such packets whatever becomes of the limit: those that are named ahead of it.
static bool lets_some_in(struct inspection *inspection, size_t unknown, diagram packets,
                         unsigned without_room)
{
    struct packet_space *space = &inspection->space;
    const diagram accepted =
        accepted_set(space, hook_outcomes(space, &inspection->meaning, HOOK_INPUT, packets));

    return where(inspection, settled_but(inspection, accepted, unknown), (enum field)(FIELD_COUNT + unknown),
                 without_room) != set_none(space);
}

static void find_lockout(struct inspection *inspection, size_t unknown)
{
    const bool table = inspection->space.unknowns.items[unknown].kind == UNKNOWN_HASHLIMIT;
    const diagram opening =
        set_and(&inspection->space, tcp_with_flags(inspection, PACKET_STATE_NEW, TCP_SYN),
                set_and(&inspection->space, of_value(inspection, FIELD_DESTINATION_PORT, SSH),
                        of_value(inspection, FIELD_SOURCE_PORT, CLIENT_PORT)));
    const unsigned without_room = table ? LIMIT_FULL : LIMIT_OVER;
    const struct rule_place place = rule_of_limit(inspection, unknown);

    if (!place.chain || (!table && is_generous(&place)) ||
        !from_anyone(inspection, at_the_mercy(inspection, unknown, opening, without_room)) ||
        lets_some_in(inspection, unknown, opening, without_room))
        return;
    if (!report_at(
            inspection, DIAG_LIMIT_LOCKOUT, SEVERITY_NOTE, &place,
            table ? "strangers can fill the table of this limit, and ssh is then dropped for everyone new"
                  : "strangers can use up this limit, and ssh is then refused to everyone"))
        return;
    diag_hint(inspection->diags,
              inspection->policy
                  ? "accept the administrator's addresses without a limit, in an entry ahead of it"
                  : "accept the administrator's addresses ahead of it");
}

// Nothing tells a forged sender of UDP from a real one, and each takes an entry of the table.
static void find_forged(struct inspection *inspection, size_t unknown)
{
    struct packet_space *space = &inspection->space;
    const struct rule_place place = rule_of_limit(inspection, unknown);
    const diagram asked = set_and(space, of_protocol(inspection, PROTOCOL_UDP),
                                  set_and(space, of_value(inspection, FIELD_STATE, PACKET_STATE_NEW),
                                          of_value(inspection, FIELD_SOURCE_PORT, CLIENT_PORT)));

    if (!place.chain || space->unknowns.items[unknown].kind != UNKNOWN_HASHLIMIT ||
        !from_anyone(inspection, at_the_mercy(inspection, unknown, asked, LIMIT_FULL)) ||
        !report_at(
            inspection, DIAG_LIMIT_FORGED, SEVERITY_NOTE, &place,
            "forged senders can fill the table of this limit, and new clients of UDP are then dropped"))
        return;
    diag_hint(inspection->diags,
              "let the service limit its answers; whom it is for can be said by addresses");
}

static void find_live_limit(struct inspection *inspection, size_t unknown)
{
    const diagram segment = tcp_with_flags(inspection, PACKET_STATE_ESTABLISHED, TCP_ACK);
    const diagram hit = at_the_mercy(inspection, unknown, segment, LIMIT_OVER);
    const struct rule_place place = rule_of_limit(inspection, unknown);

    if (!place.chain || !from_anyone(inspection, hit) ||
        !report_at(inspection, DIAG_LIMIT_LIVE, SEVERITY_WARNING, &place,
                   "this limit counts every packet of live TCP connections, and throttles them"))
        return;
    diag_hint(inspection->diags, "limit connections as they open, with --syn, and accept the rest of them");
}

void find_limits(struct inspection *inspection)
{
    const struct packet_space *space = &inspection->space;
    size_t looked_at = 0;

    for (size_t i = 0; i < space->unknowns.count && looked_at < LIMITS_MAX; i++) {
        if (space->unknowns.items[i].kind != UNKNOWN_LIMIT &&
            space->unknowns.items[i].kind != UNKNOWN_HASHLIMIT)
            continue;
        looked_at++;
        find_lockout(inspection, i);
        find_forged(inspection, i);
        find_live_limit(inspection, i);
    }
}
