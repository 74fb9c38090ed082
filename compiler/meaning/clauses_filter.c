// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/clauses.h"

// fe80::/10 (RFC 4291).
static struct addr_range link_local[] = {{{0xFE80ULL << 48, 0}, {0xFEBFFFFFFFFFFFFF, UINT64_MAX}}};
static struct addr_range joining[] = {{{0, 0}, {0, 0}},
                                      {{0xFE80ULL << 48, 0}, {0xFEBFFFFFFFFFFFFF, UINT64_MAX}}};

void say_neighbours(struct speaker *speaker, bool leaving)
{
    const struct range_list here = {link_local, 1, 1}, joins = {joining, 2, 2};
    struct cube cube;

    if (speaker->space->family != FAMILY_IPV6)
        return;
    for (uint64_t type = 133; type <= 136; type++) {
        cube = every_packet(speaker);
        with_icmp_type(speaker, &cube, type, type);
        cube_value(&cube, FIELD_HOP_LIMIT, 255);
        if (type == 134 && !leaving) // a router advertisement
            cube_ranges(&cube, FIELD_SOURCE, &here);
        say(speaker, &cube, accepted);
    }
    for (int i = 0; i < 2; i++) { // multicast listeners: 130, 131, 132 and 143
        cube = every_packet(speaker);
        with_icmp_type(speaker, &cube, i ? 143 : 130, i ? 143 : 132);
        if (!leaving)
            cube_ranges(&cube, FIELD_SOURCE, &joins);
        say(speaker, &cube, accepted);
    }
    cube = every_packet(speaker); // DHCPv6
    with_protocol(&cube, PROTOCOL_UDP);
    cube_value(&cube, FIELD_SOURCE_PORT, leaving ? 546 : 547);
    cube_value(&cube, FIELD_DESTINATION_PORT, leaving ? 547 : 546);
    cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    if (!leaving)
        cube_ranges(&cube, FIELD_SOURCE, &here);
    say(speaker, &cube, accepted);
}

void say_loopback(struct speaker *speaker, enum field interface)
{
    struct cube cube = every_packet(speaker);

    with_interface(&cube, interface, "lo");
    say(speaker, &cube, accepted);
}

void say_denied(struct speaker *speaker)
{
    for (size_t i = 0; i < speaker->policy->deny.count; i++) {
        struct cube cube = every_packet(speaker);

        cube_addresses(&cube, FIELD_SOURCE, speaker->policy->deny.items[i].from);
        say(speaker, &cube, dropped);
    }
}

void say_icmp_errors(struct speaker *speaker)
{
    static const uint64_t types[FAMILY_COUNT][3][2] = {{{3, 3}, {11, 11}, {12, 12}},
                                                       {{1, 4}, {1, 4}, {1, 4}}};

    for (size_t i = 0; i < 3; i++) {
        struct cube cube = every_packet(speaker);

        with_icmp_type(speaker, &cube, types[speaker->space->family][i][0],
                       types[speaker->space->family][i][1]);
        say(speaker, &cube, accepted);
    }
}

void say_state(struct speaker *speaker, unsigned state, struct outcome outcome)
{
    struct cube cube = every_packet(speaker);

    if (!tracks(speaker))
        return;
    cube_value(&cube, FIELD_STATE, state);
    say(speaker, &cube, outcome);
}

// Data connections of the helpers that a list names.
void say_related(struct speaker *speaker, const struct entry_list *list)
{
    for (size_t i = 0; i < entries_helped(list) && tracks(speaker); i++) {
        const struct entry *entry = &list->items[i];
        struct cube cube;

        if (!entry->helper || !entry_in_family(entry, speaker->space->family))
            continue;
        cube = every_packet(speaker);
        cube_value(&cube, FIELD_STATE, PACKET_STATE_RELATED);
        cube_helper(&cube, entry->helper->name, false);
        with_protocol(&cube, entry->helper->data == TRAFFIC_TCP ? PROTOCOL_TCP : PROTOCOL_UDP);
        cube_ports(&cube, FIELD_DESTINATION_PORT, entry->data.count ? &entry->data : &port_set_high);
        cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
        say(speaker, &cube, accepted);
    }
}

