// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/diff.h"

#include <string.h>

#include "algebra/cover.h"
#include "analysis/describe.h"
#include "analysis/limits.h"
#include "analysis/query.h"
#include "analysis/region.h"
#include "analysis/witness.h"
#include "base/vec.h"
#include "meaning/sets.h"

#define FEW 3 // regions that read as well as `all else`
// With more rules than that, looking for regions that read better takes more functions than there may be.
#define RULES_TO_LOOK_BY 10000

const char *const change_words[CHANGE_COUNT] = {"opened",  "closed",    "limit",  "answer",
                                                "tracked", "untracked", "unclear"};

struct pair {
    struct arena *arena;
    struct packet_space *space;
    const struct ruleset *rules[2];
    struct meaning meanings[2];
    struct meaning named[2]; // the same, where outcomes know their rules; made when they are needed
    struct rule_places places[2];
    diagram outcomes[2]; // at the hook that is looked at
    diagram stateless;   // packets there that have no state before and none now
    bool told[CHANGE_COUNT];
    struct limit_pairs limits;
    const struct limit_pair *about; // the one that a change is about
    size_t limit;
    struct difference *difference;
};

// By kind of change + 1; 0: none.
static uint32_t kind_of_change(uint32_t left, uint32_t right)
{
    const struct outcome before = outcome_of(left), now = outcome_of(right);
    const bool accepted = before.walk == WALK_ACCEPT, accepts = now.walk == WALK_ACCEPT;

    if (before.walk == WALK_ELSEWHERE || now.walk == WALK_ELSEWHERE)
        return before.walk == now.walk && before.tracked == now.tracked ? 0 : CHANGE_UNCLEAR + 1;
    if (accepted != accepts)
        return (accepts ? CHANGE_OPENED : CHANGE_CLOSED) + 1;
    if (before.walk != now.walk || before.answer != now.answer)
        return CHANGE_ANSWER + 1;
    // Of what is refused no entry stays in the table.
    if (accepted && before.tracked != now.tracked)
        return (now.tracked ? CHANGE_TRACKED : CHANGE_UNTRACKED) + 1;
    return 0;
}

static uint32_t is_kind(uint32_t value, uint32_t kind)
{
    return value == kind;
}

static const struct diagram_operation op_kind = {56, kind_of_change, NULL}, op_is_kind = {57, is_kind, NULL};

static struct decision decide(struct pair *pair, int side, enum hook hook, const field_value *packet)
{
    const struct trace trace =
        trace_packet(pair->space, pair->rules[side], &pair->meanings[side], hook, packet);
    struct decision decision = {.walk = trace.outcome.walk,
                                .tracked = trace.outcome.tracked,
                                .reason = place_reason(&trace.verdict),
                                .place = printed_place(pair->space, pair->rules[side], &pair->meanings[side],
                                                       hook, packet, trace.verdict)};
    struct buf text = {0};

    describe_verdict(&text, pair->space, trace.outcome);
    decision.verdict = buf_to_arena(&text, pair->arena);
    if (pair->about) {
        const unsigned unknown = side ? pair->about->now : pair->about->before;

        limit_settings_print(&text, &pair->space->unknowns.items[unknown].settings);
        decision.limit = buf_to_arena(&text, pair->arena);
    }
    return decision;
}

