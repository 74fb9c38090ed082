// SPDX-License-Identifier: GPL-2.0-or-later
#include "findings/fates.h"

#include <string.h>

#include "base/vec.h"

bool rule_may_be_idle(const struct rule *rule)
{
    const enum target_kind kind = rule->target.kind;

    // Established connections are accepted first so that they meet no more rules.
    for (size_t i = 0; i < rule->match_count; i++)
        if ((rule->matches[i].kind == MATCH_STATE || rule->matches[i].kind == MATCH_CONNTRACK) &&
            rule->matches[i].state.states & STATE_ESTABLISHED)
            return false;
    return (kind == TARGET_ACCEPT || kind == TARGET_DROP || kind == TARGET_REJECT ||
            kind == TARGET_NOTRACK) &&
           !rule_counts(rule);
}

// What rules count or mark.

static struct chain_fates *fates_of(const struct fates *fates, const struct passage_chain *built)
{
    return &fates->chains[built - fates->passage->chains];
}

static diagram leaf_touches(const struct fates *fates, const struct passage_chain *built, size_t index)
{
    const struct passage *passage = fates->passage;
    const struct rule *rule = &built->chain->items[built->runs[index].first];
    const diagram wants = built->wants[built->leaves + index];
    const struct chain *inner =
        rule_leads_on(rule) ? table_find_chain(passage->table, rule->target.text) : NULL;
    const struct passage_chain *inside = inner ? passage_find(passage, inner) : NULL;

    if (inside)
        return set_and(passage->space, wants, fates_of(fates, inside)->touches[1]);
    if (rule_changes_nothing(rule))
        return passage_match_widely(passage, rule);
    if (built->walks[built->leaves + index] == set_none(passage->space) || rule_leads_on(rule))
        return wants; // what it does is not known
    return rule_counts(rule) ? passage_match_widely(passage, rule) : set_none(passage->space);
}

static void find_touches(const struct fates *fates, const struct passage_chain *built)
{
    struct packet_space *space = fates->passage->space;
    diagram *touches = fates_of(fates, built)->touches;

    for (size_t i = 0; i < built->run_count; i++)
        touches[built->leaves + i] = leaf_touches(fates, built, i);
    for (size_t i = built->leaves; --i > 0;)
        touches[i] = set_or(space, touches[2 * i], touches[2 * i + 1]);
}

// From the top of a tree down: what comes to a run of rules, and what is behind it, each as far as the run is about it.
struct level {
    diagram comes, fresh;
    diagram behind;  // what would become of it without the run
    diagram touched; // what rules behind it count
};

static struct level narrowed(struct packet_space *space, diagram want, struct level level)
{
    return (struct level){
        .comes = set_and(space, level.comes, want),
        .fresh = set_and(space, level.fresh, want),
        .behind = only_where(space, want, level.behind),
        .touched = set_and(space, level.touched, want),
    };
}

// What comes to a rule that leads on comes to the chain that it leads to.
static void lead_on(const struct fates *fates, const struct rule *rule, const struct level *level)
{
    struct packet_space *space = fates->passage->space;
    const struct chain *inner =
        rule_leads_on(rule) ? table_find_chain(fates->passage->table, rule->target.text) : NULL;
    const struct passage_chain *inside = inner ? passage_find(fates->passage, inner) : NULL;

    if (!inside)
        return;

    struct chain_fates *chain = fates_of(fates, inside);

    chain->comes_to = set_or(space, chain->comes_to, level->comes);
    chain->fresh_to = set_or(space, chain->fresh_to, level->fresh);
}

static void settle_rule(const struct fates *fates, const struct passage_chain *built, size_t index,
                        const struct level *level)
{
    struct packet_space *space = fates->passage->space;
    const struct rule *rule = &built->chain->items[index];
    const struct outcome outcome = target_outcome(space, &rule->target);
    const diagram subject = outcome.ct ? level->fresh : level->comes,
                  behind = only_where(space, subject, level->behind);
    struct fate *fate = &fates_of(fates, built)->rules[index];

    lead_on(fates, rule, level);
    fate->matched = true;
    fate->fresh = level->fresh != set_none(space);
    if (rule_may_be_idle(rule))
        fate->missed =
            set_and(space, subject, level->touched) != set_none(space) ||
            walks_in_order(
                space, only_where(space, subject, diagram_constant(space->diagrams, outcome_value(outcome))),
                behind) != behind;
}

struct marking {
    const struct run *run;
    struct fate *rules;
};

static void mark_matched(uint32_t value, void *context)
{
    const struct marking *marking = context;

    if (value)
        marking->rules[run_rule(marking->run, value)].matched = true;
}

static void mark_missed(uint32_t value, void *context)
{
    const struct marking *marking = context;

    if (value && !(value & RUN_SEVERAL))
        marking->rules[run_rule(marking->run, value)].missed = true;
}

