// SPDX-License-Identifier: GPL-2.0-or-later
//
// How the kernel puts raw, the tracker and the filter behind each other at a hook. A packet that raw takes out is UNTRACKED
// to the filter; any other has the state that the tracker gives it.
#include "meaning/sets.h"

static const field_value untracked_state = {0, PACKET_STATE_UNTRACKED}, no_helper = {0, 0},
                         no_interface = {0, INTERFACE_NONE};

// What raw ends by itself never meets the tracker.
static uint32_t ended_by_raw(uint32_t raw, uint32_t ignored)
{
    struct outcome outcome = outcome_of(raw);

    (void)ignored;
    if (outcome.walk == WALK_CONTINUE || outcome.walk == WALK_ACCEPT)
        return 0;
    outcome.ct = CT_NONE;
    return outcome_value(outcome);
}

static uint32_t mark_tracked(uint32_t filter, uint32_t ignored)
{
    struct outcome outcome = outcome_of(filter);

    (void)ignored;
    outcome.tracked = true;
    return outcome_value(outcome);
}

static const struct diagram_operation op_ended = {25, ended_by_raw, NULL},
                                      op_tracked = {26, mark_tracked, NULL};

// Neighbour discovery, multicast listeners and routers, which the tracker leaves alone
// (net/netfilter/nf_conntrack_proto_icmpv6.c, noct_valid_new).
diagram never_tracked(struct packet_space *space)
{
    static struct addr_range types[] = {{{0, 130}, {0, 136}}, {{0, 143}, {0, 143}}, {{0, 151}, {0, 152}}};
    static const struct addr_range icmpv6 = {{0, PROTOCOL_ICMPV6}, {0, PROTOCOL_ICMPV6}};
    const diagram all = set_all(space), none = set_none(space);

    if (space->family != FAMILY_IPV6)
        return none;
    return diagram_test(space->diagrams, FIELD_PROTOCOL, &icmpv6, 1,
                        diagram_test(space->diagrams, FIELD_ICMP_TYPE, types, 3, all, none), none);
}

static diagram comes_by_loopback(struct packet_space *space)
{
    const uint64_t lo = packet_space_interface(space, "lo");
    const struct addr_range range = {{0, lo}, {0, lo}};

    return diagram_test(space->diagrams, FIELD_IN, &range, 1, set_all(space), set_none(space));
}

// Packets whatever their state, for which a function that knows states has a value.
static diagram of_any_state(struct packet_space *space, diagram set)
{
    return diagram_largest(space->diagrams, diagram_largest(space->diagrams, set, FIELD_STATE), FIELD_HELPER);
}

// `function` for the packets that count, which are all that are asked about; whatever is simpler for the others.
static diagram where_it_counts(struct packet_space *space, const diagram *counts, diagram function)
{
    return counts ? only_where(space, *counts, function) : function;
}

// What raw took out of what comes by lo, as it left. `counts`: of what comes in, NULL: all.
static diagram taken_out_as_sent(struct packet_space *space, const struct meaning *meaning,
                                 const diagram *counts)
{
    struct diagram_space *diagrams = space->diagrams;
    const field_value lo = {0, packet_space_interface(space, "lo")};
    const diagram by_lo = counts ? diagram_restrict(diagrams, *counts, FIELD_IN, lo) : set_all(space);
    diagram sent = diagram_restrict(diagrams, meaning->raws[HOOK_OUTPUT], FIELD_OUT, lo);

    sent = diagram_restrict(diagrams, sent, FIELD_IN, no_interface);
    return taken_out(space, where_it_counts(space, counts ? &by_lo : NULL, sent));
}

static diagram seen_as_untracked(struct packet_space *space, const struct meaning *meaning, enum hook hook,
                                 const diagram *counts)
{
    const diagram any_state = counts ? of_any_state(space, *counts) : set_all(space);
    const diagram seen =
        diagram_restrict(space->diagrams, meaning->filters[hook], FIELD_STATE, untracked_state);

    return diagram_restrict(space->diagrams, where_it_counts(space, counts ? &any_state : NULL, seen),
                            FIELD_HELPER, no_helper);
}

// What raw does with packets as they come to it. Where its rules ask for a state, what comes by lo and was taken out as it
// left is UNTRACKED to them.
static diagram raw_as_met(struct packet_space *space, const struct meaning *meaning, enum hook hook)
{
    const diagram raw = meaning->raws[hook];
    diagram untracked;

    if (hook != HOOK_INPUT || !diagram_depends_on(space->diagrams, raw, FIELD_STATE))
        return raw;
    untracked = set_or(space, taken_out_as_sent(space, meaning, NULL), never_tracked(space));
    return choose(space, set_and(space, comes_by_loopback(space), untracked),
                  seen_with_state(space, raw, PACKET_STATE_UNTRACKED), raw);
}

