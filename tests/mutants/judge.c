// SPDX-License-Identifier: GPL-2.0-or-later
#include "mutants/judge.h"

#include <limits.h>
#include <string.h>

#include "emit/restore.h"
#include "lower/lower.h"
#include "proof/prove.h"
#include "rules/read.h"
#include "support/oracle.h"
#include "support/sample.h"

// Packets tried at a hook where the proof sees no change: at the one where the rule stands, and at the
// others.
#define TRIES_NEAR 3000
#define TRIES_FAR  150

// A mutant held against its original.
struct trial {
    const struct subject *subject;
    struct arena arena;
    struct diag_list diags;
    struct proof proof;
    struct oracle original, mutant;
    struct sampler sampler;
    const struct rule *near[8]; // rules at the change, in both
    size_t near_count;
    field_value *packet;
};

static const struct ruleset *read_back(struct arena *arena, struct diag_list *diags, const struct buf *text,
                                       enum family family)
{
    struct source *source = arena_alloc(arena, sizeof(*source));

    *source = (struct source){
        .name = "<rules>", .path = "", .bytes = text->bytes, .length = text->length, .order = UINT_MAX};
    return rules_read(arena, source, family, NULL, diags);
}

static const struct source *policy_source(const struct subject *subject)
{
    return subject->compilation->sources.items[0];
}

static bool hook_is_ours(const struct policy *policy, enum hook hook)
{
    return hook != HOOK_FORWARD || policy->forwarding != VERDICT_LEAVE;
}

bool subject_open(struct subject *subject, struct compilation *compilation, enum family family,
                  struct buf *why)
{
    struct diag_list diags = {.arena = &compilation->arena};
    const struct ruleset *printed;
    struct proof proof;
    bool equal;

    *subject = (struct subject){.compilation = compilation};
    subject->lowered = policy_to_ruleset(&compilation->arena, compilation->policy, family,
                                         (struct lower_options){0}, &diags);
    printed = subject->lowered
                  ? passes_run(&compilation->arena, subject->lowered, (struct pass_options){0}, &diags)
                  : NULL;
    if (!printed)
        return false;
    restore_text(&subject->text, printed);
    subject->rules = read_back(&compilation->arena, &diags, &subject->text, family);
    if (!subject->rules) {
        buf_text(why, "the rules cannot be read back\n");
        return false;
    }
    proof_open(&proof, &compilation->arena, compilation->policy, policy_source(subject), subject->lowered,
               subject->rules);
    equal = !proof.undecided && prove_equal(&proof, &diags);
    proof_close(&proof);
    if (!equal)
        buf_printf(why, "the rules themselves: %s\n",
                   diags.items.count ? diags.items.items[diags.items.count - 1].message : "undecided");
    return equal;
}

void subject_close(struct subject *subject)
{
    buf_clear(&subject->text);
}

static void open_oracle(struct trial *trial, struct oracle *oracle, const struct ruleset *ruleset)
{
    const struct policy *policy = trial->subject->compilation->policy;

    oracle_open(oracle, &trial->arena, &trial->proof.space, ruleset);
    // As proof_open() has it: another tool may switch the tracker on.
    if (policy->tracking == TRACKING_NONE && !policy->conntrack.block_modules)
        oracle->tracking = true;
}

static const struct chain *chain_at(const struct ruleset *ruleset, const struct ruleset *like,
                                    struct focus focus)
{
    const char *name = like->items[focus.table].items[focus.chain]->name;
    const struct table *table = ruleset_find_table(ruleset, like->items[focus.table].name);

    return table ? table_find_chain(table, name) : NULL;
}

static void add_near(struct trial *trial, const struct ruleset *ruleset, struct focus focus)
{
    const struct chain *chain = chain_at(ruleset, trial->subject->rules, focus);

    for (size_t i = focus.rule ? focus.rule - 1 : 0; chain && i < chain->count && i <= focus.rule + 1; i++)
        trial->near[trial->near_count++] = &chain->items[i];
}

