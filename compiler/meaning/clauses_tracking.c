// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/clauses.h"

// NOTRACK is for local destinations, of UDP also for broadcast and multicast.
static void say_for_this_host(struct speaker *speaker, const struct cube *packets, struct outcome outcome)
{
    struct cube local = *packets, group = *packets;

    cube_value(&local, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL);
    say(speaker, &local, outcome);
    with_protocol(&group, PROTOCOL_UDP);
    cube_values(&group, FIELD_DESTINATION_TYPE, DESTINATION_BROADCAST, DESTINATION_MULTICAST);
    say(speaker, &group, outcome);
}

// The packets of an entry that pass one way. `connect` asks as it leaves, `allow` as it comes in.
void say_tracking(struct speaker *speaker, enum way way, const struct entry *entry, bool is_connect,
                  struct outcome outcome)
{
    arena_reset(&speaker->scratch);
    const enum direction direction = (way == LEAVES) == is_connect ? ASKED : ANSWERED;

    for (size_t i = 0; i < entry->traffic_count; i++) {
        const struct cube packets = entry_packets(speaker, entry, &entry->traffic[i], direction);

        if (way == COMES_IN)
            say_for_this_host(speaker, &packets, outcome);
        else
            say(speaker, &packets, outcome);
    }
}

void say_peer_tracking(struct speaker *speaker, enum way way, const struct entry *entry,
                       struct outcome outcome)
{
    struct cube cube = every_packet(speaker);

    cube_addresses(&cube, way == COMES_IN ? FIELD_SOURCE : FIELD_DESTINATION, entry->from);
    if (way == COMES_IN)
        say_for_this_host(speaker, &cube, outcome);
    else
        say(speaker, &cube, outcome);
}

// The data connections of a helper that names their ports are its control connection's.
void say_data_tracking(struct speaker *speaker, enum way way, const struct entry *entry)
{
    struct cube cube = every_packet(speaker);

    if (!entry->helper || !entry->data.count || !entry_in_family(entry, speaker->space->family))
        return;
    with_protocol(&cube, entry->helper->data == TRAFFIC_TCP ? PROTOCOL_TCP : PROTOCOL_UDP);
    cube_ports(&cube, way == COMES_IN ? FIELD_DESTINATION_PORT : FIELD_SOURCE_PORT, &entry->data);
    cube_values(&cube, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_FIRST);
    if (way == COMES_IN)
        say_for_this_host(speaker, &cube, kept_tracked);
    else
        say(speaker, &cube, kept_tracked);
}

// Connections that the helper of an entry reads along with: those of its protocol, as they open.
void say_helpers(struct speaker *speaker, const struct entry_list *list, bool for_this_host)
{
    for (size_t i = 0; i < entries_helped(list); i++) {
        const struct entry *entry = &list->items[i];

        for (size_t j = 0; entry->helper && j < entry->traffic_count; j++) {
            struct cube opening = entry_packets(speaker, entry, &entry->traffic[j], ASKED);
            struct outcome helped = kept_tracked;

            if (entry->traffic[j].kind != entry->helper->control)
                continue;
            if (for_this_host)
                cube_value(&opening, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL);
            helped.template = helper_template(speaker->space, entry->helper->name);
            say(speaker, &opening, helped);
        }
    }
}

// What this host asks of its own addresses leaves by lo, where its side decides.
void say_own_tracking(struct speaker *speaker, const struct entry *entry)
{
    for (size_t i = 0; i < entry->traffic_count; i++) {
        struct cube packets = entry_packets(speaker, entry, &entry->traffic[i], ASKED);

        with_interface(&packets, FIELD_OUT, "lo");
        say(speaker, &packets, untracked);
    }
}

void say_loopback_tracking(struct speaker *speaker)
{
    static struct addr_range own[FAMILY_COUNT] = {{{0, 0x7F000000}, {0, 0x7FFFFFFF}}, {{0, 1}, {0, 1}}};
    const struct range_list range = {&own[speaker->space->family], 1, 1};
    struct cube cube = every_packet(speaker);

    with_interface(&cube, FIELD_OUT, "lo");
    cube_ranges(&cube, FIELD_SOURCE, &range);
    cube_ranges(&cube, FIELD_DESTINATION, &range);
    say(speaker, &cube, untracked);
}
