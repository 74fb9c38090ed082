// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/prove.h"

#include <string.h>

#include "analysis/describe.h"
#include "analysis/trace.h"
#include "analysis/witness.h"
#include "base/fatal.h"

#define LONG_RULES 500 // rules and ranges: what they mean takes longer to say than a thread to begin

// Names come from all that is compared. What passes took away, packets are told of all the same.
static void open_space(struct proof *proof)
{
    const struct policy *policy = proof->policy;
    const enum family family = proof->lowered->family;
    struct packet_space *space = &proof->space;

    packet_space_init(space, &proof->own, family);
    packet_space_add_policy(space, policy);
    for (size_t i = 0; i < policy->expectation_count; i++)
        packet_space_add_packets(space, &policy->expectations[i].packets);
    if (policy->verbatim[family].rules)
        packet_space_add_ruleset(space, policy->verbatim[family].rules);
    if (proof->rules)
        packet_space_add_ruleset(space, proof->rules);
    packet_space_add_ruleset(space, proof->lowered);
    packet_space_add_unwritten(space, proof->lowered);
    proof->undecided = !packet_space_open(space, PACKET_NODES_MAX);
}

// Whether nothing is tracked even where another tool switches the tracker on: that is looked at as if one did.
static bool untracks_all(const struct proof *proof)
{
    return proof->policy->tracking == TRACKING_NONE && !proof->policy->conntrack.block_modules;
}

static void say_policy(void *context)
{
    struct proof *proof = context;

    open_space(proof);
    if (proof->undecided)
        return;
    proof->said = policy_meaning(&proof->space, proof->policy, &proof->sets);
    proof->said.tracking = proof->said.tracking || untracks_all(proof);
    promise_said(proof);
}

static bool is_long(const struct ruleset *lowered)
{
    size_t size = 0;

    for (size_t i = 0; i < lowered->count; i++)
        for (size_t j = 0; j < lowered->items[i].count; j++) {
            const struct chain *chain = lowered->items[i].items[j];

            size += chain->count;
            for (size_t k = 0; k < chain->count && size <= LONG_RULES; k++)
                for (int side = 0; side < 2; side++)
                    if (rule_sets_of(&chain->items[k])->addresses[side])
                        size += rule_sets_of(&chain->items[k])->addresses[side]->count;
        }
    return size > LONG_RULES;
}

void proof_begin(struct proof *proof, struct arena *arena, const struct policy *policy,
                 const struct source *source, const struct ruleset *lowered)
{
    *proof = (struct proof){.arena = arena, .policy = policy, .source = source, .lowered = lowered};
    job_begin(&proof->saying, is_long(lowered), say_policy, proof);
}

void proof_read(struct proof *proof, const struct ruleset *rules)
{
    job_end(&proof->saying);
    proof->rules = rules;
    if (!proof->undecided && !packet_space_admit(&proof->space, rules)) {
        // The text names what nothing named that it was made of: the policy is said anew in a space that has all names.
        packet_space_close(&proof->space);
        arena_clear(&proof->own);
        say_policy(proof);
    }
    if (proof->undecided)
        return;
    proof->done = rules_meaning(&proof->space, rules, NULL);
    proof->done.tracking = proof->done.tracking || untracks_all(proof);
    proof->undecided = diagram_overflowed(proof->space.diagrams);
    if (diagram_short_of_memory(proof->space.diagrams))
        fatal_no_memory();
}

void proof_open(struct proof *proof, struct arena *arena, const struct policy *policy,
                const struct source *source, const struct ruleset *lowered, const struct ruleset *rules)
{
    proof_begin(proof, arena, policy, source, lowered);
    proof_read(proof, rules);
}

void proof_close(struct proof *proof)
{
    job_end(&proof->saying);
    packet_space_close(&proof->space);
    arena_clear(&proof->own);
}

struct trace written_trace(struct proof *proof, enum hook hook, const field_value *packet)
{
    return trace_packet(&proof->space, proof->lowered, &proof->done, hook, packet);
}

// What becomes of a packet, with what a connection that it opens begins with.
static void put_outcome(struct buf *out, struct packet_space *space, const struct meaning *meaning,
                        enum hook hook, const field_value *packet)
{
    const struct outcome outcome = packet_outcome(space, meaning, hook, packet);
    const uint32_t begins =
        outcome_of(diagram_evaluate(space->diagrams, meaning->raws[hook], packet)).template;

    describe_verdict(out, space, outcome);
    buf_text(out, outcome.tracked ? ", tracked" : ", untracked");
    if (outcome.tracked && begins)
        buf_printf(out, " with %s", space->templates.items[begins - 1]);
}

struct reason proof_reason(struct proof *proof, struct rule_place *place, enum hook hook,
                           const field_value *packet)
{
    *place = trace_packet(&proof->space, proof->rules, &proof->done, hook, packet).verdict;

    const struct rule_place written = written_trace(proof, hook, packet).verdict;

    return place_reason(&written);
}

struct span proof_place(struct proof *proof, struct buf *text, enum hook hook, const field_value *packet)
{
    struct rule_place place;
    const struct reason reason = proof_reason(proof, &place, hook, packet);

    describe_reason(text, &reason);
    if (reason.section)
        buf_text(text, ", ");
    describe_place(text, &place);
    return reason.span;
}

static void report_unequal(struct proof *proof, enum hook hook, diagram unequal, const field_value *packet,
                           struct diag_list *diags)
{
    struct packet_space *space = &proof->space;
    struct buf text = {0};

    buf_printf(&text, "%s: not proved: ", family_name(space->family));
    describe_packet(&text, space, hook, packet, unequal);
    buf_text(&text, " should be ");
    put_outcome(&text, space, &proof->said, hook, packet);
    buf_text(&text, "; the rules say ");
    put_outcome(&text, space, &proof->done, hook, packet);
    buf_text(&text, " (");

    struct span span = proof_place(proof, &text, hook, packet);

    buf_char(&text, ')');
    if (!span.source)
        span = source_whole(proof->source);
    diag_add(diags, DIAG_NOT_PROVED, span, "%s", text.bytes);
    diag_hint(diags, "this is a mistake of ctc, and nothing was written: please report it with the policy");
    buf_clear(&text);
}

diagram unequal_packets(struct proof *proof, enum hook hook)
{
    return set_or(&proof->space, different_outcomes(&proof->space, &proof->said, &proof->done, hook),
                  different_templates(&proof->space, &proof->said, &proof->done, hook));
}

bool prove_equal(struct proof *proof, struct diag_list *diags)
{
    struct packet_space *space = &proof->space;
    field_value *packet = arena_calloc(proof->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    bool equal = true;

    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++) {
        if (hook == HOOK_FORWARD && proof->policy->forwarding == VERDICT_LEAVE)
            continue;

        const diagram unequal = unequal_packets(proof, hook);

        if (!find_packet(space, hook, unequal, packet))
            continue;
        report_unequal(proof, hook, unequal, packet, diags);
        equal = false;
    }
    return equal;
}