// `box` NULL: all of the set that nothing but the end of the hook decides; `new`: new packets alone.
static void add_change(struct pair *pair, enum hook hook, enum change_kind kind, diagram set, struct box *box,
                       bool new)
{
    struct packet_space *space = pair->space;
    field_value *packet = arena_calloc(pair->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    diagram alike = set;
    struct change change = {.kind = kind, .family = space->family, .hook = hook};
    struct buf text = {0};

    if (!find_packet(space, hook, box ? set_and(space, set, box_function(space->diagrams, box)) : set,
                     packet))
        return;
    for (int side = 0; side < 2; side++)
        alike = set_minus(
            space, alike,
            differences(space, pair->outcomes[side],
                        diagram_constant(space->diagrams,
                                         diagram_evaluate(space->diagrams, pair->outcomes[side], packet))));
    describe_packet(&text, space, hook, packet, alike);
    change.example = arena_copy(pair->arena, text.bytes, text.length);
    change.packets = box ? region_in_words(pair->arena, space, hook, box)
                         : rest_in_words(pair->arena, space, hook, set, new);
    change.before = decide(pair, 0, hook, packet);
    change.now = decide(pair, 1, hook, packet);
    *vec_push(pair->arena, pair->difference) = change;
    pair->difference->kinds[kind]++;
    buf_clear(&text);
}

static uint32_t ends_hook(uint32_t value, void *context)
{
    (void)context;
    return outcome_of(value).rule != 0;
}

// Whether the ruleset's filter has a chain at the hook, with a policy that is its end.
static bool has_chain(const struct ruleset *ruleset, enum hook hook)
{
    static const char *const chains[HOOK_COUNT] = {"INPUT", "FORWARD", "OUTPUT"};
    const struct table *filter = ruleset_find_table(ruleset, "filter");

    return filter && table_find_chain(filter, chains[hook]);
}

// The packets of a set that one of the rulesets leaves to the end of the hook. Without a chain there, that is all that gets so
// far.
static diagram left_to_end_by(struct pair *pair, int side, enum hook hook, diagram set)
{
    struct packet_space *space = pair->space;
    diagram outcomes;

    if (!has_chain(pair->rules[side], hook))
        return set_and(space, set,
                       accepted_set(space, hook_outcomes(space, &pair->meanings[side], hook, set)));
    // The others by the thousand would each be a function of its own.
    pair->places[side].wanted = place_is_end;
    if (!pair->places[side].count)
        pair->named[side] = rules_meaning(space, pair->rules[side], &pair->places[side]);
    outcomes = hook_outcomes(space, &pair->named[side], hook, set);
    return set_and(space, set, diagram_map(space->diagrams, outcomes, ends_hook, NULL));
}

// The packets of a set that both rulesets leave to the end of the hook.
static diagram left_to_the_end(struct pair *pair, enum hook hook, diagram set)
{
    return left_to_end_by(pair, 1, hook, left_to_end_by(pair, 0, hook, set));
}

// What leaves and what comes in are untracked together: where the one is the mirror of the other, the one is enough.
static bool is_mirror_of_input(struct pair *pair)
{
    struct packet_space *space = pair->space;
    struct arena scratch = {0};
    const struct view view = {
        .space = space, .scratch = &scratch, .hook = HOOK_OUTPUT, .raw = true, .mirrored = true};
    const diagram local =
        set_minus(space,
                  set_and(space, pair->meanings[0].domains[HOOK_INPUT],
                          field_between(space, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL, DESTINATION_LOCAL)),
                  by_loopback(space));
    const diagram sent = differences(space, untracked_by_rules(&view, pair->rules[0]),
                                     untracked_by_rules(&view, pair->rules[1]));
    const diagram received = differences(space, taken_out(space, pair->meanings[0].raws[HOOK_INPUT]),
                                         taken_out(space, pair->meanings[1].raws[HOOK_INPUT]));

    arena_clear(&scratch);
    return set_and(space, local, sent) == set_and(space, local, received);
}

// Of a change that is about tracking alone, what is worth a line: lo is not, where the same happens elsewhere.
static diagram worth_telling(struct pair *pair, enum hook hook, enum change_kind kind, diagram set)
{
    struct packet_space *space = pair->space;
    const diagram elsewhere = set_minus(space, set, by_loopback(space));

    if (kind != CHANGE_TRACKED && kind != CHANGE_UNTRACKED)
        return set;
    if (hook == HOOK_OUTPUT && pair->told[kind] && is_mirror_of_input(pair))
        return set_none(space);
    return elsewhere == set_none(space) && !pair->told[kind] ? set : elsewhere;
}

// All of one state that a ruleset leaves to the end of the hook, if all of that is in the set; else nothing.
static diagram whole_rest(struct pair *pair, int side, enum hook hook, diagram set, uint64_t state)
{
    struct packet_space *space = pair->space;
    const diagram domain =
        set_minus(space, people_mean(space, hook, pair->meanings[0].domains[hook]), pair->stateless);
    const diagram rest = left_to_end_by(
        pair, side, hook, set_and(space, domain, field_between(space, FIELD_STATE, state, state)));

    return set_minus(space, rest, set) == set_none(space) ? rest : set_none(space);
}

// Tells, as one region each, the packets of a state that one of the rulesets leaves to the end of the hook: what an accept by
// state was lost for, or an INVALID that no rule drops any more. The answer is what is left of the set.
static diagram tell_states(struct pair *pair, enum hook hook, enum change_kind kind, diagram set)
{
    static const uint64_t states[] = {PACKET_STATE_NEW, PACKET_STATE_ESTABLISHED, PACKET_STATE_RELATED,
                                      PACKET_STATE_INVALID};
    struct packet_space *space = pair->space;

    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        for (int side = 1; side >= 0; side--) {
            const diagram rest = whole_rest(pair, side, hook, set, states[i]);

            if (rest == set_none(space))
                continue;
            add_change(pair, hook, kind, rest, NULL, states[i] == PACKET_STATE_NEW);
            set = set_minus(space, set, rest);
        }
    }
    return set;
}

