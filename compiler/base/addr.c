// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "base/vec.h"

const char *family_name(enum family family)
{
    return family == FAMILY_IPV4 ? "IPv4" : "IPv6";
}

unsigned family_bits(enum family family)
{
    return family == FAMILY_IPV4 ? 32 : 128;
}

struct addr addr_max(enum family family)
{
    if (family == FAMILY_IPV4)
        return (struct addr){0, UINT32_MAX};
    return (struct addr){UINT64_MAX, UINT64_MAX};
}

// The lowest `bits` bits set.
static struct addr low_bits(unsigned bits)
{
    if (bits >= 128)
        return (struct addr){UINT64_MAX, UINT64_MAX};
    if (bits >= 64)
        return (struct addr){((uint64_t)1 << (bits - 64)) - 1, UINT64_MAX};
    return (struct addr){0, ((uint64_t)1 << bits) - 1};
}

static struct addr addr_or(struct addr a, struct addr b)
{
    return (struct addr){a.high | b.high, a.low | b.low};
}

static struct addr addr_without(struct addr a, struct addr b)
{
    return (struct addr){a.high & ~b.high, a.low & ~b.low};
}

void addr_print(struct buf *out, enum family family, struct addr addr)
{
    if (family == FAMILY_IPV4) {
        // By hand, for inet_ntop costs most of the printing of a large ruleset.
        char digits[INET_ADDRSTRLEN], *const end = digits + sizeof(digits), *at = end;

        for (unsigned shift = 0; shift < 32; shift += 8) {
            if (shift)
                *--at = '.';
            at = digits_before(at, addr.low >> shift & 255);
        }
        buf_append(out, at, (size_t)(end - at));
        return;
    }

    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];

    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(addr.high >> (56 - 8 * i));
        bytes[8 + i] = (unsigned char)(addr.low >> (56 - 8 * i));
    }
    inet_ntop(AF_INET6, bytes, text, sizeof(text));
    buf_text(out, text);
}

struct addr_range prefix_range(enum family family, struct prefix prefix)
{
    return (struct addr_range){prefix.addr,
                               addr_or(prefix.addr, low_bits(family_bits(family) - prefix.bits))};
}

void prefix_print(struct buf *out, enum family family, struct prefix prefix)
{
    addr_print(out, family, prefix.addr);
    buf_char(out, '/');
    buf_number(out, prefix.bits);
}

static unsigned trailing_zeros(struct addr a)
{
    if (a.low)
        return (unsigned)__builtin_ctzll(a.low);
    if (a.high)
        return 64 + (unsigned)__builtin_ctzll(a.high);
    return 128;
}

struct prefix range_first_prefix(enum family family, const struct addr_range *range)
{
    unsigned free_bits = trailing_zeros(range->first);

    if (free_bits > family_bits(family))
        free_bits = family_bits(family);
    while (addr_compare(addr_or(range->first, low_bits(free_bits)), range->last) > 0)
        free_bits--;
    return (struct prefix){range->first, (uint8_t)(family_bits(family) - free_bits)};
}

bool range_is_prefix(struct addr_range range)
{
    // The bits behind the prefix, where it is one: all zero in the first address, all one in the last.
    const struct addr host = {range.first.high ^ range.last.high, range.first.low ^ range.last.low};
    const struct addr above = addr_next(host);

    return !(host.high & above.high) && !(host.low & above.low) && !(range.first.high & host.high) &&
           !(range.first.low & host.low);
}

static bool parse_one(struct slice text, enum family *family, struct addr *addr)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[16];

    if (text.length >= sizeof(copy) || (text.length && memchr(text.at, '\0', text.length)))
        return false;
    memcpy(copy, text.at, text.length);
    copy[text.length] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1) {
        *family = FAMILY_IPV4;
        *addr = (struct addr){0, (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 |
                                     (uint64_t)bytes[2] << 8 | bytes[3]};
        return true;
    }
    if (inet_pton(AF_INET6, copy, bytes) != 1)
        return false;
    *family = FAMILY_IPV6;
    *addr = (struct addr){0, 0};
    for (int i = 0; i < 8; i++) {
        addr->high = addr->high << 8 | bytes[i];
        addr->low = addr->low << 8 | bytes[8 + i];
    }
    return true;
}

static enum addr_error parse_prefix(struct slice address, struct slice length, enum family *family,
                                    struct addr_range *range)
{
    uint64_t bits;

    if (!parse_one(address, family, &range->first))
        return ADDR_SYNTAX;
    if (!parse_number(length, family_bits(*family), &bits))
        return ADDR_LENGTH;

