// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that let in more than anybody means: packets that are accepted for what nobody vouches for, a source port or the
// state UNTRACKED or INVALID; and services that are open to everyone.
#include <string.h>

#include "analysis/trace.h"
#include "base/vec.h"
#include "findings/inspection.h"

#define MANY_PORTS 1024  // more than any rule means that names its ports
#define MOST_PORTS 30000 // whatever they are
#define SHARES     16

// A rule is a hole where it takes packets for their source port alone: from anyone, to many ports, and not from the port
// of any client. Ranges of the ports that clients have restrict, and open nothing.
static void find_source_ports(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const diagram openings = inspection->openings;
    const diagram hole =
        set_minus(space, openings, where(inspection, openings, FIELD_SOURCE_PORT, CLIENT_PORT));
    diagram asked = set_and(space, hole, in_opening_state(inspection));
    struct shares shares;

    asked = set_and(space, asked, of_value(inspection, FIELD_FLAGS, TCP_SYN));
    asked = set_and(space, asked, of_value(inspection, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL));
    if (asked == set_none(space))
        return;
    shares = filter_deciders(inspection, HOOK_INPUT, asked, SHARES);
    for (size_t i = 0; i < shares.count; i++) {
        const struct rule_place *place = &shares.items[i].place;
        diagram taken =
            set_and(space, where(inspection, shares.items[i].packets, FIELD_FLAGS, TCP_SYN), hole);

        // What is a hole with a helper or in fragments alone is none that a sender can choose.
        taken = where(inspection, taken, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL);
        taken = where(inspection, where(inspection, taken, FIELD_FRAGMENT, FRAGMENT_NONE), FIELD_HELPER, 0);
        taken = set_or(space, where(inspection, taken, FIELD_STATE, PACKET_STATE_NEW),
                       where(inspection, taken, FIELD_STATE, PACKET_STATE_UNTRACKED));
        taken = settled(inspection, taken);
        if (!place_rule(place) || !from_anyone(inspection, taken) ||
            port_count(inspection, taken) < MANY_PORTS ||
            !report_at(inspection, DIAG_SOURCE_PORT_HOLE, SEVERITY_WARNING, place,
                       "for their source port, which the sender chooses, this accepts %s",
                       in_words(inspection, taken, off_lo_domain(inspection))))
            continue;
        diag_hint(inspection->diags,
                  "accept replies by their state; untracked, by peer, to the ephemeral ports, without SYN "
                  "and with -m socket");
    }
}

// What raw takes out, as input sees it.
static diagram untracked_input(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const diagram lo = of_value(inspection, FIELD_IN, packet_space_interface(space, "lo"));

    diagram taken = set_minus(
        space,
        set_and(space, taken_out(space, inspection->meaning.raws[HOOK_INPUT]), tcp_and_udp(inspection)), lo);

    // Of one usual state and kind: raw knows neither.
    taken = where(inspection, taken, FIELD_STATE, PACKET_STATE_NEW);
    taken = where(inspection, taken, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL);
    return settled(inspection, where(inspection, taken, FIELD_FRAGMENT, FRAGMENT_NONE));
}

// Fields of which nobody wants to read.
static diagram without_usual(struct inspection *inspection, diagram set)
{
    set = where(inspection, set, FIELD_FRAGMENT, FRAGMENT_NONE);
    set = where(inspection, set, FIELD_SOCKET, SOCKET_NONE);
    set = where(inspection, set, FIELD_HELPER, 0);
    return where(inspection, set, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL);
}

static void report_blanket(struct inspection *inspection, const struct share *share, unsigned state,
                           diagram blanket)
{
    struct packet_space *space = &inspection->space;
    const diagram taken = set_and(space, where(inspection, share->packets, FIELD_STATE, state), blanket);
    const diagram real =
        state == PACKET_STATE_UNTRACKED ? set_and(space, taken, untracked_input(inspection)) : taken;

    // A rule that names ports or senders says what it means.
    if (!place_rule(&share->place) || !from_anyone(inspection, taken) ||
        port_count(inspection, taken) < MOST_PORTS || real == set_none(space))
        return;
    if (state == PACKET_STATE_INVALID) {
        if (report_at(inspection, DIAG_BLANKET_ACCEPT, SEVERITY_WARNING, &share->place,
                      "this accepts whatever is INVALID, to every port: a scan without SYN maps them all"))
            diag_hint(inspection->diags, "take INVALID out; accept ICMP errors by their types");
    } else if (report_at(inspection, DIAG_BLANKET_ACCEPT, SEVERITY_WARNING, &share->place,
                         "this accepts whatever raw takes out of tracking, from anyone: %s",
                         in_words(inspection, without_usual(inspection, real), off_lo_domain(inspection)))) {
        diag_hint(inspection->diags, "take UNTRACKED out, and accept those ports and addresses by name");
    }
}

