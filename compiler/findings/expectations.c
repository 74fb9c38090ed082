// SPDX-License-Identifier: GPL-2.0-or-later
//
// Expectations that are no part of a policy, held against the rules of one family: a policy's or somebody's.
#include <string.h>

#include "analysis/describe.h"
#include "analysis/query.h"
#include "analysis/trace.h"
#include "analysis/witness.h"
#include "findings/findings.h"
#include "proof/prove.h"

struct holding {
    const struct held *held;
    struct packet_space space;
    struct meaning meaning;
    struct policy_sets sets;
    struct diag_list *diags;
};

static bool open_space(struct holding *holding)
{
    const struct held *held = holding->held;
    struct packet_space *space = &holding->space;

    packet_space_init(space, holding->diags->arena, held->rules->family);
    if (held->policy)
        packet_space_add_policy(space, held->policy);
    if (held->policy && held->policy->verbatim[space->family].rules)
        packet_space_add_ruleset(space, held->policy->verbatim[space->family].rules);
    for (size_t i = 0; i < held->count; i++)
        packet_space_add_packets(space, &held->expectations[i].packets);
    packet_space_add_ruleset(space, held->rules);
    if (!packet_space_open(space, PACKET_NODES_MAX))
        return false;
    if (held->policy)
        policy_meaning(space, held->policy, &holding->sets);
    holding->meaning = rules_meaning(space, held->rules, NULL);
    // A policy that tracks nothing says so also where another tool switches the tracker on.
    if (held->policy && held->policy->tracking == TRACKING_NONE && !held->policy->conntrack.block_modules)
        holding->meaning.tracking = true;
    return !diagram_overflowed(space->diagrams);
}

static void report(struct holding *holding, const struct expectation *expectation, diagram asked,
                   const field_value *packet)
{
    struct packet_space *space = &holding->space;
    const enum hook hook = packets_hook(&expectation->packets);
    const struct trace trace = trace_packet(space, holding->held->rules, &holding->meaning, hook, packet);
    const struct reason reason = place_reason(&trace.verdict);
    struct buf text = {0};

    buf_text(&text, "expected ");
    describe_expected(&text, expectation);
    buf_printf(&text, " of %s, and ", holding->held->name);
    describe_packet(&text, space, hook, packet, asked);
    buf_text(&text, " is ");
    describe_verdict(&text, space, trace.outcome);
    buf_text(&text, trace.outcome.tracked ? ", tracked" : ", untracked");
    report_expectation(holding->diags, expectation, space->family, text.bytes, &reason, &trace.verdict);
    buf_clear(&text);
}

// Where nobody writes it, the policy of a chain of a table beside the filter is what the kernel begins with.
static diagram with_usual_policies(struct packet_space *space, diagram set)
{
    for (size_t i = 0; i < space->unknowns.count; i++)
        if (space->unknowns.items[i].kind == UNKNOWN_POLICY &&
            strncmp(space->unknowns.items[i].text, "filter ", 7) != 0)
            set = set_and(space, set,
                          field_between(space, (unsigned)(FIELD_COUNT + i), UNKNOWN_NO, UNKNOWN_NO));
    return set;
}

static void hold(struct holding *holding, const struct expectation *expectation)
{
    struct packet_space *space = &holding->space;
    const struct policy *policy = holding->held->policy;
    const diagram asked =
        expected_packets(space, expectation, &holding->meaning, policy ? &holding->sets : NULL);
    const diagram packets = with_usual_policies(space, asked);
    field_value *packet = arena_calloc(space->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));

    if (policy && policy->forwarding == VERDICT_LEAVE && packets_hook(&expectation->packets) == HOOK_FORWARD)
        diag_add(holding->diags, DIAG_EXPECTATION, expectation->span,
                 "%s: `forward: leave` says that others decide what is forwarded", holding->held->name);
    else if (packets == set_none(space))
        diag_add(holding->diags, DIAG_EXPECTATION, expectation->span, "%s, %s: no packet is of this set",
                 holding->held->name, family_name(space->family));
    else if (find_counterexample(space, expectation, &holding->meaning, packets, packet))
        report(holding, expectation, asked, packet);
}

void find_failing_expectations(const struct held *held, struct diag_list *diags)
{
    struct holding holding = {.held = held, .diags = diags};
    const bool decided = open_space(&holding);

    for (size_t i = 0; i < held->count && decided; i++)
        if (packets_in_family(&held->expectations[i].packets, held->rules->family))
            hold(&holding, &held->expectations[i]);
    if (!decided || diagram_overflowed(holding.space.diagrams))
        diag_add_as(diags, SEVERITY_ERROR, DIAG_NOT_PROVED, held->expectations[0].span,
                    "%s, %s: the rules are too many to prove what they mean", held->name,
                    family_name(held->rules->family));
    packet_space_close(&holding.space);
}
