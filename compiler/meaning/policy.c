// SPDX-License-Identifier: GPL-2.0-or-later
//
// The meaning of a policy, clause by clause. Each clause is a set of packets and what becomes of them; of the clauses of a
// hook the first that holds a packet decides. Read beside the manual's chapter on meaning, which has the same order.
#include "meaning/policy.h"

struct speaker {
    struct packet_space *space;
    const struct policy *policy;
    struct arena scratch;
    struct view view;
    struct walk_list clauses;
};

static const struct outcome accepted = {.walk = WALK_ACCEPT}, dropped = {.walk = WALK_DROP},
                            untracked = {.ct = CT_NOTRACK}, kept_tracked = {.ct = CT_TRACK};

static bool tracks(const struct speaker *speaker)
{
    return speaker->policy->tracking != TRACKING_NONE;
}

// Sets of packets.

static struct cube everything(struct speaker *speaker)
{
    struct cube cube;

    cube_begin(&cube, &speaker->view);
    return cube;
}

static void say(struct speaker *speaker, const struct cube *packets, struct outcome outcome)
{
    walk_list_add_cube(&speaker->clauses, packets, outcome_value(outcome), outcome_value(dropped));
}

static void say_function(struct speaker *speaker, diagram function)
{
    walk_list_add(&speaker->clauses, function);
}

// All that was said since `from`, as one clause.
static diagram said_since(struct speaker *speaker, size_t from)
{
    return walk_list_join(speaker->space, &speaker->clauses, from);
}

static void on_interface(struct cube *cube, enum field field, const char *name)
{
    cube_interface(cube, field, name, false);
}

static void of_protocol(struct cube *cube, uint8_t protocol)
{
    if (protocol != PROTOCOL_ANY)
        cube_value(cube, FIELD_PROTOCOL, protocol);
}

static void not_of_protocol(struct cube *cube, uint8_t protocol)
{
    struct addr_range number = {{0, protocol}, {0, protocol}};

    cube_not_ranges(cube, FIELD_PROTOCOL, &(struct range_list){&number, 1, 1});
}

// A segment that opens a TCP connection carries SYN, and neither ACK, RST nor FIN (what iptables calls --syn).
#define OPENING_FLAGS (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)

