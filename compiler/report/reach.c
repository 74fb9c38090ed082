// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who reaches what on this host. Rows are the services that `allow` names, columns are classes of senders: by interface and
// address, all those that fare alike with every service. Both the classes and the cells are functions of the meaning that
// was proved, computed over all packets that open something. What an entry says decides nothing here but its row.
#include <stdlib.h>
#include <string.h>

#include "algebra/cover.h"
#include "analysis/describe.h"
#include "analysis/query.h"
#include "meaning/sets.h"
#include "report/gather.h"

#define CLASSES_MAX 1000 // of senders; beyond, no more services are looked at
#define CELL_BITS   (2 * REACH_BITS)
#define BOXES       3 // of one class of senders

// Classes of one family: class 0 stands for no packet.
struct classes {
    struct report_meaning *meaning;
    struct field_choice *choices;
    diagram numbers; // by interface and source
    struct {
        struct reach_cell *cells; // by service
        bool shown;
    } * items;
    size_t count;
    size_t services;
};

// Rows: traffic that entries name, each once.

static bool same_traffic(const struct traffic *a, const struct traffic *b)
{
    return a->kind == b->kind && a->number == b->number && a->ports.count == b->ports.count &&
           (!a->ports.count ||
            memcmp(a->ports.items, b->ports.items, a->ports.count * sizeof(*a->ports.items)) == 0);
}

static bool same_service(const struct entry *a, const struct entry *b)
{
    if (a->traffic_count != b->traffic_count)
        return false;
    for (size_t i = 0; i < a->traffic_count; i++)
        if (!same_traffic(&a->traffic[i], &b->traffic[i]))
            return false;
    return true;
}

// Which row each entry of `allow` is in; the first entry of a row stands for it.
struct rows {
    const struct entry **firsts;
    size_t count, hidden;
};

static void add_row(struct report *report, struct arena *arena, struct rows *rows, const struct entry *entry)
{
    size_t row = 0;

    while (row < rows->count && !same_service(rows->firsts[row], entry))
        row++;
    if (row == REPORT_SERVICES) {
        rows->hidden++;
        return;
    }
    if (row == rows->count) {
        rows->firsts[rows->count++] = entry;
        *vec_push(arena, &report->reach.services) =
            (struct reach_service){.name = spaced_name(arena, entry->name),
                                   .what = traffic_words(arena, entry->traffic, entry->traffic_count)};
    }
    if (entry->limit)
        text_add(arena, &report->reach.services.items[row].limits, limit_words(arena, entry->limit));
}

static struct rows find_rows(struct report *report, struct arena *arena)
{
    struct rows rows = {.firsts = arena_calloc(arena, REPORT_SERVICES, sizeof(*rows.firsts))};

    for (size_t i = 0; i < report->policy->allow.count; i++)
        add_row(report, arena, &rows, &report->policy->allow.items[i]);
    *vec_push(arena, &report->reach.services) = (struct reach_service){.name = "everything else"};
    report->reach.services_hidden = rows.hidden;
    return rows;
}

// Packets.

const struct packets opening_packets = {.states = PACKET_NEW, .fragments = 1U << FRAGMENT_NONE};

diagram openings(struct packet_space *space, const struct packets *packets)
{
    const diagram tcp = field_between(space, FIELD_PROTOCOL, PROTOCOL_TCP, PROTOCOL_TCP),
                  set = set_minus(space, packets_set(space, packets), by_loopback(space));

    return set_minus(space, set, set_minus(space, tcp, tcp_openings(space)));
}

