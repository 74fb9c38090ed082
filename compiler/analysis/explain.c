// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/explain.h"

#include <stdlib.h>
#include <string.h>

#include "algebra/cover.h"
#include "analysis/describe.h"
#include "analysis/witness.h"
#include "base/vec.h"

#define BOXES 12 // of one part

void explainer_open(struct explainer *explainer, struct arena *arena, const struct ruleset *rules,
                    const struct policy *policy, const struct packets *sets, size_t count)
{
    *explainer = (struct explainer){.arena = arena, .rules = rules};
    packet_space_init(&explainer->space, arena, rules->family);
    packet_space_add_ruleset(&explainer->space, rules);
    if (policy)
        packet_space_add_policy(&explainer->space, policy);
    for (size_t i = 0; i < count; i++)
        packet_space_add_packets(&explainer->space, &sets[i]);
    packet_space_open(&explainer->space, PACKET_NODES_MAX);
}

void explainer_close(struct explainer *explainer)
{
    packet_space_close(&explainer->space);
}

// Values of the function, and which part each belongs to.
struct value {
    uint32_t value;
    size_t part;
};

struct values {
    struct explainer *explainer;
    bool by_loopback; // that is what the packets are about
    struct value *items;
    size_t count, capacity;
};

static void collect(uint32_t value, void *context)
{
    struct values *values = context;

    if (value)
        *vec_push(values->explainer->arena, values) = (struct value){value, 0};
}

static bool is_end(const struct rule_places *places, struct outcome outcome)
{
    return outcome.rule && place_is_end(&places->items[outcome.rule - 1]);
}

// Rules are numbered as they are walked. What decides whatever nothing else does comes last.
static int compare_values(const void *a, const void *b, void *places)
{
    const struct outcome left = outcome_of(((const struct value *)a)->value),
                         right = outcome_of(((const struct value *)b)->value);
    const bool left_end = is_end(places, left), right_end = is_end(places, right);

    if (left_end != right_end)
        return left_end ? 1 : -1;
    if (left.rule != right.rule)
        return left.rule < right.rule ? -1 : 1;
    return (int)left.tracked - (int)right.tracked;
}

static int compare_by_value(const void *a, const void *b)
{
    const struct value *left = a, *right = b;

    return (left->value > right->value) - (left->value < right->value);
}

static struct part part_of(const struct explainer *explainer, struct outcome outcome)
{
    struct part part = {.outcome = outcome};

    if (outcome.rule) {
        part.place = explainer->places.items[outcome.rule - 1];
        part.reason = place_reason(&part.place);
    }
    return part;
}

// On lo the sender alone decides what is tracked, which nobody asks who asks about all interfaces.
static bool decides_loopback(const struct part *part)
{
    const struct rule *rule = place_rule(&part->place);

    return rule && ((rule->in && !rule->in_inverted && strcmp(rule->in, "lo") == 0) ||
                    (rule->out && !rule->out_inverted && strcmp(rule->out, "lo") == 0));
}

static bool tells_tracking(const struct values *values, const struct part *part)
{
    if (values->explainer->tracking_of_all)
        return true;
    return part->outcome.walk == WALK_ACCEPT && (values->by_loopback || !decides_loopback(part));
}

// Rules of one entry of a policy decide together.
static bool same_part(const struct part *a, const struct part *b, bool many)
{
    if (a->outcome.walk != b->outcome.walk || a->outcome.answer != b->outcome.answer ||
        ((a->tracking_told || b->tracking_told) && a->outcome.tracked != b->outcome.tracked))
        return false;
    if (many || a->outcome.rule == b->outcome.rule)
        return true;
    return a->reason.section && b->reason.section && strcmp(a->reason.section, b->reason.section) == 0 &&
           a->reason.span.source == b->reason.span.source && a->reason.span.line == b->reason.span.line &&
           a->reason.span.column == b->reason.span.column;
}

#define FEW_VALUES     64 // beyond, neighbours that do the same are told together
#define LOOK_BACK      8  // parts that a value may belong to, besides a new one
#define BOTH_TRACKINGS 2  // of many values: what is tracked and what is not take turns

