// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets that go untracked and need the tracker: those of other hosts, what NAT changes, what a helper reads along with, and
// answers to this host's own connections. And the one service that is better untracked where others are.
#include <string.h>

#include "analysis/trace.h"
#include "findings/flows.h"
#include "policy/helpers.h"

#define SHARES      16
#define FEW_PORTS   16    // of the ephemeral range: a single one is rarely met
#define MOST_PORTS  30000 // whatever they are
#define EPHEMERAL_1 32768 // the kernel's default ip_local_port_range (networking/ip-sysctl.rst)
#define EPHEMERAL_2 60999

#define SSH             22
#define FIRST_DATA_PORT 1024 // of servers and clients that have no privilege

static diagram ports_between(struct inspection *inspection, uint64_t first, uint64_t last)
{
    return field_between(&inspection->space, FIELD_DESTINATION_PORT, first, last);
}

static bool is_among(const struct rule *rule, const char *const *names, size_t count)
{
    struct slice text = slice_of(rule->target.kind == TARGET_OTHER ? rule->target.text : "");
    const struct slice name = slice_word(&text);

    for (size_t i = 0; i < count; i++)
        if (slice_is(name, names[i]))
            return true;
    return false;
}

bool rule_translates(const struct rule *rule)
{
    static const char *const names[] = {"DNAT", "REDIRECT", "SNAT", "MASQUERADE", "NETMAP"};

    return is_among(rule, names, sizeof(names) / sizeof(*names));
}

bool rule_publishes(const struct rule *rule)
{
    static const char *const names[] = {"DNAT", "REDIRECT"};

    return is_among(rule, names, sizeof(names) / sizeof(*names));
}

// Packets that come to rules of nat.
static struct shares comers_to_nat(struct inspection *inspection, const char *chain, enum hook hook,
                                   bool (*is_meant)(const struct rule *rule))
{
    const struct passage *passage = find_passage(inspection, "nat", chain, hook);

    return passage ? passage_comers(passage, is_meant) : (struct shares){0};
}

// What rules of nat change of forwarded packets.
static diagram changed_by_nat(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const struct shares shares = comers_to_nat(inspection, "POSTROUTING", HOOK_FORWARD, rule_translates);
    diagram changed = set_none(space);

    for (size_t i = 0; i < shares.count; i++)
        changed = set_or(space, changed, shares.items[i].packets);
    return changed;
}

static void find_forwarded(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const struct passage *raw = raw_passage(inspection, HOOK_FORWARD);
    const diagram untracked =
        set_minus(space, settled(inspection, untracked_forwarded(space, &inspection->meaning)),
                  of_value(inspection, FIELD_IN, packet_space_interface(space, "lo")));
    diagram with_state, without, lost, unchanged;
    struct shares shares;

    if (!raw || untracked == set_none(space))
        return;
    with_state = set_or(space, accepted_in_state(inspection, HOOK_FORWARD, PACKET_STATE_NEW),
                        accepted_in_state(inspection, HOOK_FORWARD, PACKET_STATE_ESTABLISHED));
    without = accepted_in_state(inspection, HOOK_FORWARD, PACKET_STATE_UNTRACKED);
    lost = set_and(space, untracked, set_minus(space, with_state, without));
    unchanged =
        settled(inspection, set_and(space, set_and(space, untracked, without), changed_by_nat(inspection)));
    shares = passage_untrackers(raw, set_or(space, lost, unchanged), SHARES);
    for (size_t i = 0; i < shares.count; i++) {
        const bool by_nat = set_and(space, shares.items[i].packets, unchanged) != set_none(space);

        if (report_at(inspection, DIAG_FORWARDED_NOTRACK, SEVERITY_WARNING, &shares.items[i].place,
                      by_nat ? "this takes forwarded packets out of tracking: rules of nat never see them"
                             : "this takes forwarded packets out of tracking: FORWARD accepts them by their "
                               "state alone"))
            diag_hint(inspection->diags, "add -m addrtype --dst-type LOCAL");
    }
}

