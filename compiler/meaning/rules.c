// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules in, walks out. A rule is a function from packets to what becomes of their walk; rules behind each other are the
// first of these functions that ends it. So a chain is one function, made once for every chain that leads to it.
#include "meaning/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "base/vec.h"
#include "meaning/match.h"

#define WALK_JUMP 7 // of a rule that leads to another chain; in no function beyond this file

struct walker {
    const struct view *view;
    const struct table *table;
    struct rule_places *places; // NULL: outcomes remember no rule
    struct {
        diagram walk;
        bool known;          // `walk` is
        bool open;           // its rules are being walked: a circle, which no kernel loads
        unsigned references; // rules that lead to it
        enum { INLINE_UNKNOWN, INLINE_NO, INLINE_YES } inlined;
    } * chains;  // by number
    bool staged; // the table is raw, and its rules ask for states
};

// Joining walks.

static uint32_t with_ct(struct outcome left, struct outcome right)
{
    if (left.ct) {
        right.ct = left.ct;
        right.template = left.template;
    }
    return outcome_value(right);
}

static uint32_t go_on(uint32_t left, uint32_t right)
{
    const struct outcome first = outcome_of(left);

    return first.walk == WALK_CONTINUE ? with_ct(first, outcome_of(right)) : left;
}

static bool ends(uint32_t left)
{
    return (left & 7) != WALK_CONTINUE;
}

static uint32_t next_table(uint32_t left, uint32_t right)
{
    const struct outcome first = outcome_of(left), second = outcome_of(right);

    // What the filter accepts is its rule's, whatever other tables let pass besides.
    if (first.walk == WALK_ACCEPT && second.walk <= WALK_ACCEPT && !second.rule)
        return left;
    return first.walk <= WALK_ACCEPT ? with_ct(first, outcome_of(right)) : left;
}

static bool refuses(uint32_t left)
{
    return (left & 7) > WALK_ACCEPT;
}

static uint32_t jump(uint32_t rule, uint32_t chain)
{
    struct outcome inside = outcome_of(chain);

    if ((rule & 7) != WALK_JUMP)
        return rule;
    if (inside.walk == WALK_RETURN)
        inside.walk = WALK_CONTINUE;
    return outcome_value(inside);
}

// The chain of a goto does not come back to the rule behind it, but to where its own chain was called.
static uint32_t goto_chain(uint32_t rule, uint32_t chain)
{
    struct outcome inside = outcome_of(chain);

    if ((rule & 7) != WALK_JUMP)
        return rule;
    if (inside.walk == WALK_CONTINUE)
        inside.walk = WALK_RETURN;
    return outcome_value(inside);
}

static uint32_t end_of_hook(uint32_t left, uint32_t policy)
{
    const struct outcome first = outcome_of(left);

    return first.walk == WALK_CONTINUE || first.walk == WALK_RETURN ? with_ct(first, outcome_of(policy))
                                                                    : left;
}

// Numbers beyond those of space.c and hooks.c.
static const struct diagram_operation op_go_on = {16 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT, go_on, ends},
                                      op_next_table = {17, next_table, refuses}, op_jump = {18, jump, NULL},
                                      op_goto = {19, goto_chain, NULL}, op_end = {20, end_of_hook, NULL};

diagram walks_in_order(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_go_on, left, right);
}

void walk_list_add(struct walk_list *list, diagram walk)
{
    *vec_push(&list->arena, list) = (struct walk_item){.walk = walk};
}

static struct field_test kept_test(struct walk_list *list, const struct range_list *ranges, uint32_t field)
{
    struct field_test *last = &list->last[field];
    const size_t bytes = ranges->count * sizeof(*ranges->items);

    if (last->count != ranges->count || memcmp(last->ranges, ranges->items, bytes) != 0) {
        struct addr_range *copy = arena_alloc(&list->arena, bytes);

        memcpy(copy, ranges->items, bytes);
        *last = (struct field_test){copy, (uint32_t)ranges->count, field};
    }
    return *last;
}

