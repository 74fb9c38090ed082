// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules in, walks out. A rule is a function from packets to what becomes of their walk; rules behind each other are the
// first of these functions that ends it. So a chain is one function, made once for every chain that leads to it.
#include "meaning/chains.h"

#include <string.h>

#include "base/vec.h"
#include "meaning/match.h"

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
        return (struct outcome){.walk = WALK_LED_ON};
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

#define INLINED_RULES_MAX \
    64 // of a chain with gotos, whose rules are compared with each other: a node of a tree has few

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

// A goto that asks for nothing but an address: the rules behind it are for the others.
static bool asks_address_alone(const struct rule *rule)
{
    const bool source = rule->addresses[SIDE_SOURCE].prefix.bits && !rule->addresses[SIDE_SOURCE].inverted;
    const bool destination =
        rule->addresses[SIDE_DESTINATION].prefix.bits && !rule->addresses[SIDE_DESTINATION].inverted;

    return rule->target.kind == TARGET_GOTO && source != destination &&
           !rule->addresses[source ? SIDE_DESTINATION : SIDE_SOURCE].inverted && !rule->in && !rule->out &&
           !rule->protocol && !rule->match_count && !rule->later_fragments && !rule->sets;
}

// Whether it asks for nothing that would keep the chain it leads to from standing in its place.
static bool is_plain(const struct walker *walker, const struct rule *rule)
{
    struct cube cube;

    return rule_cube(walker->view, rule, &cube) && !cube.unknowns.count;
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
            rule_leads_on(rule) ? table_find_chain(walker->table, rule->target.text) : NULL;

        fits = rule->target.kind != TARGET_RETURN &&
               (rule->target.kind != TARGET_GOTO ||
                (inner &&
                 (goes_for_good(walker, chain, i) ||
                  (asks_address_alone(rule) && chain->count <= INLINED_RULES_MAX)) &&
                 is_plain(walker, rule) && is_inlined(walker, inner)));
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
    walk_list_add(list, walk_led_on(space, rule->target.kind, function, inside));
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
    if (rule_leads_on(rule)) {
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

// Whether packets that such a goto has taken could pass a rule behind it; true where it is not plain.
static bool takes_from(const struct walker *walker, const struct rule *taking, enum side side,
                       const struct rule *rule)
{
    const enum family family = walker->view->space->family;
    const struct rule_address *address = &rule->addresses[side];
    struct addr_range taken, asked;

    if (!address->prefix.bits || address->inverted)
        return !rules_apart(family, taking, rule);
    taken = prefix_range(family, taking->addresses[side].prefix);
    asked = prefix_range(family, address->prefix);
    return addr_compare(taken.first, asked.last) <= 0 && addr_compare(asked.first, taken.last) <= 0;
}

// Of an inlined chain, whose first goto is `first`: what the gotos ahead of a rule have left of `outer`. That is `narrowed` where
// they took any. Where there are many rules, gotos are among the last alone (is_inlined()).
static const struct cube *left_by_gotos(const struct walker *walker, const struct chain *chain, size_t first,
                                        size_t index, const struct cube *outer, struct cube *narrowed)
{
    const struct cube *left = outer;

    for (size_t i = first; i < index; i++) {
        const struct rule *rule = &chain->items[i];
        const enum side side = rule->addresses[SIDE_SOURCE].prefix.bits ? SIDE_SOURCE : SIDE_DESTINATION;

        if (rule->target.kind == TARGET_GOTO && asks_address_alone(rule) &&
            takes_from(walker, rule, side, &chain->items[index])) {
            struct addr_range taken = prefix_range(walker->view->space->family, rule->addresses[side].prefix);

            if (left == outer)
                *narrowed = *outer;
            cube_not_ranges(narrowed, side == SIDE_SOURCE ? FIELD_SOURCE : FIELD_DESTINATION,
                            &(struct range_list){&taken, 1, 1});
            left = narrowed;
        }
    }
    return left;
}

// The rules of a chain, for the packets of `outer`; NULL: for all.
static void walk_rules(struct walker *walker, const struct chain *chain, const struct cube *outer,
                       struct walk_list *list)
{
    struct cube narrowed;
    size_t first = 0;

    while (outer && first < chain->count && chain->items[first].target.kind != TARGET_GOTO)
        first++;
    for (size_t i = 0; i < chain->count; i++)
        if (rule_decides(&chain->items[i]))
            walk_rule(walker, chain, i,
                      outer ? left_by_gotos(walker, chain, first, i, outer, &narrowed) : NULL, list);
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

static bool leads_on(const struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        if (rule_leads_on(&chain->items[i]))
            return true;
    return false;
}

static void count_references(struct walker *walker)
{
    const struct table *table = walker->table;

    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->items[i]->count; j++) {
            const struct rule *rule = &table->items[i]->items[j];
            const struct chain *inner =
                rule_leads_on(rule) ? table_find_chain(table, rule->target.text) : NULL;

            if (inner)
                walker->chains[inner->number].references++;
        }
}

// For a walk that begins with `chain`.
static void walker_init(struct walker *walker, const struct view *view, const struct table *table,
                        const struct chain *chain, struct rule_places *places)
{
    *walker = (struct walker){
        .view = view, .table = table, .places = places, .staged = view->raw && asks_state(table)};
    walker->chains = arena_calloc(view->space->arena, table->count, sizeof(*walker->chains));
    if (leads_on(chain))
        count_references(walker);
}

diagram chain_walk(const struct view *view, const struct ruleset *ruleset, const char *table,
                   const char *chain)
{
    const struct table *found = ruleset_find_table(ruleset, table);
    const struct chain *first = found ? table_find_chain(found, chain) : NULL;
    struct walker walker;

    if (!first)
        return set_none(view->space);
    walker_init(&walker, view, found, first, NULL);
    return walk_chain(&walker, first);
}

// Whether a walk through a built-in chain may come back to where it was called, which is nowhere. Chains that its rules jump
// to come back to it.
static bool may_return(const struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        if (chain->items[i].target.kind == TARGET_RETURN || chain->items[i].target.kind == TARGET_GOTO)
            return true;
    return false;
}

// Nobody says which policy the kernel has: it is an unknown like any other.
static diagram unwritten_policy(struct packet_space *space, const struct table *table, const char *chain,
                                uint32_t accept, uint32_t drop)
{
    const unsigned unknown =
        packet_space_unknown(space, UNKNOWN_POLICY, policy_unknown(space, table, chain), 0);
    const struct addr_range no = {{0, UNKNOWN_NO}, {0, UNKNOWN_NO}};

    return diagram_test(space->diagrams, FIELD_COUNT + unknown, &no, 1,
                        diagram_constant(space->diagrams, accept), diagram_constant(space->diagrams, drop));
}

diagram built_in_chain_walk(const struct view *view, const struct ruleset *ruleset, const char *table_name,
                            const char *chain_name, struct rule_places *places)
{
    struct packet_space *space = view->space;
    const struct table *table = ruleset_find_table(ruleset, table_name);
    const struct chain *chain = table ? table_find_chain(table, chain_name) : NULL;
    struct walk_list rules = {0};
    struct walker walker;

    if (!chain)
        return set_none(space);
    walker_init(&walker, view, table, chain, places);
    rules.staged = walker.staged;
    walker.chains[chain->number].open = true;
    walk_rules(&walker, chain, NULL, &rules);

    const uint32_t rule =
        remember(&walker, chain, chain->count, chain->policy == CHAIN_DROP ? WALK_DROP : WALK_ACCEPT);
    const uint32_t accept = outcome_value((struct outcome){.walk = WALK_ACCEPT, .rule = rule});
    const uint32_t drop = outcome_value((struct outcome){.walk = WALK_DROP, .rule = rule});
    // What comes to the end of a table beside the filter, or returns there, goes on, as what the table accepts does.
    const bool goes_on = chain->policy == CHAIN_ACCEPT && strcmp(table_name, "filter") != 0;
    const bool written = chain->policy != CHAIN_UNWRITTEN;
    const uint32_t end = goes_on ? 0 : chain->policy == CHAIN_DROP ? drop : accept;
    diagram walk;

    if (written && !goes_on && !may_return(chain))
        walk_list_add_all(&rules, end);
    walk = walk_list_join(space, &rules, 0);
    walk_list_clear(&rules);
    if (written && !may_return(chain))
        return walk;
    return walk_to_end(space, walk,
                       written ? diagram_constant(space->diagrams, end)
                               : unwritten_policy(space, table, chain_name, accept, drop));
}
