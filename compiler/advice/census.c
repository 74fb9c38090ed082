// SPDX-License-Identifier: GPL-2.0-or-later
#include "advice/census.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "advice/claims.h"
#include "base/protocols.h"
#include "base/services.h"

const char *const direction_names[DIRECTION_COUNT] = {"in", "out", "forwarded", "loopback"};

// Ports that nobody has a word for, with less than a thousandth of the table each, are counted together.
#define SMALL_SHARE 1000

enum { KIND_TCP, KIND_UDP, KIND_COUNT };

// A slot is 0, or 1 and the number of a group, or with this bit the place of the claims that addresses decide between.
#define SLOT_CLAIMS (UINT32_C(1) << 31)

struct counting {
    struct arena *arena;
    struct census *census;
    const struct policy *policy; // or NULL
    const struct addr_set *local;
    const char *(*words)[65536];              // by kind and port; NULL: no word
    uint32_t (*ports)[KIND_COUNT][65536];     // by direction: entries, before they are grouped
    uint32_t (*slots)[KIND_COUNT][65536];     // by direction: groups
    uint32_t protocols[DIRECTION_COUNT][256]; // likewise, of protocols without ports
    VEC(struct claims) claims;
};

static int kind_of(uint8_t protocol)
{
    return protocol == PROTOCOL_TCP ? KIND_TCP : protocol == PROTOCOL_UDP ? KIND_UDP : KIND_COUNT;
}

static enum direction direction_of(const struct addr_set *local, const struct connection *connection)
{
    const bool from_here = addr_set_holds(local, connection->family, connection->source),
               to_here = addr_set_holds(local, connection->family, connection->target);

    if (from_here)
        return to_here ? DIRECTION_LOOPBACK : DIRECTION_OUT;
    return to_here || addr_is_group(connection->family, connection->target) ? DIRECTION_IN
                                                                            : DIRECTION_FORWARDED;
}

// --- Words

// Where two words have a port, the one with fewer ports is the better name.
static void add_words(struct counting *counting, const struct service *service, uint32_t *widths)
{
    struct slice rest = slice_of(service->ports);

    for (struct slice item = slice_word(&rest); item.length; item = slice_word(&rest)) {
        struct slice ports, protocol;
        struct port_range range;
        int kind;

        if (!slice_split(item, '/', &ports, &protocol) || port_range_parse(ports, &range))
            continue;
        kind = slice_is(protocol, "tcp") ? KIND_TCP : KIND_UDP;
        for (uint32_t port = range.first; port <= range.last; port++) {
            uint32_t *width = &widths[(uint32_t)kind * 65536 + port];

            if (*width && *width <= (uint32_t)(range.last - range.first) + 1)
                continue;
            *width = (uint32_t)(range.last - range.first) + 1;
            counting->words[kind][port] = service->word;
        }
    }
}

static void read_words(struct counting *counting)
{
    uint32_t *widths = arena_calloc(counting->arena, (size_t)KIND_COUNT * 65536, sizeof(*widths));

    counting->words = arena_calloc(counting->arena, KIND_COUNT, sizeof(*counting->words));
    for (size_t i = 0; i < service_count; i++)
        add_words(counting, &services[i], widths);
}

// --- Groups

static bool same_text(const char *one, const char *other)
{
    return one == other || strcmp(one, other) == 0;
}

static uint32_t group_number(struct counting *counting, const struct group *wanted)
{
    struct census *census = counting->census;

    for (size_t i = 0; i < census->groups.count; i++) {
        struct group *group = &census->groups.items[i];

        if (group->direction == wanted->direction && group->protocol == wanted->protocol &&
            group->entry == wanted->entry && same_text(group->name, wanted->name)) {
            if (group->port != wanted->port)
                group->port = 0;
            return (uint32_t)i;
        }
    }
    *vec_push(counting->arena, &census->groups) = *wanted;
    return (uint32_t)census->groups.count - 1;
}

static const char *protocol_word(struct arena *arena, uint8_t protocol)
{
    if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6)
        return "ping";
    return protocol_name(protocol) ? protocol_name(protocol) : arena_printf(arena, "protocol %u", protocol);
}

