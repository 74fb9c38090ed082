// SPDX-License-Identifier: GPL-2.0-or-later
//
// A list of entries in, those that decide nothing out. Each entry becomes the set of its packets; the first entry that
// matches decides, so the list is one function from packets to the number of the deciding entry. An entry whose number the
// function never takes is dead. For example
//
//   - {tcp: 80-89}
//   - {tcp: 90-99, from: 10.0.0.0/8}
//   - {tcp: 85-95, from: 10.1.0.0/16}     # dead: the first two decide all its packets together
#include "findings/findings.h"
#include "meaning/cube.h"

#define NODE_LIMIT ((size_t)8 << 20) // about 512 MB of nodes and edges at the worst

struct deciding {
    struct arena *arena;
    struct arena scratch;
    const struct policy *policy;
    struct packet_space space;
    enum hook hook;
    const struct entry **entries; // those before the list, then the list
    size_t count;
};

// An entry of trust or deny has no traffic of its own: it is about everything.
static diagram traffic_packets(struct deciding *deciding, const struct entry *entry,
                               const struct traffic *traffic, uint32_t value)
{
    const struct view view = {
        .space = &deciding->space, .scratch = &deciding->scratch, .hook = deciding->hook};
    const enum family family = deciding->space.family;
    struct cube cube;
    diagram packets;

    cube_begin(&cube, &view);
    cube_interfaces(&cube, FIELD_IN, &entry->in);
    cube_interfaces(&cube, FIELD_OUT, &entry->out);
    cube_addresses(&cube, FIELD_SOURCE, entry->from);
    cube_addresses(&cube, FIELD_DESTINATION, entry->to);
    cube.never = cube.never || (traffic && !traffic_in_family(traffic, family));
    if (traffic && traffic->kind != TRAFFIC_ANY)
        cube_value(&cube, FIELD_PROTOCOL, traffic_protocol(traffic, family));
    if (traffic && traffic->kind == TRAFFIC_ECHO)
        cube_value(&cube, FIELD_ICMP_TYPE, family == FAMILY_IPV4 ? 8 : 128); // RFC 792, RFC 4443
    if (traffic && (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP)) {
        cube_ports(&cube, FIELD_DESTINATION_PORT, &traffic->ports);
        cube_ports(&cube, FIELD_SOURCE_PORT, &entry->local);
    }
    packets = cube_function(&cube, value, value);
    arena_reset(&deciding->scratch);
    return packets;
}

static diagram entry_packets(struct deciding *deciding, size_t number)
{
    const struct entry *entry = deciding->entries[number];
    const uint32_t value = (uint32_t)number + 1;
    diagram packets =
        entry->traffic_count ? set_none(&deciding->space) : traffic_packets(deciding, entry, NULL, value);

    for (size_t i = 0; i < entry->traffic_count; i++)
        packets =
            first_of(&deciding->space, packets, traffic_packets(deciding, entry, &entry->traffic[i], value));
    return packets;
}

static void mark(uint32_t value, void *marks)
{
    ((bool *)marks)[value] = true;
}

// Marks the entries of one family that decide packets, and those that have any to decide.
static bool decide_family(struct deciding *deciding, enum family family, bool *alive, bool *meant)
{
    struct packet_space *space = &deciding->space;
    diagram *packets = arena_calloc(deciding->arena, deciding->count, sizeof(*packets));
    bool decided;

    packet_space_init(space, deciding->arena, family);
    packet_space_add_policy(space, deciding->policy);
    if (!packet_space_open(space, NODE_LIMIT))
        return false;
    for (size_t i = 0; i < deciding->count; i++) {
        packets[i] = entry_packets(deciding, i);
        meant[i + 1] = meant[i + 1] || packets[i] != set_none(space);
    }
    diagram_each_value(space->diagrams, first_of_all(space, packets, deciding->count), mark, alive);
    decided = !diagram_overflowed(space->diagrams);
    packet_space_close(space);
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

static void find_in_list(const struct policy *policy, const struct entry_list *list, enum hook hook,
                         struct diag_list *diags)
{
    struct arena arena = {0};
    struct deciding deciding = {.arena = &arena, .policy = policy, .hook = hook};
    const size_t most = policy->trust.count + policy->deny.count + list->count;
    bool *alive = arena_calloc(&arena, most + 1, sizeof(*alive)),
         *meant = arena_calloc(&arena, most + 1, sizeof(*meant));
    bool decided = true;

    deciding.entries = arena_calloc(&arena, most, sizeof(*deciding.entries));
    if (hook == HOOK_INPUT)
        add_entries(&deciding, &policy->trust);
    if (hook != HOOK_OUTPUT)
        add_entries(&deciding, &policy->deny);

    const size_t before = deciding.count;

    add_entries(&deciding, list);
    for (enum family family = 0; family < FAMILY_COUNT && list->count; family++)
        decided = decide_family(&deciding, family, alive, meant) && decided;
    for (size_t i = before; i < deciding.count && decided; i++)
        if (meant[i + 1] && !alive[i + 1])
            report_dead(diags, deciding.entries[i]);
    if (!decided)
        diag_add(diags, DIAG_UNDECIDED, list->items[0].span,
                 "the list is too large to find its dead entries");
    arena_clear(&deciding.scratch);
    arena_clear(&arena);
}

void find_dead_entries(const struct policy *policy, struct diag_list *diags)
{
    find_in_list(policy, &policy->allow, HOOK_INPUT, diags);
    find_in_list(policy, &policy->connect, HOOK_OUTPUT, diags);
    find_in_list(policy, &policy->forward, HOOK_FORWARD, diags);
}