// What is accepted as UNTRACKED or INVALID, and would not be as NEW, by a rule that asks for nothing else. Of what is
// forwarded UNTRACKED is no matter here: find_forwarded() tells of that.
static void find_blanket(struct inspection *inspection, enum hook hook)
{
    static const unsigned states[] = {PACKET_STATE_UNTRACKED, PACKET_STATE_INVALID};
    struct packet_space *space = &inspection->space;
    const diagram lo = of_value(inspection, FIELD_IN, packet_space_interface(space, "lo"));
    const diagram accepted =
        where(inspection, accepted_set(space, inspection->meaning.filters[hook]), FIELD_HELPER, 0);
    const diagram new = where(inspection, accepted, FIELD_STATE, PACKET_STATE_NEW);

    for (size_t i = hook == HOOK_FORWARD; i < 2 && inspection->meaning.tracking; i++) {
        diagram blanket = set_minus(space, where(inspection, accepted, FIELD_STATE, states[i]), new), asked;
        struct shares shares;

        blanket = settled(inspection, set_minus(space, set_and(space, blanket, tcp_and_udp(inspection)), lo));
        if (blanket == set_none(space))
            continue;
        asked = set_and(space, blanket, of_value(inspection, FIELD_STATE, states[i]));
        shares = filter_deciders(inspection, hook, asked, SHARES);
        for (size_t j = 0; j < shares.count; j++)
            report_blanket(inspection, &shares.items[j], states[i], blanket);
    }
}

void find_holes(struct inspection *inspection)
{
    find_source_ports(inspection);
    find_blanket(inspection, HOOK_INPUT);
    if (find_passage(inspection, "filter", "FORWARD", HOOK_FORWARD))
        find_blanket(inspection, HOOK_FORWARD);
}

// Services that nobody means to be open to everyone. Amplifiers by CISA's alert TA14-017A; stores that ask for no password
// as they come.
static const struct service {
    uint8_t protocol;
    uint16_t port;
    const char *name;
    enum diag_code code;
    enum severity severity;
} services[] = {
    {PROTOCOL_UDP, 17, "qotd", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 19, "chargen", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 53, "dns", DIAG_OPEN_AMPLIFIER, SEVERITY_NOTE},
    {PROTOCOL_UDP, 69, "tftp", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 111, "portmap", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 123, "ntp", DIAG_OPEN_AMPLIFIER, SEVERITY_NOTE},
    {PROTOCOL_UDP, 137, "netbios", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 161, "snmp", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 389, "cldap", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 1900, "ssdp", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 3389, "rdp", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 5353, "mdns", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_UDP, 11211, "memcached", DIAG_OPEN_AMPLIFIER, SEVERITY_WARNING},
    {PROTOCOL_TCP, 2375, "docker", DIAG_OPEN_STORE, SEVERITY_WARNING},
    {PROTOCOL_TCP, 2379, "etcd", DIAG_OPEN_STORE, SEVERITY_WARNING},
    {PROTOCOL_TCP, 6379, "redis", DIAG_OPEN_STORE, SEVERITY_WARNING},
    {PROTOCOL_TCP, 9200, "elasticsearch", DIAG_OPEN_STORE, SEVERITY_WARNING},
    {PROTOCOL_TCP, 11211, "memcached", DIAG_OPEN_STORE, SEVERITY_WARNING},
    {PROTOCOL_TCP, 27017, "mongodb", DIAG_OPEN_STORE, SEVERITY_WARNING},
};

