// SPDX-License-Identifier: GPL-2.0-or-later
#include "advice/claims.h"

static bool port_in(const struct port_set *ports, uint16_t port)
{
    for (size_t i = 0; i < ports->count; i++)
        if (port >= ports->items[i].first && port <= ports->items[i].last)
            return true;
    return !ports->count;
}

static bool is_about(const struct entry *entry, const struct connection *connection)
{
    for (size_t i = 0; i < entry->traffic_count; i++) {
        const struct traffic *traffic = &entry->traffic[i];
        const uint8_t protocol = traffic_protocol(traffic, connection->family);

        if (protocol == PROTOCOL_ANY ||
            (protocol == connection->protocol && port_in(&traffic->ports, connection->target_port)))
            return true;
    }
    return false;
}

static bool holds(const struct addr_set *set, const struct connection *connection, struct addr addr)
{
    return !set || addr_set_holds(set, connection->family, addr);
}

static bool has_addresses(const struct entry *entry, const struct connection *connection)
{
    return holds(entry->from, connection, connection->source) &&
           holds(entry->to, connection, connection->target) &&
           port_in(&entry->local, connection->source_port);
}

bool entry_claims(const struct entry *entry, const struct connection *connection)
{
    return is_about(entry, connection) && has_addresses(entry, connection);
}

// Who comes by a trusted interface the table does not say.
static bool trusts_addresses(const struct entry *entry)
{
    return entry->from && !entry->in.count;
}

struct claims claims_find(struct arena *arena, const struct policy *policy, enum direction direction,
                          const struct connection *connection)
{
    const struct entry_list *list;
    struct claims claims = {0};
    size_t count = 0;

    if (!policy || (direction != DIRECTION_IN && direction != DIRECTION_OUT))
        return claims;
    list = direction == DIRECTION_IN ? &policy->allow : &policy->connect;
    for (size_t i = 0; i < list->count; i++)
        count += is_about(&list->items[i], connection);
    if (direction == DIRECTION_IN)
        count += policy->trust.count;
    claims.items = arena_calloc(arena, count, sizeof(*claims.items));
    for (size_t i = 0; i < policy->trust.count && direction == DIRECTION_IN; i++)
        if (trusts_addresses(&policy->trust.items[i]))
            claims.items[claims.count++] = &policy->trust.items[i];
    claims.trusts = claims.count;
    for (size_t i = 0; i < list->count; i++)
        if (is_about(&list->items[i], connection))
            claims.items[claims.count++] = &list->items[i];
    return claims;
}

bool claims_need_addresses(const struct claims *claims)
{
    for (size_t i = 0; i < claims->count; i++)
        if (claims->items[i]->from || claims->items[i]->to || claims->items[i]->local.count)
            return true;
    return false;
}

const struct entry *claims_decide(const struct claims *claims, const struct connection *connection,
                                  bool *is_trust)
{
    for (size_t i = 0; i < claims->count; i++)
        if (has_addresses(claims->items[i], connection)) {
            *is_trust = i < claims->trusts;
            return claims->items[i];
        }
    *is_trust = false;
    return NULL;
}