static diagram traffic_openings(struct packet_space *space, const struct traffic *traffic)
{
    const enum family family = space->family;
    const uint8_t protocol = traffic_protocol(traffic, family),
                  echo = family == FAMILY_IPV4 ? 8 : 128; // RFC 792, RFC 4443
    struct packets packets = opening_packets;

    if (!traffic_in_family(traffic, family))
        return set_none(space);
    packets.casts = 1U << DESTINATION_LOCAL;
    if (traffic->kind != TRAFFIC_ANY)
        byte_set_add(&packets.protocols, protocol, protocol);
    if (traffic->kind == TRAFFIC_ECHO)
        byte_set_add(&packets.types, echo, echo);
    if (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP)
        packets.to_ports = traffic->ports;
    return openings(space, &packets);
}

// What every host must hear is nobody's service, and an ICMP error opens nothing.
static diagram without_the_needed(struct report_meaning *meaning, diagram set)
{
    struct packet_space *space = &meaning->space;

    set = set_minus(space, set, never_tracked(space));
    set = set_minus(space, set, icmp_errors(space));
    return set_minus(space, set, accepted_set(space, meaning->sets.neighbours));
}

static diagram service_openings(struct report_meaning *meaning, const struct entry *entry)
{
    struct packet_space *space = &meaning->space;
    diagram set = set_none(space);

    for (size_t i = 0; i < entry->traffic_count; i++)
        set = set_or(space, set, traffic_openings(space, &entry->traffic[i]));
    return without_the_needed(meaning, set);
}

// All traffic that entries name, as few of each kind: those with ports are two.
struct named {
    struct traffic ports[2]; // by kind: TCP, UDP
    bool any[2], all[2];     // some are named; all are
    VEC(struct traffic) others;
};

static void add_named(struct arena *arena, struct named *named, const struct traffic *traffic)
{
    const unsigned kind = traffic->kind == TRAFFIC_UDP;

    if (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP) {
        named->any[kind] = true;
        named->all[kind] = named->all[kind] || !traffic->ports.count;
        for (size_t i = 0; i < traffic->ports.count; i++)
            port_set_add(arena, &named->ports[kind].ports, traffic->ports.items[i]);
        return;
    }
    for (size_t i = 0; i < named->others.count; i++)
        if (same_traffic(&named->others.items[i], traffic))
            return;
    *vec_push(arena, &named->others) = *traffic;
}

static diagram named_openings(struct packet_space *space, const struct policy *policy)
{
    struct named named = {.ports = {{.kind = TRAFFIC_TCP}, {.kind = TRAFFIC_UDP}}};
    diagram set = set_none(space);

    for (size_t i = 0; i < policy->allow.count; i++)
        for (size_t j = 0; j < policy->allow.items[i].traffic_count; j++)
            add_named(space->arena, &named, &policy->allow.items[i].traffic[j]);
    for (unsigned kind = 0; kind < 2; kind++) {
        if (named.all[kind])
            named.ports[kind].ports.count = 0;
        if (named.any[kind])
            set = set_or(space, set, traffic_openings(space, &named.ports[kind]));
    }
    for (size_t i = 0; i < named.others.count; i++)
        set = set_or(space, set, traffic_openings(space, &named.others.items[i]));
    return set;
}

// What is no service of `allow`, and nothing that every host must hear. Replies come through windows of their own, to
// sockets that asked.
static diagram other_openings(struct report_meaning *meaning, const struct policy *policy)
{
    struct packet_space *space = &meaning->space;
    const struct traffic all = {.kind = TRAFFIC_ANY};
    diagram set = set_minus(space, traffic_openings(space, &all), named_openings(space, policy));

    set = without_the_needed(meaning, set);
    set = set_minus(space, set, as_untracked(space, accepted_set(space, meaning->sets.windows)));
    return set_minus(space, set, field_between(space, FIELD_SOCKET, SOCKET_BOUND, SOCKET_CONNECTED));
}

// Cells.

static uint32_t reach_bit(uint32_t value, uint32_t ignored)
{
    const struct outcome outcome = outcome_of(value);

    (void)ignored;
    switch (outcome.walk) {
    case WALK_ACCEPT:
        return outcome.tracked ? REACH_TRACKED : REACH_UNTRACKED;
    case WALK_REJECT:
        return REACH_REJECTED;
    case WALK_DROP:
        return REACH_DROPPED;
    case WALK_ELSEWHERE:
        return REACH_ELSEWHERE;
    default:
        return 0;
    }
}

