// SPDX-License-Identifier: GPL-2.0-or-later
#include "findings/entry_sets.h"

// An entry of trust or deny has no traffic of its own: it is about everything.
static diagram traffic_packets(struct entry_sets *sets, const struct entry *entry,
                               const struct traffic *traffic, uint32_t value)
{
    const struct view view = {.space = &sets->space, .scratch = &sets->scratch, .hook = sets->hook};
    const enum family family = sets->space.family;
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
    arena_reset(&sets->scratch);
    return packets;
}

diagram entry_sets_packets(struct entry_sets *sets, size_t number, uint32_t value)
{
    const struct entry *entry = sets->entries[number];
    diagram packets =
        entry->traffic_count ? set_none(&sets->space) : traffic_packets(sets, entry, NULL, value);

    for (size_t i = 0; i < entry->traffic_count; i++)
        packets = first_of(&sets->space, packets, traffic_packets(sets, entry, &entry->traffic[i], value));
    return packets;
}

static void add_entries(struct entry_sets *sets, const struct entry_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        sets->entries[sets->count++] = &list->items[i];
}

void entry_sets_open(struct entry_sets *sets, struct arena *arena, const struct policy *policy,
                     enum hook hook)
{
    const struct entry_list *list = hook == HOOK_INPUT    ? &policy->allow
                                    : hook == HOOK_OUTPUT ? &policy->connect
                                                          : &policy->forward;

    *sets = (struct entry_sets){.arena = arena, .policy = policy, .hook = hook};
    sets->entries =
        arena_calloc(arena, policy->trust.count + policy->deny.count + list->count, sizeof(*sets->entries));
    if (hook == HOOK_INPUT)
        add_entries(sets, &policy->trust);
    if (hook != HOOK_OUTPUT)
        add_entries(sets, &policy->deny);
    add_entries(sets, list);
}

void entry_sets_close(struct entry_sets *sets)
{
    arena_clear(&sets->scratch);
}

bool entry_sets_of(struct entry_sets *sets, enum family family)
{
    packet_space_init(&sets->space, sets->arena, family);
    packet_space_add_policy(&sets->space, sets->policy);
    return packet_space_open(&sets->space, PACKET_NODES_MAX);
}
