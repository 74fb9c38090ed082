// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a policy expects of sets of packets, proved for every packet of each set.
#include <string.h>

#include "analysis/describe.h"
#include "analysis/query.h"
#include "analysis/witness.h"
#include "meaning/sets.h"
#include "proof/prove.h"

static const char *const expected_words[] = {"", "accept", "reject", "drop",
                                             "refuse"}; // by the expected verdict

// What is left out is what people mean: a new connection, from someone who is neither denied nor trusted, to this host's own
// address, and not over lo.
static diagram usual_part(struct packet_space *space, const struct packets *packets,
                          const struct policy_sets *sets, diagram set)
{
    const enum hook hook = packets_hook(packets);
    const uint64_t lo = packet_space_interface(space, "lo");
    const bool by_lo = packets_only_by(hook == HOOK_OUTPUT ? &packets->out : &packets->in, "lo");

    if (!packets->states)
        set = set_and(space, set, field_between(space, FIELD_STATE, PACKET_STATE_NEW, PACKET_STATE_NEW));
    if (!packets->states && !packets->flags) {
        const diagram tcp = field_between(space, FIELD_PROTOCOL, PROTOCOL_TCP, PROTOCOL_TCP);

        set = set_or(space, set_minus(space, set, tcp), set_and(space, set, tcp_openings(space)));
    }
    if (!packets->from && !packets->from_any && sets) {
        if (hook != HOOK_OUTPUT)
            set = set_minus(space, set, decided_set(space, sets->denied));
        if (hook == HOOK_INPUT)
            set = set_minus(space, set, decided_set(space, sets->trusted));
    }
    if (hook == HOOK_INPUT && !packets->casts && !packets->to)
        set = set_and(space, set,
                      field_between(space, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL, DESTINATION_LOCAL));
    if (!packets->fragments)
        set = set_and(space, set, field_between(space, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_NONE));
    if (!by_lo)
        set = set_minus(space, set, field_between(space, hook == HOOK_OUTPUT ? FIELD_OUT : FIELD_IN, lo, lo));
    return set;
}

// Where every limit has room. To expect that something is accepted is to expect it within its limits.
static diagram within_limits(struct packet_space *space, diagram set)
{
    for (size_t i = 0; i < space->unknowns.count; i++)
        if (space->unknowns.items[i].kind == UNKNOWN_LIMIT ||
            space->unknowns.items[i].kind == UNKNOWN_HASHLIMIT)
            set = set_and(space, set,
                          field_between(space, (unsigned)(FIELD_COUNT + i), LIMIT_WITHIN, LIMIT_WITHIN));
    return set;
}

static uint32_t walk_is(uint32_t value, uint32_t walk)
{
    return (uint32_t)outcome_of(value).walk == walk;
}

static const struct diagram_operation op_walk_is = {48, walk_is, NULL};

static diagram with_walk(struct packet_space *space, diagram function, enum walk walk)
{
    return diagram_apply(space->diagrams, &op_walk_is, function,
                         diagram_constant(space->diagrams, (uint32_t)walk));
}

static diagram as_expected(struct packet_space *space, const struct expectation *expectation,
                           diagram function)
{
    diagram fine = set_all(space);

    switch (expectation->verdict) {
    case EXPECT_ANY:
        break;
    case EXPECT_ACCEPT:
        fine = with_walk(space, function, WALK_ACCEPT);
        break;
    case EXPECT_REJECT:
        fine = with_walk(space, function, WALK_REJECT);
        break;
    case EXPECT_DROP:
        fine = with_walk(space, function, WALK_DROP);
        break;
    case EXPECT_REFUSE:
        fine = refused_set(space, function);
        break;
    }
    if (expectation->tracked == CHOICE_YES)
        fine = set_and(space, fine, tracked_set(space, function));
    if (expectation->tracked == CHOICE_NO)
        fine = set_minus(space, fine, tracked_set(space, function));
    return fine;
}

diagram expected_packets(struct packet_space *space, const struct expectation *expectation,
                         const struct meaning *meaning, const struct policy_sets *sets)
{
    const struct packets *packets = &expectation->packets;
    diagram set = usual_part(space, packets, sets, packets_set(space, packets));

    if (packets->states & PACKET_UNTRACKED)
        set =
            packets_of_state(space, packets, set, hook_outcomes(space, meaning, packets_hook(packets), set));
    return expectation->verdict == EXPECT_ACCEPT ? within_limits(space, set) : set;
}

bool find_counterexample(struct packet_space *space, const struct expectation *expectation,
                         const struct meaning *meaning, diagram packets, field_value *packet)
{
    const enum hook hook = packets_hook(&expectation->packets);
    const diagram outcomes = hook_outcomes(space, meaning, hook, packets);
    const diagram failing = set_minus(space, packets, as_expected(space, expectation, outcomes));

    return find_packet(space, hook, failing, packet);
}

