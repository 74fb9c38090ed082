// SPDX-License-Identifier: GPL-2.0-or-later
//
// What raw takes out of tracking, and what goes wrong with it: one direction without the other, and rules that ask for a state
// which their packets do not have; and a rule that makes the kernel track, for nothing.
#include <string.h>

#include "analysis/trace.h"
#include "base/vec.h"
#include "findings/flows.h"

#define SHARES 16

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
    return usual_flows(inspection, packets);
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
           addr_compare(source->prefix.addr, prefix->addr) == 0;
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
    const diagram packets = set_and(&inspection->space, usual_flows(inspection, share->packets), lone);

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

// Own addresses are beside the point where the rule names none: that a peer's is none of them goes without saying.
static diagram of_any_own(struct inspection *inspection, const struct share *share, diagram packets)
{
    const struct rule *rule = place_rule(&share->place);

    return rule && !rule->addresses[SIDE_DESTINATION].prefix.bits
               ? diagram_largest(inspection->space.diagrams, packets, FIELD_DESTINATION)
               : packets;
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
        const diagram packets = set_and(space, usual_flows(inspection, shares.items[i].packets), lone);

        if (!goes_one_way(inspection, packets) &&
            report_at(inspection, DIAG_ONE_SIDED_NOTRACK, SEVERITY_WARNING, &shares.items[i].place,
                      "untracked as it comes in, and its answers are tracked: %s",
                      in_words(inspection, of_any_own(inspection, &shares.items[i], packets),
                               peers_domain(inspection))))
            diag_hint(inspection->diags, "untrack the answers in OUTPUT: --sport for --dport, -d for -s");
    }
    passage_open(&out, space, &inspection->scratch, raw, "OUTPUT", HOOK_OUTPUT, true);
    shares = passage_untrackers(&out, lone, SHARES);
    for (size_t i = 0; i < shares.count; i++)
        report_one_sided_output(inspection, &shares.items[i], lone);
}

// What is left of tracking where TCP and UDP have none.
static void find_rest(struct inspection *inspection, diagram untracked)
{
    struct packet_space *space = &inspection->space;
    const struct passage *raw = raw_passage(inspection, HOOK_INPUT);
    const diagram all = usual_flows(inspection, set_all(space));
    const diagram rest =
        usual_packets(inspection, set_minus(space, set_minus(space, set_all(space), tcp_and_udp(inspection)),
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
                      in_words(inspection, usual_flows(inspection, packets), off_lo_domain(inspection))))
            diag_hint(inspection->diags, "accept those ports and addresses without a state");
    }
}

// Rules that make the kernel track, in chains that no rule leads to.

static void reach(const struct table *table, const struct chain *chain, bool *reached)
{
    if (!chain || reached[chain->number])
        return;
    reached[chain->number] = true;
    for (size_t i = 0; i < chain->count; i++)
        if (rule_leads_on(&chain->items[i]))
            reach(table, table_find_chain(table, chain->items[i].target.text), reached);
}

// The first of a table that tracks, of those in chains that are reached or of the others.
static struct rule_place first_tracking(struct inspection *inspection, const struct table *table, bool wanted)
{
    bool *reached = arena_calloc(inspection->arena, table->count, sizeof(*reached));

    for (size_t i = 0; i < table->count; i++)
        if (table->items[i]->policy != CHAIN_USER)
            reach(table, table->items[i], reached);
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->items[i]->count && reached[table->items[i]->number] == wanted; j++)
            if (rule_tracks(&table->items[i]->items[j], table->name))
                return (struct rule_place){table, table->items[i], j};
    return (struct rule_place){0};
}

static void find_idle_tracking(struct inspection *inspection)
{
    struct rule_place place = {0};

    for (size_t i = 0; i < inspection->rules->count; i++) {
        const struct table *table = &inspection->rules->items[i];

        if (first_tracking(inspection, table, true).chain)
            return;
        if (!place.chain)
            place = first_tracking(inspection, table, false);
    }
    if (place.chain &&
        report_at(inspection, DIAG_STATEFUL_RULE, SEVERITY_WARNING, &place,
                  "no packet comes to %s, and this rule in it alone makes the kernel track all of %s",
                  place.chain->name, family_name(inspection->rules->family)))
        diag_hint(inspection->diags, "take the chain out: nothing else asks for a state");
}

void find_tracking(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const diagram untracked = usual_flows(inspection, taken_out(space, inspection->meaning.raws[HOOK_INPUT]));

    find_rest(inspection, untracked);
    find_idle_tracking(inspection);
    if (!inspection->meaning.tracking || !ruleset_find_table(inspection->rules, "raw"))
        return;
    find_one_sided(inspection);
    find_needs(inspection, untracked);
    find_stateful_dead(inspection, HOOK_INPUT, "INPUT");
    find_stateful_dead(inspection, HOOK_OUTPUT, "OUTPUT");
    find_stateful_lost(inspection, HOOK_INPUT, PACKET_STATE_NEW, untracked);
}