static bool differs(const struct trial *trial, enum hook hook, const field_value *packet)
{
    const struct oracle_outcome original = oracle_walk(&trial->original, hook, packet),
                                mutant = oracle_walk(&trial->mutant, hook, packet);

    return !oracle_same(original, mutant) || !oracle_opens_alike(original, mutant);
}

// A piece of a packet is a difference by itself where only the mutant's kernel shows pieces to the rules.
static bool speaks(const struct trial *trial, enum hook hook, const field_value *packet)
{
    return differs(trial, hook, packet) ||
           (packet[FIELD_FRAGMENT].low != FRAGMENT_NONE && trial->original.whole && !trial->mutant.whole);
}

static void describe(struct buf *out, const struct trial *trial, enum hook hook, const field_value *packet)
{
    const struct packet_space *space = &trial->proof.space;

    buf_printf(out, "%s:", hook_names[hook]);
    for (size_t i = 0; i < FIELD_COUNT + space->unknowns.count; i++)
        buf_printf(out, " %s=%llx:%llx",
                   i < FIELD_COUNT ? field_names[i] : space->unknowns.items[i - FIELD_COUNT].text,
                   (unsigned long long)packet[i].high, (unsigned long long)packet[i].low);
    buf_text(out, "\n  the original: ");
    oracle_describe(out, oracle_walk(&trial->original, hook, packet));
    buf_text(out, "\n  the mutant:   ");
    oracle_describe(out, oracle_walk(&trial->mutant, hook, packet));
    buf_char(out, '\n');
}

// One field after the other at each of its edges.
static bool search_around(struct trial *trial, enum hook hook, field_value *packet)
{
    for (enum field field = 0; field < FIELD_COUNT; field++) {
        const field_value kept = packet[field];

        for (size_t i = 0; i < trial->sampler.edges[field].count; i++) {
            packet[field] = trial->sampler.edges[field].items[i];
            if (packet_possible(&trial->proof.space, hook, packet) && differs(trial, hook, packet))
                return true;
        }
        packet[field] = kept;
    }
    return false;
}

// A packet that original and mutant treat differently; left in trial->packet.
static bool search(struct trial *trial, enum hook hook, size_t tries)
{
    for (size_t i = 0; i < tries; i++) {
        const bool near = trial->near_count && i % 4;
        const struct rule *aim = near    ? trial->near[sampler_below(&trial->sampler, trial->near_count)]
                                 : i % 8 ? sampler_rule(&trial->sampler)
                                         : NULL;

        sampler_packet(&trial->sampler, hook, aim, trial->packet);
        if (differs(trial, hook, trial->packet))
            return true;
        if (tries == TRIES_NEAR && i % 100 == 1 && search_around(trial, hook, trial->packet))
            return true;
    }
    return false;
}

static bool stands_at(const struct trial *trial, struct focus focus, enum hook hook)
{
    static const char *const hooks[HOOK_COUNT] = {"INPUT", "FORWARD", "OUTPUT"};
    const struct table *table = &trial->subject->rules->items[focus.table];
    const char *chain = table->items[focus.chain]->name;

    for (int i = 0; i < HOOK_COUNT; i++)
        if (strcmp(chain, hooks[i]) == 0 && strcmp(table->name, "raw") != 0)
            return hook == (enum hook)i;
    if (strcmp(chain, "PREROUTING") == 0)
        return hook == HOOK_INPUT;
    return true;
}

static void judge_hook(struct trial *trial, enum hook hook, struct focus focus, bool search_all,
                       struct judgement *judgement, bool *equal, struct buf *why)
{
    struct packet_space *space = &trial->proof.space;
    const diagram unequal = unequal_packets(&trial->proof, hook);