// A rule about a wide range of ports is about what takes its ports there: telephones, for one.
static bool is_range(struct inspection *inspection, const struct rule *rule, uint8_t protocol)
{
    const struct passage *passage = find_passage(inspection, "filter", "INPUT", HOOK_INPUT);
    const size_t count = port_count(inspection, set_and(&inspection->space, passage_match(passage, rule),
                                                        of_value(inspection, FIELD_PROTOCOL, protocol)));

    return count > MANY_PORTS && count <= UINT16_MAX;
}

// The rule that opens a service to everyone; false where none does that names its ports. A ruleset that accepts nearly
// all ports opens them all by one decision, which is no oversight about one of them.
static bool opened_by(struct inspection *inspection, const struct service *service, struct rule_place *place)
{
    struct packet_space *space = &inspection->space;
    diagram open = where(inspection, inspection->openings, FIELD_SOURCE_PORT, CLIENT_PORT);
    struct shares shares;

    // An interface that no rule names is as good as any; what is open behind one that is named may be meant.
    open = where(inspection, where(inspection, open, FIELD_PROTOCOL, service->protocol), FIELD_IN,
                 INTERFACE_OTHER);
    if (!from_anyone(inspection, where(inspection, open, FIELD_DESTINATION_PORT, service->port)) ||
        port_count(inspection, of_strangers(inspection, open)) > MOST_PORTS)
        return false;
    open = set_and(space, open, of_value(inspection, FIELD_PROTOCOL, service->protocol));
    open = set_and(space, open, of_value(inspection, FIELD_DESTINATION_PORT, service->port));
    open = set_and(space, open, of_value(inspection, FIELD_SOURCE_PORT, CLIENT_PORT));
    open = set_and(space, open, of_value(inspection, FIELD_IN, INTERFACE_OTHER));
    open = set_and(space, open, of_value(inspection, FIELD_FLAGS, TCP_SYN));
    open = set_and(space, open, of_value(inspection, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL));
    shares =
        filter_deciders(inspection, HOOK_INPUT, set_and(space, open, in_opening_state(inspection)), SHARES);
    for (size_t i = 0; i < shares.count; i++) {
        *place = shares.items[i].place;
        if (place_rule(place) && from_anyone(inspection, shares.items[i].packets))
            return !is_range(inspection, place_rule(place), service->protocol);
    }
    return false;
}

void find_open_services(struct inspection *inspection)
{
    for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
        const struct service *service = &services[i];
        struct rule_place place;

        // Who opens a name server to all in a policy means it.
        if ((inspection->policy && service->severity == SEVERITY_NOTE) ||
            !opened_by(inspection, service, &place))
            continue;
        if (!report_at(inspection, service->code, service->severity, &place,
                       "%s (%s port %u) is open to everyone", service->name,
                       service->protocol == PROTOCOL_UDP ? "udp" : "tcp", service->port))
            continue;
        if (service->severity == SEVERITY_NOTE)
            diag_hint(inspection->diags, "see that the server does not answer forged senders at length");
        else
            diag_hint(inspection->diags,
                      inspection->policy ? "name who may use it with `from`" : "name who may use it with -s");
    }
}

void find_unwritten_policies(struct inspection *inspection)
{
    static const char *const names[] = {"INPUT", "FORWARD", "OUTPUT"};
    const struct table *filter = ruleset_find_table(inspection->rules, "filter");
    struct buf text = {0};
    const struct chain *first = NULL;

    for (size_t i = 0; i < 3 && filter; i++) {
        const struct chain *chain = table_find_chain(filter, names[i]);

        if (!chain || chain->policy != CHAIN_UNWRITTEN)
            continue;
        buf_printf(&text, "%s%s", text.length ? ", " : "", names[i]);
        // A fragment, to be loaded beside other rules, has none for the built-in chains.
        if (!first && chain->count)
            first = chain;
    }
    if (first &&
        report_at(inspection, DIAG_NO_CHAIN_POLICY, SEVERITY_WARNING, &(struct rule_place){filter, first, 0},
                  "the policy of %s is not written: that of whatever was loaded before stays", text.bytes))
        diag_hint(inspection->diags, "write :%s DROP [0:0], or ACCEPT, below *filter", first->name);
    buf_clear(&text);
}
