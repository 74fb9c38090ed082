// SPDX-License-Identifier: GPL-2.0-or-later
#include "findings/inspection.h"

#include <string.h>

#include "analysis/describe.h"
#include "analysis/trace.h"
#include "base/vec.h"

#define NODE_LIMIT ((size_t)3 << 20)
#define BOXES      3

// The ways through the tables that findings ask about, opened when the first does. What PREROUTING sees is for this host or
// for another, what POSTROUTING sees was sent here or forwarded.
static const struct {
    const char *table, *chain;
    enum hook hook;
} ways[] = {
    {"raw", "PREROUTING", HOOK_INPUT}, {"raw", "PREROUTING", HOOK_FORWARD},  {"raw", "OUTPUT", HOOK_OUTPUT},
    {"nat", "PREROUTING", HOOK_INPUT}, {"nat", "POSTROUTING", HOOK_FORWARD}, {"filter", "INPUT", HOOK_INPUT},
    {"filter", "OUTPUT", HOOK_OUTPUT}, {"filter", "FORWARD", HOOK_FORWARD},
};

static bool asks_for_invalid(const struct ruleset *rules)
{
    const struct table *filter = ruleset_find_table(rules, "filter");

    for (size_t i = 0; filter && i < filter->count; i++)
        for (size_t j = 0; j < filter->items[i]->count; j++) {
            const struct rule *rule = &filter->items[i]->items[j];

            for (size_t k = 0; k < rule->match_count && rule->target.kind == TARGET_ACCEPT; k++)
                if ((rule->matches[k].kind == MATCH_STATE || rule->matches[k].kind == MATCH_CONNTRACK) &&
                    !(rule->matches[k].state.states & STATE_INVALID) == rule->matches[k].state.inverted)
                    return true;
        }
    return false;
}

// What is forwarded matters where raw may take it out of tracking, and where a rule accepts what no connection owns.
static bool looks_at(const struct inspection *inspection, enum hook hook)
{
    return hook != HOOK_FORWARD || ruleset_find_table(inspection->rules, "raw") ||
           asks_for_invalid(inspection->rules);
}

static void make_meaning(struct inspection *inspection)
{
    struct meaning *all = &inspection->meaning;

    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++) {
        struct meaning one;

        if (!looks_at(inspection, hook))
            continue;
        one = rules_meaning_at(&inspection->space, inspection->rules, hook, NULL);
        all->tracking = one.tracking;
        all->raws[hook] = one.raws[hook];
        all->filters[hook] = one.filters[hook];
        all->domains[hook] = one.domains[hook];
    }
}

const struct passage *find_passage(struct inspection *inspection, const char *table, const char *chain,
                                   enum hook hook)
{
    const struct table *found = ruleset_find_table(inspection->rules, table);

    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        struct passage *passage = &inspection->passages[i];

        if (ways[i].hook != hook || strcmp(ways[i].table, table) != 0 || strcmp(ways[i].chain, chain) != 0 ||
            !found || !table_find_chain(found, chain) || !looks_at(inspection, hook))
            continue;
        if (!passage->space)
            passage_open(passage, &inspection->space, &inspection->scratch, found, chain, hook, false);
        return passage;
    }
    return NULL;
}

// What input accepts of packets that open a flow, as strangers' programs send them: to an own address, off lo, whole,
// without a helper, to a socket that listens. Asks for nothing of that any more.
static diagram openings_accepted(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const uint64_t lo = packet_space_interface(space, "lo");
    const diagram asked = set_minus(space,
                                    set_and(space, inspection->meaning.domains[HOOK_INPUT],
                                            of_value(inspection, FIELD_STATE, PACKET_STATE_NEW)),
                                    of_value(inspection, FIELD_IN, lo));
    static const struct {
        enum field field;
        uint64_t value;
    } usual[] = {{FIELD_STATE, PACKET_STATE_NEW},
                 {FIELD_FLAGS, TCP_SYN},
                 {FIELD_FRAGMENT, FRAGMENT_NONE},
                 {FIELD_HOP_LIMIT, 64},
                 {FIELD_MAC, 0},
                 {FIELD_HELPER, 0},
                 {FIELD_SOCKET, SOCKET_WILDCARD},
                 {FIELD_DESTINATION_TYPE, DESTINATION_LOCAL}};
    diagram accepted = set_and(space, asked, tcp_and_udp(inspection));

    accepted = accepted_set(space, hook_outcomes(space, &inspection->meaning, HOOK_INPUT, accepted));
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        accepted = where(inspection, accepted, usual[i].field, usual[i].value);
    return settled(inspection, accepted);
}