static void name_by_port(struct counting *counting, struct group *group, int kind)
{
    const char *word = kind == KIND_COUNT ? NULL : counting->words[kind][group->port];
    const char *protocol = kind == KIND_TCP ? "tcp" : "udp";
    const uint64_t entries = kind == KIND_COUNT ? 0 : counting->ports[group->direction][kind][group->port];

    group->is_word = true;
    if (kind == KIND_COUNT) {
        group->name = protocol_word(counting->arena, group->protocol);
        group->is_word = group->protocol == PROTOCOL_ICMP || group->protocol == PROTOCOL_ICMPV6;
    } else if (word) {
        group->name = word;
    } else if (entries * SMALL_SHARE < counting->census->entries) {
        group->name = kind == KIND_TCP ? "other tcp" : "other udp";
        group->is_word = false;
        group->port = 0;
    } else {
        // Kept as its word, for it is asked for with every connection where entries go by address.
        group->name = counting->words[kind][group->port] =
            arena_printf(counting->arena, "%u/%s", group->port, protocol);
    }
}

static uint32_t make_group(struct counting *counting, enum direction direction,
                           const struct connection *connection, const struct claims *claims)
{
    const bool has_port = kind_of(connection->protocol) != KIND_COUNT;
    struct group group = {.direction = direction,
                          .protocol = connection->protocol,
                          .port = has_port ? connection->target_port : 0};

    group.entry = claims_decide(claims, connection, &group.is_trust);
    if (group.is_trust) {
        group.name = "trust";
        group.protocol = PROTOCOL_ANY;
        group.port = 0;
    } else if (group.entry) {
        group.name = group.entry->name;
    } else {
        name_by_port(counting, &group, kind_of(connection->protocol));
    }
    return group_number(counting, &group);
}

static struct group *group_of(struct counting *counting, enum direction direction,
                              const struct connection *connection)
{
    const int kind = kind_of(connection->protocol);
    uint32_t *slot = kind == KIND_COUNT ? &counting->protocols[direction][connection->protocol]
                                        : &counting->slots[direction][kind][connection->target_port];
    struct claims claims;
    uint32_t number;

    if (*slot & SLOT_CLAIMS) {
        assert(counting->claims.items);
        claims = counting->claims.items[*slot & ~SLOT_CLAIMS];
        number = make_group(counting, direction, connection, &claims);
        return &counting->census->groups.items[number];
    }
    if (*slot)
        return &counting->census->groups.items[*slot - 1];
    claims = claims_find(counting->arena, counting->policy, direction, connection);
    number = make_group(counting, direction, connection, &claims);
    if (claims_need_addresses(&claims)) {
        *slot = SLOT_CLAIMS | (uint32_t)counting->claims.count;
        *vec_push(counting->arena, &counting->claims) = claims;
    } else {
        *slot = number + 1;
    }
    return &counting->census->groups.items[number];
}

static void count_group(struct group *group, const struct connection *connection)
{
    group->entries++;
    group->assured += (connection->flags & CONNECTION_ASSURED) != 0;
    group->unreplied += (connection->flags & CONNECTION_UNREPLIED) != 0;
    group->nat += (connection->flags & CONNECTION_NAT) != 0;
    group->helper += (connection->flags & CONNECTION_HELPER) != 0;
    group->states[connection->state]++;
}

static void count_all(struct census *census, enum direction direction, const struct connection *connection)
{
    census->assured += (connection->flags & CONNECTION_ASSURED) != 0;
    census->unreplied += (connection->flags & CONNECTION_UNREPLIED) != 0;
    census->nat += (connection->flags & CONNECTION_NAT) != 0;
    census->families[connection->family]++;
    census->directions[direction]++;
    census->protocols[connection->protocol]++;
    census->states[connection->state]++;
}

static int compare_groups(const void *one, const void *other)
{
    const struct group *a = one, *b = other;

    if (a->entries != b->entries)
        return a->entries < b->entries ? 1 : -1;
    if (a->direction != b->direction)
        return a->direction < b->direction ? -1 : 1;
    if (strcmp(a->name, b->name) != 0)
        return strcmp(a->name, b->name);
    return a->protocol - b->protocol;
}

// --- Addresses

struct numbers {
    uint32_t *items; // connections of the table
    size_t count;
};

struct ends {
    const struct connection *connections;
    bool targets; // else sources
};

static struct addr end_of(const struct ends *ends, uint32_t number)
{
    const struct connection *connection = &ends->connections[number];