void walk_list_add_cube(struct walk_list *list, const struct cube *cube, uint32_t inside, uint32_t full)
{
    struct field_test tests[FIELD_COUNT];
    size_t count = 0;

    if (cube->unknowns.count) {
        walk_list_add(list, cube_function(cube, inside, full));
        return;
    }
    if (cube->never)
        return;
    for (uint32_t field = 0; field < FIELD_COUNT; field++)
        if (cube->tests[field].count)
            tests[count++] = kept_test(list, &cube->tests[field], field);

    struct field_test *kept = arena_alloc(&list->arena, count * sizeof(*kept));

    if (count)
        memcpy(kept, tests, count * sizeof(*kept));
    *vec_push(&list->arena, list) = (struct walk_item){.packets = {kept, count}, .only = inside};
}

// A walk by itself, or the conjunctions from `from` on that have one outcome. `*end` is the first item behind them.
static diagram join_same(struct packet_space *space, const struct walk_list *list, size_t from, size_t *end,
                         struct conjunction *scratch)
{
    const uint32_t only = list->items[from].only;
    size_t count = 0;

    *end = from + 1;
    if (!only)
        return list->items[from].walk;
    for (*end = from; *end < list->count && list->items[*end].only == only; ++*end)
        scratch[count++] = list->items[*end].packets;
    return diagram_any_of(space->diagrams, scratch, count, only);
}

diagram seen_with_state(struct packet_space *space, diagram function, unsigned state)
{
    return diagram_restrict(space->diagrams,
                            diagram_restrict(space->diagrams, function, FIELD_STATE, (field_value){0, state}),
                            FIELD_HELPER, (field_value){0, 0});
}

static uint32_t attaches(uint32_t raw, uint32_t ignored)
{
    (void)ignored;
    return outcome_of(raw).ct == CT_TRACK;
}

static const struct diagram_operation op_attaches = {29, attaches, NULL};

// What the rules behind `left` see of packets that it has decided about.
static diagram staged_order(struct packet_space *space, diagram left, diagram right)
{
    const diagram fresh = field_between(space, FIELD_STATE, PACKET_STATE_INVALID, PACKET_STATE_INVALID);
    const diagram out = set_and(space, fresh, taken_out(space, left));
    const diagram with =
        set_and(space, fresh, diagram_apply(space->diagrams, &op_attaches, left, set_all(space)));
    const diagram seen = choose(space, out, seen_with_state(space, right, PACKET_STATE_UNTRACKED),
                                choose(space, with, seen_with_state(space, right, PACKET_STATE_NEW), right));

    return walks_in_order(space, left, seen);
}

static diagram join_staged(struct packet_space *space, const diagram *walks, size_t count)
{
    diagram joined = set_none(space);

    while (count-- > 0)
        joined = staged_order(space, walks[count], joined);
    return joined;
}

diagram walk_list_join(struct packet_space *space, struct walk_list *list, size_t from)
{
    diagram *walks = calloc(list->count - from + 1, sizeof(*walks));
    struct conjunction *scratch = calloc(list->count - from + 1, sizeof(*scratch));
    size_t count = 0;
    diagram joined = set_none(space);

    if (!walks || !scratch)
        fatal_no_memory();
    for (size_t i = from, end; i < list->count; i = end)
        walks[count++] = join_same(space, list, i, &end, scratch);
    joined = list->staged ? join_staged(space, walks, count)
                          : diagram_combine(space->diagrams, &op_go_on, walks, count);
    free(walks);
    free(scratch);
    list->count = from;
    return joined;
}

void walk_list_clear(struct walk_list *list)
{
    arena_clear(&list->arena);
    *list = (struct walk_list){0};
}

diagram tables_in_order(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_next_table, left, right);
}

// Rules.

// Tables beside the filter only count where they refuse.
static uint32_t remember(struct walker *walker, const struct chain *chain, size_t index, enum walk walk)
{
    const struct rule_place place = {walker->table, chain, index};

    if (!walker->places || walker->places->count == OUTCOME_RULE_MAX ||
        (walk == WALK_ACCEPT && strcmp(walker->table->name, "filter") != 0) ||
        (walker->places->wanted && !walker->places->wanted(&place)))
        return 0;
    *vec_push(walker->view->space->arena, walker->places) = place;
    return (uint32_t)walker->places->count;
}

