// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who is forwarded to whom: for each pair of interfaces that `forward` names, what may be opened from one to the other. And
// whether this host may open whatever it likes.
#include <string.h>

#include "algebra/cover.h"
#include "analysis/describe.h"
#include "base/protocols.h"
#include "meaning/sets.h"
#include "report/gather.h"

#define BOXES 4 // of one pair

static void add_names(struct report *report, struct arena *arena, const struct interfaces *interfaces)
{
    struct zones *zones = &report->zones;

    for (size_t i = 0; i < interfaces->count; i++) {
        const char *name = interfaces->names[i];

        if (text_has(&zones->names, name) || strcmp(name, "lo") == 0)
            continue;
        if (zones->names.count == REPORT_ZONES)
            zones->hidden++;
        else
            text_add(arena, &zones->names, name);
    }
}

static void find_names(struct report *report, struct arena *arena)
{
    const struct entry_list *forward = &report->policy->forward;

    for (size_t i = 0; i < forward->count; i++) {
        add_names(report, arena, &forward->items[i].in);
        add_names(report, arena, &forward->items[i].out);
    }
    text_add(arena, &report->zones.names, "any other");
}

// Interfaces that a name of the policy stands for, in the model: `eth+` for several, "any other" for those without a name.
static diagram by_name(struct report_meaning *meaning, enum field field, const struct zones *zones,
                       size_t name)
{
    struct packet_space *space = &meaning->space;
    diagram set = set_none(space);

    if (name + 1 == zones->names.count)
        return field_between(space, field, INTERFACE_OTHER, INTERFACE_OTHER);
    for (size_t number = INTERFACE_OTHER; number < INTERFACE_NAMED + space->interfaces.count; number++)
        if (interface_number_fits(space, number, zones->names.items[name]))
            set = set_or(space, set, field_between(space, field, number, number));
    return set;
}

// With room in every limit, whatever else there is to a packet that no rule of a policy's own asks for.
static diagram settled_openings(struct report_meaning *meaning, struct arena *arena, diagram set)
{
    struct packet_space *space = &meaning->space;
    struct field_choice *choices = arena_calloc(arena, FIELD_COUNT + space->unknowns.count, sizeof(*choices));

    for (size_t i = 0; i < FIELD_COUNT; i++)
        choices[i].how = CHOOSE_LARGEST;
    choices[FIELD_PROTOCOL].how = choices[FIELD_SOURCE].how = choices[FIELD_DESTINATION].how =
        choices[FIELD_DESTINATION_PORT].how = choices[FIELD_ICMP_TYPE].how = CHOOSE_KEEP;
    for (size_t i = 0; i < space->unknowns.count; i++) {
        const enum unknown_kind kind = space->unknowns.items[i].kind;
        struct field_choice *choice = &choices[FIELD_COUNT + i];

        choice->how = CHOOSE_LARGEST;
        if (kind == UNKNOWN_LIMIT || kind == UNKNOWN_HASHLIMIT)
            *choice = (struct field_choice){CHOOSE_VALUE, {0, LIMIT_WITHIN}};
    }
    return diagram_settle(space->diagrams, set, choices);
}

// Packets of protocols that have no port are told of by none.
static diagram with_ports(struct packet_space *space)
{
    diagram set = field_between(space, FIELD_DESTINATION_PORT, 0, 0);

    for (unsigned protocol = 0; protocol <= UINT8_MAX; protocol++)
        if (protocol_has_ports((uint8_t)protocol))
            set = set_or(space, set, field_between(space, FIELD_PROTOCOL, protocol, protocol));
    return set;
}

static void find_zone(struct report_meaning *meaning, struct arena *arena, struct zone *zone, enum hook hook,
                      diagram asked)
{
    struct packet_space *space = &meaning->space;
    const enum family family = space->family;
    const diagram accepted = accepted_set(space, hook_outcomes(space, &meaning->meaning, hook, asked));
    const diagram said = settled_openings(meaning, arena, accepted),
                  all = settled_openings(meaning, arena, asked);
    struct cover cover;

    zone->passes[family] = said == set_none(space) ? ZONE_NOTHING : said == all ? ZONE_EVERYTHING : ZONE_SOME;
    if (zone->passes[family] != ZONE_SOME)
        return;
    cover = cover_boxes(arena, space->diagrams, said, all, usual_order(space), BOXES);
    for (size_t i = 0; i < cover.count; i++) {
        struct buf text = {0};

        describe_box(&text, space, &cover.items[i], all);
        text_add(arena, &zone->packets[family], text_take(arena, &text));
    }
    zone->more[family] = !cover.complete;
}

void gather_zones(struct report *report, struct arena *arena, struct report_meaning meanings[FAMILY_COUNT])
{
    struct zones *zones = &report->zones;
    struct packets any = opening_packets;
    struct zone *all;

    if (report->policy->forwarding == VERDICT_LEAVE || !report->policy->forward.count)
        return;
    any.in.said = any.out.said = true;
    find_names(report, arena);
    all = arena_calloc(arena, zones->names.count * zones->names.count, sizeof(*all));
    zones->zones = all;
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct packet_space *space = &meanings[family].space;

        zones->undecided = zones->undecided || !space->diagrams;
        if (zones->undecided)
            return;

        const diagram asked =
            set_and(space, set_minus(space, openings(space, &any), icmp_errors(space)), with_ports(space));

        for (size_t i = 0; i < zones->names.count * zones->names.count; i++)
            find_zone(
                &meanings[family], arena, &all[i], HOOK_FORWARD,
                set_and(space, asked,
                        set_and(space, by_name(&meanings[family], FIELD_IN, zones, i / zones->names.count),
                                by_name(&meanings[family], FIELD_OUT, zones, i % zones->names.count))));
        zones->undecided = zones->undecided || diagram_overflowed(space->diagrams);
    }
}

void gather_output(struct report *report, struct arena *arena, struct report_meaning meanings[FAMILY_COUNT])
{
    struct packets any = opening_packets;
    bool all = true, none = true;

    any.out.said = true;
    report->output = OUTPUT_UNDECIDED;
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct packet_space *space = &meanings[family].space;
        struct zone zone = {0};

        if (!space->diagrams)
            return;
        find_zone(&meanings[family], arena, &zone, HOOK_OUTPUT,
                  set_minus(space, openings(space, &any), icmp_errors(space)));
        all = all && zone.passes[family] == ZONE_EVERYTHING;
        none = none && zone.passes[family] == ZONE_NOTHING;
        if (diagram_overflowed(space->diagrams))
            return;
    }
    report->output = all ? OUTPUT_ALL : none ? OUTPUT_NONE : OUTPUT_SOME;
}
