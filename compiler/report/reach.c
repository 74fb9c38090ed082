// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who reaches what on this host. Rows are the services that `allow` names, columns are classes of senders: by interface and
// address, all those that fare alike with every service. Both the classes and the cells are functions of the meaning that
// was proved, computed over all packets that open something. What an entry says decides nothing here but its row.
#include <string.h>

#include "algebra/cover.h"
#include "analysis/describe.h"
#include "meaning/sets.h"
#include "report/classes.h"

#define BOXES 3 // of one class of senders

// Rows: traffic that entries name, each once.

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
    struct classes classes = classes_open(meaning, arena);
    const size_t services = rows->count + 1;
    bool fine = true;

    for (size_t i = 0; i < services && fine; i++)
        fine = classes_refine(&classes, arena,
                              i < rows->count ? service_openings(meaning, rows->firsts[i])
                                              : other_openings(meaning, report->policy),
                              services);
    report->reach.undecided = report->reach.undecided || !fine || diagram_overflowed(meaning->space.diagrams);
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
