// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which addresses are the host's own: they tell what comes in from what goes out and what passes through.
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "advice/table.h"

bool addr_set_holds(const struct addr_set *set, enum family family, struct addr addr)
{
    const struct range_list *list = &set->families[family];
    size_t first = 0, end = list->count;

    // The last range that begins at the address or below.
    while (first < end) {
        const size_t middle = first + (end - first) / 2;

        if (addr_compare(list->items[middle].first, addr) <= 0)
            first = middle + 1;
        else
            end = middle;
    }
    return first && addr_compare(list->items[first - 1].last, addr) >= 0;
}

bool addr_is_group(enum family family, struct addr addr)
{
    if (family == FAMILY_IPV6)
        return addr.high >> 56 == 0xff;
    return addr.low >> 28 == 0xe || addr.low == UINT32_MAX;
}

static void add_loopback(struct arena *arena, struct addr_set *local)
{
    const struct addr first = {0, 0x7f000000}, last = {0, 0x7fffffff}, one = {0, 1};

    addr_set_add(arena, local, FAMILY_IPV4, (struct addr_range){first, last});
    addr_set_add(arena, local, FAMILY_IPV6, (struct addr_range){one, one});
}

static uint64_t from_bytes(const uint8_t bytes[8])
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

const char *table_local_addresses(struct arena *arena, struct addr_set *local)
{
    struct ifaddrs *all;

    if (getifaddrs(&all) < 0)
        return arena_printf(arena, "cannot read the addresses of this host: %s", strerror(errno));
    add_loopback(arena, local);
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        struct addr addr = {0, 0};

        if (!one->ifa_addr)
            continue;
        if (one->ifa_addr->sa_family == AF_INET) {
            struct sockaddr_in address;

            memcpy(&address, one->ifa_addr, sizeof(address));
            addr.low = ntohl(address.sin_addr.s_addr);
            addr_set_add(arena, local, FAMILY_IPV4, (struct addr_range){addr, addr});
        } else if (one->ifa_addr->sa_family == AF_INET6) {
            struct sockaddr_in6 address;

            memcpy(&address, one->ifa_addr, sizeof(address));
            addr.high = from_bytes(address.sin6_addr.s6_addr);
            addr.low = from_bytes(address.sin6_addr.s6_addr + 8);
            addr_set_add(arena, local, FAMILY_IPV6, (struct addr_range){addr, addr});
        }
    }
    freeifaddrs(all);
    addr_set_normalise(local);
    return NULL;
}

#define GUESSES      64
#define SHARE_NEEDED 4  // an address of the host is in a quarter of what no other of its addresses is in
#define REST_IGNORED 20 // a twentieth of the table may be forwarded, or strange

// Boyer and Moore's majority vote, widened to several candidates (Misra and Gries): every address in more than a
// sixteenth of all ends is among them.
#define CANDIDATES 15

struct candidate {
    struct addr addr;
    uint8_t family;
    uint64_t votes;
    uint64_t asked; // of these, entries that were opened to it
};

static void vote(struct candidate candidates[CANDIDATES], enum family family, struct addr addr)
{
    struct candidate *empty = NULL;

    if (addr_is_group(family, addr))
        return;
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (candidates[i].votes && candidates[i].family == family &&
            addr_compare(candidates[i].addr, addr) == 0) {
            candidates[i].votes++;
            return;
        }
        if (!candidates[i].votes)
            empty = &candidates[i];
    }
    if (empty) {
        *empty = (struct candidate){.addr = addr, .family = (uint8_t)family, .votes = 1};
        return;
    }
    for (size_t i = 0; i < CANDIDATES; i++)
        candidates[i].votes--;
}

static bool is_covered(const struct addr_set *local, const struct connection *connection)
{
    return addr_set_holds(local, connection->family, connection->source) ||
           addr_set_holds(local, connection->family, connection->target);
}

static void count_ends(struct candidate *candidate, const struct connection *connection)
{
    const bool asked = addr_compare(connection->target, candidate->addr) == 0;

    if (connection->family != candidate->family ||
        (!asked && addr_compare(connection->source, candidate->addr) != 0))
        return;
    candidate->votes++;
    candidate->asked += asked;
}

// Where all come by one proxy, its address is in as many entries as the host's; but it asks.
static bool is_likelier(const struct candidate *one, const struct candidate *other)
{
    return one->votes > other->votes || (one->votes == other->votes && one->asked > other->asked);
}

// One step: the address that most of the entries without a local end have at one of theirs.
static bool guess_one(struct arena *arena, const struct dump *table, struct addr_set *local)
{
    struct candidate candidates[CANDIDATES] = {0};
    struct candidate *best = &candidates[0];
    uint64_t uncovered = 0;

    for (size_t i = 0; i < table->connections.count; i++) {
        const struct connection *connection = &table->connections.items[i];

        if (is_covered(local, connection))
            continue;
        uncovered++;
        vote(candidates, connection->family, connection->source);
        vote(candidates, connection->family, connection->target);
    }
    if (!uncovered || uncovered * REST_IGNORED < table->connections.count)
        return false;
    for (size_t i = 0; i < CANDIDATES; i++)
        candidates[i].votes = candidates[i].asked = 0;
    for (size_t i = 0; i < table->connections.count; i++) {
        const struct connection *connection = &table->connections.items[i];

        if (is_covered(local, connection))
            continue;
        for (size_t j = 0; j < CANDIDATES; j++)
            count_ends(&candidates[j], connection);
    }
    for (size_t i = 0; i < CANDIDATES; i++)
        if (is_likelier(&candidates[i], best))
            best = &candidates[i];
    if (best->votes * SHARE_NEEDED < uncovered)
        return false;
    addr_set_add(arena, local, best->family, (struct addr_range){best->addr, best->addr});
    addr_set_normalise(local);
    return true;
}

void table_guess_local(struct arena *arena, const struct dump *table, struct addr_set *local)
{
    add_loopback(arena, local);
    addr_set_normalise(local);
    for (int guesses = 0; guesses < GUESSES && guess_one(arena, table, local); guesses++)
        continue;
}