    return ends->targets ? connection->target : connection->source;
}

static int compare_ends(const void *one, const void *other, void *data)
{
    const struct ends *ends = data;
    const uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    const int families = ends->connections[a].family - ends->connections[b].family;

    return families ? families : addr_compare(end_of(ends, a), end_of(ends, b));
}

// Puts a peer where it belongs among the `top` largest so far.
static void rank(struct arena *arena, struct census *census, size_t top, const struct peer *peer)
{
    size_t at = census->sources.count;

    if (at < top)
        vec_push(arena, &census->sources);
    else if (!top || census->sources.items[--at].entries >= peer->entries)
        return;
    for (; at && census->sources.items[at - 1].entries < peer->entries; at--)
        census->sources.items[at] = census->sources.items[at - 1];
    census->sources.items[at] = *peer;
}

// Sorted by number, for a hash of a million addresses would take more than the table itself.
static void rank_sources(struct counting *counting, const struct dump *table, struct numbers *others,
                         size_t top)
{
    struct ends ends = {table->connections.items, false};
    struct census *census = counting->census;
    size_t first = 0;

    qsort_r(others->items, others->count, sizeof(*others->items), compare_ends, &ends);
    while (first < others->count) {
        const struct connection *connection = &table->connections.items[others->items[first]];
        size_t end = first + 1;

        while (end < others->count && compare_ends(&others->items[first], &others->items[end], &ends) == 0)
            end++;
        rank(counting->arena, census, top,
             &(struct peer){(enum family)connection->family, connection->source, end - first});
        census->source_count++;
        first = end;
    }
}

static void count_ports(struct counting *counting, const struct dump *table)
{
    for (size_t i = 0; i < table->connections.count; i++) {
        const struct connection *connection = &table->connections.items[i];
        const int kind = kind_of(connection->protocol);

        if (kind != KIND_COUNT)
            counting->ports[direction_of(counting->local, connection)][kind][connection->target_port]++;
    }
}

struct census *census_take(struct arena *arena, const struct dump *table, const struct addr_set *local,
                           const struct policy *policy, size_t top)
{
    struct census *census = arena_alloc(arena, sizeof(*census));
    struct counting *counting = arena_alloc(arena, sizeof(*counting));
    struct numbers others = {arena_calloc(arena, table->connections.count, sizeof(*others.items)), 0};

    *counting = (struct counting){.arena = arena, .census = census, .policy = policy, .local = local};
    counting->ports = arena_calloc(arena, DIRECTION_COUNT, sizeof(*counting->ports));
    counting->slots = arena_calloc(arena, DIRECTION_COUNT, sizeof(*counting->slots));
    census->entries = table->connections.count;
    read_words(counting);
    count_ports(counting, table);
    for (size_t i = 0; i < table->connections.count; i++) {
        const struct connection *connection = &table->connections.items[i];
        const enum direction direction = direction_of(local, connection);

        count_all(census, direction, connection);
        count_group(group_of(counting, direction, connection), connection);
        if (direction == DIRECTION_IN || direction == DIRECTION_FORWARDED)
            others.items[others.count++] = (uint32_t)i;
    }
    rank_sources(counting, table, &others, top);
    if (census->groups.count)
        qsort(census->groups.items, census->groups.count, sizeof(*census->groups.items), compare_groups);
    return census;
}

static bool in_group(const struct group *group, const struct connection *connection)
{
    return connection->protocol == group->protocol &&
           (!group->port || connection->target_port == group->port) &&
           (!group->entry || entry_claims(group->entry, connection));
}

bool census_targets(struct arena *arena, const struct dump *table, const struct addr_set *local,
                    const struct group *group, size_t most, struct addr_set *targets)
{
    size_t count = 0;

    for (size_t i = 0; i < table->connections.count; i++) {
        const struct connection *connection = &table->connections.items[i];
        const struct addr_range one = {connection->target, connection->target};

        if (!in_group(group, connection) || direction_of(local, connection) != group->direction ||
            addr_set_holds(targets, connection->family, connection->target))
            continue;
        if (count++ == most || addr_is_group(connection->family, connection->target))
            return false;
        addr_set_add(arena, targets, connection->family, one);
        addr_set_normalise(targets);
    }
    return true;
}
