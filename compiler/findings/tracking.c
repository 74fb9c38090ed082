// SPDX-License-Identifier: GPL-2.0-or-later
//
// What raw takes out of tracking, and what goes wrong with it: one direction without the other, packets of other hosts,
// what NAT or a helper needs, and rules that ask for a state which their packets do not have.
#include <string.h>

#include "analysis/trace.h"
#include "base/vec.h"
#include "findings/inspection.h"

#define SHARES      16
#define FEW_PORTS   16    // of the ephemeral range: a single one is rarely met
#define MOST_PORTS  30000 // whatever they are
#define EPHEMERAL_1 32768 // the kernel's default ip_local_port_range (networking/ip-sysctl.rst)
#define EPHEMERAL_2 60999

static const struct passage *raw_passage(struct inspection *inspection, enum hook hook)
{
    return find_passage(inspection, "raw", hook == HOOK_OUTPUT ? "OUTPUT" : "PREROUTING", hook);
}

static diagram ports_between(struct inspection *inspection, uint64_t first, uint64_t last)
{
    return field_between(&inspection->space, FIELD_DESTINATION_PORT, first, last);
}

// Packets for this host off lo, of which raw asks nothing but who speaks to whom; and those of TCP and UDP.
static diagram usual(struct inspection *inspection, diagram set)
{
    set = set_and(&inspection->space, set, off_lo_domain(inspection));
    set = where(inspection, set, FIELD_STATE, PACKET_STATE_NEW);
    set = where(inspection, set, FIELD_FRAGMENT, FRAGMENT_NONE);
    set = where(inspection, set, FIELD_HELPER, 0);
    set = where(inspection, set, FIELD_SOCKET, SOCKET_CONNECTED);
    return settled(inspection, where(inspection, set, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL));
}

static diagram flows(struct inspection *inspection, diagram set)
{
    return usual(inspection, set_and(&inspection->space, set, tcp_and_udp(inspection)));
}

// What the filter accepts at a hook in one state.
static diagram accepted_in_state(struct inspection *inspection, enum hook hook, unsigned state)
{
    struct packet_space *space = &inspection->space;
    const diagram filter = where(inspection, inspection->meaning.filters[hook], FIELD_STATE, state);

    return settled(inspection, accepted_set(space, where(inspection, filter, FIELD_HELPER, 0)));
}

static diagram refused_in_state(struct inspection *inspection, enum hook hook, unsigned state)
{
    struct packet_space *space = &inspection->space;
    const diagram filter = where(inspection, inspection->meaning.filters[hook], FIELD_STATE, state);

    return settled(inspection, refused_set(space, where(inspection, filter, FIELD_HELPER, 0)));
}

// One direction without the other.

// UDP that nobody answers, or whose answers go to the same port as the question: syslog, SNMP traps, statistics, VXLAN,
// Geneve.
static const uint16_t one_way[] = {162,  514,  2055, 4739, 4789, 6081, 6343,
                                   8125, 8472, 8649, 9995, 9996, 25826};

static bool has_target(const struct ruleset *rules, const char *name)
{
    for (size_t i = 0; i < rules->count; i++)
        for (size_t j = 0; j < rules->items[i].count; j++)
            for (size_t k = 0; k < rules->items[i].items[j]->count; k++) {
                const struct target *target = &rules->items[i].items[j]->items[k].target;
                struct slice text = slice_of(target->kind == TARGET_OTHER ? target->text : "");

                if (slice_is(slice_word(&text), name))
                    return true;
            }
    return false;
}

// As they come in: those of which one direction is untracked, and that are let in so.
static diagram one_sided(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    diagram packets =
        asymmetric_packets(space, &inspection->meaning, rules_answers(space, inspection->rules));

    // Of what SYNPROXY answers for, only the opening goes untracked.
    if (has_target(inspection->rules, "SYNPROXY"))
        packets = set_minus(space, packets, tcp_openings(space));
    return flows(inspection, packets);
}

