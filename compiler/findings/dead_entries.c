// SPDX-License-Identifier: GPL-2.0-or-later
//
// A list of entries in, those that decide nothing out. Each entry becomes the set of its packets; the first entry that
// matches decides, so the list is one function from packets to the number of the deciding entry. An entry whose number the
// function never takes is dead. For example
//
//   - {tcp: 80-89}
//   - {tcp: 90-99, from: 10.0.0.0/8}
//   - {tcp: 85-95, from: 10.1.0.0/16}     # dead: the first two decide all its packets together
#include <stdlib.h>
#include <string.h>

#include "algebra/diagram.h"
#include "findings/findings.h"

#define NODE_LIMIT ((size_t)8 << 20) // about 1 GiB of nodes and edges at the worst

// The fields of a packet that entries speak of.
enum {
    FIELD_IN,
    FIELD_OUT,
    FIELD_PROTOCOL,
    FIELD_SOURCE,
    FIELD_PORT,
    FIELD_DESTINATION,
    FIELD_LOCAL,
    FIELD_ECHO,
    FIELD_COUNT
};

// The interfaces that entries name, each an interface of its own: `eth+` stands for one that no other name fits better.
// Number 0 is an interface that none of them names.
struct interface_names {
    const char **items;
    size_t count;
};

struct deciding {
    struct arena *arena;
    struct diagram_space *space;
    enum family family;
    struct interface_names names;
    const struct entry **entries; // those before the list, then the list
    size_t count;
};

static size_t stem_length(const char *name)
{
    const size_t length = strlen(name);

    return length && name[length - 1] == '+' ? length - 1 : length;
}

static bool is_pattern(const char *name)
{
    return name[stem_length(name)] == '+';
}