static uint32_t has_bit(uint32_t left, uint32_t right)
{
    return left == right;
}

static uint32_t join_bits(uint32_t left, uint32_t right)
{
    return left | right;
}

static const struct diagram_operation op_reach = {72, reach_bit, NULL}, op_has_bit = {73, has_bit, NULL},
                                      op_join = {74 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME |
                                                     DIAGRAM_COMMUTES,
                                                 join_bits, NULL};

// What becomes of packets by interface and source alone: all that can, with every limit as said.
static diagram by_sender(struct classes *classes, diagram bits, uint64_t limits, unsigned shift)
{
    struct packet_space *space = &classes->meaning->space;
    diagram joined = set_none(space);

    for (size_t i = 0; i < space->unknowns.count; i++) {
        const enum unknown_kind kind = space->unknowns.items[i].kind;
        struct field_choice *choice = &classes->choices[FIELD_COUNT + i];

        *choice = (struct field_choice){.how = CHOOSE_LARGEST};
        if (kind == UNKNOWN_LIMIT || kind == UNKNOWN_HASHLIMIT)
            *choice = (struct field_choice){CHOOSE_VALUE, {0, limits}};
    }
    for (unsigned bit = 0; bit < REACH_BITS; bit++) {
        const diagram one = diagram_constant(space->diagrams, 1U << bit),
                      all = diagram_constant(space->diagrams, 1U << bit << shift);
        const diagram where = diagram_settle(
            space->diagrams, diagram_apply(space->diagrams, &op_has_bit, bits, one), classes->choices);

        joined = diagram_apply(space->diagrams, &op_join, joined, only_where(space, where, all));
    }
    return joined;
}

static diagram cells_by_sender(struct classes *classes, diagram set)
{
    struct packet_space *space = &classes->meaning->space;
    const diagram bits =
        diagram_apply(space->diagrams, &op_reach,
                      hook_outcomes(space, &classes->meaning->meaning, HOOK_INPUT, set), set_all(space));

    return diagram_apply(space->diagrams, &op_join, by_sender(classes, bits, LIMIT_WITHIN, 0),
                         by_sender(classes, bits, LIMIT_OVER, REACH_BITS));
}

// Classes.

static uint32_t refine(uint32_t number, uint32_t cell)
{
    return number ? number << CELL_BITS | cell : 0;
}

static const struct diagram_operation op_refine = {75, refine, NULL};

struct values {
    struct arena *arena;
    uint32_t *items;
    size_t count, capacity;
};

static void add_value(uint32_t value, void *context)
{
    struct values *values = context;

    if (value)
        *vec_push(values->arena, values) = value;
}