// What a CT target asks of the tracker, behind its name.
static struct outcome ct_outcome(struct packet_space *space, const struct target *target)
{
    struct slice options = slice_of(target->text);

    if (strstr(target->text, "--notrack"))
        return (struct outcome){.ct = CT_NOTRACK};
    slice_word(&options);
    return (struct outcome){
        .ct = CT_TRACK,
        .template = packet_space_template(space, arena_copy(space->arena, options.at, options.length))};
}

struct outcome target_outcome(struct packet_space *space, const struct target *target)
{
    switch (target->kind) {
    case TARGET_ACCEPT:
        return (struct outcome){.walk = WALK_ACCEPT};
    case TARGET_DROP:
        return (struct outcome){.walk = WALK_DROP};
    case TARGET_REJECT:
        return (struct outcome){.walk = WALK_REJECT, .answer = packet_space_answer(space, target->text)};
    case TARGET_NOTRACK:
        return (struct outcome){.ct = CT_NOTRACK};
    case TARGET_HELPER:
        return (struct outcome){.ct = CT_TRACK, .template = helper_template(space, target->text)};
    case TARGET_RETURN:
        return (struct outcome){.walk = WALK_RETURN};
    case TARGET_JUMP:
    case TARGET_GOTO:
        return (struct outcome){.walk = (enum walk)WALK_JUMP};
    case TARGET_LOG:
    case TARGET_NONE:
        break;
    case TARGET_OTHER:
        switch (target_effect(target)) {
        case EFFECT_CT:
            return ct_outcome(space, target);
        case EFFECT_DROP:
            return (struct outcome){.walk = WALK_DROP};
        case EFFECT_UNKNOWN:
            return (struct outcome){.walk = WALK_ELSEWHERE};
        case EFFECT_CONTINUE:
        case EFFECT_COUNT:
            break;
        }
    }
    return (struct outcome){0};
}

static diagram walk_chain(struct walker *walker, const struct chain *chain);

static bool leads_on(const struct rule *rule)
{
    return rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO;
}

#define INLINED_RULES_MAX 64 // of a chain that is looked at for gotos: a node of a tree has few

// Whether it makes no difference that a packet which falls out of a goto's chain comes to no rule behind the goto: no such
// packet would pass one.
static bool goes_for_good(const struct walker *walker, const struct chain *chain, size_t index)
{
    if (chain->count - index > INLINED_RULES_MAX)
        return false;
    for (size_t i = index + 1; i < chain->count; i++)
        if (!rules_apart(walker->view->space->family, &chain->items[index], &chain->items[i]))
            return false;
    return true;
}

// Whether the rules of a chain can stand in place of the one rule that leads there, as they do in a tree: what falls out of
// it goes on behind that rule, wherever in the chain it was, and nothing returns there.
static bool is_inlined(struct walker *walker, const struct chain *chain)
{
    const size_t number = chain->number;
    bool fits = walker->chains[number].references == 1;

    if (walker->chains[number].inlined != INLINE_UNKNOWN)
        return walker->chains[number].inlined == INLINE_YES;
    walker->chains[number].inlined = INLINE_NO; // of a circle
    for (size_t i = 0; i < chain->count && fits; i++) {
        const struct rule *rule = &chain->items[i];
        const struct chain *inner =
            leads_on(rule) ? table_find_chain(walker->table, rule->target.text) : NULL;

        fits = rule->target.kind != TARGET_RETURN &&
               (rule->target.kind != TARGET_GOTO ||
                (inner && goes_for_good(walker, chain, i) && is_inlined(walker, inner)));
    }
    walker->chains[number].inlined = fits ? INLINE_YES : INLINE_NO;
    return fits;
}

static void walk_rules(struct walker *walker, const struct chain *chain, const struct cube *outer,
                       struct walk_list *list);

