// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets to text that `ipset restore` takes, and their names:
//
//   create ctc-office-8c1d0b6e52fa hash:net family inet hashsize 64 maxelem 65536 -exist
//   add ctc-office-8c1d0b6e52fa 192.0.2.0/24
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/protocols.h"
#include "ipset/ipset.h"

#define MAXELEM_MIN \
    65536              // members a set holds where nothing is said (ip_set_hash_gen.h, IPSET_DEFAULT_MAXELEM)
#define BUCKETS_MIN 64 // IPSET_MIMINAL_HASHSIZE there

enum {
    HASH_DIGITS = 12,
    HASH_BITS = 4 * HASH_DIGITS,
    ABOUT_MAX = IPSET_NAME_MAX - (int)sizeof(IPSET_OWN) - HASH_DIGITS
};

// Two to four members a bucket, which is far from the 12 at which the kernel doubles them all and moves every member. With more
// buckets, a packet of a crowd finds fewer of them in the cache: of 100,000 members, 131,072 buckets cost it 70 nanoseconds more.
static size_t buckets(size_t members)
{
    size_t count = BUCKETS_MIN;

    while (count <= members / 4)
        count *= 2;
    return count;
}

static void put_name(struct buf *out, const char *command, const char *name)
{
    const bool quoted = strpbrk(name, " \t") != NULL;

    buf_text(out, command);
    buf_text(out, quoted ? " \"" : " ");
    buf_text(out, name);
    buf_text(out, quoted ? "\" " : " ");
}

static void put_create(struct buf *out, const struct ipset *set)
{
    const struct ipset_type *type = &ipset_types[set->kind];

    put_name(out, "create", set->name);
    buf_text(out, type->name);
    if (type->addresses)
        buf_printf(out, " family %s hashsize %zu maxelem %zu", set->family == FAMILY_IPV4 ? "inet" : "inet6",
                   buckets(set->count), set->count > MAXELEM_MIN ? set->count : MAXELEM_MIN);
    else
        buf_printf(out, " range %u-%u", set->count ? set->members[0].port : 0,
                   set->count ? set->members[set->count - 1].port : UINT16_MAX);
    buf_text(out, " -exist\n");
}

// How many members from the first on differ by their port alone, which counts up.
static size_t run_of_ports(const struct ipset *set, size_t first)
{
    struct ipset_member next = set->members[first];
    size_t at = first;

    do {
        at++;
        next.port++;
    } while (at < set->count && next.port && ipset_member_compare(&set->members[at], &next) == 0);
    return at - first;
}

static void put_ports(struct buf *out, const struct ipset_member *first, const struct ipset_member *last)
{
    if (first->protocol) {
        const char *name = protocol_builtin_name(first->protocol);

        buf_char(out, ',');
        if (name)
            buf_text(out, name);
        else
            buf_number(out, first->protocol);
        buf_char(out, ':');
    }
    buf_number(out, first->port);
    if (last == first)
        return;
    buf_char(out, '-');
    buf_number(out, last->port);
}

void ipset_print(struct buf *out, const struct ipset *set)
{
    const struct ipset_type *type = &ipset_types[set->kind];
    const size_t line = strlen(set->name) + sizeof("add \"\" ,udplite:65535-65535\n") +
                        (set->family == FAMILY_IPV4 ? 18 : 43);
    struct buf beginning = {0};

    assert(set->kind != IPSET_OTHER);
    put_create(out, set);
    put_name(&beginning, "add", set->name);
    buf_grow(out, set->count / (type->addresses ? 1 : 2) * (type->ports ? line : line - 20));
    for (size_t i = 0, run = 1; i < set->count; i += run) {
        const struct ipset_member *member = &set->members[i];

        buf_append(out, beginning.bytes, beginning.length);
        if (type->addresses)
            addr_print(out, set->family, member->prefix.addr);
        if (type->prefixes && member->prefix.bits < family_bits(set->family)) {
            buf_char(out, '/');
            buf_number(out, member->prefix.bits);
        }
        if (type->ports) {
            run = run_of_ports(set, i);
            put_ports(out, member, &set->members[i + run - 1]);
        }
        buf_char(out, '\n');
    }
    buf_clear(&beginning);
}

// Every bit of what went in changes about half of those that come out: the finaliser of splitmix64 (Steele, Lea and Flood 2014).
static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) + 0x9E3779B97F4A7C15;
    hash = (hash ^ hash >> 30) * 0xBF58476D1CE4E5B9;
    hash = (hash ^ hash >> 27) * 0x94D049BB133111EB;
    return hash ^ hash >> 31;
}

static uint64_t set_hash(const struct ipset *set)
{
    uint64_t hash = mix(set->kind, set->family);

    for (size_t i = 0; i < set->count; i++) {
        const struct ipset_member *member = &set->members[i];

        hash = mix(hash, member->prefix.addr.high);
        hash = mix(hash, member->prefix.addr.low);
        hash =
            mix(hash, (uint64_t)member->prefix.bits << 24 | (uint64_t)member->protocol << 16 | member->port);
    }
    return mix(hash, set->count);
}

// 48 bits tell sets apart that one host has at a time, or has had under the same policy: among a thousand, two share a name with a
// chance of two in a thousand million.
const char *ipset_name(struct arena *arena, const char *about, const struct ipset *set)
{
    size_t length = strnlen(about, ABOUT_MAX);

    while (length && about[length - 1] == '-')
        length--;
    return arena_printf(arena, IPSET_OWN "%.*s-%0*" PRIx64, (int)length, about, HASH_DIGITS,
                        set_hash(set) >> (64 - HASH_BITS));
}
