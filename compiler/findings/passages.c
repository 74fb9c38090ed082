// SPDX-License-Identifier: GPL-2.0-or-later
#include "findings/passages.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "meaning/match.h"

#define LED_ON 7 // what target_outcome() gives for a jump

static uint32_t by_jump(uint32_t rule, uint32_t chain)
{
    struct outcome inside = outcome_of(chain);

    if ((rule & 7) != LED_ON)
        return rule;
    if (inside.walk == WALK_RETURN)
        inside.walk = WALK_CONTINUE;
    return outcome_value(inside);
}

static uint32_t by_goto(uint32_t rule, uint32_t chain)
{
    struct outcome inside = outcome_of(chain);

    if ((rule & 7) != LED_ON)
        return rule;
    if (inside.walk == WALK_CONTINUE)
        inside.walk = WALK_RETURN;
    return outcome_value(inside);
}

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

static const struct diagram_operation op_jump = {64, by_jump, NULL}, op_goto = {65, by_goto, NULL},
                                      op_goes_on = {67, goes_on, is_nothing},
                                      op_fresh = {68, stays_fresh, is_nothing};

static int compare_chains(const void *a, const void *b)
{
    const uintptr_t left = (uintptr_t)((const struct passage_chain *)a)->chain,
                    right = (uintptr_t)((const struct passage_chain *)b)->chain;

    return left < right ? -1 : left > right;
}

static struct passage_chain *find(const struct passage *passage, const struct chain *chain)
{
    const struct passage_chain key = {.chain = chain};

    return bsearch(&key, passage->chains, passage->count, sizeof(*passage->chains), compare_chains);
}

const struct passage_chain *passage_find(const struct passage *passage, const struct chain *chain)
{
    const struct passage_chain *found = find(passage, chain);

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

static bool leads_on(const struct rule *rule)
{
    return rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO;
}

static bool changes_nothing(const struct rule *rule)
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

static bool rule_counts(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (counts(&rule->matches[i]))
            return true;
    return false;
}

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

// What a rule asks of addresses, protocols and ports. Names that only such rules have are not in the space.
static diagram match_widely(const struct passage *passage, const struct rule *rule)
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

    if (changes_nothing(rule))
        return match_widely(passage, rule);
    function = rule_function(&passage->view, rule, 1, 1);
    arena_reset(passage->view.scratch);
    return function;
}

static struct passage_chain *build(struct passage *passage, const struct chain *chain);

static diagram leaf_walk(struct passage *passage, const struct rule *rule)
{
    struct packet_space *space = passage->space;
    const struct chain *inner = leads_on(rule) ? table_find_chain(passage->table, rule->target.text) : NULL;
    const struct passage_chain *built = inner ? build(passage, inner) : NULL;
    const struct outcome outcome = target_outcome(space, &rule->target), full = {.walk = WALK_DROP};
    diagram function;

    // What is not known to end the walk is taken not to.
    if ((leads_on(rule) && !built) || (outcome.walk == WALK_ELSEWHERE && !ends_elsewhere(&rule->target)))
        return set_none(space);
    function = rule_function(&passage->view, rule, outcome_value(outcome), outcome_value(full));
    arena_reset(passage->view.scratch);
    if (!built)
        return function;
    return diagram_apply(space->diagrams, rule->target.kind == TARGET_GOTO ? &op_goto : &op_jump, function,
                         built->walks[1]);
}

static void build_leaf(struct passage *passage, struct passage_chain *built, size_t index)
{
    const struct rule *rule = &built->chain->items[index];
    const size_t leaf = built->leaves + index;

    if ((changes_nothing(rule) || rule_counts(rule)) && passage->flags & PASSAGE_IDLE)
        built->touches[leaf] = match_widely(passage, rule);
    if (changes_nothing(rule))
        return;
    built->walks[leaf] = leaf_walk(passage, rule);
    built->wants[leaf] = passage_match(passage, rule);
    if (built->walks[leaf] == set_none(passage->space))
        built->touches[leaf] = built->wants[leaf]; // what it does is not known
    if (leads_on(rule)) {
        const struct chain *inner = table_find_chain(passage->table, rule->target.text);
        const struct passage_chain *inside = inner ? passage_find(passage, inner) : NULL;

        built->touches[leaf] =
            inside ? set_and(passage->space, built->wants[leaf], inside->touches[1]) : built->wants[leaf];
    }
}

// NULL where the chain leads to itself.
static struct passage_chain *build(struct passage *passage, const struct chain *chain)
{
    struct packet_space *space = passage->space;
    struct passage_chain *built = find(passage, chain);