bool inspection_open(struct inspection *inspection, struct arena *arena, const struct ruleset *rules,
                     const struct policy *policy, const struct source *source, struct diag_list *diags)
{
    struct packet_space *space = &inspection->space;

    *inspection = (struct inspection){
        .arena = arena, .rules = rules, .policy = policy, .source = source, .diags = diags};
    packet_space_init(space, arena, rules->family);
    if (policy)
        packet_space_add_policy(space, policy);
    packet_space_add_ruleset(space, rules);
    if (!packet_space_open(space, NODE_LIMIT))
        return false;
    inspection->choices =
        arena_calloc(arena, FIELD_COUNT + space->unknowns.count, sizeof(*inspection->choices));
    make_meaning(inspection);
    inspection->tracked = tracked_set(space, hook_outcomes(space, &inspection->meaning, HOOK_INPUT,
                                                           inspection->meaning.domains[HOOK_INPUT]));
    inspection->openings = openings_accepted(inspection);
    return !diagram_overflowed(space->diagrams);
}

void inspection_close(struct inspection *inspection)
{
    packet_space_close(&inspection->space);
    arena_clear(&inspection->scratch);
}

bool inspection_undecided(const struct inspection *inspection)
{
    return !inspection->space.diagrams || diagram_overflowed(inspection->space.diagrams);
}

static void keep_all(struct inspection *inspection, unsigned how)
{
    for (size_t i = 0; i < FIELD_COUNT + inspection->space.unknowns.count; i++)
        inspection->choices[i] = (struct field_choice){.how = how};
}

diagram settled_but(struct inspection *inspection, diagram set, size_t unknown)
{
    const struct packet_space *space = &inspection->space;

    keep_all(inspection, CHOOSE_KEEP);
    for (size_t i = 0; i < space->unknowns.count; i++) {
        struct field_choice *choice = &inspection->choices[FIELD_COUNT + i];

        switch (space->unknowns.items[i].kind) {
        case UNKNOWN_LIMIT:
        case UNKNOWN_HASHLIMIT:
            *choice = (struct field_choice){CHOOSE_VALUE, {0, LIMIT_WITHIN}};
            break;
        case UNKNOWN_MATCH:
            choice->how = CHOOSE_SMALLEST;
            break;
        case UNKNOWN_POLICY:
            if (strncmp(space->unknowns.items[i].text, "filter ", 7) == 0)
                choice->how = CHOOSE_SMALLEST;
            else
                *choice = (struct field_choice){CHOOSE_VALUE, {0, UNKNOWN_NO}};
            break;
        }
        if (i == unknown)
            choice->how = CHOOSE_KEEP;
    }
    return diagram_settle(inspection->space.diagrams, set, inspection->choices);
}

diagram settled(struct inspection *inspection, diagram set)
{
    return settled_but(inspection, set, SIZE_MAX);
}

diagram only_ports(struct inspection *inspection, diagram set)
{
    keep_all(inspection, CHOOSE_LARGEST);
    inspection->choices[FIELD_DESTINATION_PORT].how = CHOOSE_KEEP;
    return diagram_settle(inspection->space.diagrams, set, inspection->choices);
}

diagram only_senders(struct inspection *inspection, diagram set)
{
    keep_all(inspection, CHOOSE_LARGEST);
    inspection->choices[FIELD_IN].how = CHOOSE_KEEP;
    inspection->choices[FIELD_SOURCE].how = inspection->choices[FIELD_DESTINATION].how = CHOOSE_KEEP;
    return diagram_settle(inspection->space.diagrams, set, inspection->choices);
}

size_t port_count(struct inspection *inspection, diagram set)
{
    struct packet_space *space = &inspection->space;
    const diagram ports = only_ports(inspection, set);
    const struct cover cover =
        cover_boxes(inspection->arena, space->diagrams, ports, set_all(space), usual_order(space), 1);
    size_t count = 0;

    if (!cover.count)
        return 0;

    const struct range_list *list = &cover.items[0].fields[FIELD_DESTINATION_PORT];

    for (size_t i = 0; i < list->count; i++)
        count += (size_t)(list->items[i].last.low - list->items[i].first.low) + 1;
    return list->count ? count : 1 + (size_t)UINT16_MAX;
}

diagram where(struct inspection *inspection, diagram function, enum field field, uint64_t value)
{
    return diagram_restrict(inspection->space.diagrams, function, field, (field_value){0, value});
}

diagram of_value(struct inspection *inspection, enum field field, uint64_t value)
{
    return field_between(&inspection->space, field, value, value);
}

