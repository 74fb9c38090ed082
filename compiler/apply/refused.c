// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/refused.h"

#include "apply/entries.h"
#include "apply/sockets.h"
#include "base/protocols.h"
#include "meaning/sets.h"

// How a connection is looked at: as it was opened, as it was opened where a helper announced it, and as it goes on.
enum look { LOOK_OPENED, LOOK_EXPECTED, LOOK_GOES_ON, LOOK_COUNT };

// What of a family is accepted, for what an entry knows of a packet.
struct accepted_now {
    struct packet_space space;
    bool asked;
    diagram hooks[HOOK_COUNT][LOOK_COUNT];
    field_value *packet;
};

struct search {
    struct arena *arena;
    struct accepted_now families[FAMILY_COUNT];
    bool cut;
    struct refused *refused;
};

// TCP opens with SYN alone, and goes on with ACK.
static diagram looked_at(struct packet_space *space, enum look look)
{
    static const unsigned states[LOOK_COUNT] = {PACKET_STATE_NEW, PACKET_STATE_RELATED,
                                                PACKET_STATE_ESTABLISHED};
    const unsigned flags = look == LOOK_GOES_ON ? TCP_ACK : TCP_SYN;
    const diagram tcp = field_between(space, FIELD_PROTOCOL, PROTOCOL_TCP, PROTOCOL_TCP);
    diagram set =
        set_or(space, set_minus(space, set_all(space), tcp), field_between(space, FIELD_FLAGS, flags, flags));

    set = set_and(space, set, field_between(space, FIELD_STATE, states[look], states[look]));
    return set_and(space, set, field_between(space, FIELD_FRAGMENT, FRAGMENT_NONE, FRAGMENT_NONE));
}

// False where the rules are too many to tell.
static bool find_accepted(struct arena *arena, const struct ruleset *rules, struct accepted_now *family)
{
    struct packet_space *space = &family->space;

    packet_space_init(space, arena, rules->family);
    // Nobody is cut for what is in a set at this moment.
    packet_space_add_ruleset(space, ruleset_with_varying_sets(arena, rules));
    if (!packet_space_open(space, PACKET_NODES_MAX))
        return false;

    const struct meaning meaning = rules_meaning(space, rules, NULL);

    for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
        for (enum look look = 0; look < LOOK_COUNT && hook != HOOK_FORWARD; look++) {
            diagram set = looked_at(space, look);

            if (hook == HOOK_INPUT)
                set = set_and(
                    space, set,
                    field_between(space, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL, DESTINATION_LOCAL));
            family->hooks[hook][look] =
                entry_projection(space, accepted_set(space, hook_outcomes(space, &meaning, hook, set)), true);
        }
    family->packet = arena_calloc(arena, FIELD_COUNT + space->unknowns.count, sizeof(*family->packet));
    family->asked = true;
    return !diagram_overflowed(space->diagrams);
}

static bool is_accepted(const struct accepted_now *family, const struct table_entry *entry,
                        enum entry_way way, enum look look)
{
    entry_packet(&family->space, entry, way, family->packet);
    return diagram_evaluate(family->space.diagrams, family->hooks[entry->hooks[way]][look], family->packet);
}

static void list(struct search *search, const struct connection *connection, bool lives)
{
    if (search->refused->count++ < REFUSED_LISTED)
        *vec_push(search->arena, &search->refused->listed) =
            (struct refused_connection){.family = (enum family)connection->family,
                                        .protocol = connection->protocol,
                                        .source = connection->source,
                                        .target = connection->target,
                                        .source_port = connection->source_port,
                                        .target_port = connection->target_port,
                                        .lives = lives};
}

// Without its socket the connection would come back with the next packet that this host sends: the tracker takes it up again.
static void end_socket(const struct table_entry *entry)
{
    const struct connection *connection = entry->connection;
    const bool opened = entry->hooks[ENTRY_OPENING] == HOOK_OUTPUT;
    const struct socket_end own = {opened ? connection->source : connection->target,
                                   opened ? connection->source_port : connection->target_port},
                            peer = {opened ? connection->target : connection->source,
                                    opened ? connection->target_port : connection->source_port};

    if (connection->protocol == PROTOCOL_TCP)
        socket_reset(entry->family, own, peer);
}

// What is left of a connection that has ended refuses nobody anything.
static bool is_over(const struct connection *connection)
{
    return connection->protocol == PROTOCOL_TCP &&
           (connection->state == CT_STATE_TIME_WAIT || connection->state == CT_STATE_CLOSE);
}

static enum visited visit(const struct table_entry *entry, void *context)
{
    struct search *search = context;
    const struct accepted_now *family = &search->families[entry->family];
    bool opens, lives;

    if (!family->asked || entry->loopback || is_over(entry->connection))
        return VISITED_KEEP;
    opens = is_accepted(family, entry, ENTRY_OPENING, entry->expected ? LOOK_EXPECTED : LOOK_OPENED);
    lives = is_accepted(family, entry, ENTRY_OPENING, LOOK_GOES_ON) &&
            is_accepted(family, entry, ENTRY_ANSWER, LOOK_GOES_ON);
    if (opens && lives)
        return VISITED_KEEP;
    list(search, entry->connection, lives);
    if (!search->cut)
        return VISITED_KEEP;
    end_socket(entry);
    return VISITED_DELETE;
}

static void walk_table(struct arena *arena, struct search *search)
{
    struct walked walked;

    search->refused->trouble = entries_walk(arena, visit, search, &walked);
    search->refused->cut = walked.deleted;
    search->refused->stopped = walked.stopped;
}

struct refused refused_find(struct arena *arena, const struct ruleset *const rules[FAMILY_COUNT], bool cut)
{
    struct refused refused = {0};
    struct search search = {.arena = arena, .cut = cut, .refused = &refused};

    if (!entries_are_there())
        return refused;
    for (enum family family = 0; family < FAMILY_COUNT && !refused.trouble; family++)
        if (rules[family] && !find_accepted(arena, rules[family], &search.families[family]))
            refused.trouble = "the rules are too many to tell";
    if (!refused.trouble)
        walk_table(arena, &search);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (search.families[family].space.diagrams)
            packet_space_close(&search.families[family].space);
    return refused;
}