// Entries that decide, in their order. A limit counts openings: what is within it is accepted, what is over it meets the
// default, and what finds no room in its table is dropped by the kernel. Where the default accepts, nothing is limited.
static void say_limited(struct speaker *speaker, const struct cube *packets, const struct entry *entry,
                        enum verdict fallback, bool tcp)
{
    const struct limit *limit = entry->limit;
    const unsigned unknown = packet_space_limit(speaker->space, limit);
    struct cube within = *packets, openings = *packets;

    if (tcp) {
        struct cube others = *packets;

        without_opening(&others);
        say(speaker, &others, accepted);
        with_opening(&within);
        with_opening(&openings);
    }
    cube_unknown(&within, (struct unknown_test){unknown, 1U << LIMIT_WITHIN, limit->per_source});
    say(speaker, &within, accepted);
    say_verdict(speaker, &openings, fallback);
}

static void say_entry(struct speaker *speaker, const struct entry *entry, enum verdict fallback)
{
    arena_reset(&speaker->scratch);
    for (size_t i = 0; i < entry->traffic_count; i++) {
        const bool any = entry->traffic[i].kind == TRAFFIC_ANY;
        struct cube packets = entry_packets(speaker, entry, &entry->traffic[i], ASKED);

        cube_interfaces(&packets, FIELD_IN, &entry->in);
        cube_interfaces(&packets, FIELD_OUT, &entry->out);
        if (!entry->limit || fallback == VERDICT_ACCEPT) {
            say_verdict(speaker, &packets, entry->verdict);
        } else if (!any) {
            say_limited(speaker, &packets, entry, fallback, entry->traffic[i].kind == TRAFFIC_TCP);
        } else {
            struct cube tcp = packets, others = packets;

            with_protocol(&tcp, PROTOCOL_TCP);
            say_limited(speaker, &tcp, entry, fallback, true);
            without_protocol(&others, PROTOCOL_TCP);
            say_limited(speaker, &others, entry, fallback, false);
        }
    }
}

void say_entries(struct speaker *speaker, const struct entry_list *list, enum verdict fallback)
{
    for (size_t i = 0; i < entries_in_family(list, speaker->space->family); i++)
        if (entry_in_family(&list->items[i], speaker->space->family))
            say_entry(speaker, &list->items[i], fallback);
}

// Where no one puts fragments together, the later ones have no ports to look at. They are harmless without the first.
void say_fragments(struct speaker *speaker, enum verdict fallback)
{
    struct cube first = every_packet(speaker), later = every_packet(speaker);

    if (tracks(speaker) || fallback == VERDICT_ACCEPT)
        return;
    if (speaker->space->family == FAMILY_IPV6) {
        cube_value(&first, FIELD_FRAGMENT, FRAGMENT_FIRST);
        say(speaker, &first, dropped);
    }
    cube_value(&later, FIELD_FRAGMENT, FRAGMENT_LATER);
    say(speaker, &later, accepted);
}

void say_default(struct speaker *speaker, enum verdict fallback)
{
    const struct cube all = every_packet(speaker);

    say_verdict(speaker, &all, fallback);
}

// Local ports that some entry of `allow` takes out of tracking, so that what this host sends from them is untracked too.
static bool allow_untracks(const struct speaker *speaker, enum traffic_kind kind,
                           const struct port_set *local)
{
    for (size_t i = 0; i < speaker->policy->allow.count; i++) {
        const struct entry *entry = &speaker->policy->allow.items[i];

        if (speaker->policy->tracking != TRACKING_SELECTIVE || entry->track != CHOICE_NO)
            continue;
        for (size_t j = 0; j < entry->traffic_count; j++) {
            const struct traffic *traffic = &entry->traffic[j];

            if (traffic->kind == TRAFFIC_ANY ||
                (traffic->kind == kind && (!local || !local->count || !traffic->ports.count ||
                                           port_set_overlap(&traffic->ports, local))))
                return true;
        }
    }
    return false;
}