    if (!built || built->open)
        return NULL;
    if (built->built)
        return built;
    built->open = true;
    for (built->leaves = 1; built->leaves < chain->count;)
        built->leaves *= 2;
    built->walks = arena_calloc(space->arena, 2 * built->leaves, sizeof(*built->walks));
    built->wants = arena_calloc(space->arena, 2 * built->leaves, sizeof(*built->wants));
    built->touches = arena_calloc(space->arena, 2 * built->leaves, sizeof(*built->touches));
    built->comes = arena_calloc(space->arena, built->leaves, sizeof(*built->comes));
    built->idle = arena_calloc(space->arena, built->leaves, sizeof(*built->idle));
    if (passage->view.raw)
        built->fresh = arena_calloc(space->arena, built->leaves, sizeof(*built->fresh));
    for (size_t i = 0; i < chain->count; i++)
        build_leaf(passage, built, i);
    for (size_t i = built->leaves; --i > 0;) {
        built->walks[i] = walks_in_order(space, built->walks[2 * i], built->walks[2 * i + 1]);
        built->wants[i] = set_or(space, built->wants[2 * i], built->wants[2 * i + 1]);
        built->touches[i] = set_or(space, built->touches[2 * i], built->touches[2 * i + 1]);
    }
    built->open = false;
    built->built = true;
    passage->order[passage->order_count++] = built;
    return built;
}

// From the top of a tree down: what comes to a run of rules, and what is behind it, each as far as the run is about it.
struct level {
    diagram comes, fresh;
    diagram behind;  // what would become of it without the run
    diagram touched; // what rules behind it count
};

static struct level narrowed(struct passage *passage, diagram want, struct level level)
{
    struct packet_space *space = passage->space;

    return (struct level){
        .comes = set_and(space, level.comes, want),
        .fresh = set_and(space, level.fresh, want),
        .behind = only_where(space, want, level.behind),
        .touched = set_and(space, level.touched, want),
    };
}

static void settle_rule(struct passage *passage, struct passage_chain *built, size_t index,
                        const struct level *level)
{
    struct packet_space *space = passage->space;
    const struct rule *rule = &built->chain->items[index];
    const struct outcome outcome = target_outcome(space, &rule->target);
    const diagram subject = outcome.ct ? level->fresh : level->comes;
    diagram with;

    built->comes[index] = level->comes;
    if (built->fresh)
        built->fresh[index] = level->fresh;
    if (!(passage->flags & PASSAGE_IDLE) || !rule_may_be_idle(rule) || level->comes == set_none(space))
        return;
    with = walks_in_order(
        space, only_where(space, subject, diagram_constant(space->diagrams, outcome_value(outcome))),
        only_where(space, subject, level->behind));
    built->idle[index] = set_and(space, subject, level->touched) == set_none(space) &&
                         with == only_where(space, subject, level->behind);
}

static void descend(struct passage *passage, struct passage_chain *built, size_t node, struct level level)
{
    struct packet_space *space = passage->space;
    const size_t left = 2 * node, right = 2 * node + 1;
    struct level ahead = level, after = level;

    level = narrowed(passage, built->wants[node], level);
    if (level.comes == set_none(space))
        return;
    if (node >= built->leaves) {
        settle_rule(passage, built, node - built->leaves, &level);
        return;
    }
    ahead = narrowed(passage, built->wants[left], level);
    if (passage->flags & PASSAGE_IDLE)
        ahead.behind =
            walks_in_order(space, only_where(space, built->wants[left], built->walks[right]), ahead.behind);
    ahead.touched = set_or(space, ahead.touched, set_and(space, built->touches[right], built->wants[left]));
    descend(passage, built, left, ahead);
    after = level;
    after.comes = diagram_apply(space->diagrams, &op_goes_on, level.comes, built->walks[left]);
    after.fresh = diagram_apply(space->diagrams, &op_fresh, level.fresh, built->walks[left]);
    descend(passage, built, right, after);
}

// Behind the last rule is whatever jumped here, or the policy: a rule that says the same as that is no waste, for it says
// so.
static void pass_chain(struct passage *passage, struct passage_chain *built)
{
    struct packet_space *space = passage->space;
    const struct chain *chain = built->chain;

    descend(passage, built, 1,
            (struct level){
                .comes = built->comes_to,
                .fresh = built->fresh_to,
                .behind = passage->flags & PASSAGE_IDLE
                              ? diagram_constant(space->diagrams,
                                                 outcome_value((struct outcome){.walk = WALK_ELSEWHERE}))
                              : set_none(space),
                .touched = set_none(space),
            });
    for (size_t i = 0; i < chain->count; i++) {
        const struct chain *inner =
            leads_on(&chain->items[i]) ? table_find_chain(passage->table, chain->items[i].target.text) : NULL;
        struct passage_chain *inside = inner ? find(passage, inner) : NULL;

        if (!inside || !inside->built)
            continue;
        inside->comes_to = set_or(space, inside->comes_to, built->comes[i]);
        if (built->fresh)
            inside->fresh_to = set_or(space, inside->fresh_to, built->fresh[i]);
    }
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
                  const struct table *table, const char *chain, enum hook hook, unsigned flags)
{
    const bool mirrored = flags & PASSAGE_MIRRORED;
    struct passage_chain *top;

    *passage = (struct passage){
        .space = space, .table = table, .hook_chain = table_find_chain(table, chain), .flags = flags};
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
    top = build(passage, passage->hook_chain);
    if (!top)
        return;
    passage->domain = wide_domain(space, mirrored ? HOOK_INPUT : hook);
    top->comes_to = passage->domain;
    top->fresh_to = passage->view.raw ? top->comes_to : set_none(space);
    // They were built inner chains first.
    for (size_t i = 0; i < passage->order_count / 2; i++) {
        struct passage_chain *other = passage->order[i];

        passage->order[i] = passage->order[passage->order_count - 1 - i];
        passage->order[passage->order_count - 1 - i] = other;
    }
    for (size_t i = 0; i < passage->order_count; i++)
        pass_chain(passage, passage->order[i]);
}