// A rule that leads to another chain.
static void walk_jump(struct walker *walker, const struct chain *chain, size_t index,
                      const struct cube *outer, struct outcome outcome, struct walk_list *list)
{
    struct packet_space *space = walker->view->space;
    const struct rule *rule = &chain->items[index];
    const struct chain *inner = table_find_chain(walker->table, rule->target.text);
    const struct outcome full = {.walk = WALK_DROP, .rule = outcome.rule},
                         elsewhere = {.walk = WALK_ELSEWHERE, .rule = outcome.rule};
    struct arena own = {
        0}; // of the cubes that the inlined chains stand in: the view's is reset at every rule
    struct view view = *walker->view;
    struct cube cube;
    diagram function, inside;

    view.scratch = &own;
    if (outer)
        cube = *outer;
    else
        cube_begin(&cube, &view);
    // A chain that is inlined was looked at as a whole.
    if (inner && !walker->chains[inner->number].open && is_inlined(walker, inner) &&
        (rule->target.kind == TARGET_JUMP || outer || goes_for_good(walker, chain, index)) &&
        rule_cube_within(&cube, rule, &cube) && !cube.unknowns.count) {
        walker->chains[inner->number].open = true;
        walk_rules(walker, inner, &cube, list);
        walker->chains[inner->number].open = false;
        arena_clear(&own);
        return;
    }
    arena_clear(&own);
    function = rule_function(walker->view, rule, outcome_value(outcome), outcome_value(full));
    if (outer)
        function = only_where(space, cube_function(outer, 1, 1), function);
    inside = inner ? walk_chain(walker, inner) : diagram_constant(space->diagrams, outcome_value(elsewhere));
    walk_list_add(list, diagram_apply(space->diagrams, rule->target.kind == TARGET_JUMP ? &op_jump : &op_goto,
                                      function, inside));
}

static void walk_rule(struct walker *walker, const struct chain *chain, size_t index,
                      const struct cube *outer, struct walk_list *list)
{
    struct packet_space *space = walker->view->space;
    const struct rule *rule = &chain->items[index];
    struct outcome outcome = target_outcome(space, &rule->target);
    struct outcome full = {.walk = WALK_DROP};
    struct cube cube;

    // The kernel takes it in raw alone (net/netfilter/xt_CT.c).
    if (!walker->view->raw)
        outcome.ct = CT_NONE;
    outcome.rule = full.rule = remember(walker, chain, index, outcome.walk);
    if (leads_on(rule)) {
        walk_jump(walker, chain, index, outer, outcome, list);
    } else if (outer ? rule_cube_within(outer, rule, &cube) : rule_cube(walker->view, rule, &cube)) {
        walk_list_add_cube(list, &cube, outcome_value(outcome), outcome_value(full));
    } else {
        diagram function = rule_function(walker->view, rule, outcome_value(outcome), outcome_value(full));

        if (outer)
            function = only_where(space, cube_function(outer, 1, 1), function);
        walk_list_add(list, function);
    }
    arena_reset(walker->view->scratch);
}

// The rules of a chain, for the packets of `outer`; NULL: for all.
static void walk_rules(struct walker *walker, const struct chain *chain, const struct cube *outer,
                       struct walk_list *list)
{
    for (size_t i = 0; i < chain->count; i++)
        if (rule_decides(&chain->items[i]))
            walk_rule(walker, chain, i, outer, list);
}

static diagram walk_chain(struct walker *walker, const struct chain *chain)
{
    struct packet_space *space = walker->view->space;
    const size_t number = chain->number;
    struct walk_list rules = {.staged = walker->staged};

    if (walker->chains[number].known)
        return walker->chains[number].walk;
    if (walker->chains[number].open)
        return diagram_constant(space->diagrams, outcome_value((struct outcome){.walk = WALK_ELSEWHERE}));
    walker->chains[number].open = true;
    walk_rules(walker, chain, NULL, &rules);
    walker->chains[number].walk = walk_list_join(space, &rules, 0);
    walker->chains[number].known = true;
    walker->chains[number].open = false;
    walk_list_clear(&rules);
    return walker->chains[number].walk;
}

static bool asks_state(const struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->items[i]->count; j++)
            for (size_t k = 0; k < table->items[i]->items[j].match_count; k++) {
                const enum match_kind kind = table->items[i]->items[j].matches[k].kind;

                if (kind == MATCH_STATE || kind == MATCH_CONNTRACK || kind == MATCH_HELPER)
                    return true;
            }
    return false;
}