diagram off_lo_domain(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const diagram local = set_and(space, inspection->meaning.domains[HOOK_INPUT],
                                  of_value(inspection, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL));
    const uint64_t lo = packet_space_interface(space, "lo");

    keep_all(inspection, CHOOSE_LARGEST);
    inspection->choices[FIELD_IN].how = inspection->choices[FIELD_OUT].how = CHOOSE_KEEP;
    inspection->choices[FIELD_DESTINATION].how = CHOOSE_KEEP;
    return set_minus(space, diagram_settle(space->diagrams, local, inspection->choices),
                     of_value(inspection, FIELD_IN, lo));
}

diagram tcp_and_udp(struct inspection *inspection)
{
    return set_or(&inspection->space, of_value(inspection, FIELD_PROTOCOL, PROTOCOL_TCP),
                  of_value(inspection, FIELD_PROTOCOL, PROTOCOL_UDP));
}

// Documentation, and addresses far apart that no list of unroutable ones has.
static const field_value strangers[FAMILY_COUNT][4] = {
    {{0, 0xC6336409}, {0, 0x5DB8D822}, {0, 0x2D21209C}, {0, 0x97654145}},
    {{0x20010DB8ULL << 32, 9}, {0x2A00145040000000, 5}, {0x2606470000000000, 7}, {0x2408400000000000, 3}},
};

bool from_anyone(struct inspection *inspection, diagram set)
{
    struct packet_space *space = &inspection->space;
    unsigned met = 0;

    for (size_t i = 0; i < 4; i++)
        met += diagram_restrict(space->diagrams, set, FIELD_SOURCE, strangers[space->family][i]) !=
               set_none(space);
    return met >= 2;
}

diagram from_stranger(struct inspection *inspection, diagram set)
{
    struct packet_space *space = &inspection->space;

    for (size_t i = 4; i-- > 0;) {
        const struct addr_range one = {strangers[space->family][i], strangers[space->family][i]};
        const diagram some =
            set_and(space, set,
                    diagram_test(space->diagrams, FIELD_SOURCE, &one, 1, set_all(space), set_none(space)));

        if (some != set_none(space))
            return some;
    }
    return set;
}

diagram of_strangers(struct inspection *inspection, diagram set)
{
    struct packet_space *space = &inspection->space;
    diagram all = set_none(space);

    for (size_t i = 0; i < 4; i++)
        all = set_or(space, all,
                     diagram_restrict(space->diagrams, set, FIELD_SOURCE, strangers[space->family][i]));
    return all;
}

diagram in_opening_state(struct inspection *inspection)
{
    struct packet_space *space = &inspection->space;
    const diagram tracked = where(inspection, inspection->tracked, FIELD_STATE, PACKET_STATE_NEW);

    return set_or(space, set_and(space, of_value(inspection, FIELD_STATE, PACKET_STATE_NEW), tracked),
                  set_minus(space, of_value(inspection, FIELD_STATE, PACKET_STATE_UNTRACKED), tracked));
}

struct shares filter_deciders(struct inspection *inspection, enum hook hook, diagram set, size_t limit)
{
    static const char *const chains[] = {
        [HOOK_INPUT] = "INPUT", [HOOK_FORWARD] = "FORWARD", [HOOK_OUTPUT] = "OUTPUT"};
    const struct passage *passage = find_passage(inspection, "filter", chains[hook], hook);

    return passage ? passage_deciders(passage, set, limit) : (struct shares){0};
}

struct span place_span(const struct inspection *inspection, const struct rule_place *place)
{
    const struct rule *rule = place->chain ? place_rule(place) : NULL;
    const struct span span = rule ? rule->span : place->chain ? place->chain->span : (struct span){0};

    return span.source ? span : source_whole(inspection->source);
}

bool report_at(struct inspection *inspection, enum diag_code code, enum severity severity,
               const struct rule_place *place, const char *format, ...)
{
    const struct span span = place_span(inspection, place);
    const char *text;
    va_list args;

    va_start(args, format);
    text = arena_vprintf(inspection->arena, format, args);
    va_end(args);
    if (diag_has(inspection->diags, code, span, text))
        return false;
    diag_add_as(inspection->diags, severity, code, span, "%s", text);
    return true;
}

const char *in_words(struct inspection *inspection, diagram set, diagram domain)
{
    struct packet_space *space = &inspection->space;
    const diagram simple = diagram_simplify(space->diagrams, set, domain);
    const struct cover cover = boxes_to_tell(inspection->arena, space, simple, domain, domain, BOXES);
    struct buf text = {0};

    for (size_t i = 0; i < cover.count; i++) {
        const size_t before = text.length;

        buf_text(&text, i ? "; " : "");
        describe_box(&text, space, &cover.items[i], domain);
        if (text.length == before + (i ? 2 : 0))
            buf_text(&text, "everything");
    }
    if (!cover.complete)
        buf_text(&text, "; and more");
    return buf_to_arena(&text, inspection->arena);
}