// Values in the order of their rules. The rules of a part stand side by side, or nearly.
static void group(struct values *values, struct explanation *explanation)
{
    const bool many = values->count > FEW_VALUES;

    for (size_t i = 0; i < values->count; i++) {
        struct part part = part_of(values->explainer, outcome_of(values->items[i].value));
        const size_t back = many ? BOTH_TRACKINGS : LOOK_BACK;
        size_t at = explanation->count;

        part.tracking_told = tells_tracking(values, &part);
        for (size_t j = at > back ? at - back : 0; j < explanation->count; j++)
            if (same_part(&explanation->items[j], &part, many))
                at = j;
        if (at == explanation->count)
            *vec_push(values->explainer->arena, explanation) = part;
        // A rule may have several values: with and without tracking.
        if (!i || values->items[i - 1].part != at ||
            outcome_of(values->items[i - 1].value).rule != outcome_of(values->items[i].value).rule)
            explanation->items[at].rules++;
        values->items[i].part = at;
    }
    if (values->count)
        qsort(values->items, values->count, sizeof(*values->items), compare_by_value);
}

// What a list and a wider one have in common.
static struct range_list common_ranges(struct arena *arena, const struct range_list *a,
                                       const struct range_list *b)
{
    struct range_list common = {0};
    size_t i = 0, j = 0;

    while (i < a->count && j < b->count) {
        const struct addr_range *x = &a->items[i], *y = &b->items[j];
        const struct addr first = addr_compare(x->first, y->first) > 0 ? x->first : y->first,
                          last = addr_compare(x->last, y->last) < 0 ? x->last : y->last;

        if (addr_compare(first, last) <= 0)
            *vec_push(arena, &common) = (struct addr_range){first, last};
        if (addr_compare(x->last, y->last) < 0)
            i++;
        else
            j++;
    }
    return common;
}

// What is asked about goes without saying, and what is said lies within it, where that is shorter.
static void narrow(struct arena *arena, struct range_list *said, const struct range_list *asked)
{
    struct range_list common;

    if (!said->count || !asked->count)
        return;
    common = common_ranges(arena, said, asked);
    if (common.count && (common.count == 1 || common.count < said->count))
        *said = common;
}

static struct range_list port_ranges(struct arena *arena, const struct port_set *ports)
{
    struct range_list list = {0};

    for (size_t i = 0; i < ports->count; i++)
        *vec_push(arena, &list) = (struct addr_range){{0, ports->items[i].first}, {0, ports->items[i].last}};
    return list;
}

static struct range_list byte_ranges(struct arena *arena, const struct byte_set *bytes)
{
    struct range_list list = {0};

    for (unsigned value = 0; value <= UINT8_MAX; value++)
        if (byte_set_has(bytes, value))
            *vec_push(arena, &list) = (struct addr_range){{0, value}, {0, value}};
    range_list_normalise(&list);
    return list;
}

static void narrow_box(struct explainer *explainer, struct box *box, const struct packets *packets)
{
    struct arena *arena = explainer->arena;
    const enum family family = explainer->space.family;
    const struct range_list from_ports = port_ranges(arena, &packets->from_ports),
                            to_ports = port_ranges(arena, &packets->to_ports);
    struct byte_set protocols = packets->protocols;

    const struct {
        enum field field;
        const struct byte_set *set;
    } bytes[] = {{FIELD_PROTOCOL, &protocols},
                 {FIELD_ICMP_TYPE, &packets->types},
                 {FIELD_ICMP_CODE, &packets->codes},
                 {FIELD_HOP_LIMIT, &packets->hop_limits}};

    if (byte_set_empty(&protocols))
        byte_set_add(&protocols, 1, UINT8_MAX);
    protocols.words[0] &= ~(uint64_t)1; // no packet has protocol 0
    if (packets->from)
        narrow(arena, &box->fields[FIELD_SOURCE], &packets->from->families[family]);
    if (packets->to)
        narrow(arena, &box->fields[FIELD_DESTINATION], &packets->to->families[family]);
    for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
        const struct range_list asked = byte_ranges(arena, bytes[i].set);

        narrow(arena, &box->fields[bytes[i].field], &asked);
    }
    narrow(arena, &box->fields[FIELD_SOURCE_PORT], &from_ports);
    narrow(arena, &box->fields[FIELD_DESTINATION_PORT], &to_ports);
}

// `asked` is what all parts are of, and goes without saying; `left` what the parts before this one leave.
static void describe_part(struct explainer *explainer, const struct packets *packets, struct part *part,
                          diagram set, diagram left, diagram asked)
{
    struct packet_space *space = &explainer->space;
    const diagram simple = diagram_simplify(space->diagrams, set, asked);
    const diagram within = set_or(space, simple, diagram_simplify(space->diagrams, left, asked));
    const struct cover cover = boxes_to_tell(explainer->arena, space, simple, within, asked, BOXES);
    const char **boxes = arena_calloc(explainer->arena, cover.count, sizeof(*boxes));
    struct buf text = {0};

    for (size_t i = 0; i < cover.count; i++) {
        text.length = 0;
        narrow_box(explainer, &cover.items[i], packets);
        describe_box(&text, space, &cover.items[i], set_and(space, within, asked));
        boxes[i] = arena_copy(explainer->arena, text.bytes ? text.bytes : "", text.length);
    }
    text.length = 0;
    describe_verdict(&text, space, part->outcome);
    part->verdict = arena_copy(explainer->arena, text.bytes, text.length);
    part->boxes = boxes;
    part->box_count = cover.count;
    part->complete = cover.complete;
    buf_clear(&text);
}