bool raw_asks_state(const struct ruleset *ruleset)
{
    const struct table *raw = ruleset_find_table(ruleset, "raw");

    return raw && asks_state(raw);
}

diagram staged_walk(const struct view *view, diagram walk)
{
    struct packet_space *space = view->space;
    const uint64_t lo = packet_space_interface(space, "lo");
    const diagram begun = seen_with_state(space, walk, PACKET_STATE_INVALID);

    return view->hook == HOOK_INPUT ? choose(space, field_between(space, FIELD_IN, lo, lo), walk, begun)
                                    : begun;
}

static void walker_init(struct walker *walker, const struct view *view, const struct table *table,
                        struct rule_places *places)
{
    *walker = (struct walker){
        .view = view, .table = table, .places = places, .staged = view->raw && asks_state(table)};
    walker->chains = arena_calloc(view->space->arena, table->count, sizeof(*walker->chains));
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->items[i]->count; j++) {
            const struct rule *rule = &table->items[i]->items[j];
            const struct chain *inner = leads_on(rule) ? table_find_chain(table, rule->target.text) : NULL;

            if (inner)
                walker->chains[inner->number].references++;
        }
}

diagram chain_walk(const struct view *view, const struct ruleset *ruleset, const char *table,
                   const char *chain)
{
    const struct table *found = ruleset_find_table(ruleset, table);
    const struct chain *first = found ? table_find_chain(found, chain) : NULL;
    struct walker walker;

    if (!first)
        return set_none(view->space);
    walker_init(&walker, view, found, NULL);
    return walk_chain(&walker, first);
}

static bool has_returns(const struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->items[i]->count; j++)
            if (table->items[i]->items[j].target.kind == TARGET_RETURN ||
                table->items[i]->items[j].target.kind == TARGET_GOTO)
                return true;
    return false;
}

// A built-in chain, to the end of its hook in one table.
static diagram walk_hook(const struct view *view, const struct ruleset *ruleset, const char *table_name,
                         const char *chain_name, struct rule_places *places)
{
    struct packet_space *space = view->space;
    const struct table *table = ruleset_find_table(ruleset, table_name);
    const struct chain *chain = table ? table_find_chain(table, chain_name) : NULL;
    struct walker walker;

    if (!chain)
        return set_none(space);
    walker_init(&walker, view, table, places);

    const diagram walk = walk_chain(&walker, chain);
    const uint32_t rule =
        remember(&walker, chain, chain->count, chain->policy == CHAIN_DROP ? WALK_DROP : WALK_ACCEPT);
    const uint32_t accept = outcome_value((struct outcome){.walk = WALK_ACCEPT, .rule = rule});
    const uint32_t drop = outcome_value((struct outcome){.walk = WALK_DROP, .rule = rule});
    diagram end = diagram_constant(space->diagrams, chain->policy == CHAIN_DROP ? drop : accept);

    // Nobody says which policy the kernel has: it is an unknown like any other.
    if (chain->policy == CHAIN_UNWRITTEN) {
        const unsigned unknown =
            packet_space_unknown(space, UNKNOWN_POLICY, policy_unknown(space, table, chain), 0);
        const struct addr_range no = {{0, UNKNOWN_NO}, {0, UNKNOWN_NO}};

        end = diagram_test(space->diagrams, FIELD_COUNT + unknown, &no, 1, end,
                           diagram_constant(space->diagrams, drop));
    }
    // What comes to the end of a table beside the filter, or returns there, goes on, as what the table accepts does.
    if (chain->policy == CHAIN_ACCEPT && strcmp(table_name, "filter") != 0)
        end = set_none(space);
    return end == set_none(space) && !has_returns(table) ? walk
                                                         : diagram_apply(space->diagrams, &op_end, walk, end);
}