// Tells, as one region, what a ruleset leaves to the end of the hook on the side where that decides as the change has it: a
// rule for all that is not accepted is as good as a default, and so is one for all of INVALID where nothing was refused. The
// answer is what is left of the set.
static diagram tell_ends(struct pair *pair, enum hook hook, enum change_kind kind, diagram set)
{
    struct packet_space *space = pair->space;
    diagram end = set_none(space);

    if (kind == CHANGE_ANSWER || kind == CHANGE_CLOSED)
        end = set_or(space, end, left_to_end_by(pair, 0, hook, set));
    if (kind == CHANGE_ANSWER || kind == CHANGE_OPENED)
        end = set_or(space, end, left_to_end_by(pair, 1, hook, set));
    if (end != set_none(space))
        add_change(pair, hook, kind, end, NULL, false);
    return set_minus(space, set, end);
}

static struct cover regions_of(struct pair *pair, enum hook hook, diagram set)
{
    struct packet_space *space = pair->space;
    // Packets without a state are told as new ones.
    const diagram domain = set_minus(space, set_all(space), pair->stateless),
                  meant = set_and(space, people_mean(space, hook, pair->meanings[0].domains[hook]), domain),
                  simple = diagram_simplify(space->diagrams, set_and(space, set, domain), meant);

    return boxes_to_tell(pair->arena, space, simple, domain, meant, pair->limit);
}

static bool is_small(const struct pair *pair)
{
    return ruleset_rule_count(pair->rules[0]) + ruleset_rule_count(pair->rules[1]) <= RULES_TO_LOOK_BY;
}

static void tell_kind(struct pair *pair, enum hook hook, enum change_kind kind, diagram set)
{
    struct packet_space *space = pair->space;
    const bool tracking =
        kind == CHANGE_TRACKED || kind == CHANGE_UNTRACKED; // which no end of a hook decides
    const diagram end = tracking ? set_none(space) : left_to_the_end(pair, hook, set);
    diagram rest = set_minus(space, set, end);
    struct cover cover = regions_of(pair, hook, rest);

    if (!tracking && cover.count > FEW && is_small(pair)) {
        if (kind != CHANGE_ANSWER) // whatever its state
            rest = tell_states(pair, hook, kind, rest);
        cover = regions_of(pair, hook, rest);
        if (cover.count > FEW) {
            rest = tell_ends(pair, hook, kind, rest);
            cover = regions_of(pair, hook, rest);
        }
    }
    pair->told[kind] = true;
    pair->difference->complete = pair->difference->complete && cover.complete;
    for (size_t i = 0; i < cover.count; i++)
        add_change(pair, hook, kind, rest, &cover.items[i], false);
    if (end != set_none(space))
        add_change(pair, hook, kind, end, NULL, false);
}

// What an outcome is while a limit is within its rate, or over it.
static diagram while_limit_is(struct packet_space *space, diagram outcomes, unsigned unknown, uint64_t value)
{
    struct arena arena = {0};
    struct field_choice *choices =
        arena_calloc(&arena, FIELD_COUNT + space->unknowns.count, sizeof(*choices));
    diagram settled;

    choices[FIELD_COUNT + unknown] = (struct field_choice){.how = CHOOSE_VALUE, .value = {0, value}};
    settled = diagram_settle(space->diagrams, outcomes, choices);
    arena_clear(&arena);
    return settled;
}

