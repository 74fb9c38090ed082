// SPDX-License-Identifier: GPL-2.0-or-later
//
// The tables of a ruleset behind each other, as a packet meets them at a hook.
#include "meaning/rules.h"

#include <string.h>

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
            filter && is_filter ? *filter
                                : built_in_chain_walk(&here, ruleset, station->table, station->chain, places);

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

// What raw does at a hook: CT targets, and drops.
static diagram walk_through_raw(const struct view *view, const struct ruleset *ruleset)
{
    const diagram walk =
        built_in_chain_walk(view, ruleset, "raw", view->hook == HOOK_OUTPUT ? "OUTPUT" : "PREROUTING", NULL);

    return raw_asks_state(ruleset) ? staged_walk(view, walk) : walk;
}

diagram rules_answers(struct packet_space *space, const struct ruleset *ruleset)
{
    struct arena scratch = {0};
    const struct view out = {
        .space = space, .scratch = &scratch, .hook = HOOK_OUTPUT, .raw = true, .mirrored = true};
    const diagram walk = walk_through_raw(&out, ruleset);

    arena_clear(&scratch);
    return walk;
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