// Whether packets are of nothing but what goes one way.
static bool goes_one_way(struct inspection *inspection, diagram packets)
{
    struct packet_space *space = &inspection->space;

    for (size_t i = 0; i < sizeof(one_way) / sizeof(*one_way); i++)
        for (int side = 0; side < 2; side++)
            packets = set_minus(
                space, packets,
                set_and(space, of_value(inspection, FIELD_PROTOCOL, PROTOCOL_UDP),
                        of_value(inspection, side ? FIELD_SOURCE_PORT : FIELD_DESTINATION_PORT, one_way[i])));
    return packets == set_none(space);
}

// What there is of peers: no group is one.
static diagram peers_domain(struct inspection *inspection)
{
    static const struct addr_range groups[FAMILY_COUNT] = {
        {{0, 0xE0000000}, {0, UINT32_MAX}},
        {{0xFF00000000000000, 0}, {UINT64_MAX, UINT64_MAX}}}; // RFC 5771, RFC 4291
    struct packet_space *space = &inspection->space;

    return set_and(space, off_lo_domain(inspection),
                   diagram_test(space->diagrams, FIELD_SOURCE, &groups[space->family], 1, set_none(space),
                                set_all(space)));
}

static bool names_source(const struct rule *rule, const struct prefix *prefix)
{
    const struct rule_address *source = &rule->addresses[SIDE_SOURCE];

    return !source->inverted && source->prefix.bits == prefix->bits &&
           memcmp(&source->prefix, prefix, sizeof(*prefix)) == 0;
}

// Whether a rule about what comes in takes an address for a peer's.
static bool is_peer(struct inspection *inspection, const struct prefix *prefix)
{
    static const char *const chains[][2] = {{"raw", "PREROUTING"}, {"filter", "INPUT"}};

    for (size_t i = 0; i < 2; i++) {
        const struct table *table = ruleset_find_table(inspection->rules, chains[i][0]);
        const struct chain *chain = table ? table_find_chain(table, chains[i][1]) : NULL;

        for (size_t j = 0; chain && j < chain->count; j++)
            if (names_source(&chain->items[j], prefix))
                return true;
    }
    return false;
}

static void report_one_sided_output(struct inspection *inspection, const struct share *share, diagram lone)
{
    const struct rule *rule = place_rule(&share->place);
    const struct rule_address *source = &rule->addresses[SIDE_SOURCE];
    const diagram packets = set_and(&inspection->space, flows(inspection, share->packets), lone);

    if (goes_one_way(inspection, packets))
        return;
    if (source->prefix.bits && !source->inverted && !rule->addresses[SIDE_DESTINATION].prefix.bits &&
        is_peer(inspection, &source->prefix)) {
        if (report_at(inspection, DIAG_WRONG_SIDE, SEVERITY_WARNING, &share->place,
                      "what leaves has this host's address as its source, and this names a peer's: its "
                      "answers stay tracked"))
            diag_hint(inspection->diags, "name the peer with -d");
        return;
    }
    if (report_at(inspection, DIAG_ONE_SIDED_NOTRACK, SEVERITY_WARNING, &share->place,
                  "untracked as it leaves, and tracked as it comes in: answers to %s",
                  in_words(inspection, packets, peers_domain(inspection))))
        diag_hint(inspection->diags,
                  "untrack in PREROUTING what these packets answer, or take this rule out");
}

static void find_one_sided(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const struct passage *in = raw_passage(inspection, HOOK_INPUT);
    const struct table *raw = ruleset_find_table(inspection->rules, "raw");
    const diagram accepted = accepted_in_state(inspection, HOOK_INPUT, PACKET_STATE_UNTRACKED);
    const diagram lone = set_and(space, one_sided(inspection), accepted);
    struct passage out;
    struct shares shares;

    if (!raw || lone == set_none(space))
        return;
    shares = in ? passage_untrackers(in, lone, SHARES) : (struct shares){0};
    for (size_t i = 0; i < shares.count; i++) {
        const diagram packets = set_and(space, flows(inspection, shares.items[i].packets), lone);

        if (!goes_one_way(inspection, packets) &&
            report_at(inspection, DIAG_ONE_SIDED_NOTRACK, SEVERITY_WARNING, &shares.items[i].place,
                      "untracked as it comes in, and its answers are tracked: %s",
                      in_words(inspection, packets, peers_domain(inspection))))
            diag_hint(inspection->diags, "untrack the answers in OUTPUT: --sport for --dport, -d for -s");
    }
    passage_open(&out, space, &inspection->scratch, raw, "OUTPUT", HOOK_OUTPUT, true);
    shares = passage_untrackers(&out, lone, SHARES);
    for (size_t i = 0; i < shares.count; i++)
        report_one_sided_output(inspection, &shares.items[i], lone);
}