// Without one of its rules, a packet that others of the run match as well fares the same.
static void settle_run(const struct fates *fates, const struct passage_chain *built, const struct run *run,
                       const struct level *level)
{
    struct packet_space *space = fates->passage->space;
    const struct outcome outcome = target_outcome(space, &built->chain->items[run->first].target);
    const diagram numbers = only_where(space, level->comes, passage_numbers(fates->passage, built, run));
    const diagram ended =
        only_where(space, level->comes, diagram_constant(space->diagrams, outcome_value(outcome)));
    const diagram matters =
        set_or(space, differences(space, ended, only_where(space, level->comes, level->behind)),
               set_and(space, level->comes, level->touched));
    struct marking marking = {run, fates_of(fates, built)->rules};

    diagram_each_value(space->diagrams, numbers, mark_matched, &marking);
    diagram_each_value(space->diagrams, only_where(space, matters, numbers), mark_missed, &marking);
}

static void ask_for(unsigned field, void *context)
{
    struct fates *fates = context;

    if (field < FIELD_COUNT)
        return;
    fates->choices[field].how = CHOOSE_KEEP;
    *vec_push(fates->passage->space->arena, &fates->asked) = field;
}

// Packets as far as rules of a node can tell them apart: limits and other unknowns that stand behind them do not matter any
// more, whatever they said. Without this, what comes to the last of many limits would ask for all of them.
static diagram as_told_apart(struct fates *fates, const struct passage_chain *built, size_t node, diagram set)
{
    struct packet_space *space = fates->passage->space;

    if (!space->unknowns.count)
        return set;
    fates->asked.count = 0;
    diagram_each_field(space->diagrams, built->wants[node], ask_for, fates);
    diagram_each_field(space->diagrams, built->walks[node], ask_for, fates);
    set = diagram_settle(space->diagrams, set, fates->choices);
    for (size_t i = 0; i < fates->asked.count; i++)
        fates->choices[fates->asked.items[i]].how = CHOOSE_LARGEST;
    return set;
}

static void descend(struct fates *fates, const struct passage_chain *built, size_t node, struct level level)
{
    struct packet_space *space = fates->passage->space;
    const size_t left = 2 * node, right = 2 * node + 1;
    struct level ahead, after;

    level = narrowed(space, built->wants[node], level);
    if (level.comes == set_none(space))
        return;
    if (node >= built->leaves) {
        const struct run *run = &built->runs[node - built->leaves];

        if (run->end - run->first > 1)
            settle_run(fates, built, run, &level);
        else
            settle_rule(fates, built, run->first, &level);
        return;
    }
    ahead = narrowed(space, built->wants[left], level);
    ahead.behind =
        walks_in_order(space, only_where(space, built->wants[left], built->walks[right]), ahead.behind);
    ahead.touched = set_or(space, ahead.touched,
                           set_and(space, fates_of(fates, built)->touches[right], built->wants[left]));
    descend(fates, built, left, ahead);
    after = level;
    after.comes = as_told_apart(fates, built, right, still_walking(space, level.comes, built->walks[left]));
    after.fresh = as_told_apart(fates, built, right, still_fresh(space, level.fresh, built->walks[left]));
    descend(fates, built, right, after);
}

// Behind the last rule is whatever jumped here, or the policy: a rule that says the same as that is no waste, for it says
// so.
static void pass_chain(struct fates *fates, const struct passage_chain *built)
{
    struct packet_space *space = fates->passage->space;
    const struct chain_fates *chain = fates_of(fates, built);
    const struct outcome elsewhere = {.walk = WALK_ELSEWHERE};

    descend(fates, built, 1,
            (struct level){
                .comes = chain->comes_to,
                .fresh = chain->fresh_to,
                .behind = diagram_constant(space->diagrams, outcome_value(elsewhere)),
                .touched = set_none(space),
            });
}

void fates_open(struct fates *fates, const struct passage *passage)
{
    struct packet_space *space = passage->space;
    const size_t fields = FIELD_COUNT + space->unknowns.count;
    const struct passage_chain *top = passage_find(passage, passage->hook_chain);

    *fates = (struct fates){.passage = passage};
    fates->chains = arena_calloc(space->arena, passage->count, sizeof(*fates->chains));
    fates->choices = arena_calloc(space->arena, fields, sizeof(*fates->choices));
    for (size_t i = FIELD_COUNT; i < fields; i++)
        fates->choices[i].how = CHOOSE_LARGEST;
    for (size_t i = passage->order_count; i-- > 0;) {
        const struct passage_chain *built = passage->order[i];
        struct chain_fates *chain = fates_of(fates, built);

        chain->touches = arena_calloc(space->arena, 2 * built->leaves, sizeof(*chain->touches));
        chain->rules = arena_calloc(space->arena, built->chain->count, sizeof(*chain->rules));
        find_touches(fates, built);
    }
    if (!top)
        return;
    fates_of(fates, top)->comes_to = passage->domain;
    fates_of(fates, top)->fresh_to = passage->view.raw ? passage->domain : set_none(space);
    for (size_t i = 0; i < passage->order_count; i++)
        pass_chain(fates, passage->order[i]);
}

const struct chain_fates *fates_find(const struct fates *fates, const struct chain *chain)
{
    const struct passage_chain *built = passage_find(fates->passage, chain);

    return built ? fates_of(fates, built) : NULL;
}