static bool interface_fits(const char *pattern, const char *name)
{
    if (!is_pattern(pattern))
        return strcmp(pattern, name) == 0;
    return stem_length(pattern) <= stem_length(name) && memcmp(pattern, name, stem_length(pattern)) == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_names(struct deciding *deciding, const struct interfaces *interfaces)
{
    for (size_t i = 0; i < interfaces->count; i++)
        deciding->names.items[deciding->names.count++] = interfaces->names[i];
}

static void collect_names(struct deciding *deciding)
{
    size_t total = 0, kept = 0;

    for (size_t i = 0; i < deciding->count; i++)
        total += deciding->entries[i]->in.count + deciding->entries[i]->out.count;
    deciding->names.items = arena_calloc(deciding->arena, total, sizeof(*deciding->names.items));
    for (size_t i = 0; i < deciding->count; i++) {
        add_names(deciding, &deciding->entries[i]->in);
        add_names(deciding, &deciding->entries[i]->out);
    }
    if (!total)
        return;
    qsort(deciding->names.items, total, sizeof(*deciding->names.items), compare_names);
    for (size_t i = 0; i < total; i++)
        if (!kept || strcmp(deciding->names.items[kept - 1], deciding->names.items[i]) != 0)
            deciding->names.items[kept++] = deciding->names.items[i];
    deciding->names.count = kept;
}

static diagram nothing(struct deciding *deciding)
{
    return diagram_constant(deciding->space, 0);
}

static diagram test_interfaces(struct deciding *deciding, unsigned field, const struct interfaces *interfaces,
                               diagram inside)
{
    struct addr_range *ranges = arena_calloc(deciding->arena, deciding->names.count + 1, sizeof(*ranges));
    size_t count = 0;
    bool any = false;

    if (!interfaces->count)
        return inside;
    for (size_t j = 0; j < interfaces->count; j++)
        any = any || stem_length(interfaces->names[j]) == 0;
    for (size_t i = 0; i < deciding->names.count; i++) {
        bool fits = false;

        for (size_t j = 0; j < interfaces->count && !fits; j++)
            fits = interface_fits(interfaces->names[j], deciding->names.items[i]);
        if (fits)
            ranges[count++] = (struct addr_range){{0, i + 1}, {0, i + 1}};
    }
    // `+` alone fits every name.
    return any ? inside : diagram_test(deciding->space, field, ranges, count, inside, nothing(deciding));
}

static diagram test_ports(struct deciding *deciding, unsigned field, const struct port_set *ports,
                          diagram inside)
{
    struct addr_range *ranges = arena_calloc(deciding->arena, ports->count, sizeof(*ranges));

    if (!ports->count)
        return inside;
    for (size_t i = 0; i < ports->count; i++)
        ranges[i] = (struct addr_range){{0, ports->items[i].first}, {0, ports->items[i].last}};
    return diagram_test(deciding->space, field, ranges, ports->count, inside, nothing(deciding));
}

static diagram test_addresses(struct deciding *deciding, unsigned field, const struct addr_set *set,
                              diagram inside)
{
    if (!set)
        return inside;
    return diagram_test(deciding->space, field, set->families[deciding->family].items,
                        set->families[deciding->family].count, inside, nothing(deciding));
}

static diagram test_number(struct deciding *deciding, unsigned field, uint64_t number, diagram inside)
{
    const struct addr_range range = {{0, number}, {0, number}};

    return diagram_test(deciding->space, field, &range, 1, inside, nothing(deciding));
}

// The packets of one protocol of an entry, as a function to `value`. Built from the last field to the first.
static diagram traffic_packets(struct deciding *deciding, const struct entry *entry,
                               const struct traffic *traffic, uint32_t value)
{
    diagram packets = diagram_constant(deciding->space, value);
    const bool ports = traffic && (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP);

    if (traffic && !traffic_in_family(traffic, deciding->family))
        return nothing(deciding);
    if (traffic && traffic->kind == TRAFFIC_ECHO)
        packets = test_number(deciding, FIELD_ECHO, 1, packets);
    if (ports)
        packets = test_ports(deciding, FIELD_LOCAL, &entry->local, packets);
    packets = test_addresses(deciding, FIELD_DESTINATION, entry->to, packets);
    if (ports)
        packets = test_ports(deciding, FIELD_PORT, &traffic->ports, packets);
    packets = test_addresses(deciding, FIELD_SOURCE, entry->from, packets);
    if (traffic && traffic->kind != TRAFFIC_ANY)
        packets = test_number(deciding, FIELD_PROTOCOL, traffic_protocol(traffic, deciding->family), packets);
    packets = test_interfaces(deciding, FIELD_OUT, &entry->out, packets);
    return test_interfaces(deciding, FIELD_IN, &entry->in, packets);
}

static uint32_t first_of(uint32_t left, uint32_t right)
{
    return left ? left : right;
}

static bool decides(uint32_t left)
{
    return left != 0;
}

static const struct diagram_operation first_match = {
    1 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME, first_of, decides};

// An entry of trust or deny has no traffic of its own: it is about everything.
static diagram entry_packets(struct deciding *deciding, size_t number)
{
    const struct entry *entry = deciding->entries[number];
    const uint32_t value = (uint32_t)number + 1;
    diagram packets =
        entry->traffic_count ? nothing(deciding) : traffic_packets(deciding, entry, NULL, value);

    for (size_t i = 0; i < entry->traffic_count; i++)
        packets = diagram_apply(deciding->space, &first_match, packets,
                                traffic_packets(deciding, entry, &entry->traffic[i], value));
    return packets;
}

static void mark(uint32_t value, void *marks)
{
    ((bool *)marks)[value] = true;
}

// Marks the entries of one family that decide packets, and those that have any to decide.
static bool decide_family(struct deciding *deciding, bool *alive, bool *meant)
{
    const uint8_t bits = (uint8_t)family_bits(deciding->family);
    const uint8_t widths[FIELD_COUNT] = {32, 32, 8, bits, 16, bits, 16, 1};
    diagram *packets = arena_calloc(deciding->arena, deciding->count, sizeof(*packets));

    deciding->space = diagram_space_new(widths, FIELD_COUNT, NODE_LIMIT);
    if (!deciding->space)
        return false;
    for (size_t i = 0; i < deciding->count; i++) {
        packets[i] = entry_packets(deciding, i);
        meant[i + 1] = meant[i + 1] || packets[i] != nothing(deciding);
    }
    diagram_each_value(deciding->space,
                       diagram_combine(deciding->space, &first_match, packets, deciding->count), mark, alive);

    const bool decided = !diagram_overflowed(deciding->space);

    diagram_space_free(deciding->space);
    return decided;
}

static void report_dead(struct diag_list *diags, const struct entry *entry)
{
    diag_add(diags, DIAG_DEAD_ENTRY, entry->span, "entries above decide all packets of `%s`", entry->name);
    diag_hint(diags, entry->track == CHOICE_UNSET ? "take it out, or move it up"
                                                  : "its `track` holds all the same; its verdict never does");
}

static void add_entries(struct deciding *deciding, const struct entry_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        deciding->entries[deciding->count++] = &list->items[i];
}

static void find_in_list(const struct policy *policy, const struct entry_list *list, bool from_outside,
                         struct diag_list *diags)
{
    struct arena arena = {0};
    struct deciding deciding = {.arena = &arena};
    const size_t most = policy->trust.count + policy->deny.count + list->count;
    bool *alive = arena_calloc(&arena, most + 1, sizeof(*alive)),
         *meant = arena_calloc(&arena, most + 1, sizeof(*meant));
    bool decided = true;

    deciding.entries = arena_calloc(&arena, most, sizeof(*deciding.entries));
    if (list == &policy->allow)
        add_entries(&deciding, &policy->trust);
    if (from_outside)
        add_entries(&deciding, &policy->deny);

    const size_t before = deciding.count;

    add_entries(&deciding, list);
    collect_names(&deciding);
    for (enum family family = 0; family < FAMILY_COUNT && list->count; family++) {
        deciding.family = family;
        decided = decide_family(&deciding, alive, meant) && decided;
    }
    for (size_t i = before; i < deciding.count && decided; i++)
        if (meant[i + 1] && !alive[i + 1])
            report_dead(diags, deciding.entries[i]);
    if (!decided)
        diag_add(diags, DIAG_UNDECIDED, list->items[0].span,
                 "the list is too large to find its dead entries");
    arena_clear(&arena);
}

void find_dead_entries(const struct policy *policy, struct diag_list *diags)
{
    find_in_list(policy, &policy->allow, true, diags);
    find_in_list(policy, &policy->connect, false, diags);
    find_in_list(policy, &policy->forward, true, diags);
}
