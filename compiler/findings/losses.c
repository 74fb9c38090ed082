// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets that a host must hear and does not: ICMP errors that tell the path MTU, neighbour discovery, answers to what it
// asks itself.
#include <string.h>

#include "analysis/trace.h"
#include "analysis/witness.h"
#include "base/vec.h"
#include "findings/inspection.h"

static diagram off_lo(struct inspection *inspection, enum hook hook, diagram set)
{
    const enum field field = hook == HOOK_OUTPUT ? FIELD_OUT : FIELD_IN;

    return set_minus(&inspection->space, set,
                     of_value(inspection, field, packet_space_interface(&inspection->space, "lo")));
}

// TCP that input accepts as it is: of live connections, in one state behind raw.
static diagram live_tcp(struct inspection *inspection, unsigned state)
{
    struct packet_space *space = &inspection->space;
    const diagram tracked =
        set_and(space, inspection->tracked, of_value(inspection, FIELD_STATE, PACKET_STATE_ESTABLISHED));
    diagram live = set_and(space, inspection->meaning.domains[HOOK_INPUT],
                           of_value(inspection, FIELD_PROTOCOL, PROTOCOL_TCP));

    live = set_and(space, live, of_value(inspection, FIELD_STATE, PACKET_STATE_ESTABLISHED));
    live = set_and(space, live, of_value(inspection, FIELD_FLAGS, TCP_ACK));
    live = state == PACKET_STATE_UNTRACKED ? set_minus(space, live, tracked) : set_and(space, live, tracked);
    return settled(inspection,
                   off_lo(inspection, HOOK_INPUT,
                          accepted_set(space, hook_outcomes(space, &inspection->meaning, HOOK_INPUT, live))));
}

// Path MTU errors in one state that are refused, from those whose TCP is accepted.
static diagram refused_errors(struct inspection *inspection, unsigned state, diagram live)
{
    struct packet_space *space = &inspection->space;
    diagram errors = set_and(space, path_mtu_errors(space), inspection->meaning.domains[HOOK_INPUT]);

    errors = set_and(space, errors, of_value(inspection, FIELD_STATE, state));
    errors = set_and(space, errors, of_value(inspection, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL));
    errors = set_and(space, errors, of_value(inspection, FIELD_SOCKET, SOCKET_CONNECTED));
    errors = set_and(space, errors, of_value(inspection, FIELD_HELPER, 0));
    errors = off_lo(inspection, HOOK_INPUT, errors);
    errors = settled(inspection,
                     refused_set(space, hook_outcomes(space, &inspection->meaning, HOOK_INPUT, errors)));
    return set_and(space, errors, only_senders(inspection, live));
}

// What refuses packets of a set, as one of them meets it.
static struct rule_place refused_at(struct inspection *inspection, enum hook hook, diagram set)
{
    struct packet_space *space = &inspection->space;
    field_value *packet =
        arena_calloc(inspection->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));

    if (!find_packet(space, hook, from_stranger(inspection, set), packet))
        return (struct rule_place){0};
    return trace_packet(space, inspection->rules, &inspection->meaning, hook, packet).verdict;
}

static void find_path_mtu(struct inspection *inspection)
{
    static const struct {
        unsigned state, flow;
        const char *problem, *hint;
    } cases[] = {
        {PACKET_STATE_RELATED, PACKET_STATE_ESTABLISHED,
         "this refuses ICMP errors that tell the path MTU, and connections with a smaller one stall",
         "accept RELATED, or ICMP errors by their types, ahead of it"},
        {PACKET_STATE_INVALID, PACKET_STATE_UNTRACKED,
         "this refuses ICMP errors about untracked connections, which are INVALID: where the path MTU is "
         "smaller they stall",
         "accept ICMP errors by their types ahead of it: RELATED does not cover them"},
    };
    struct packet_space *space = &inspection->space;

    for (size_t i = 0; i < 2; i++) {
        const diagram live = live_tcp(inspection, cases[i].flow);
        const diagram refused = refused_errors(inspection, cases[i].state, live);
        struct rule_place place;

        if (live == set_none(space) || !from_anyone(inspection, refused))
            continue;
        place = refused_at(inspection, HOOK_INPUT, refused);
        if (!place.chain || !report_at(inspection, DIAG_PATH_MTU, SEVERITY_WARNING, &place, "%s",
                                       inspection->meaning.tracking ? cases[i].problem : cases[0].problem))
            continue;
        diag_hint(inspection->diags, "%s",
                  inspection->meaning.tracking ? cases[i].hint
                                               : "accept ICMP errors by their types ahead of it");
    }
}

// Whether the hook accepts anything off lo at all: rules that shut IPv6 out mean to.
static diagram spoken_to(struct inspection *inspection, enum hook hook)
{
    struct packet_space *space = &inspection->space;
    const diagram packets =
        set_and(space, off_lo(inspection, hook, inspection->meaning.domains[hook]), tcp_and_udp(inspection));
    const diagram accepted =
        settled(inspection, accepted_set(space, hook_outcomes(space, &inspection->meaning, hook, packets)));

    for (size_t i = 0; i < FIELD_COUNT + space->unknowns.count; i++)
        inspection->choices[i].how =
            i == (hook == HOOK_OUTPUT ? FIELD_OUT : FIELD_IN) ? CHOOSE_KEEP : CHOOSE_LARGEST;
    return diagram_settle(space->diagrams, accepted, inspection->choices);
}