// Whether answers to an entry have no state to speak for them: always, where nothing of it is tracked; sometimes, where
// another entry untracks some of its packets.
enum stateless { NEVER, SOMETIMES, ALWAYS };

static enum stateless stateless_answers(const struct speaker *speaker, const struct entry *entry,
                                        enum traffic_kind kind, const struct port_set *local)
{
    if (entry_untracked(speaker->policy, entry))
        return ALWAYS;
    if (entry->verdict != VERDICT_ACCEPT || entry->track != CHOICE_UNSET || entry->helper ||
        (kind != TRAFFIC_TCP && kind != TRAFFIC_UDP))
        return NEVER;
    return allow_untracks(speaker, kind, local) ? SOMETIMES : NEVER;
}

static void say_answer(struct speaker *speaker, struct cube *answers, enum stateless stateless)
{
    if (stateless == SOMETIMES)
        cube_value(answers, FIELD_STATE, PACKET_STATE_UNTRACKED);
    if (stateless != NEVER)
        say(speaker, answers, accepted);
}

// Of every protocol TCP, UDP and ping have answers that can be told from other packets; of ICMP ping.
static size_t answerable(const struct traffic *traffic, struct traffic parts[3])
{
    parts[0] = *traffic;
    if (traffic->kind == TRAFFIC_ICMP)
        parts[0].kind = TRAFFIC_ECHO;
    if (traffic->kind != TRAFFIC_ANY)
        return 1;
    parts[0] = (struct traffic){.kind = TRAFFIC_TCP};
    parts[1] = (struct traffic){.kind = TRAFFIC_UDP};
    parts[2] = (struct traffic){.kind = TRAFFIC_ECHO};
    return 3;
}

// Input.