static void opening(struct cube *cube)
{
    cube_flags(cube, OPENING_FLAGS, TCP_SYN, false);
    cube_values(cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
}

static void no_opening(struct cube *cube)
{
    cube_flags(cube, OPENING_FLAGS, TCP_SYN, true);
    cube_values(cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
}

static uint8_t icmp_protocol(const struct speaker *speaker)
{
    return speaker->space->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
}

static void of_icmp_type(struct speaker *speaker, struct cube *cube, uint64_t first, uint64_t last)
{
    of_protocol(cube, icmp_protocol(speaker));
    cube_values(cube, FIELD_ICMP_TYPE, first, last);
    cube_values(cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
}

static void echo(struct speaker *speaker, struct cube *cube, bool reply)
{
    const uint64_t type = speaker->space->family == FAMILY_IPV4 ? (reply ? 0 : 8) : (reply ? 129 : 128);

    of_icmp_type(speaker, cube, type, type);
}

// fe80::/10 (RFC 4291).
static struct addr_range link_local[] = {{{0xFE80ULL << 48, 0}, {0xFEBFFFFFFFFFFFFF, UINT64_MAX}}};
static struct addr_range joining[] = {{{0, 0}, {0, 0}},
                                      {{0xFE80ULL << 48, 0}, {0xFEBFFFFFFFFFFFFF, UINT64_MAX}}};

// One direction of what an entry is about. Asked: the packets of the side that opens; answered: the way back.
enum direction { ASKED, ANSWERED };

// Of one protocol of an entry. Of every protocol, `part` picks one; PROTOCOL_ANY: all at once. Of ICMP as a whole, an
// answer is any ICMP.
static struct cube entry_packets(struct speaker *speaker, const struct entry *entry,
                                 const struct traffic *traffic, enum direction direction)
{
    struct cube cube = everything(speaker);
    const bool back = direction == ANSWERED;
    const enum field asker = back ? FIELD_DESTINATION : FIELD_SOURCE,
                     asked = back ? FIELD_SOURCE : FIELD_DESTINATION;
    const enum field asker_port = back ? FIELD_DESTINATION_PORT : FIELD_SOURCE_PORT,
                     asked_port = back ? FIELD_SOURCE_PORT : FIELD_DESTINATION_PORT;

    if (!traffic_in_family(traffic, speaker->space->family))
        cube.never = true;
    cube_addresses(&cube, asker, entry->from);
    cube_addresses(&cube, asked, entry->to);
    of_protocol(&cube, traffic_protocol(traffic, speaker->space->family));
    if (traffic->kind == TRAFFIC_ECHO)
        echo(speaker, &cube, back);
    if (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP) {
        cube_ports(&cube, asked_port, &traffic->ports);
        cube_ports(&cube, asker_port, &entry->local);
        if (traffic->ports.count || entry->local.count)
            cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    }
    return cube;
}

// Outcomes of verdicts.

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
static void say_verdict(struct speaker *speaker, const struct cube *packets, enum verdict verdict)
{
    if (verdict == VERDICT_REJECT) {
        struct cube tcp = *packets;

        of_protocol(&tcp, PROTOCOL_TCP);
        say(speaker, &tcp, rejected(speaker, true));
    }
    say(speaker, packets, outcome_of_verdict(speaker, verdict, false));
}

// The clauses that several hooks have.

static void say_neighbours(struct speaker *speaker, bool leaving)
{
    const struct range_list here = {link_local, 1, 1}, joins = {joining, 2, 2};
    struct cube cube;

    if (speaker->space->family != FAMILY_IPV6)
        return;
    for (uint64_t type = 133; type <= 136; type++) {
        cube = everything(speaker);
        of_icmp_type(speaker, &cube, type, type);
        cube_value(&cube, FIELD_HOP_LIMIT, 255);
        if (type == 134 && !leaving) // a router advertisement
            cube_ranges(&cube, FIELD_SOURCE, &here);
        say(speaker, &cube, accepted);
    }
    for (int i = 0; i < 2; i++) { // multicast listeners: 130, 131, 132 and 143
        cube = everything(speaker);
        of_icmp_type(speaker, &cube, i ? 143 : 130, i ? 143 : 132);
        if (!leaving)
            cube_ranges(&cube, FIELD_SOURCE, &joins);
        say(speaker, &cube, accepted);
    }
    cube = everything(speaker); // DHCPv6
    of_protocol(&cube, PROTOCOL_UDP);
    cube_value(&cube, FIELD_SOURCE_PORT, leaving ? 546 : 547);
    cube_value(&cube, FIELD_DESTINATION_PORT, leaving ? 547 : 546);
    cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    if (!leaving)
        cube_ranges(&cube, FIELD_SOURCE, &here);
    say(speaker, &cube, accepted);
}

static void say_loopback(struct speaker *speaker, enum field interface)
{
    struct cube cube = everything(speaker);

    on_interface(&cube, interface, "lo");
    say(speaker, &cube, accepted);
}

static void say_denied(struct speaker *speaker)
{
    for (size_t i = 0; i < speaker->policy->deny.count; i++) {
        struct cube cube = everything(speaker);

        cube_addresses(&cube, FIELD_SOURCE, speaker->policy->deny.items[i].from);
        say(speaker, &cube, dropped);
    }
}

static void say_icmp_errors(struct speaker *speaker)
{
    static const uint64_t types[FAMILY_COUNT][3][2] = {{{3, 3}, {11, 11}, {12, 12}},
                                                       {{1, 4}, {1, 4}, {1, 4}}};

    for (size_t i = 0; i < 3; i++) {
        struct cube cube = everything(speaker);

        of_icmp_type(speaker, &cube, types[speaker->space->family][i][0],
                     types[speaker->space->family][i][1]);
        say(speaker, &cube, accepted);
    }
}

static void say_state(struct speaker *speaker, unsigned state, struct outcome outcome)
{
    struct cube cube = everything(speaker);

    if (!tracks(speaker))
        return;
    cube_value(&cube, FIELD_STATE, state);
    say(speaker, &cube, outcome);
}

// Data connections of the helpers that a list names.
static void say_related(struct speaker *speaker, const struct entry_list *list)
{
    for (size_t i = 0; i < list->count && tracks(speaker); i++) {
        const struct entry *entry = &list->items[i];
        struct cube cube = everything(speaker);

        if (!entry->helper || !entry_in_family(entry, speaker->space->family))
            continue;
        cube_value(&cube, FIELD_STATE, PACKET_STATE_RELATED);
        cube_helper(&cube, entry->helper->name, false);
        of_protocol(&cube, entry->helper->data == TRAFFIC_TCP ? PROTOCOL_TCP : PROTOCOL_UDP);
        cube_ports(&cube, FIELD_DESTINATION_PORT, entry->data.count ? &entry->data : &port_set_high);
        cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
        say(speaker, &cube, accepted);
    }
}

static void say_verbatim(struct speaker *speaker, const char *table, const char *chain)
{
    const struct ruleset *rules = speaker->policy->verbatim[speaker->space->family].rules;

    if (rules)
        say_function(speaker, chain_walk(&speaker->view, rules, table, chain));
}

static bool has_rules(const struct speaker *speaker, const char *table_name, const char *chain_name)
{
    const struct ruleset *rules = speaker->policy->verbatim[speaker->space->family].rules;
    const struct table *table = rules ? ruleset_find_table(rules, table_name) : NULL;
    const struct chain *chain = table ? table_find_chain(table, chain_name) : NULL;

    return chain && chain->count;
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

        no_opening(&others);
        say(speaker, &others, accepted);
        opening(&within);
        opening(&openings);
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

            of_protocol(&tcp, PROTOCOL_TCP);
            say_limited(speaker, &tcp, entry, fallback, true);
            not_of_protocol(&others, PROTOCOL_TCP);
            say_limited(speaker, &others, entry, fallback, false);
        }
    }
}

static void say_entries(struct speaker *speaker, const struct entry_list *list, enum verdict fallback)
{
    for (size_t i = 0; i < list->count; i++)
        say_entry(speaker, &list->items[i], fallback);
}

// Where no one puts fragments together, the later ones have no ports to look at. They are harmless without the first.
static void say_fragments(struct speaker *speaker, enum verdict fallback)
{
    struct cube first = everything(speaker), later = everything(speaker);

    if (tracks(speaker) || fallback == VERDICT_ACCEPT)
        return;
    if (speaker->space->family == FAMILY_IPV6) {
        cube_value(&first, FIELD_FRAGMENT, FRAGMENT_FIRST);
        say(speaker, &first, dropped);
    }
    cube_value(&later, FIELD_FRAGMENT, FRAGMENT_LATER);
    say(speaker, &later, accepted);
}

static void say_default(struct speaker *speaker, enum verdict fallback)
{
    const struct cube all = everything(speaker);

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
        no_opening(&answers);
    say_answer(speaker, &answers, stateless_answers(speaker, entry, traffic->kind, local));
}

static void say_windows(struct speaker *speaker)
{
    const struct entry_list *connect = &speaker->policy->connect;
    struct traffic parts[3];

    for (size_t i = 0; i < connect->count; i++)
        for (size_t j = 0; j < connect->items[i].traffic_count; j++)
            for (size_t k = 0; k < answerable(&connect->items[i].traffic[j], parts); k++)
                if (connect->items[i].verdict == VERDICT_ACCEPT)
                    say_window(speaker, &connect->items[i], &parts[k]);
}

static void say_trusted(struct speaker *speaker)
{
    for (size_t i = 0; i < speaker->policy->trust.count; i++) {
        struct cube cube = everything(speaker);

        cube_interfaces(&cube, FIELD_IN, &speaker->policy->trust.items[i].in);
        cube_addresses(&cube, FIELD_SOURCE, speaker->policy->trust.items[i].from);
        say(speaker, &cube, accepted);
    }
}

static diagram input(struct speaker *speaker, struct policy_sets *sets)
{
    const struct policy *policy = speaker->policy;
    size_t from;

    say_loopback(speaker, FIELD_IN); // 1
    from = speaker->clauses.count;   // 2
    say_neighbours(speaker, false);
    say_function(speaker, sets->neighbours = said_since(speaker, from));
    from = speaker->clauses.count; // 3
    say_trusted(speaker);
    say_function(speaker, sets->trusted = said_since(speaker, from));
    from = speaker->clauses.count; // 4
    say_denied(speaker);
    say_function(speaker, sets->denied = said_since(speaker, from));
    say_icmp_errors(speaker);                               // 5
    say_state(speaker, PACKET_STATE_ESTABLISHED, accepted); // 6
    say_related(speaker, &policy->allow);
    say_related(speaker, &policy->connect);
    from = speaker->clauses.count;
    say_windows(speaker);
    say_function(speaker, sets->windows = said_since(speaker, from));
    say_state(speaker, PACKET_STATE_INVALID, dropped); // 7
    say_verbatim(speaker, "filter", "INPUT");
    say_entries(speaker, &policy->allow, policy->input); // 8
    say_fragments(speaker, policy->input);               // 9
    say_default(speaker, policy->input);                 // 10
    return said_since(speaker, 0);
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
                no_opening(&answers);
            if (parts[j].kind == TRAFFIC_UDP) {
                cube_ports(&answers, FIELD_DESTINATION_PORT, &port_set_high);
                cube_values(&answers, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
            }
            say(speaker, &answers, accepted);
        }
}

static void say_forward_replies(struct speaker *speaker)
{
    const struct entry_list *entries = &speaker->policy->forward;

    say_state(speaker, PACKET_STATE_ESTABLISHED, accepted);
    say_related(speaker, entries);
    for (size_t i = 0; i < entries->count && !tracks(speaker); i++)
        if (entries->items[i].verdict == VERDICT_ACCEPT)
            say_forward_answers(speaker, &entries->items[i]);
}

static diagram forward(struct speaker *speaker)
{
    const struct policy *policy = speaker->policy;

    say_denied(speaker);
    if (policy->forward.count || has_rules(speaker, "filter", "FORWARD")) {
        say_forward_replies(speaker);
        say_icmp_errors(speaker);
    }
    say_verbatim(speaker, "filter", "FORWARD");
    say_entries(speaker, &policy->forward, policy->forwarding);
    if (policy->forward.count)
        say_fragments(speaker, policy->forwarding);
    say_default(speaker, policy->forwarding);
    return said_since(speaker, 0);
}

// Output.

// Answers of services that nothing tracks. Nothing tells an answer of a protocol without openings from another packet.
static void say_answers(struct speaker *speaker, const struct entry *entry)
{
    for (size_t i = 0; i < entry->traffic_count; i++) {
        const struct traffic *traffic = &entry->traffic[i];
        const enum stateless stateless = stateless_answers(speaker, entry, traffic->kind, &traffic->ports);
        struct cube answers = entry_packets(speaker, entry, traffic, ANSWERED);

        if (traffic->kind == TRAFFIC_ANY) {
            struct cube tcp = answers;

            of_protocol(&tcp, PROTOCOL_TCP);
            no_opening(&tcp);
            say_answer(speaker, &tcp, stateless);
            not_of_protocol(&answers, PROTOCOL_TCP);
        }
        if (traffic->kind == TRAFFIC_TCP)
            no_opening(&answers);
        say_answer(speaker, &answers, stateless);
    }
}

// To trusted peers that are not tracked everything may leave; to the others what some entry of `allow` untracks.
static void say_to_trusted(struct speaker *speaker, const struct entry *entry)
{
    const bool whole = entry_untracked(speaker->policy, entry);
    const bool part =
        allow_untracks(speaker, TRAFFIC_TCP, NULL) || allow_untracks(speaker, TRAFFIC_UDP, NULL);
    struct cube cube = everything(speaker);

    cube_addresses(&cube, FIELD_DESTINATION, entry->from);
    if (!entry->from)
        cube_interfaces(&cube, FIELD_OUT, &entry->in);
    say_answer(speaker, &cube, whole ? ALWAYS : part ? SOMETIMES : NEVER);
}

// Where output is accepted and no entry of `connect` refuses, everything may leave.
static bool output_is_open(const struct speaker *speaker)
{
    bool open = speaker->policy->output == VERDICT_ACCEPT && !has_rules(speaker, "filter", "OUTPUT");

    for (size_t i = 0; i < speaker->policy->connect.count; i++)
        open = open && speaker->policy->connect.items[i].verdict == VERDICT_ACCEPT;
    return open;
}

static diagram output(struct speaker *speaker)
{
    const struct policy *policy = speaker->policy;
    struct cube reset = everything(speaker);

    if (output_is_open(speaker)) {
        say_default(speaker, policy->output);
        return said_since(speaker, 0);
    }
    say_loopback(speaker, FIELD_OUT);
    say_neighbours(speaker, true);
    say_icmp_errors(speaker);
    reset = everything(speaker);
    of_protocol(&reset, PROTOCOL_TCP);
    cube_flags(&reset, TCP_RST, TCP_RST, false);
    cube_values(&reset, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    say(speaker, &reset, accepted);
    say_state(speaker, PACKET_STATE_ESTABLISHED, accepted);
    say_state(speaker, PACKET_STATE_RELATED, accepted);
    for (size_t i = 0; i < policy->allow.count; i++)
        if (policy->allow.items[i].verdict == VERDICT_ACCEPT)
            say_answers(speaker, &policy->allow.items[i]);
    for (size_t i = 0; i < policy->trust.count; i++)
        say_to_trusted(speaker, &policy->trust.items[i]);
    say_verbatim(speaker, "filter", "OUTPUT");
    say_entries(speaker, &policy->connect, policy->output);
    say_default(speaker, policy->output);
    return said_since(speaker, 0);
}

// Tracking. What comes in for this host is decided one way with what leaves in answer; interfaces have no say.

enum way { COMES_IN, LEAVES };

// NOTRACK is for local destinations, of UDP also for broadcast and multicast.
static void say_for_this_host(struct speaker *speaker, const struct cube *packets, struct outcome outcome)
{
    struct cube local = *packets, group = *packets;

    cube_value(&local, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL);
    say(speaker, &local, outcome);
    of_protocol(&group, PROTOCOL_UDP);
    cube_values(&group, FIELD_DESTINATION_TYPE, DESTINATION_BROADCAST, DESTINATION_MULTICAST);
    say(speaker, &group, outcome);
}

// The packets of an entry that pass one way. `connect` asks as it leaves, `allow` as it comes in.
static void say_tracking(struct speaker *speaker, enum way way, const struct entry *entry, bool is_connect,
                         struct outcome outcome)
{
    arena_reset(&speaker->scratch);
    const enum direction direction = (way == LEAVES) == is_connect ? ASKED : ANSWERED;

    for (size_t i = 0; i < entry->traffic_count; i++) {
        const struct cube packets = entry_packets(speaker, entry, &entry->traffic[i], direction);

        if (way == COMES_IN)
            say_for_this_host(speaker, &packets, outcome);
        else
            say(speaker, &packets, outcome);
    }
}

static void say_peer_tracking(struct speaker *speaker, enum way way, const struct entry *entry,
                              struct outcome outcome)
{
    struct cube cube = everything(speaker);

    cube_addresses(&cube, way == COMES_IN ? FIELD_SOURCE : FIELD_DESTINATION, entry->from);
    if (way == COMES_IN)
        say_for_this_host(speaker, &cube, outcome);
    else
        say(speaker, &cube, outcome);
}

// The data connections of a helper that names their ports are its control connection's.
static void say_data_tracking(struct speaker *speaker, enum way way, const struct entry *entry)
{
    struct cube cube = everything(speaker);

    if (!entry->helper || !entry->data.count || !entry_in_family(entry, speaker->space->family))
        return;
    of_protocol(&cube, entry->helper->data == TRAFFIC_TCP ? PROTOCOL_TCP : PROTOCOL_UDP);
    cube_ports(&cube, way == COMES_IN ? FIELD_DESTINATION_PORT : FIELD_SOURCE_PORT, &entry->data);
    cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    if (way == COMES_IN)
        say_for_this_host(speaker, &cube, kept_tracked);
    else
        say(speaker, &cube, kept_tracked);
}

// Connections that the helper of an entry reads along with: those of its protocol, as they open.
static void say_helpers(struct speaker *speaker, const struct entry_list *list, bool for_this_host)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->items[i];

        for (size_t j = 0; entry->helper && j < entry->traffic_count; j++) {
            struct cube opening = entry_packets(speaker, entry, &entry->traffic[j], ASKED);
            struct outcome helped = kept_tracked;

            if (entry->traffic[j].kind != entry->helper->control)
                continue;
            if (for_this_host)
                cube_value(&opening, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL);
            helped.template = helper_template(speaker->space, entry->helper->name);
            say(speaker, &opening, helped);
        }
    }
}

