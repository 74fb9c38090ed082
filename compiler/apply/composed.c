// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/composed.h"

#include <string.h>

#include "analysis/describe.h"
#include "analysis/witness.h"
#include "meaning/sets.h"
#include "proof/promises.h"

// The rule of others that decides a packet. False: none does.
static bool find_others_rule(const struct hearing *hearing, struct proof *proof, enum hook hook,
                             const field_value *packet, struct rule_place *place)
{
    *place = trace_packet(&proof->space, hearing->after, &proof->done, hook, packet).verdict;
    return place_is_others(hearing, place);
}

// A rule of others that accepts packets for being UNTRACKED or INVALID.
static bool accepts_by_state(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count && rule->target.kind == TARGET_ACCEPT; i++) {
        const struct match *match = &rule->matches[i];
        const unsigned states = match->kind == MATCH_STATE || match->kind == MATCH_CONNTRACK
                                    ? match->state.states ^ (match->state.inverted ? ~0u : 0u)
                                    : 0;

        if ((states & (STATE_UNTRACKED | STATE_INVALID)) && !(states & STATE_NEW))
            return true;
    }
    return false;
}

static bool find_blanket_rule(const struct hearing *hearing, struct rule_place *place)
{
    const struct table *filter = ruleset_find_table(hearing->after, "filter");

    for (size_t i = 0; filter && i < filter->count; i++)
        for (size_t j = 0; j < filter->items[i]->count; j++) {
            *place = (struct rule_place){filter, filter->items[i], j};
            if (accepts_by_state(&filter->items[i]->items[j]) && place_is_others(hearing, place))
                return true;
        }
    return false;
}

// What passes untracked and would not as NEW: a rule of others lets all such in, or one that asks for NEW never sees them.
static void object_to_blanket(struct hearing *hearing, struct proof *proof,
                              const struct promise_breach *broken)
{
    struct rule_place place;
    struct buf text = {0};

    if (find_blanket_rule(hearing, &place)) {
        put_place(&text, hearing, &place);
        buf_text(&text, " accepts packets for being UNTRACKED or INVALID, whatever they are");
        object_to_opening(hearing, diag_kinds[broken->code].name, text.bytes,
                          "whatever the policy untracks is open to all by this rule");
    } else {
        broken->packet[FIELD_STATE].low = PACKET_STATE_NEW;
        place = trace_with_state(&proof->space, hearing->after, broken->hook, broken->packet).verdict;
        if (place_rule(&place) && place_is_others(hearing, &place))
            put_place(&text, hearing, &place);
        else
            buf_text(&text, "a rule of others");
        buf_text(&text, " refuses what passes it where it goes untracked");
        buf_printf(&text, ", such as %s", broken->example);
        object(hearing, SEVERITY_WARNING, diag_kinds[broken->code].name, text.bytes,
               "a rule that asks for a state of the tracker does not see what is untracked");
    }
    buf_clear(&text);
}

static void find_broken_promises(struct hearing *hearing, struct proof *proof)
{
    for (size_t i = 0; i < PROMISE_COUNT; i++) {
        struct promise_breach broken;
        struct buf text = {0};

        if (!promise_broken(proof, i, &broken))
            continue;
        if (broken.code == DIAG_BLANKET_ACCEPT) {
            object_to_blanket(hearing, proof, &broken);
            continue;
        }
        buf_text(&text, broken.problem);
        if (place_is_others(hearing, &broken.place)) {
            buf_text(&text, " by ");
            put_place(&text, hearing, &broken.place);
        } else {
            buf_text(&text, ", with what others have");
        }
        buf_printf(&text, ", such as %s", broken.example);
        object(hearing, SEVERITY_WARNING, diag_kinds[broken.code].name, text.bytes, NULL);
        buf_clear(&text);
    }
}

// That some are refused all the same may be what others are for; that some are accepted is not.
static bool may_fail(const struct policy *policy, struct span span)
{
    for (size_t i = 0; i < policy->expectation_count; i++) {
        const struct expectation *each = &policy->expectations[i];

        if (each->span.source == span.source && each->span.line == span.line &&
            each->span.column == span.column &&
            (each->verdict == EXPECT_ACCEPT || each->verdict == EXPECT_ANY))
            return true;
    }
    return false;
}

static void find_failing(struct hearing *hearing, struct proof *proof)
{
    const char *family = arena_printf(hearing->arena, "%s: ", family_name(hearing->family));
    struct diag_list diags = {.arena = hearing->arena};

    prove_expectations(proof, &diags);
    for (size_t i = 0; i < diags.items.count; i++) {
        const struct diag *diag = &diags.items.items[i];
        const bool named = strncmp(diag->message, family, strlen(family)) == 0;

        const char *text = diag->message + (named ? strlen(family) : 0);

        if (may_fail(hearing->policy, diag->span))
            object(hearing, SEVERITY_WARNING, diag_kinds[DIAG_EXPECTATION].name, text, diag->hint);
        else
            object_to_opening(hearing, diag_kinds[DIAG_EXPECTATION].name, text, diag->hint);
    }
}

static void find_otherwise(struct hearing *hearing, struct proof *proof, enum hook hook, bool accepts)
{
    struct packet_space *space = &proof->space;
    const diagram domain = proof->said.domains[hook];
    const diagram said = accepted_set(space, hook_outcomes(space, &proof->said, hook, domain));
    const diagram done = accepted_set(space, hook_outcomes(space, &proof->done, hook, domain));
    const diagram otherwise = accepts ? set_minus(space, done, said) : set_minus(space, said, done);
    field_value *packet = arena_calloc(hearing->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    struct rule_place place;
    struct buf text = {0};

    if (!find_packet(space, hook, otherwise, packet) ||
        !find_others_rule(hearing, proof, hook, packet, &place))
        return;
    put_place(&text, hearing, &place);
    buf_text(&text, accepts ? " accepts what the policy refuses" : " refuses what the policy accepts");
    buf_text(&text, ", such as ");
    describe_packet(&text, space, hook, packet, otherwise);
    object(hearing, accepts ? SEVERITY_WARNING : SEVERITY_NOTE, accepts ? "others-accept" : "others-refuse",
           text.bytes, NULL);
    buf_clear(&text);
}

void find_broken(struct hearing *hearing)
{
    struct proof proof;

    proof_open(&proof, hearing->arena, hearing->policy, hearing->source, hearing->after, hearing->after);
    if (proof.undecided) {
        object_to_opening(hearing, "undecided", "with the rules of others, these are too many to be proved",
                          NULL);
    } else {
        find_broken_promises(hearing, &proof);
        find_failing(hearing, &proof);
        for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++) {
            if (hook == HOOK_FORWARD && hearing->policy->forwarding == VERDICT_LEAVE)
                continue;
            find_otherwise(hearing, &proof, hook, true);
            find_otherwise(hearing, &proof, hook, false);
        }
    }
    proof_close(&proof);
}