// Both parts put together, for the packets that count; NULL: for all.
static diagram put_together(struct packet_space *space, const struct meaning *meaning, enum hook hook,
                            const diagram *counts)
{
    const diagram raw = where_it_counts(space, counts, raw_as_met(space, meaning, hook));
    const diagram filter = where_it_counts(space, counts, meaning->filters[hook]);
    diagram untracked = taken_out(space, raw);

    if (hook == HOOK_INPUT) {
        // What was taken out as it left stays so, as does what got an entry. What was invalid has neither mark.
        const diagram invalid = field_between(space, FIELD_STATE, PACKET_STATE_INVALID, PACKET_STATE_INVALID);

        untracked = choose(
            space, comes_by_loopback(space),
            set_or(space, taken_out_as_sent(space, meaning, counts), set_and(space, invalid, untracked)),
            untracked);
    }
    untracked = meaning->tracking ? set_or(space, untracked, never_tracked(space)) : set_all(space);

    const diagram ended = diagram_apply(space->diagrams, &op_ended, raw, set_all(space));
    const diagram seen_tracked = diagram_apply(space->diagrams, &op_tracked, filter, set_all(space));

    return first_of(space, ended,
                    choose(space, untracked, seen_as_untracked(space, meaning, hook, counts), seen_tracked));
}

diagram hook_outcomes(struct packet_space *space, const struct meaning *meaning, enum hook hook, diagram set)
{
    const diagram within = set_and(space, set, meaning->domains[hook]);

    return only_where(space, within, put_together(space, meaning, hook, &within));
}

diagram hook_outcomes_anywhere(struct packet_space *space, const struct meaning *meaning, enum hook hook)
{
    return put_together(space, meaning, hook, NULL);
}

// A packet as a set of one.
static diagram only_packet(struct packet_space *space, const field_value *packet)
{
    diagram set = set_all(space);

    for (size_t field = FIELD_COUNT + space->unknowns.count; field-- > 0;) {
        const struct addr_range one = {packet[field], packet[field]};

        set = diagram_test(space->diagrams, (unsigned)field, &one, 1, set, set_none(space));
    }
    return set;
}

struct outcome packet_outcome(struct packet_space *space, const struct meaning *meaning, enum hook hook,
                              const field_value *packet)
{
    return outcome_of(diagram_evaluate(
        space->diagrams, hook_outcomes(space, meaning, hook, only_packet(space, packet)), packet));
}

// What counts of a walk through raw: whether it takes the packet out, and whether it ends it.
static uint32_t settle(uint32_t raw, uint32_t ignored)
{
    struct outcome outcome = outcome_of(raw);

    (void)ignored;
    outcome.rule = 0;
    if (outcome.walk <= WALK_ACCEPT)
        outcome.walk = WALK_CONTINUE;
    if (outcome.ct == CT_TRACK)
        outcome.ct = CT_NONE;
    return outcome_value(outcome);
}

static const struct diagram_operation op_settle = {27, settle, NULL};

static diagram different_raws(struct packet_space *space, diagram a, diagram b)
{
    const diagram all = set_all(space);

    if (a == b)
        return set_none(space);
    return differences(space, diagram_apply(space->diagrams, &op_settle, a, all),
                       diagram_apply(space->diagrams, &op_settle, b, all));
}

// Of a walk through raw that goes on to the tracker.
static uint32_t template_of(uint32_t raw, uint32_t ignored)
{
    const struct outcome outcome = outcome_of(raw);

    (void)ignored;
    return outcome.walk <= WALK_ACCEPT ? outcome.template : 0;
}

static const struct diagram_operation op_template = {28, template_of, NULL};

diagram different_templates(struct packet_space *space, const struct meaning *a, const struct meaning *b,
                            enum hook hook)
{
    const diagram all = set_all(space);
    diagram different;

    if (a->raws[hook] == b->raws[hook])
        return set_none(space);
    different = differences(space, diagram_apply(space->diagrams, &op_template, a->raws[hook], all),
                            diagram_apply(space->diagrams, &op_template, b->raws[hook], all));
    if (hook == HOOK_INPUT) // what comes by lo belongs to a connection already, or to none
        different = set_minus(space, different, comes_by_loopback(space));
    if (different == set_none(space))
        return different;
    return set_and(space, tracked_set(space, hook_outcomes(space, a, hook, different)),
                   tracked_set(space, hook_outcomes(space, b, hook, different)));
}

diagram different_outcomes(struct packet_space *space, const struct meaning *a, const struct meaning *b,
                           enum hook hook)
{
    // What the parts agree about is the same together. What they do not agree about may still be.
    diagram parts =
        set_or(space, different_raws(space, raw_as_met(space, a, hook), raw_as_met(space, b, hook)),
               of_any_state(space, differences(space, a->filters[hook], b->filters[hook])));

    if (hook == HOOK_INPUT &&
        different_raws(space, a->raws[HOOK_OUTPUT], b->raws[HOOK_OUTPUT]) != set_none(space))
        parts = set_or(space, parts, comes_by_loopback(space));
    if (a->tracking != b->tracking)
        parts = set_all(space);
    parts = set_and(space, parts, a->domains[hook]);
    if (parts == set_none(space))
        return parts;
    return differences(space, hook_outcomes(space, a, hook, parts), hook_outcomes(space, b, hook, parts));
}