// What this host asks of its own addresses leaves by lo, where its side decides.
static void say_own_tracking(struct speaker *speaker, const struct entry *entry)
{
    for (size_t i = 0; i < entry->traffic_count; i++) {
        struct cube packets = entry_packets(speaker, entry, &entry->traffic[i], ASKED);

        on_interface(&packets, FIELD_OUT, "lo");
        say(speaker, &packets, untracked);
    }
}

static void say_loopback_tracking(struct speaker *speaker)
{
    static struct addr_range own[FAMILY_COUNT] = {{{0, 0x7F000000}, {0, 0x7FFFFFFF}}, {{0, 1}, {0, 1}}};
    const struct range_list range = {&own[speaker->space->family], 1, 1};
    struct cube cube = everything(speaker);

    on_interface(&cube, FIELD_OUT, "lo");
    cube_ranges(&cube, FIELD_SOURCE, &range);
    cube_ranges(&cube, FIELD_DESTINATION, &range);
    say(speaker, &cube, untracked);
}

static bool is_kept_tracked(const struct entry *entry)
{
    return entry->track == CHOICE_YES || entry->helper;
}

static void say_selective(struct speaker *speaker, enum way way)
{
    const struct policy *policy = speaker->policy;
    const struct entry_list *trust = &policy->trust, *allow = &policy->allow, *connect = &policy->connect;

    // Entries that take their packets back come before all that gives packets away.
    for (size_t i = 0; i < trust->count; i++)
        if (trust->items[i].track == CHOICE_YES && trust->items[i].from)
            say_peer_tracking(speaker, way, &trust->items[i], kept_tracked);
    for (size_t i = 0; i < allow->count; i++) {
        if (is_kept_tracked(&allow->items[i]))
            say_tracking(speaker, way, &allow->items[i], false, kept_tracked);
        say_data_tracking(speaker, way, &allow->items[i]);
    }
    for (size_t i = 0; i < connect->count; i++)
        if (is_kept_tracked(&connect->items[i]))
            say_tracking(speaker, way, &connect->items[i], true, kept_tracked);
    for (size_t i = 0; i < trust->count; i++)
        if (trust->items[i].track == CHOICE_NO)
            say_peer_tracking(speaker, way, &trust->items[i], untracked);
    for (size_t i = 0; i < allow->count; i++)
        if (allow->items[i].track == CHOICE_NO) {
            say_tracking(speaker, way, &allow->items[i], false, untracked);
            if (way == LEAVES)
                say_own_tracking(speaker, &allow->items[i]);
        }
    for (size_t i = 0; i < connect->count; i++)
        if (connect->items[i].track == CHOICE_NO)
            say_tracking(speaker, way, &connect->items[i], true, untracked);
}