static const struct meaning *meaning_at(struct explainer *explainer, enum hook hook);

// Where a packet of the part is decided in the text that is made of a policy.
static struct rule_place find_printed(struct explainer *explainer, const struct packets *packets,
                                      const struct part *part, diagram set)
{
    struct packet_space *space = &explainer->space;
    const enum hook hook = packets_hook(packets);
    field_value *packet =
        arena_calloc(explainer->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));

    if (!explainer->rules->printed || !find_packet(space, hook, set, packet))
        return part->place;
    return printed_place(space, explainer->rules, meaning_at(explainer, hook), hook, packet, part->place);
}

static const struct meaning *meaning_at(struct explainer *explainer, enum hook hook)
{
    if (!explainer->made[hook])
        explainer->meanings[hook] =
            rules_meaning_at(&explainer->space, explainer->rules, hook, &explainer->places);
    explainer->made[hook] = true;
    return &explainer->meanings[hook];
}

static bool asks_for_peers(const struct packets *packets)
{
    return packets->from || packets->to || packets->from_ports.count || packets->to_ports.count;
}

static uint32_t part_number(uint32_t value, void *context)
{
    const struct values *values = context;
    const struct value key = {value, 0};
    const struct value *found =
        bsearch(&key, values->items, values->count, sizeof(*values->items), compare_by_value);

    return found ? (uint32_t)found->part + 1 : 0;
}

static uint32_t is_wanted(uint32_t value, void *wanted)
{
    return value == *(const uint32_t *)wanted;
}

// The parts of a set, as a function to their numbers from 1.
static diagram find_parts(struct explainer *explainer, const struct packets *packets, diagram asked,
                          struct explanation *explanation)
{
    struct packet_space *space = &explainer->space;
    const struct meaning *meaning = meaning_at(explainer, explanation->hook);
    const struct packet_interfaces *named = explanation->hook == HOOK_OUTPUT ? &packets->out : &packets->in;
    struct values values = {.explainer = explainer, .by_loopback = packets_only_by(named, "lo")};
    // What asks for many packets meets many rules.
    const diagram outcomes = asks_for_peers(packets)
                                 ? hook_outcomes(space, meaning, explanation->hook, asked)
                                 : hook_outcomes_anywhere(space, meaning, explanation->hook);

    diagram_each_value(space->diagrams, outcomes, collect, &values);
    if (values.count)
        qsort_r(values.items, values.count, sizeof(*values.items), compare_values, &explainer->places);
    group(&values, explanation);
    return only_where(space, asked, diagram_map(space->diagrams, outcomes, part_number, &values));
}

struct explanation explain_packets(struct explainer *explainer, const struct packets *packets)
{
    struct packet_space *space = &explainer->space;
    struct explanation explanation = {.hook = packets_hook(packets)};
    diagram parts, left, asked, stateless;
    size_t kept = 0;

    if (!space->diagrams) {
        explanation.undecided = true;
        return explanation;
    }
    asked = packets_set(space, packets);
    if (packets->states & PACKET_UNTRACKED)
        asked = packets_of_state(
            space, packets, asked,
            hook_outcomes(space, meaning_at(explainer, explanation.hook), explanation.hook, asked));
    parts = find_parts(explainer, packets, asked, &explanation);
    left = asked;
    // Where new packets are among them, those without a state are told as new ones.
    stateless = packets->states && !(packets->states & PACKET_NEW)
                    ? set_none(space)
                    : packets_without_state(space, meaning_at(explainer, explanation.hook), explanation.hook);
    for (uint32_t i = 0; i < explanation.count; i++) {
        uint32_t wanted = i + 1;
        const diagram set = diagram_map(space->diagrams, parts, is_wanted, &wanted);

        if (set == set_none(space))
            continue;
        explanation.items[kept] = explanation.items[i];
        explanation.items[kept].printed = find_printed(explainer, packets, &explanation.items[kept], set);
        describe_part(explainer, packets, &explanation.items[kept++], set_minus(space, set, stateless),
                      set_minus(space, left, stateless), asked);
        left = set_minus(space, left, set);
    }
    explanation.count = kept;
    explanation.undecided = diagram_overflowed(space->diagrams);
    return explanation;
}