static void find_published(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const struct passage *raw = raw_passage(inspection, HOOK_INPUT);
    const struct shares published = comers_to_nat(inspection, "PREROUTING", HOOK_INPUT, rule_publishes);
    const diagram untracked =
        set_and(space, taken_out(space, inspection->meaning.raws[HOOK_INPUT]), off_lo_domain(inspection));

    for (size_t i = 0; raw && i < published.count; i++) {
        const struct rule *rule = place_rule(&published.items[i].place);
        const struct shares shares = passage_untrackers(
            raw, settled(inspection, set_and(space, published.items[i].packets, untracked)), SHARES);

        for (size_t k = 0; k < shares.count; k++)
            if (report_at(inspection, DIAG_UNTRACKED_NAT, SEVERITY_WARNING, &shares.items[k].place,
                          "this takes out of tracking what the rule on line %u publishes: NAT never sees it",
                          rule->span.line))
                diag_hint(inspection->diags, "leave those packets tracked");
    }
}

// Whether rules name a helper: attach it to connections, or ask for what belongs to it.
static bool is_used(const struct ruleset *rules, const char *helper)
{
    for (size_t i = 0; i < rules->count; i++)
        for (size_t j = 0; j < rules->items[i].count; j++)
            for (size_t k = 0; k < rules->items[i].items[j]->count; k++) {
                const struct rule *rule = &rules->items[i].items[j]->items[k];

                if (rule->target.kind == TARGET_HELPER && strcmp(rule->target.text, helper) == 0)
                    return true;
                for (size_t m = 0; m < rule->match_count; m++)
                    if (rule->matches[m].kind == MATCH_HELPER && !rule->matches[m].helper.inverted &&
                        strcmp(rule->matches[m].helper.name, helper) == 0)
                        return true;
            }
    return false;
}

static diagram of_transport(struct inspection *inspection, enum traffic_kind kind)
{
    return of_value(inspection, FIELD_PROTOCOL, kind == TRAFFIC_TCP ? PROTOCOL_TCP : PROTOCOL_UDP);
}

// The control connection of a helper goes untracked.
static void report_control(struct inspection *inspection, const struct helper *helper, diagram control)
{
    const struct shares shares = passage_untrackers(raw_passage(inspection, HOOK_INPUT), control, SHARES);

    for (size_t i = 0; i < shares.count; i++)
        if (from_anyone(inspection, shares.items[i].packets) &&
            report_at(inspection, DIAG_HELPER_UNTRACKED, SEVERITY_WARNING, &shares.items[i].place,
                      "%s (%s port %u) goes untracked, and its helper does not see it: data connections are "
                      "not recognised",
                      helper->name, helper->control == TRAFFIC_TCP ? "tcp" : "udp", helper->port))
            diag_hint(inspection->diags,
                      "leave the port tracked, or accept the server's passive ports by name");
}

// Ports where data connections arrive go untracked, and the control connection does not. What the helper expects is never met
// then, and stays until there is no room for more.
static void report_data(struct inspection *inspection, const struct helper *helper, diagram untracked)
{
    struct packet_space *space = &inspection->space;
    const diagram data = set_and(space, set_and(space, untracked, of_transport(inspection, helper->data)),
                                 ports_between(inspection, FIRST_DATA_PORT, UINT16_MAX));
    const struct shares shares = passage_untrackers(raw_passage(inspection, HOOK_INPUT), data, SHARES);

    for (size_t i = 0; i < shares.count; i++) {
        const diagram ports = usual_flows(inspection, set_and(space, shares.items[i].packets, data));

        if (port_count(inspection, ports) >= FEW_PORTS &&
            report_at(inspection, DIAG_HELPER_UNTRACKED, SEVERITY_WARNING, &shares.items[i].place,
                      "data connections of %s come to ports that go untracked, and its helper waits for them "
                      "until it has no room for more: %s",
                      helper->name,
                      in_words(inspection, only_ports(inspection, ports), off_lo_domain(inspection))))
            diag_hint(inspection->diags,
                      "leave the server's passive ports tracked, or do without the helper");
    }
}

static void find_helper_ports(struct inspection *inspection, diagram untracked)
{
    struct packet_space *space = &inspection->space;

    for (size_t i = 0; helper_names[i] && raw_passage(inspection, HOOK_INPUT); i++) {
        const struct helper *helper = helper_find(slice_of(helper_names[i]));
        const bool used = is_used(inspection->rules, helper->name);
        const diagram protocol = set_and(space, untracked, of_transport(inspection, helper->control));
        const diagram control =
            set_and(space, protocol, ports_between(inspection, helper->port, helper->port));

        // Older kernels attach a helper without a rule that says so (the sysctl nf_conntrack_helper): the two that servers
        // have. Who tracks nothing of the protocol does without.
        if (from_anyone(inspection, control) &&
            (used || strcmp(helper->name, "ftp") == 0 || strcmp(helper->name, "tftp") == 0) &&
            port_count(inspection, of_strangers(inspection, protocol)) <= MOST_PORTS)
            report_control(inspection, helper, control);
        else if (used && !from_anyone(inspection, control))
            report_data(inspection, helper, untracked);
    }
}