static diagram tracking(struct speaker *speaker, enum way way)
{
    const enum tracking mode = speaker->policy->tracking;
    const struct cube all = everything(speaker);
    const struct ruleset *verbatim = speaker->policy->verbatim[speaker->space->family].rules;
    diagram walk;

    speaker->clauses.staged = verbatim && raw_asks_state(verbatim);
    if (mode == TRACKING_SELECTIVE && way == LEAVES)
        say_loopback_tracking(speaker);
    say_verbatim(speaker, "raw", way == LEAVES ? "OUTPUT" : "PREROUTING");
    if (way == COMES_IN)
        say_helpers(speaker, &speaker->policy->allow, true);
    else
        say_helpers(speaker, &speaker->policy->connect, false);
    if (mode == TRACKING_SELECTIVE)
        say_selective(speaker, way);
    if (way == COMES_IN) // forwarded, or published by DNAT
        say_helpers(speaker, &speaker->policy->forward, false);
    // Even where another tool switches the tracker on; where its modules are kept out, there is no one to be told.
    if (mode == TRACKING_NONE && !speaker->policy->conntrack.block_modules)
        say(speaker, &all, untracked);
    walk = said_since(speaker, 0);
    return speaker->clauses.staged ? staged_walk(&speaker->view, walk) : walk;
}