    if (diagram_witness(space->diagrams, unequal, 1, usual_packet(space, hook), trial->packet)) {
        *equal = false;
        if (!packet_possible(space, hook, trial->packet)) {
            judgement->verdict = MUTANT_MISJUDGED;
            buf_text(why, "said to be unequal, for a packet that there is not: ");
            describe(why, trial, hook, trial->packet);
        } else if (!speaks(trial, hook, trial->packet)) {
            judgement->verdict = MUTANT_MISJUDGED;
            buf_text(why, "said to be unequal, and treated alike: ");
            describe(why, trial, hook, trial->packet);
        } else if (search_all && !judgement->found) {
            judgement->searched = true;
            judgement->found = search(trial, hook, TRIES_NEAR);
        }
        return;
    }
    if (search(trial, hook, stands_at(trial, focus, hook) ? TRIES_NEAR : TRIES_FAR)) {
        judgement->verdict = MUTANT_MISJUDGED;
        buf_text(why, "said to be equal, and treated differently: ");
        describe(why, trial, hook, trial->packet);
    }
}

static void judge_hooks(struct trial *trial, struct focus focus, bool search_all, struct judgement *judgement,
                        struct buf *why)
{
    const struct policy *policy = trial->subject->compilation->policy;
    const bool proved = prove_equal(&trial->proof, &trial->diags);
    bool equal = true;

    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
        if (hook_is_ours(policy, hook))
            judge_hook(trial, hook, focus, search_all, judgement, &equal, why);
    if (equal != proved) {
        judgement->verdict = MUTANT_MISJUDGED;
        buf_text(why, "the proof contradicts itself\n");
    }
    if (judgement->verdict != MUTANT_MISJUDGED)
        judgement->verdict = equal ? MUTANT_EQUAL : MUTANT_CHANGED;
}

static void judge_text(struct trial *trial, const struct buf *text, struct focus focus, uint64_t seed,
                       bool search_all, struct judgement *judgement, struct buf *why)
{
    const struct subject *subject = trial->subject;
    const struct ruleset *rules = read_back(&trial->arena, &trial->diags, text, subject->rules->family);

    if (!rules || ruleset_broken_limit(&trial->arena, rules))
        return;
    proof_open(&trial->proof, &trial->arena, subject->compilation->policy, policy_source(subject),
               subject->lowered, rules);
    open_oracle(trial, &trial->original, subject->rules);
    open_oracle(trial, &trial->mutant, rules);
    sampler_init(&trial->sampler, &trial->arena, &trial->proof.space, seed);
    sampler_add(&trial->sampler, subject->rules);
    sampler_add(&trial->sampler, rules);
    add_near(trial, subject->rules, focus);
    add_near(trial, rules, focus);
    trial->packet =
        arena_calloc(&trial->arena, FIELD_COUNT + trial->proof.space.unknowns.count, sizeof(*trial->packet));
    if (trial->proof.undecided || trial->original.lacking || trial->mutant.lacking) {
        judgement->verdict = MUTANT_MISJUDGED;
        buf_printf(why, "undecided, or without %s\n",
                   trial->original.lacking ? trial->original.lacking : trial->mutant.lacking);
    } else {
        judge_hooks(trial, focus, search_all, judgement, why);
    }
    proof_close(&trial->proof);
}

struct judgement judge(const struct subject *subject, const struct ruleset *mutant, struct focus focus,
                       uint64_t seed, bool search_all, struct buf *why)
{
    struct trial trial = {.subject = subject};
    struct judgement judgement = {.verdict = MUTANT_REFUSED};
    struct buf text = {0};

    trial.diags.arena = &trial.arena;
    restore_text(&text, mutant);
    if (strcmp(text.bytes, subject->text.bytes) == 0)
        judgement.verdict = MUTANT_SAME_TEXT;
    else
        judge_text(&trial, &text, focus, seed, search_all, &judgement, why);
    arena_clear(&trial.arena);
    buf_clear(&text);
    return judgement;
}