void describe_expected(struct buf *out, const struct expectation *expectation)
{
    const char *comma = "";

    if (expectation->verdict != EXPECT_ANY) {
        buf_text(out, expected_words[expectation->verdict]);
        comma = ", ";
    }
    if (expectation->tracked != CHOICE_UNSET)
        buf_printf(out, "%s%s", comma, expectation->tracked == CHOICE_YES ? "tracked" : "untracked");
}

// The same expectation may fail in both families. Where the same part of the policy decides in both, that is one finding.
static bool joined_with_other_family(struct diag_list *diags, const struct expectation *expectation,
                                     const char *reason, const char *place)
{
    const size_t length = strlen(reason);

    for (size_t i = 0; i < diags->items.count; i++) {
        struct diag *other = &diags->items.items[i];
        const struct slice message = slice_of(other->message);

        if (other->code != DIAG_EXPECTATION || other->span.source != expectation->span.source ||
            other->span.line != expectation->span.line || other->span.column != expectation->span.column ||
            !other->hint || strncmp(other->hint, reason, length) != 0 ||
            strncmp(other->hint + length, " (filter ", 9) != 0 || !slice_starts(message, "IPv4: "))
            continue;
        other->message += strlen("IPv4: ");
        other->hint =
            arena_printf(diags->arena, "%.*s; IPv6: %s)", (int)strlen(other->hint) - 1, other->hint, place);
        return true;
    }
    return false;
}

void report_expectation(struct diag_list *diags, const struct expectation *expectation, enum family family,
                        const char *what, const struct reason *by, const struct rule_place *decided)
{
    struct buf part = {0}, place = {0};
    const char *reason = NULL;

    describe_reason(&part, by);
    describe_place(&place, decided);
    if (by->section && by->span.source)
        reason = arena_printf(diags->arena, "decided by %s, %s:%u", part.bytes, by->span.source->name,
                              by->span.line);
    else if (by->section)
        reason = arena_printf(diags->arena, "decided by %s", part.bytes);
    if (!reason || family == FAMILY_IPV4 ||
        !joined_with_other_family(diags, expectation, reason, place.bytes)) {
        diag_add(diags, DIAG_EXPECTATION, expectation->span, "%s: %s", family_name(family), what);
        if (reason)
            diag_hint(diags, "%s (%s)", reason, place.bytes);
        else if (by->span.source)
            diag_hint(diags, "decided by %s, %s:%u", place.bytes, by->span.source->name, by->span.line);
        else
            diag_hint(diags, "decided by %s", place.bytes);
    }
    buf_clear(&part);
    buf_clear(&place);
}

static bool prove_expectation(struct proof *proof, const struct expectation *expectation,
                              struct diag_list *diags)
{
    struct packet_space *space = &proof->space;
    const enum hook hook = packets_hook(&expectation->packets);
    const diagram packets = expected_packets(space, expectation, &proof->done, &proof->sets);
    field_value *packet = arena_calloc(proof->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    struct buf text = {0};

    if (hook == HOOK_FORWARD && proof->policy->forwarding == VERDICT_LEAVE) {
        diag_add(diags, DIAG_EXPECTATION, expectation->span,
                 "`forward: leave` says that others decide what is forwarded");
        return false;
    }
    if (packets == set_none(space)) {
        diag_add(diags, DIAG_EXPECTATION, expectation->span, "%s: no packet is of this set",
                 family_name(space->family));
        return false;
    }
    if (!find_counterexample(space, expectation, &proof->done, packets, packet))
        return true;
    if (expectation->name)
        buf_printf(&text, "%s: ", expectation->name);
    buf_text(&text, "expected ");
    describe_expected(&text, expectation);
    buf_text(&text, ", and ");

    const struct outcome outcome = packet_outcome(space, &proof->done, hook, packet);

    describe_packet(&text, space, hook, packet,
                    set_minus(space, packets,
                              differences(space, hook_outcomes(space, &proof->done, hook, packets),
                                          diagram_constant(space->diagrams, outcome_value(outcome)))));
    buf_text(&text, " is ");
    describe_verdict(&text, space, outcome);
    buf_text(&text, outcome.tracked ? ", tracked" : ", untracked");

    struct rule_place decided;
    const struct reason by = proof_reason(proof, &decided, hook, packet);

    report_expectation(diags, expectation, space->family, text.bytes, &by, &decided);
    buf_clear(&text);
    return false;
}

bool prove_expectations(struct proof *proof, struct diag_list *diags)
{
    bool kept = true;

    for (size_t i = 0; i < proof->policy->expectation_count; i++)
        if (packets_in_family(&proof->policy->expectations[i].packets, proof->space.family))
            kept = prove_expectation(proof, &proof->policy->expectations[i], diags) && kept;
    return kept;
}