// ssh is tracked where other services are not: those live on in a full table.
static void find_admin(struct inspection *inspection, diagram untracked)
{
    struct packet_space *space = &inspection->space;
    const diagram services = set_and(space, untracked, of_value(inspection, FIELD_PROTOCOL, PROTOCOL_TCP)),
                  ssh = set_and(space, of_value(inspection, FIELD_PROTOCOL, PROTOCOL_TCP),
                                ports_between(inspection, SSH, SSH));
    diagram opening = set_and(space, inspection->openings, ssh);
    struct shares shares;

    if (!from_anyone(inspection, services) || set_and(space, services, ssh) != set_none(space) ||
        opening == set_none(space))
        return;
    opening = set_and(space, opening, of_value(inspection, FIELD_STATE, PACKET_STATE_NEW));
    opening = set_and(space, opening, of_value(inspection, FIELD_FLAGS, TCP_SYN));
    opening = set_and(space, opening, of_value(inspection, FIELD_SOURCE_PORT, CLIENT_PORT));
    opening = set_and(space, opening, of_value(inspection, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL));
    shares = filter_deciders(inspection, HOOK_INPUT, opening, SHARES);
    for (size_t i = 0; i < shares.count; i++) {
        const struct rule *rule = place_rule(&shares.items[i].place);

        if (rule && rule->target.kind == TARGET_ACCEPT &&
            report_at(inspection, DIAG_ADMIN_TRACKED, SEVERITY_NOTE, &shares.items[i].place,
                      "ssh, which this accepts, is tracked: it fails when the table is full, and what goes "
                      "untracked does not"))
            diag_hint(inspection->diags,
                      "untrack tcp port 22, with --dport in PREROUTING and --sport in OUTPUT");
        if (rule && rule->target.kind == TARGET_ACCEPT)
            return;
    }
}

// Ports that the kernel gives to this host's own connections: their answers come untracked.
static void find_ephemeral(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const struct passage *raw = raw_passage(inspection, HOOK_INPUT);
    diagram answers = set_and(space, of_value(inspection, FIELD_SOURCE_PORT, 443),
                              ports_between(inspection, EPHEMERAL_1, EPHEMERAL_2));
    struct shares shares;

    if (!raw)
        return;
    shares = passage_untrackers(raw, set_and(space, answers, off_lo_domain(inspection)), SHARES);
    answers = set_and(space, answers, refused_in_state(inspection, HOOK_INPUT, PACKET_STATE_UNTRACKED));
    for (size_t i = 0; i < shares.count; i++) {
        const diagram strangers = of_strangers(inspection, usual_flows(inspection, shares.items[i].packets));
        const diagram refused =
            of_strangers(inspection, set_and(space, usual_flows(inspection, shares.items[i].packets),
                                             where(inspection, answers, FIELD_FLAGS, TCP_SYN | TCP_ACK)));
        const size_t count = port_count(inspection, strangers);
        const bool lost = refused != set_none(space);

        if (!count || count > EPHEMERAL_2 - EPHEMERAL_1 || (!lost && count < FEW_PORTS))
            continue;
        if (report_at(inspection, DIAG_UNTRACKED_EPHEMERAL, lost ? SEVERITY_WARNING : SEVERITY_NOTE,
                      &shares.items[i].place,
                      "untracked ports in the ephemeral range %d-%d of most hosts, %zu of them: %s",
                      EPHEMERAL_1, EPHEMERAL_2, count,
                      lost ? "this host's own connections from them lose their answers"
                           : "this host's own connections from them go untracked too"))
            diag_hint(inspection->diags, "reserve them with net.ipv4.ip_local_reserved_ports");
    }
}

void find_needs(struct inspection *inspection, diagram untracked)
{
    find_forwarded(inspection);
    find_published(inspection);
    find_helper_ports(inspection, untracked);
    find_admin(inspection, untracked);
    find_ephemeral(inspection);
}