// The packets of a set of which a ruleset asks a limit.
static diagram limited_by(struct pair *pair, int side, unsigned unknown)
{
    struct packet_space *space = pair->space;

    return differences(space, while_limit_is(space, pair->outcomes[side], unknown, LIMIT_WITHIN),
                       while_limit_is(space, pair->outcomes[side], unknown, LIMIT_OVER));
}

// Tells of each limit that changed, for the packets of which both rulesets ask it. What else becomes of them is told apart.
static void tell_limits(struct pair *pair, enum hook hook)
{
    struct packet_space *space = pair->space;
    const diagram domain = people_mean(space, hook, pair->meanings[0].domains[hook]);

    if (!pair->limits.count)
        return;
    for (int side = 0; side < 2; side++)
        pair->outcomes[side] = hook_outcomes(space, &pair->meanings[side], hook, domain);
    for (size_t i = 0; i < pair->limits.count; i++) {
        const struct limit_pair *limit = &pair->limits.items[i];
        const diagram set =
            set_and(space, limited_by(pair, 0, limit->kept), limited_by(pair, 1, limit->kept));
        const struct cover cover = regions_of(pair, hook, set);

        pair->about = limit;
        for (size_t j = 0; j < cover.count; j++)
            add_change(pair, hook, CHANGE_LIMIT, set, &cover.items[j], false);
        pair->about = NULL;
        pair->difference->complete = pair->difference->complete && cover.complete;
        pair->difference->loosened += limit->widens ? cover.count : 0;
    }
}

// Without what a full table drops where only one of the rulesets has a table there.
static diagram without_full(const struct pair *pair, diagram set)
{
    for (size_t i = 0; i < pair->limits.count; i++)
        if (pair->limits.items[i].mixed)
            set = set_minus(
                pair->space, set,
                field_between(pair->space, FIELD_COUNT + pair->limits.items[i].kept, LIMIT_FULL, LIMIT_FULL));
    return set;
}

static void compare_hook(struct pair *pair, enum hook hook)
{
    struct packet_space *space = pair->space;
    diagram changed =
                without_full(pair, different_outcomes(space, &pair->meanings[0], &pair->meanings[1], hook)),
            kinds;

    if (people_mean(space, hook, changed) != set_none(space))
        changed = people_mean(space, hook, changed);
    for (int side = 0; side < 2; side++)
        pair->outcomes[side] = hook_outcomes(space, &pair->meanings[side], hook, changed);
    pair->stateless = set_and(space, packets_without_state(space, &pair->meanings[0], hook),
                              packets_without_state(space, &pair->meanings[1], hook));
    kinds = diagram_apply(space->diagrams, &op_kind, pair->outcomes[0], pair->outcomes[1]);
    for (enum change_kind kind = 0; kind < CHANGE_COUNT; kind++) {
        const diagram set = worth_telling(
            pair, hook, kind,
            diagram_apply(space->diagrams, &op_is_kind, kinds, diagram_constant(space->diagrams, kind + 1)));

        if (set != set_none(space))
            tell_kind(pair, hook, kind, set);
    }
    tell_limits(pair, hook);
}

bool difference_widens(const struct difference *difference)
{
    return difference->kinds[CHANGE_OPENED] || difference->kinds[CHANGE_UNCLEAR] || difference->loosened;
}

void find_changes(struct arena *arena, const struct ruleset *before, const struct policy *policy_before,
                  const struct ruleset *now, const struct policy *policy_now, size_t limit,
                  struct difference *difference)
{
    struct packet_space space;
    struct pair pair = {
        .arena = arena, .space = &space, .rules = {before, now}, .limit = limit, .difference = difference};

    packet_space_init(&space, arena, now->family);
    packet_space_add_ruleset(&space, before);
    packet_space_add_ruleset(&space, now);
    if (policy_before)
        packet_space_add_policy(&space, policy_before);
    if (policy_now)
        packet_space_add_policy(&space, policy_now);
    if (!packet_space_open(&space, PACKET_NODES_MAX)) {
        difference->undecided = true;
        return;
    }
    pair.limits = limits_join(&space, before, now);
    pair.meanings[0] = rules_meaning(&space, before, NULL);
    pair.meanings[1] = rules_meaning(&space, now, NULL);
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
        if (!(difference->left_out >> hook & 1))
            compare_hook(&pair, hook);
    difference->undecided = difference->undecided || diagram_overflowed(space.diagrams);
    packet_space_close(&space);
}
