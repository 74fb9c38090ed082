// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/stale.h"

#include "apply/entries.h"
#include "meaning/sets.h"

// What of a family stays tracked, for what an entry knows of a packet.
struct tracked_still {
    struct packet_space space;
    bool asked; // raw takes something out
    diagram hooks[HOOK_COUNT];
    diagram loopback; // as it leaves
    field_value *packet;
};

struct search {
    struct tracked_still families[FAMILY_COUNT];
    bool dry;
    struct stale *stale;
};

// What an entry is about at a hook: the tracker has fragments put together first, and answers come to this host.
static diagram by_entries(struct packet_space *space, enum hook hook)
{
    const diagram whole = field_between(space, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_NONE);

    return hook == HOOK_INPUT
               ? set_and(space, whole,
                         field_between(space, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL, DESTINATION_LOCAL))
               : whole;
}

// The raw table alone decides. False where the rules are too many to tell.
static bool find_tracked(struct arena *arena, const struct ruleset *rules, struct tracked_still *family)
{
    struct packet_space *space = &family->space;
    struct ruleset *raw = arena_calloc(arena, 1, sizeof(*raw));
    const struct table *table = ruleset_find_table(rules, "raw");

    raw->family = rules->family;
    raw->sets_vary = true; // others may change them as soon as an entry is gone
    if (table)
        *vec_push(arena, raw) = *table;
    packet_space_init(space, arena, rules->family);
    packet_space_add_ruleset(space, raw);
    if (!packet_space_open(space, PACKET_NODES_MAX))
        return false;

    const struct meaning meaning = rules_meaning(space, raw, NULL);

    for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
        const diagram out = taken_out(space, meaning.raws[hook]), by_lo = by_loopback(space);
        const diagram met = set_and(space, meaning.domains[hook], by_entries(space, hook));
        const diagram stays = set_minus(space, met, out);

        if (hook == HOOK_FORWARD)
            continue;
        family->asked = family->asked || set_and(space, met, out) != set_none(space);
        if (hook == HOOK_OUTPUT)
            family->loopback = entry_projection(space, set_and(space, stays, by_lo), false);
        family->hooks[hook] = entry_projection(space, set_minus(space, stays, by_lo), false);
    }
    family->packet = arena_calloc(arena, FIELD_COUNT + space->unknowns.count, sizeof(*family->packet));
    return !diagram_overflowed(space->diagrams);
}

static bool is_stale(const struct tracked_still *family, const struct table_entry *entry)
{
    for (enum entry_way way = 0; way < ENTRY_WAYS; way++) {
        entry_packet(&family->space, entry, way, family->packet);
        if (diagram_evaluate(family->space.diagrams,
                             entry->loopback ? family->loopback : family->hooks[entry->hooks[way]],
                             family->packet))
            return false;
    }
    return true;
}

static enum visited visit(const struct table_entry *entry, void *context)
{
    struct search *search = context;
    const struct tracked_still *family = &search->families[entry->family];

    if (!family->asked || !is_stale(family, entry))
        return VISITED_KEEP;
    search->stale->entries++;
    return search->dry ? VISITED_KEEP : VISITED_DELETE;
}

static void walk_table(struct arena *arena, struct search *search)
{
    struct walked walked;

    search->stale->trouble = entries_walk(arena, visit, search, &walked);
    search->stale->deleted = walked.deleted;
    search->stale->stopped = walked.stopped;
}

struct stale stale_delete(struct arena *arena, const struct ruleset *const rules[FAMILY_COUNT], bool dry)
{
    struct stale stale = {0};
    struct search search = {.dry = dry, .stale = &stale};
    bool asked = false;

    if (!entries_are_there())
        return stale;
    for (enum family family = 0; family < FAMILY_COUNT && !stale.trouble; family++) {
        if (!rules[family])
            continue;
        if (!find_tracked(arena, rules[family], &search.families[family]))
            stale.trouble = "the rules are too many to tell";
        asked = asked || search.families[family].asked;
    }
    if (asked && !stale.trouble)
        walk_table(arena, &search);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (search.families[family].space.diagrams)
            packet_space_close(&search.families[family].space);
    return stale;
}