// What `connect` uses answers without a state: from its peers and ports, to a port that the kernel gives to connections,
// to a socket that is there. An opening of TCP is no answer.
static void say_window(struct speaker *speaker, const struct entry *entry, const struct traffic *traffic)
{
    const struct policy *policy = speaker->policy;
    const bool tcp = traffic->kind == TRAFFIC_TCP, udp = traffic->kind == TRAFFIC_UDP;
    struct port_range ephemeral = policy->ephemeral;
    const struct port_set usual = {&ephemeral, 1, 1};
    const struct port_set *local = entry->local.count ? &entry->local : &usual;
    struct cube answers = entry_packets(speaker, entry, traffic, ANSWERED);

    if (tcp || udp) {
        cube_ports(&answers, FIELD_DESTINATION_PORT, local);
        cube_values(&answers, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
        if (policy->replies == REPLIES_SOCKET && !(udp && entry->any_socket))
            cube_values(&answers, FIELD_SOCKET, SOCKET_BOUND, SOCKET_CONNECTED);
    }
    if (tcp)
        without_opening(&answers);
    say_answer(speaker, &answers, stateless_answers(speaker, entry, traffic->kind, local));
}

void say_windows(struct speaker *speaker)
{
    const struct entry_list *connect = &speaker->policy->connect;
    struct traffic parts[3];

    for (size_t i = 0; i < connect->count; i++)
        for (size_t j = 0; j < connect->items[i].traffic_count; j++)
            for (size_t k = 0; k < answerable(&connect->items[i].traffic[j], parts); k++)
                if (connect->items[i].verdict == VERDICT_ACCEPT)
                    say_window(speaker, &connect->items[i], &parts[k]);
}

void say_trusted(struct speaker *speaker)
{
    for (size_t i = 0; i < speaker->policy->trust.count; i++) {
        struct cube cube = every_packet(speaker);

        cube_interfaces(&cube, FIELD_IN, &speaker->policy->trust.items[i].in);
        cube_addresses(&cube, FIELD_SOURCE, speaker->policy->trust.items[i].from);
        say(speaker, &cube, accepted);
    }
}

// Forward.

// Where nothing tracks: the way back of each entry, TCP without openings, UDP to ports that no privileged service holds.
static void say_forward_answers(struct speaker *speaker, const struct entry *entry)
{
    struct traffic parts[3];

    for (size_t i = 0; i < entry->traffic_count; i++)
        for (size_t j = 0; j < answerable(&entry->traffic[i], parts); j++) {
            struct cube answers = entry_packets(speaker, entry, &parts[j], ANSWERED);

            cube_interfaces(&answers, FIELD_OUT, &entry->in);
            cube_interfaces(&answers, FIELD_IN, &entry->out);
            if (parts[j].kind == TRAFFIC_TCP)
                without_opening(&answers);
            if (parts[j].kind == TRAFFIC_UDP) {
                cube_ports(&answers, FIELD_DESTINATION_PORT, &port_set_high);
                cube_values(&answers, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
            }
            say(speaker, &answers, accepted);
        }
}

void say_forward_replies(struct speaker *speaker)
{
    const struct entry_list *entries = &speaker->policy->forward;

    say_state(speaker, PACKET_STATE_ESTABLISHED, accepted);
    say_related(speaker, entries);
    for (size_t i = 0; i < entries->count && !tracks(speaker); i++)
        if (entries->items[i].verdict == VERDICT_ACCEPT)
            say_forward_answers(speaker, &entries->items[i]);
}

// Output.

// Answers of services that nothing tracks. Nothing tells an answer of a protocol without openings from another packet.
void say_answers(struct speaker *speaker, const struct entry *entry)
{
    for (size_t i = 0; i < entry->traffic_count; i++) {
        const struct traffic *traffic = &entry->traffic[i];
        const enum stateless stateless = stateless_answers(speaker, entry, traffic->kind, &traffic->ports);
        struct cube answers = entry_packets(speaker, entry, traffic, ANSWERED);

        if (traffic->kind == TRAFFIC_ANY) {
            struct cube tcp = answers;

            with_protocol(&tcp, PROTOCOL_TCP);
            without_opening(&tcp);
            say_answer(speaker, &tcp, stateless);
            without_protocol(&answers, PROTOCOL_TCP);
        }
        if (traffic->kind == TRAFFIC_TCP)
            without_opening(&answers);
        say_answer(speaker, &answers, stateless);
    }
}

// So that rejects arrive.
void say_resets(struct speaker *speaker)
{
    struct cube reset = every_packet(speaker);

    with_protocol(&reset, PROTOCOL_TCP);
    cube_flags(&reset, TCP_RST, TCP_RST, false);
    cube_values(&reset, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    say(speaker, &reset, accepted);
}

// To trusted peers that are not tracked everything may leave; to the others what some entry of `allow` untracks.
void say_to_trusted(struct speaker *speaker, const struct entry *entry)
{
    const bool whole = entry_untracked(speaker->policy, entry);
    const bool part =
        allow_untracks(speaker, TRAFFIC_TCP, NULL) || allow_untracks(speaker, TRAFFIC_UDP, NULL);
    struct cube cube = every_packet(speaker);

    cube_addresses(&cube, FIELD_DESTINATION, entry->from);
    if (!entry->from)
        cube_interfaces(&cube, FIELD_OUT, &entry->in);
    say_answer(speaker, &cube, whole ? ALWAYS : part ? SOMETIMES : NEVER);
}

// Where output is accepted and no entry of `connect` refuses, everything may leave.
bool output_is_open(const struct speaker *speaker)
{
    bool open = speaker->policy->output == VERDICT_ACCEPT && !policy_has_rules(speaker, "filter", "OUTPUT");

    for (size_t i = 0; i < speaker->policy->connect.count; i++)
        open = open && speaker->policy->connect.items[i].verdict == VERDICT_ACCEPT;
    return open;
}
