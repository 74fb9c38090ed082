// SPDX-License-Identifier: GPL-2.0-or-later
#include "findings/passages.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "meaning/match.h"

static uint32_t goes_on(uint32_t set, uint32_t walk)
{
    return set && outcome_of(walk).walk == WALK_CONTINUE;
}

static uint32_t stays_fresh(uint32_t set, uint32_t walk)
{
    return set && outcome_of(walk).walk == WALK_CONTINUE && outcome_of(walk).ct == CT_NONE;
}

static bool is_nothing(uint32_t set)
{
    return !set;
}

static uint32_t number_first(uint32_t left, uint32_t right)
{
    return left && right ? left | RUN_SEVERAL : left ? left : right;
}

static bool is_several(uint32_t left)
{
    return left & RUN_SEVERAL;
}

static const struct diagram_operation op_goes_on = {67, goes_on, is_nothing},
                                      op_fresh = {68, stays_fresh, is_nothing},
                                      op_number = {69 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT, number_first,
                                                   is_several};

diagram still_walking(struct packet_space *space, diagram set, diagram walk)
{
    return diagram_apply(space->diagrams, &op_goes_on, set, walk);
}

diagram still_fresh(struct packet_space *space, diagram set, diagram walk)
{
    return diagram_apply(space->diagrams, &op_fresh, set, walk);
}

static int compare_chains(const void *a, const void *b)
{
    const uintptr_t left = (uintptr_t)((const struct passage_chain *)a)->chain,
                    right = (uintptr_t)((const struct passage_chain *)b)->chain;

    return left < right ? -1 : left > right;
}

struct passage_chain *passage_chain_of(const struct passage *passage, const struct chain *chain)
{
    const struct passage_chain key = {.chain = chain};

    return bsearch(&key, passage->chains, passage->count, sizeof(*passage->chains), compare_chains);
}

const struct passage_chain *passage_find(const struct passage *passage, const struct chain *chain)
{
    const struct passage_chain *found = passage_chain_of(passage, chain);

    return found && found->built ? found : NULL;
}

// Targets of nat and queues end the walk through a table, whatever they do to the packet.
static bool ends_elsewhere(const struct target *target)
{
    static const char *const names[] = {"DNAT",   "SNAT",    "MASQUERADE", "REDIRECT",
                                        "NETMAP", "NFQUEUE", "QUEUE"};
    struct slice text = slice_of(target->text), name = slice_word(&text);

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_is(name, names[i]))
            return true;
    return false;
}

bool rule_changes_nothing(const struct rule *rule)
{
    return rule->target.kind == TARGET_LOG || rule->target.kind == TARGET_NONE ||
           (rule->target.kind == TARGET_OTHER && target_effect(&rule->target) == EFFECT_CONTINUE);
}

// Whether a match counts, or remembers: what comes to it changes what it says of others.
static bool counts(const struct match *match)
{
    return match->kind == MATCH_LIMIT || match->kind == MATCH_HASHLIMIT ||
           match->kind == MATCH_HASHLIMIT_TEXT || (match->kind == MATCH_OPAQUE && match->opaque.fickle);
}

bool rule_counts(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (counts(&rule->matches[i]))
            return true;
    return false;
}

// What a rule asks of addresses, protocols and ports. Names that only such rules have are not in the space.
diagram passage_match_widely(const struct passage *passage, const struct rule *rule)
{
    struct rule wide = *rule;
    struct match *matches = arena_calloc(passage->space->arena, rule->match_count, sizeof(*matches));
    size_t count = 0;

    wide.in = wide.out = NULL;
    for (size_t i = 0; i < rule->match_count; i++)
        if (!counts(&rule->matches[i]) && rule->matches[i].kind != MATCH_OPAQUE &&
            rule->matches[i].kind != MATCH_HELPER)
            matches[count++] = rule->matches[i];
    wide.matches = matches;
    wide.match_count = count;

    const diagram function = rule_function(&passage->view, &wide, 1, 1);

    arena_reset(passage->view.scratch);
    return function;
}

diagram passage_match(const struct passage *passage, const struct rule *rule)
{
    diagram function;

    if (rule_changes_nothing(rule))
        return passage_match_widely(passage, rule);
    function = rule_function(&passage->view, rule, 1, 1);
    arena_reset(passage->view.scratch);
    return function;
}

static struct passage_chain *build(struct passage *passage, const struct chain *chain);

static diagram leaf_walk(struct passage *passage, const struct rule *rule)
{
    struct packet_space *space = passage->space;
    const struct chain *inner =
        rule_leads_on(rule) ? table_find_chain(passage->table, rule->target.text) : NULL;
    const struct passage_chain *built = inner ? build(passage, inner) : NULL;
    const struct outcome outcome = target_outcome(space, &rule->target), full = {.walk = WALK_DROP};
    diagram function;

    // What is not known to end the walk is taken not to.
    if ((rule_leads_on(rule) && !built) || (outcome.walk == WALK_ELSEWHERE && !ends_elsewhere(&rule->target)))
        return set_none(space);
    function = rule_function(&passage->view, rule, outcome_value(outcome), outcome_value(full));
    arena_reset(passage->view.scratch);
    if (!built)
        return function;
    return walk_led_on(space, rule->target.kind, function, built->walks[1]);
}

// Rules that end the walk of all their packets.
static bool is_plain(const struct rule *rule)
{
    const enum target_kind kind = rule->target.kind;

    return (kind == TARGET_ACCEPT || kind == TARGET_DROP || kind == TARGET_REJECT) && !rule_counts(rule);
}