static void find_neighbours(struct inspection *inspection, enum hook hook, const char *problem)
{
    struct packet_space *space = &inspection->space;
    const struct addr_range link_local = {{0xFE80ULL << 48, 0}, {0xFEBFFFFFFFFFFFFF, UINT64_MAX}};
    diagram asked = set_and(space, neighbour_discovery(space), inspection->meaning.domains[hook]), refused;
    struct rule_place place;

    asked =
        set_and(space, asked,
                diagram_test(space->diagrams, FIELD_SOURCE, &link_local, 1, set_all(space), set_none(space)));
    asked = set_and(space, asked, of_value(inspection, FIELD_SOCKET, SOCKET_NONE));
    asked = set_and(space, asked, of_value(inspection, FIELD_FRAGMENT, FRAGMENT_NONE));
    asked = off_lo(inspection, hook, asked);
    refused =
        settled(inspection, refused_set(space, hook_outcomes(space, &inspection->meaning, hook, asked)));
    refused = set_and(space, refused, spoken_to(inspection, hook));
    if (refused == set_none(space))
        return;
    place = refused_at(inspection, hook, refused);
    if (place.chain && report_at(inspection, DIAG_NO_NEIGHBOURS, SEVERITY_WARNING, &place, "%s", problem))
        diag_hint(inspection->diags,
                  "accept ICMPv6 types 133 to 136 with hop limit 255 ahead of it: they have no state");
}

// Where nobody writes the policy of OUTPUT, it is what the kernel begins with.
static diagram if_output_accepts(struct inspection *inspection, diagram set)
{
    const struct packet_space *space = &inspection->space;

    for (size_t i = 0; i < space->unknowns.count; i++)
        if (space->unknowns.items[i].kind == UNKNOWN_POLICY &&
            strcmp(space->unknowns.items[i].text, "filter OUTPUT") == 0)
            set = where(inspection, set, (enum field)(FIELD_COUNT + i), UNKNOWN_NO);
    return set;
}

// Answers to connections of this host, as far as output lets it ask.
static void find_answers(struct inspection *inspection)
{
    static const uint64_t ports[] = {443, 80, 25}; // https, http, smtp
    struct packet_space *space = &inspection->space;
    diagram answers = set_and(space, inspection->meaning.domains[HOOK_INPUT],
                              of_value(inspection, FIELD_PROTOCOL, PROTOCOL_TCP));
    diagram asked = set_and(space, inspection->meaning.domains[HOOK_OUTPUT],
                            of_value(inspection, FIELD_PROTOCOL, PROTOCOL_TCP));
    diagram refused, accepted;

    answers = set_and(space, answers, of_value(inspection, FIELD_STATE, PACKET_STATE_ESTABLISHED));
    answers = set_and(space, answers, of_value(inspection, FIELD_FLAGS, TCP_SYN | TCP_ACK));
    answers = set_and(space, answers, of_value(inspection, FIELD_SOCKET, SOCKET_CONNECTED));
    answers = set_and(space, answers, of_value(inspection, FIELD_FRAGMENT, FRAGMENT_NONE));
    answers = set_and(space, answers, of_value(inspection, FIELD_DESTINATION_PORT, CLIENT_PORT));
    answers = set_and(space, answers, of_value(inspection, FIELD_IN, INTERFACE_OTHER));
    answers = set_and(space, answers, of_value(inspection, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL));
    answers = hook_outcomes(space, &inspection->meaning, HOOK_INPUT, answers);
    // Whatever the own address is.
    accepted = diagram_largest(space->diagrams, accepted_set(space, answers), FIELD_DESTINATION);
    answers = settled(inspection, set_minus(space, refused_set(space, answers), accepted));
    asked = set_and(space, asked, of_value(inspection, FIELD_STATE, PACKET_STATE_NEW));
    asked = set_and(space, asked, of_value(inspection, FIELD_FLAGS, TCP_SYN));
    asked = set_and(space, asked, of_value(inspection, FIELD_SOURCE_PORT, CLIENT_PORT));
    asked = set_and(space, asked, of_value(inspection, FIELD_OUT, INTERFACE_OTHER));
    asked =
        settled(inspection,
                if_output_accepts(inspection, accepted_set(space, hook_outcomes(space, &inspection->meaning,
                                                                                HOOK_OUTPUT, asked))));
    for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
        struct rule_place place;

        refused = set_and(space, answers, of_value(inspection, FIELD_SOURCE_PORT, ports[i]));
        if (where(inspection, asked, FIELD_DESTINATION_PORT, ports[i]) == set_none(space) ||
            !from_anyone(inspection, refused))
            continue;
        place = refused_at(inspection, HOOK_INPUT, refused);
        if (!place.chain)
            continue;
        if (report_at(inspection, DIAG_NO_REPLIES, SEVERITY_NOTE, &place,
                      "this refuses the answers to connections of this host, such as to tcp port %u",
                      (unsigned)ports[i]))
            diag_hint(inspection->diags,
                      inspection->meaning.tracking
                          ? "accept ESTABLISHED ahead of it"
                          : "accept, ahead of it, TCP without SYN to the ephemeral ports with -m socket");
        return;
    }
}

void find_losses(struct inspection *inspection)
{
    find_path_mtu(inspection);
    if (inspection->space.family == FAMILY_IPV6) {
        find_neighbours(inspection, HOOK_INPUT,
                        "this refuses neighbour discovery: nobody finds this host over IPv6");
        find_neighbours(inspection, HOOK_OUTPUT,
                        "this keeps neighbour discovery in: this host finds nobody over IPv6");
    }
    find_answers(inspection);
}
