// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/speaker.h"

struct cube every_packet(struct speaker *speaker)
{
    struct cube cube;

    cube_begin(&cube, &speaker->view);
    return cube;
}

void say(struct speaker *speaker, const struct cube *packets, struct outcome outcome)
{
    walk_list_add_cube(&speaker->clauses, packets, outcome_value(outcome), outcome_value(dropped));
}

void say_function(struct speaker *speaker, diagram function)
{
    walk_list_add(&speaker->clauses, function);
}

// All that was said since `from`, as one clause.
diagram said_since(struct speaker *speaker, size_t from)
{
    return walk_list_join(speaker->space, &speaker->clauses, from);
}

void with_interface(struct cube *cube, enum field field, const char *name)
{
    cube_interface(cube, field, name, false);
}

void with_protocol(struct cube *cube, uint8_t protocol)
{
    if (protocol != PROTOCOL_ANY)
        cube_value(cube, FIELD_PROTOCOL, protocol);
}

void without_protocol(struct cube *cube, uint8_t protocol)
{
    struct addr_range number = {{0, protocol}, {0, protocol}};

    cube_not_ranges(cube, FIELD_PROTOCOL, &(struct range_list){&number, 1, 1});
}

void with_opening(struct cube *cube)
{
    cube_flags(cube, TCP_OPENING_MASK, TCP_SYN, false);
    cube_values(cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
}

void without_opening(struct cube *cube)
{
    cube_flags(cube, TCP_OPENING_MASK, TCP_SYN, true);
    cube_values(cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
}

static uint8_t icmp_protocol(const struct speaker *speaker)
{
    return speaker->space->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
}

void with_icmp_type(struct speaker *speaker, struct cube *cube, uint64_t first, uint64_t last)
{
    with_protocol(cube, icmp_protocol(speaker));
    cube_values(cube, FIELD_ICMP_TYPE, first, last);
    cube_values(cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
}

static void with_echo(struct speaker *speaker, struct cube *cube, bool reply)
{
    const uint64_t type = speaker->space->family == FAMILY_IPV4 ? (reply ? 0 : 8) : (reply ? 129 : 128);

    with_icmp_type(speaker, cube, type, type);
}

// Of one protocol of an entry. Of every protocol, `part` picks one; PROTOCOL_ANY: all at once. Of ICMP as a whole, an
// answer is any ICMP.
struct cube entry_packets(struct speaker *speaker, const struct entry *entry, const struct traffic *traffic,
                          enum direction direction)
{
    struct cube cube = every_packet(speaker);
    const bool back = direction == ANSWERED;
    const enum field asker = back ? FIELD_DESTINATION : FIELD_SOURCE,
                     asked = back ? FIELD_SOURCE : FIELD_DESTINATION;
    const enum field asker_port = back ? FIELD_DESTINATION_PORT : FIELD_SOURCE_PORT,
                     asked_port = back ? FIELD_SOURCE_PORT : FIELD_DESTINATION_PORT;

    if (!traffic_in_family(traffic, speaker->space->family))
        cube.never = true;
    cube_addresses(&cube, asker, entry->from);
    cube_addresses(&cube, asked, entry->to);
    with_protocol(&cube, traffic_protocol(traffic, speaker->space->family));
    if (traffic->kind == TRAFFIC_ECHO)
        with_echo(speaker, &cube, back);
    if (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP) {
        cube_ports(&cube, asked_port, &traffic->ports);
        cube_ports(&cube, asker_port, &entry->local);
        if (traffic->ports.count || entry->local.count)
            cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    }
    return cube;
}

static struct outcome rejected(struct speaker *speaker, bool tcp)
{
    const char *answer = tcp && speaker->policy->reject_tcp
                             ? speaker->policy->reject_tcp
                             : speaker->policy->reject_with[speaker->space->family];

    return (struct outcome){.walk = WALK_REJECT, .answer = packet_space_answer(speaker->space, answer)};
}

static struct outcome outcome_of_verdict(struct speaker *speaker, enum verdict verdict, bool tcp)
{
    return verdict == VERDICT_ACCEPT ? accepted : verdict == VERDICT_DROP ? dropped : rejected(speaker, tcp);
}

// A reject may answer TCP in its own way.
void say_verdict(struct speaker *speaker, const struct cube *packets, enum verdict verdict)
{
    if (verdict == VERDICT_REJECT) {
        struct cube tcp = *packets;

        with_protocol(&tcp, PROTOCOL_TCP);
        say(speaker, &tcp, rejected(speaker, true));
    }
    say(speaker, packets, outcome_of_verdict(speaker, verdict, false));
}

void say_verbatim(struct speaker *speaker, const char *table, const char *chain)
{
    const struct ruleset *rules = speaker->policy->verbatim[speaker->space->family].rules;

    if (rules)
        say_function(speaker, chain_walk(&speaker->view, rules, table, chain));
}

bool policy_has_rules(const struct speaker *speaker, const char *table_name, const char *chain_name)
{
    const struct ruleset *rules = speaker->policy->verbatim[speaker->space->family].rules;
    const struct table *table = rules ? ruleset_find_table(rules, table_name) : NULL;
    const struct chain *chain = table ? table_find_chain(table, chain_name) : NULL;

    return chain && chain->count;
}