struct asking {
    const struct passage *passage;
    diagram set;
    size_t limit;
    bool about_tracking;
    struct shares shares;
};

static void add_share(struct asking *asking, const struct passage_chain *built, size_t index, diagram packets)
{
    if (packets == set_none(asking->passage->space) || asking->shares.count >= asking->limit)
        return;
    *vec_push(asking->passage->space->arena, &asking->shares) =
        (struct share){{asking->passage->table, built->chain, index}, packets};
}

static void ask_rule(struct asking *asking, const struct passage_chain *built, size_t index)
{
    struct packet_space *space = asking->passage->space;
    const struct outcome outcome = target_outcome(space, &built->chain->items[index].target);

    if (asking->about_tracking
            ? outcome.ct == CT_NOTRACK
            : outcome.walk == WALK_ACCEPT || outcome.walk == WALK_DROP || outcome.walk == WALK_REJECT)
        add_share(
            asking, built, index,
            set_and(space, asking->set, asking->about_tracking ? built->fresh[index] : built->comes[index]));
}

static void ask_run(struct asking *asking, const struct passage_chain *built, size_t node)
{
    struct packet_space *space = asking->passage->space;

    if (asking->shares.count >= asking->limit ||
        set_and(space, asking->set, built->wants[node]) == set_none(space))
        return;
    if (node >= built->leaves) {
        ask_rule(asking, built, node - built->leaves);
        return;
    }
    ask_run(asking, built, 2 * node);
    ask_run(asking, built, 2 * node + 1);
}

static struct shares ask(struct asking asking)
{
    const struct passage *passage = asking.passage;
    struct packet_space *space = passage->space;

    for (size_t i = 0; i < passage->order_count; i++)
        if (set_and(space, asking.set, passage->order[i]->comes_to) != set_none(space))
            ask_run(&asking, passage->order[i], 1);
    return asking.shares;
}

struct shares passage_deciders(const struct passage *passage, diagram set, size_t limit)
{
    struct packet_space *space = passage->space;
    struct asking asking = {.passage = passage, .set = set, .limit = limit};
    const struct passage_chain *top = passage_find(passage, passage->hook_chain);

    asking.shares = ask(asking);
    if (top)
        add_share(
            &asking, top, top->chain->count,
            diagram_apply(space->diagrams, &op_goes_on, set_and(space, set, top->comes_to), top->walks[1]));
    return asking.shares;
}

struct shares passage_untrackers(const struct passage *passage, diagram set, size_t limit)
{
    return ask((struct asking){.passage = passage, .set = set, .limit = limit, .about_tracking = true});
}

struct blaming {
    const struct passage *passage;
    const struct passage_chain *built;
    size_t index; // rules before it
    diagram left;
    size_t *blamed;
    size_t count, limit;
};

// `first` and `size`: the rules of the run.
static void blame_run(struct blaming *blaming, size_t node, size_t first, size_t size)
{
    struct packet_space *space = blaming->passage->space;
    diagram left;

    if (first >= blaming->index || blaming->count == blaming->limit || blaming->left == set_none(space))
        return;
    left = diagram_apply(space->diagrams, &op_goes_on, blaming->left, blaming->built->walks[node]);
    if (left == blaming->left)
        return;
    if (node >= blaming->built->leaves) {
        blaming->blamed[blaming->count++] = first;
        blaming->left = left;
        return;
    }
    blame_run(blaming, 2 * node, first, size / 2);
    blame_run(blaming, 2 * node + 1, first + size / 2, size / 2);
}

size_t passage_blame(const struct passage *passage, const struct passage_chain *built, size_t index,
                     size_t *blamed, size_t limit, diagram *left)
{
    struct blaming blaming = {
        .passage = passage, .built = built, .index = index, .blamed = blamed, .limit = limit};

    blaming.left = set_and(passage->space, built->comes_to, built->wants[built->leaves + index]);
    blame_run(&blaming, 1, 0, built->leaves);
    *left = blaming.left;
    return blaming.count;
}