// Packets that need the tracker.

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

static void find_helper_ports(struct inspection *inspection, diagram untracked)
{
    static const struct {
        uint8_t protocol;
        uint16_t port;
        const char *name;
    } helped[] = {{PROTOCOL_TCP, 21, "ftp"}, {PROTOCOL_UDP, 69, "tftp"}};
    struct packet_space *space = &inspection->space;
    const struct passage *raw = raw_passage(inspection, HOOK_INPUT);

    for (size_t i = 0; raw && i < 2; i++) {
        const diagram protocol =
            set_and(space, untracked, of_value(inspection, FIELD_PROTOCOL, helped[i].protocol));
        const diagram control =
            set_and(space, protocol, ports_between(inspection, helped[i].port, helped[i].port));
        struct shares shares;

        // Who tracks nothing of the protocol does without helpers.
        if (!from_anyone(inspection, control) ||
            port_count(inspection, of_strangers(inspection, protocol)) > MOST_PORTS)
            continue;
        shares = passage_untrackers(raw, control, SHARES);
        for (size_t j = 0; j < shares.count; j++) {
            if (!from_anyone(inspection, shares.items[j].packets) ||
                !report_at(inspection, DIAG_HELPER_UNTRACKED, SEVERITY_WARNING, &shares.items[j].place,
                           "%s (%s port %u) goes untracked, and its helper does not see it: data connections "
                           "are not recognised",
                           helped[i].name, helped[i].protocol == PROTOCOL_TCP ? "tcp" : "udp",
                           helped[i].port))
                continue;
            diag_hint(inspection->diags,
                      "leave the port tracked, or accept the server's passive ports by name");
        }
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
        const diagram strangers = of_strangers(inspection, flows(inspection, shares.items[i].packets));
        const diagram refused =
            of_strangers(inspection, set_and(space, flows(inspection, shares.items[i].packets),
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

// What is left of tracking where TCP and UDP have none.
static void find_rest(struct inspection *inspection, diagram untracked)
{
    struct packet_space *space = &inspection->space;
    const struct passage *raw = raw_passage(inspection, HOOK_INPUT);
    const diagram all = flows(inspection, set_all(space));
    const diagram rest =
        usual(inspection, set_minus(space, set_minus(space, set_all(space), tcp_and_udp(inspection)),
                                    taken_out(space, inspection->meaning.raws[HOOK_INPUT])));
    struct shares shares;

    if (!raw || set_minus(space, all, untracked) != set_none(space) || rest == set_none(space))
        return;
    shares = passage_untrackers(raw, all, 1);
    if (shares.count && report_at(inspection, DIAG_NOTRACK_REST, SEVERITY_NOTE, &shares.items[0].place,
                                  "all of TCP and UDP is untracked, and ICMP and the rest are not"))
        diag_hint(inspection->diags,
                  "leave the protocol out, in PREROUTING and OUTPUT, if nothing is to be tracked");
}

// Rules that ask for a state which their packets never have.

static bool asks_for_state(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++) {
        const struct match *match = &rule->matches[i];

        if ((match->kind == MATCH_STATE || match->kind == MATCH_CONNTRACK) && !match->state.inverted &&
            !(match->state.states & STATE_UNTRACKED))
            return true;
    }
    return false;
}

// Packets in the states that they can have behind raw.
static diagram in_real_states(struct inspection *inspection, enum hook hook)
{
    struct packet_space *space = &inspection->space;
    const diagram tracked = tracked_set(
        space, hook_outcomes(space, &inspection->meaning, hook, inspection->meaning.domains[hook]));
    const diagram untracked = of_value(inspection, FIELD_STATE, PACKET_STATE_UNTRACKED);

    return set_or(
        space, set_minus(space, tracked, untracked),
        set_and(space, untracked,
                set_minus(space, set_all(space), where(inspection, tracked, FIELD_STATE, PACKET_STATE_NEW))));
}

static void find_stateful_dead(struct inspection *inspection, enum hook hook, const char *chain)
{
    struct packet_space *space = &inspection->space;
    const struct passage *filter = find_passage(inspection, "filter", chain, hook);
    const diagram real = in_real_states(inspection, hook);
    const struct shares shares = filter ? passage_comers(filter, asks_for_state) : (struct shares){0};

    for (size_t i = 0; i < shares.count; i++) {
        const diagram comes = shares.items[i].packets;

        if (set_and(space, comes, real) == set_none(space) &&
            set_and(space, comes, inspection->meaning.domains[hook]) != set_none(space) &&
            report_at(inspection, DIAG_STATEFUL_RULE, SEVERITY_WARNING, &shares.items[i].place,
                      "no packet has the state that this rule asks for: raw takes all of its packets out "
                      "of tracking"))
            diag_hint(inspection->diags, "leave the state out; UNTRACKED is the only one that they have");
    }
}

static bool is_reported(struct inspection *inspection, enum diag_code code, const struct rule_place *place)
{
    const struct span span = place_span(inspection, place);

    for (size_t i = 0; i < inspection->diags->items.count; i++)
        if (inspection->diags->items.items[i].code == code &&
            inspection->diags->items.items[i].span.source == span.source &&
            inspection->diags->items.items[i].span.line == span.line)
            return true;
    return false;
}

// Packets that are untracked, and accepted in a state alone.
static void find_stateful_lost(struct inspection *inspection, enum hook hook, unsigned state,
                               diagram untracked)
{
    struct packet_space *space = &inspection->space;
    const diagram accepted = accepted_in_state(inspection, hook, state);
    diagram lost = set_and(space, set_and(space, untracked, accepted),
                           refused_in_state(inspection, hook, PACKET_STATE_UNTRACKED));
    struct shares shares;

    if (lost == set_none(space))
        return;
    shares = filter_deciders(inspection, hook, set_and(space, lost, of_value(inspection, FIELD_STATE, state)),
                             SHARES);
    for (size_t i = 0; i < shares.count; i++) {
        const diagram packets = settled(
            inspection, set_and(space, where(inspection, shares.items[i].packets, FIELD_STATE, state), lost));
        const struct rule *rule = place_rule(&shares.items[i].place);

        if (!rule || !asks_for_state(rule) ||
            is_reported(inspection, DIAG_STATEFUL_RULE, &shares.items[i].place) ||
            !from_anyone(inspection, hook == HOOK_INPUT ? packets : set_all(space)))
            continue;
        if (report_at(inspection, DIAG_STATEFUL_RULE, SEVERITY_WARNING, &shares.items[i].place,
                      "raw takes packets out of tracking that this accepts by their state alone, so that "
                      "they are refused: %s",
                      in_words(inspection, flows(inspection, packets), off_lo_domain(inspection))))
            diag_hint(inspection->diags, "accept those ports and addresses without a state");
    }
}

void find_tracking(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const diagram untracked = flows(inspection, taken_out(space, inspection->meaning.raws[HOOK_INPUT]));

    find_rest(inspection, untracked);
    if (!inspection->meaning.tracking || !ruleset_find_table(inspection->rules, "raw"))
        return;
    find_one_sided(inspection);
    find_forwarded(inspection);
    find_published(inspection);
    find_helper_ports(inspection, untracked);
    find_ephemeral(inspection);
    find_stateful_dead(inspection, HOOK_INPUT, "INPUT");
    find_stateful_dead(inspection, HOOK_OUTPUT, "OUTPUT");
    find_stateful_lost(inspection, HOOK_INPUT, PACKET_STATE_NEW, untracked);
}
