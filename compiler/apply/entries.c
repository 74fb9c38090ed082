// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/entries.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include "base/protocols.h"
#include "base/vec.h"

#define SECONDS 10 // a million entries take half of that

// The addresses of this host's interfaces.
struct own_addresses {
    struct own_address {
        enum family family;
        struct addr addr;
        const char *interface;
    } * items; // sorted
    size_t count, capacity;
};

struct tour {
    enum visited (*visit)(const struct table_entry *entry, void *context);
    void *context;
    struct own_addresses own;
    time_t end;
};

static int compare_own(const void *a, const void *b)
{
    const struct own_address *left = a, *right = b;

    return left->family != right->family ? (int)left->family - (int)right->family
                                         : addr_compare(left->addr, right->addr);
}

static struct addr from_bytes(const uint8_t *bytes, size_t count)
{
    struct addr addr = {0, 0};

    for (size_t i = 0; i < count; i++) {
        addr.high = addr.high << 8 | addr.low >> 56;
        addr.low = addr.low << 8 | bytes[i];
    }
    return addr;
}

static const char *read_own_addresses(struct arena *arena, struct own_addresses *own)
{
    struct ifaddrs *all;

    if (getifaddrs(&all) < 0)
        return arena_printf(arena, "cannot read the addresses of this host: %s", strerror(errno));
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        const int af = one->ifa_addr ? one->ifa_addr->sa_family : AF_UNSPEC;
        struct own_address *address;

        if (af != AF_INET && af != AF_INET6)
            continue;
        address = vec_push(arena, own);
        address->family = af == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
        address->interface = arena_copy(arena, one->ifa_name, strcspn(one->ifa_name, ":"));
        address->addr =
            af == AF_INET
                ? from_bytes(
                      (const uint8_t *)&((const struct sockaddr_in *)(const void *)one->ifa_addr)->sin_addr,
                      4)
                : from_bytes(((const struct sockaddr_in6 *)(const void *)one->ifa_addr)->sin6_addr.s6_addr,
                             16);
    }
    freeifaddrs(all);
    if (own->count)
        qsort(own->items, own->count, sizeof(*own->items), compare_own);
    return NULL;
}

// The interface that has the address; NULL: it is another host's.
static const char *owner(const struct own_addresses *own, enum family family, struct addr addr)
{
    const struct own_address wanted = {.family = family, .addr = addr};
    const struct own_address *found =
        own->count ? bsearch(&wanted, own->items, own->count, sizeof(wanted), compare_own) : NULL;

    // All of the loopback network is this host's (RFC 1122, 3.2.1.3).
    if (family == FAMILY_IPV4 && addr.low >> 24 == 127)
        return "lo";
    return found ? found->interface : NULL;
}

static bool is_icmp(uint8_t protocol)
{
    return protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
}

static bool read_entry(const struct nf_conntrack *tracked, const struct connection *connection,
                       const struct own_addresses *own, struct table_entry *entry)
{
    static const enum nf_conntrack_attr zones[] = {ATTR_ZONE, ATTR_ORIG_ZONE, ATTR_REPL_ZONE};
    const enum family family = (enum family)connection->family;
    const char *source = owner(own, family, connection->source),
               *target = owner(own, family, connection->target);

    for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++)
        if (nfct_attr_is_set(tracked, zones[i]) > 0)
            return false;
    if ((connection->flags & CONNECTION_NAT) || (!source && !target))
        return false;
    *entry = (struct table_entry){.connection = connection, .family = family};
    entry->expected = nfct_get_attr_u32(tracked, ATTR_STATUS) & IPS_EXPECTED;
    entry->loopback = source && target;
    entry->hooks[ENTRY_OPENING] = source ? HOOK_OUTPUT : HOOK_INPUT;
    entry->hooks[ENTRY_ANSWER] = target ? HOOK_OUTPUT : HOOK_INPUT;
    entry->interface = entry->loopback ? "lo" : source ? source : target;
    if (is_icmp(connection->protocol)) {
        entry->icmp_type = nfct_get_attr_u8(tracked, ATTR_ICMP_TYPE);
        entry->icmp_code = nfct_get_attr_u8(tracked, ATTR_ICMP_CODE);
    }
    return true;
}

static time_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static enum visited visit(const struct nf_conntrack *tracked, const struct connection *connection,
                          void *context)
{
    const struct tour *tour = context;
    struct table_entry entry;

    if (now() > tour->end)
        return VISITED_STOP;
    return read_entry(tracked, connection, &tour->own, &entry) ? tour->visit(&entry, tour->context)
                                                               : VISITED_KEEP;
}

const char *entries_walk(struct arena *arena,
                         enum visited (*each)(const struct table_entry *entry, void *context), void *context,
                         struct walked *walked)
{
    struct tour tour = {.visit = each, .context = context, .end = now() + SECONDS};
    const char *trouble = read_own_addresses(arena, &tour.own);

    *walked = (struct walked){0};
    return trouble ? trouble : table_walk_kernel(arena, visit, &tour, walked);
}

// The type of the answer to a question, or the other way round: RFC 792, 950, 4443, 4620. Of others no entry is made
// (net/netfilter/nf_conntrack_proto_icmp.c).
static uint8_t other_type(uint8_t type)
{
    static const uint8_t pairs[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}, {128, 129}, {139, 140}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        for (size_t side = 0; side < 2; side++)
            if (type == pairs[i][side])
                return pairs[i][1 - side];
    return type;
}

void entry_packet(const struct packet_space *space, const struct table_entry *entry, enum entry_way way,
                  field_value *packet)
{
    const struct connection *connection = entry->connection;
    const bool opening = way == ENTRY_OPENING, out = entry->hooks[way] == HOOK_OUTPUT;
    const uint64_t interface = packet_space_interface(space, entry->interface);

    packet[FIELD_IN].low = out ? INTERFACE_NONE : interface;
    packet[FIELD_OUT].low = out ? interface : INTERFACE_NONE;
    packet[FIELD_PROTOCOL].low = connection->protocol;
    packet[FIELD_SOURCE] = opening ? connection->source : connection->target;
    packet[FIELD_DESTINATION] = opening ? connection->target : connection->source;
    packet[FIELD_SOURCE_PORT].low = opening ? connection->source_port : connection->target_port;
    packet[FIELD_DESTINATION_PORT].low = opening ? connection->target_port : connection->source_port;
    packet[FIELD_ICMP_TYPE].low = opening ? entry->icmp_type : other_type(entry->icmp_type);
    packet[FIELD_ICMP_CODE].low = entry->icmp_code;
}

diagram entry_projection(struct packet_space *space, diagram set, bool interfaces)
{
    static const enum field known[] = {FIELD_PROTOCOL,    FIELD_SOURCE,           FIELD_DESTINATION,
                                       FIELD_SOURCE_PORT, FIELD_DESTINATION_PORT, FIELD_ICMP_TYPE,
                                       FIELD_ICMP_CODE};
    struct field_choice *choices =
        arena_calloc(space->arena, FIELD_COUNT + space->unknowns.count, sizeof(*choices));

    for (size_t field = 0; field < FIELD_COUNT + space->unknowns.count; field++)
        choices[field].how = CHOOSE_LARGEST;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        choices[known[i]].how = CHOOSE_KEEP;
    if (interfaces)
        choices[FIELD_IN].how = choices[FIELD_OUT].how = CHOOSE_KEEP;
    return diagram_settle(space->diagrams, set, choices);
}

bool entries_are_there(void)
{
    struct table_limits limits;

    table_limits_read(&limits);
    return limits.has_size && limits.count;
}