// Verbatim tables beside the filter refuse what they refuse.
static diagram carried(struct speaker *speaker, diagram filter)
{
    const struct ruleset *rules = speaker->policy->verbatim[speaker->space->family].rules;

    return rules ? beside_filter(&speaker->view, rules, filter) : filter;
}

struct meaning policy_meaning(struct packet_space *space, const struct policy *policy,
                              struct policy_sets *sets)
{
    struct speaker speaker = {.space = space, .policy = policy};
    struct policy_sets unused;
    struct meaning meaning = {.tracking = tracks(&speaker)};

    if (!sets)
        sets = &unused;
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++) {
        diagram filter;

        speaker.view = (struct view){.space = space, .scratch = &speaker.scratch, .hook = hook};
        filter = hook == HOOK_INPUT    ? input(&speaker, sets)
                 : hook == HOOK_OUTPUT ? output(&speaker)
                                       : forward(&speaker);
        meaning.filters[hook] = carried(&speaker, filter);
        speaker.view.raw = true;
        meaning.raws[hook] = tracking(&speaker, hook == HOOK_OUTPUT ? LEAVES : COMES_IN);
        meaning.domains[hook] = hook_domain(space, hook);
        walk_list_clear(&speaker.clauses);
    }
    arena_clear(&speaker.scratch);
    return meaning;
}