static bool same_end(const struct rule *a, const struct rule *b)
{
    return a->target.kind == b->target.kind &&
           (a->target.kind != TARGET_REJECT || strcmp(a->target.text, b->target.text) == 0);
}

static void find_runs(struct passage *passage, struct passage_chain *built)
{
    const struct rule *rules = built->chain->items;
    const size_t count = built->chain->count;

    built->runs = arena_calloc(passage->space->arena, count, sizeof(*built->runs));
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1;
             end < count && is_plain(&rules[i]) && is_plain(&rules[end]) && same_end(&rules[i], &rules[end]);)
            end++;
        built->runs[built->run_count++] = (struct run){.first = i, .end = end};
    }
}

// The rules of a run, each with a value of its own.
static void run_functions(const struct passage *passage, const struct passage_chain *built,
                          const struct run *run, diagram *functions, bool numbered)
{
    for (size_t i = run->first; i < run->end; i++) {
        const uint32_t value = numbered ? (uint32_t)(i - run->first + 1) << 1 : 1;

        functions[i - run->first] = rule_function(&passage->view, &built->chain->items[i], value, value);
        arena_reset(passage->view.scratch);
    }
}

diagram passage_numbers(const struct passage *passage, const struct passage_chain *built,
                        const struct run *run)
{
    struct packet_space *space = passage->space;
    const size_t count = run->end - run->first;
    struct arena arena = {0};
    diagram *functions = arena_calloc(&arena, count, sizeof(*functions)), numbers;

    run_functions(passage, built, run, functions, true);
    numbers = diagram_combine(space->diagrams, &op_number, functions, count);
    arena_clear(&arena);
    return numbers;
}

static void build_run(struct passage *passage, struct passage_chain *built, size_t index)
{
    struct packet_space *space = passage->space;
    const struct run *run = &built->runs[index];
    const struct rule *rule = &built->chain->items[run->first];
    const size_t leaf = built->leaves + index, count = run->end - run->first;
    struct arena arena = {0};
    diagram *functions;

    if (rule_changes_nothing(rule))
        return;
    if (count == 1) {
        built->walks[leaf] = leaf_walk(passage, rule);
        built->wants[leaf] = passage_match(passage, rule);
        return;
    }
    functions = arena_calloc(&arena, count, sizeof(*functions));
    run_functions(passage, built, run, functions, false);
    built->wants[leaf] = first_of_all(space, functions, count);
    arena_clear(&arena);
    built->walks[leaf] =
        only_where(space, built->wants[leaf],
                   diagram_constant(space->diagrams, outcome_value(target_outcome(space, &rule->target))));
}

// NULL where the chain leads to itself.
static struct passage_chain *build(struct passage *passage, const struct chain *chain)
{
    struct packet_space *space = passage->space;
    struct passage_chain *built = passage_chain_of(passage, chain);

    if (!built || built->open)
        return NULL;
    if (built->built)
        return built;
    built->open = true;
    find_runs(passage, built);
    for (built->leaves = 1; built->leaves < built->run_count;)
        built->leaves *= 2;
    built->walks = arena_calloc(space->arena, 2 * built->leaves, sizeof(*built->walks));
    built->wants = arena_calloc(space->arena, 2 * built->leaves, sizeof(*built->wants));
    for (size_t i = 0; i < built->run_count; i++)
        build_run(passage, built, i);
    for (size_t i = built->leaves; --i > 0;) {
        built->walks[i] = walks_in_order(space, built->walks[2 * i], built->walks[2 * i + 1]);
        built->wants[i] = set_or(space, built->wants[2 * i], built->wants[2 * i + 1]);
    }
    built->open = false;
    built->built = true;
    passage->order[passage->order_count++] = built;
    return built;
}

// Packets of a hook, as far as interfaces and states go. Whether a rule is dead shall not hang on what routing or the
// putting together of fragments does.
static diagram wide_domain(struct packet_space *space, enum hook hook)
{
    const size_t count = FIELD_COUNT + space->unknowns.count;
    struct field_choice *choices = arena_calloc(space->arena, count, sizeof(*choices));

    for (size_t i = 0; i < count; i++)
        choices[i].how = i == FIELD_IN || i == FIELD_OUT ? CHOOSE_KEEP : CHOOSE_LARGEST;
    return set_and(space, diagram_settle(space->diagrams, hook_domain(space, hook), choices),
                   field_between(space, FIELD_STATE, 0, PACKET_STATE_UNTRACKED));
}

void passage_open(struct passage *passage, struct packet_space *space, struct arena *scratch,
                  const struct table *table, const char *chain, enum hook hook, bool mirrored)
{
    *passage = (struct passage){.space = space, .table = table, .hook_chain = table_find_chain(table, chain)};
    passage->view = (struct view){.space = space,
                                  .scratch = scratch,
                                  .hook = hook,
                                  .raw = strcmp(table->name, "raw") == 0,
                                  .mirrored = mirrored};
    passage->count = table->count;
    passage->chains = arena_calloc(space->arena, table->count, sizeof(*passage->chains));
    passage->order = arena_calloc(space->arena, table->count, sizeof(*passage->order));
    for (size_t i = 0; i < table->count; i++)
        passage->chains[i].chain = table->items[i];
    qsort(passage->chains, passage->count, sizeof(*passage->chains), compare_chains);
    passage->domain = wide_domain(space, mirrored ? HOOK_INPUT : hook);
    if (!build(passage, passage->hook_chain))
        return;
    // They were built inner chains first.
    for (size_t i = 0; i < passage->order_count / 2; i++) {
        struct passage_chain *other = passage->order[i];

        passage->order[i] = passage->order[passage->order_count - 1 - i];
        passage->order[passage->order_count - 1 - i] = other;
    }
}