// In the order of enum nf_ip_hook_priorities (linux/netfilter_ipv4.h). NAT changes packets and refuses none.
const struct station stations[HOOK_COUNT][7] = {
    [HOOK_INPUT] = {{"mangle", "PREROUTING"},
                    {"mangle", "INPUT"},
                    {"filter", "INPUT"},
                    {"security", "INPUT"}},
    [HOOK_FORWARD] = {{"mangle", "PREROUTING"},
                      {"mangle", "FORWARD"},
                      {"filter", "FORWARD"},
                      {"security", "FORWARD"},
                      {"mangle", "POSTROUTING"}},
    [HOOK_OUTPUT] = {{"mangle", "OUTPUT"},
                     {"filter", "OUTPUT"},
                     {"security", "OUTPUT"},
                     {"mangle", "POSTROUTING"}},
};

struct view station_view(const struct view *view, const struct station *station)
{
    struct view here = *view;

    here.unrouted = strcmp(station->chain, "PREROUTING") == 0;
    return here;
}

// `filter`: what the filter does, NULL: what the ruleset's does.
static diagram stations_walk(const struct view *view, const struct ruleset *ruleset, const diagram *filter,
                             struct rule_places *places)
{
    struct packet_space *space = view->space;
    diagram walk = set_none(space);

    for (const struct station *station = stations[view->hook]; station->table; station++) {
        const bool is_filter = strcmp(station->table, "filter") == 0;
        const struct view here = station_view(view, station);
        const diagram next =
            filter && is_filter ? *filter : walk_hook(&here, ruleset, station->table, station->chain, places);

        walk = walk == set_none(space)   ? next
               : next == set_none(space) ? walk
                                         : tables_in_order(space, walk, next);
    }
    // A table that is not there accepts.
    return tables_in_order(
        space, walk, diagram_constant(space->diagrams, outcome_value((struct outcome){.walk = WALK_ACCEPT})));
}

diagram beside_filter(const struct view *view, const struct ruleset *ruleset, diagram filter)
{
    return stations_walk(view, ruleset, &filter, NULL);
}

diagram walk_through_raw(const struct view *view, const struct ruleset *ruleset)
{
    const diagram walk =
        walk_hook(view, ruleset, "raw", view->hook == HOOK_OUTPUT ? "OUTPUT" : "PREROUTING", NULL);

    return raw_asks_state(ruleset) ? staged_walk(view, walk) : walk;
}

static bool ruleset_tracks(const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            for (size_t k = 0; k < ruleset->items[i].items[j]->count; k++)
                if (rule_tracks(&ruleset->items[i].items[j]->items[k], ruleset->items[i].name))
                    return true;
    return false;
}

static void add_hook(struct packet_space *space, const struct ruleset *ruleset, enum hook hook,
                     struct rule_places *places, struct arena *scratch, struct meaning *meaning)
{
    const struct view filter = {.space = space, .scratch = scratch, .hook = hook};
    const struct view raw = {.space = space, .scratch = scratch, .hook = hook, .raw = true};

    meaning->raws[hook] = walk_through_raw(&raw, ruleset);
    meaning->filters[hook] = stations_walk(&filter, ruleset, NULL, places);
    meaning->domains[hook] = hook_domain(space, hook);
}

struct meaning rules_meaning(struct packet_space *space, const struct ruleset *ruleset,
                             struct rule_places *places)
{
    struct arena scratch = {0};
    struct meaning meaning = {.tracking = ruleset_tracks(ruleset)};

    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
        add_hook(space, ruleset, hook, places, &scratch, &meaning);
    arena_clear(&scratch);
    return meaning;
}

struct meaning rules_meaning_at(struct packet_space *space, const struct ruleset *ruleset, enum hook hook,
                                struct rule_places *places)
{
    struct arena scratch = {0};
    struct meaning meaning = {.tracking = ruleset_tracks(ruleset)};
    const struct view sent = {.space = space, .scratch = &scratch, .hook = HOOK_OUTPUT, .raw = true};

    // What comes in by lo was decided as it left.
    if (hook == HOOK_INPUT)
        meaning.raws[HOOK_OUTPUT] = walk_through_raw(&sent, ruleset);
    add_hook(space, ruleset, hook, places, &scratch, &meaning);
    arena_clear(&scratch);
    return meaning;
}

diagram untracked_by_rules(const struct view *view, const struct ruleset *ruleset)
{
    return taken_out(view->space, walk_through_raw(view, ruleset));
}