    const struct addr host = low_bits(family_bits(*family) - (unsigned)bits);
    const struct addr network = addr_without(range->first, host);
    const bool exact = addr_compare(network, range->first) == 0;

    range->first = network;
    range->last = addr_or(network, host);
    return exact ? ADDR_FINE : ADDR_HOST_BITS;
}

enum addr_error addr_parse(struct slice text, enum family *family, struct addr_range *range)
{
    struct slice left, right;

    if (slice_split(text, '/', &left, &right))
        return parse_prefix(left, right, family, range);
    if (slice_split(text, '-', &left, &right)) {
        enum family other;

        if (!parse_one(left, family, &range->first) || !parse_one(right, &other, &range->last))
            return ADDR_SYNTAX;
        if (*family != other || addr_compare(range->first, range->last) > 0)
            return ADDR_ORDER;
        return ADDR_FINE;
    }
    if (!parse_one(text, family, &range->first))
        return ADDR_SYNTAX;
    range->last = range->first;
    return ADDR_FINE;
}

struct addr_set addr_set_all(struct arena *arena)
{
    struct addr_set set = {0};

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        addr_set_add(arena, &set, family, (struct addr_range){{0, 0}, addr_max(family)});
    return set;
}

void addr_set_add(struct arena *arena, struct addr_set *set, enum family family, struct addr_range range)
{
    *vec_push(arena, &set->families[family]) = range;
}

size_t addr_set_count(const struct addr_set *set)
{
    return set->families[FAMILY_IPV4].count + set->families[FAMILY_IPV6].count;
}

size_t addr_set_add_all(struct arena *arena, struct addr_set *set, const struct addr_set *more)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < more->families[family].count; i++)
            addr_set_add(arena, set, family, more->families[family].items[i]);
    return addr_set_count(set);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct addr_range *left = a, *right = b;
    const int order = addr_compare(left->first, right->first);

    return order ? order : addr_compare(left->last, right->last);
}

void range_list_normalise(struct range_list *list)
{
    size_t kept = 0;

    sort_by_addr(list->items, list->count, sizeof(*list->items), offsetof(struct addr_range, first),
                 compare_ranges);
    for (size_t i = 0; i < list->count; i++) {
        const struct addr_range range = list->items[i];
        struct addr_range *last = kept ? &list->items[kept - 1] : NULL;

        // The all-ones address has no successor: what would follow it overlaps already.
        if (last && (addr_compare(range.first, last->last) <= 0 ||
                     addr_compare(range.first, addr_next(last->last)) == 0)) {
            if (addr_compare(range.last, last->last) > 0)
                last->last = range.last;
        } else {
            list->items[kept++] = range;
        }
    }
    list->count = kept;
}

void addr_set_normalise(struct addr_set *set)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        range_list_normalise(&set->families[family]);
}

bool addr_set_empty(const struct addr_set *set)
{
    return !set->families[FAMILY_IPV4].count && !set->families[FAMILY_IPV6].count;
}

static void minus(struct arena *arena, struct range_list *out, const struct range_list *a,
                  const struct range_list *b)
{
    size_t j = 0;

    for (size_t i = 0; i < a->count; i++) {
        struct addr_range rest = a->items[i];
        bool left = true;

        while (j < b->count && addr_compare(b->items[j].last, rest.first) < 0)
            j++;
        for (size_t k = j; left && k < b->count && addr_compare(b->items[k].first, rest.last) <= 0; k++) {
            if (addr_compare(b->items[k].first, rest.first) > 0)
                *vec_push(arena, out) = (struct addr_range){rest.first, addr_previous(b->items[k].first)};
            left = addr_compare(b->items[k].last, rest.last) < 0;
            if (left)
                rest.first = addr_next(b->items[k].last);
        }
        if (left)
            *vec_push(arena, out) = rest;
    }
}

struct addr_set addr_set_minus(struct arena *arena, const struct addr_set *a, const struct addr_set *b)
{
    struct addr_set set = {0};

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        minus(arena, &set.families[family], &a->families[family], &b->families[family]);
    return set;
}

bool range_list_all(enum family family, const struct range_list *list)
{
    const struct addr zero = {0, 0};

    return list->count == 1 && addr_compare(list->items[0].first, zero) == 0 &&
           addr_compare(list->items[0].last, addr_max(family)) == 0;
}

bool range_list_overlap(const struct range_list *a, const struct range_list *b)
{
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        if (addr_compare(a->items[i].last, b->items[j].first) < 0)
            i++;
        else if (addr_compare(b->items[j].last, a->items[i].first) < 0)
            j++;
        else
            return true;
    }
    return false;
}