static int compare_values(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static uint32_t value_number(uint32_t value, void *context)
{
    const struct values *values = context;
    const uint32_t *found =
        bsearch(&value, values->items, values->count, sizeof(*values->items), compare_values);

    return found ? (uint32_t)(found - values->items) + 1 : 0;
}

// Tells the classes apart by one service more. False where they become too many.
static bool refine_classes(struct classes *classes, struct arena *arena, diagram cells, size_t services)
{
    struct packet_space *space = &classes->meaning->space;
    const diagram refined = diagram_apply(space->diagrams, &op_refine, classes->numbers, cells);
    struct values values = {.arena = arena};
    struct classes finer = *classes;

    diagram_each_value(space->diagrams, refined, add_value, &values);
    if (values.count > CLASSES_MAX || !values.count)
        return false;
    qsort(values.items, values.count, sizeof(*values.items), compare_values);
    finer.numbers = diagram_map(space->diagrams, refined, value_number, &values);
    finer.count = values.count + 1;
    finer.items = arena_calloc(arena, finer.count, sizeof(*finer.items));
    for (size_t i = 0; i < values.count; i++) {
        const uint32_t value = values.items[i];
        struct reach_cell *row = arena_calloc(arena, services, sizeof(*row));

        if (classes->services)
            memcpy(row, classes->items[value >> CELL_BITS].cells, classes->services * sizeof(*row));
        row[classes->services] = (struct reach_cell){value & ((1U << REACH_BITS) - 1),
                                                     value >> REACH_BITS & ((1U << REACH_BITS) - 1)};
        finer.items[i + 1].cells = row;
    }
    finer.services++;
    *classes = finer;
    return true;
}

static uint32_t is_class(uint32_t value, void *context)
{
    return value == *(const uint32_t *)context;
}

static diagram class_set(const struct classes *classes, uint32_t number)
{
    return diagram_map(classes->meaning->space.diagrams, classes->numbers, is_class, &number);
}

static double range_size(const struct addr_range *range)
{
    return ((double)range->last.high - (double)range->first.high) * 0x1p64 + (double)range->last.low -
           (double)range->first.low + 1;
}

// How many addresses of a class come in by an interface that nothing names.
static double class_size(const struct classes *classes, struct arena *arena, uint32_t number)
{
    struct packet_space *space = &classes->meaning->space;
    const diagram sources = diagram_restrict(space->diagrams, class_set(classes, number), FIELD_IN,
                                             (field_value){0, INTERFACE_OTHER});
    const struct cover cover =
        cover_boxes(arena, space->diagrams, sources, set_all(space), usual_order(space), 1);
    const struct range_list *list = cover.count ? &cover.items[0].fields[FIELD_SOURCE] : NULL;
    const struct addr_range whole = {{0, 0}, addr_max(space->family)};
    double size = list && !list->count ? range_size(&whole) : 0;

    for (size_t i = 0; list && i < list->count; i++)
        size += range_size(&list->items[i]);
    return size;
}

#define SIZED_MAX 100 // classes

static uint32_t largest_class(const struct classes *classes, struct arena *arena)
{
    struct packet_space *space = &classes->meaning->space;
    uint32_t largest = diagram_evaluate(space->diagrams, classes->numbers, usual_packet(space, HOOK_INPUT));
    double most = -1;

    for (uint32_t i = 1; i < classes->count && classes->count <= SIZED_MAX; i++) {
        const double size = class_size(classes, arena, i);

        if (size > most) {
            most = size;
            largest = i;
        }
    }
    return largest;
}

// Columns.

static size_t accepted_count(const struct reach_cell *cells, size_t services)
{
    size_t count = 0;

    for (size_t i = 0; i < services; i++)
        count += (cells[i].within & REACH_ACCEPTED) != 0;
    return count;
}

// Cells of two families, where one may have no such packets.
static bool cells_fit(const struct reach_cell *a, const struct reach_cell *b, size_t services)
{
    for (size_t i = 0; i < services; i++)
        if (a[i].within && b[i].within && (a[i].within != b[i].within || a[i].over != b[i].over))
            return false;
    return true;
}

struct column {
    struct reach_senders senders;
    struct reach_cell *cells;
    size_t accepted;
};

struct columns {
    struct arena *arena;
    const struct policy *policy;
    struct named_lists *names;
    VEC(struct column) list;
    size_t services;
};

// All is off lo, which goes without saying: lo is in a list with whatever nothing names, and in no other.
static void place_loopback(struct columns *columns, const struct packet_space *space,
                           struct range_list *interfaces)
{
    const uint64_t lo = packet_space_interface(space, "lo"),
                   count = INTERFACE_NAMED + space->interfaces.count;
    struct range_list placed = {0};
    bool others = false;

    for (size_t i = 0; i < interfaces->count; i++)
        others = others || interfaces->items[i].first.low <= INTERFACE_OTHER;
    for (uint64_t number = INTERFACE_OTHER; number < count && interfaces->count; number++) {
        bool held = number == lo && others;

        for (size_t i = 0; i < interfaces->count; i++)
            held = held || (number != lo && interfaces->items[i].first.low <= number &&
                            number <= interfaces->items[i].last.low);
        if (held)
            *vec_push(columns->arena, &placed) = (struct addr_range){{0, number}, {0, number}};
    }
    *interfaces = placed;
}

// A box with what the policy calls its senders.
static const char *said_box(struct columns *columns, struct packet_space *space, const struct box *box)
{
    const char *names = list_names(columns->arena, columns->policy, space->family, &box->fields[FIELD_SOURCE],
                                   columns->names);
    struct range_list *fields =
        arena_calloc(columns->arena, FIELD_COUNT + space->unknowns.count, sizeof(*fields));
    struct buf text = {0};

    memcpy(fields, box->fields, (FIELD_COUNT + space->unknowns.count) * sizeof(*fields));
    if (names)
        fields[FIELD_SOURCE].count = 0;
    describe_box(&text, space, &(struct box){fields}, set_all(space));
    if (names)
        buf_printf(&text, "%sfrom %s", text.length ? " " : "", names);
    return text_take(columns->arena, &text);
}

static void add_packets(struct columns *columns, struct reach_senders *senders, struct classes *classes,
                        uint32_t number, diagram domain)
{
    struct packet_space *space = &classes->meaning->space;
    const enum family family = space->family;
    const struct cover cover = cover_boxes(columns->arena, space->diagrams, class_set(classes, number),
                                           domain, usual_order(space), BOXES);

    for (size_t i = 0; i < cover.count; i++) {
        struct buf text = {0};

        place_loopback(columns, space, &cover.items[i].fields[FIELD_IN]);
        describe_box(&text, space, &cover.items[i], domain);
        text_add(columns->arena, &senders->packets[family], text_take(columns->arena, &text));
        text_add(columns->arena, &senders->said[family],
                 senders->anyone ? "" : said_box(columns, space, &cover.items[i]));
        senders->by_interface = senders->by_interface || cover.items[i].fields[FIELD_IN].count;
    }
    senders->more[family] = !cover.complete;
    senders->in_family[family] = true;
}

static struct column *find_column(struct columns *columns, enum family family, bool anyone,
                                  const struct reach_cell *cells)
{
    for (size_t i = 0; i < columns->list.count; i++) {
        struct column *column = &columns->list.items[i];

        if (!column->senders.in_family[family] && column->senders.anyone == anyone &&
            cells_fit(column->cells, cells, columns->services))
            return column;
    }
    return NULL;
}

static void add_column(struct columns *columns, struct classes *classes, uint32_t number, bool anyone,
                       diagram domain)
{
    const enum family family = classes->meaning->space.family;
    const struct reach_cell *cells = classes->items[number].cells;
    struct column *column = find_column(columns, family, anyone, cells);

    if (!column) {
        column = vec_push(columns->arena, &columns->list);
        column->senders.anyone = anyone;
        column->cells = arena_calloc(columns->arena, columns->services, sizeof(*column->cells));
    }
    for (size_t i = 0; i < columns->services; i++)
        if (!column->cells[i].within)
            column->cells[i] = cells[i];
    column->accepted = accepted_count(column->cells, columns->services);
    if (anyone && classes->count == 2)
        column->senders.everyone =
            !columns->list.items[0].senders.in_family[!family] || column->senders.everyone;
    else if (anyone)
        column->senders.everyone = false;
    add_packets(columns, &column->senders, classes, number, domain);
}

// The classes that are shown: the largest, then those that reach most.
static void add_columns(struct columns *columns, struct classes *classes, size_t *hidden)
{
    struct packet_space *space = &classes->meaning->space;
    const uint32_t anyone = largest_class(classes, columns->arena);
    const diagram domain = set_minus(space, hook_domain(space, HOOK_INPUT), by_loopback(space));
    size_t shown = 1;

    add_column(columns, classes, anyone, true, domain);
    classes->items[anyone].shown = true;
    while (shown < REPORT_SENDERS && shown + 1 < classes->count) {
        uint32_t best = 0;
        size_t most = 0;

        for (uint32_t i = 1; i < classes->count; i++) {
            const size_t count = accepted_count(classes->items[i].cells, columns->services);

            if (!classes->items[i].shown && (!best || count > most)) {
                best = i;
                most = count;
            }
        }
        classes->items[best].shown = true;
        add_column(columns, classes, best, false, domain);
        shown++;
    }
    *hidden += classes->count - 1 - shown;
}

static bool stands_before(const struct column *a, const struct column *b)
{
    if (a->senders.anyone != b->senders.anyone)
        return a->senders.anyone;
    return a->accepted > b->accepted;
}

// Those that reach most first; equal ones stay as they are.
static void sort_columns(struct columns *columns)
{
    for (size_t i = 1; i < columns->list.count; i++) {
        const struct column column = columns->list.items[i];
        size_t at = i;

        for (; at && stands_before(&column, &columns->list.items[at - 1]); at--)
            columns->list.items[at] = columns->list.items[at - 1];
        columns->list.items[at] = column;
    }
}

static void keep_columns(struct reach *reach, struct columns *columns)
{
    const size_t services = columns->services, count = columns->list.count;
    struct reach_cell *cells = arena_calloc(columns->arena, services * count, sizeof(*cells));

    sort_columns(columns);
    for (size_t i = 0; i < count; i++) {
        *vec_push(columns->arena, &reach->senders) = columns->list.items[i].senders;
        for (size_t j = 0; j < services; j++)
            cells[j * count + i] = columns->list.items[i].cells[j];
    }
    reach->cells = cells;
}

static struct classes find_classes(struct report *report, struct arena *arena, const struct rows *rows,
                                   struct report_meaning *meaning)
{
    struct packet_space *space = &meaning->space;
    struct classes classes = {
        .meaning = meaning,
        .choices = arena_calloc(arena, FIELD_COUNT + space->unknowns.count, sizeof(*classes.choices))};
    const size_t services = rows->count + 1;
    bool fine = true;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        classes.choices[i].how = i == FIELD_IN || i == FIELD_SOURCE ? CHOOSE_KEEP : CHOOSE_LARGEST;
    classes.numbers =
        diagram_settle(space->diagrams, set_minus(space, hook_domain(space, HOOK_INPUT), by_loopback(space)),
                       classes.choices);
    for (size_t i = 0; i < services && fine; i++)
        fine = refine_classes(&classes, arena,
                              cells_by_sender(&classes, i < rows->count
                                                            ? service_openings(meaning, rows->firsts[i])
                                                            : other_openings(meaning, report->policy)),
                              services);
    report->reach.undecided = report->reach.undecided || !fine || diagram_overflowed(space->diagrams);
    return classes;
}

void gather_reach(struct report *report, struct arena *arena, struct report_meaning meanings[FAMILY_COUNT])
{
    const struct rows rows = find_rows(report, arena);
    struct columns columns = {
        .arena = arena, .policy = report->policy, .names = &report->reach.names, .services = rows.count + 1};
    struct classes classes[FAMILY_COUNT];

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        report->reach.undecided = report->reach.undecided || !meanings[family].space.diagrams;
        if (!report->reach.undecided)
            classes[family] = find_classes(report, arena, &rows, &meanings[family]);
    }
    for (enum family family = 0; family < FAMILY_COUNT && !report->reach.undecided; family++)
        add_columns(&columns, &classes[family], &report->reach.senders_hidden);
    if (!report->reach.undecided)
        keep_columns(&report->reach, &columns);
}
