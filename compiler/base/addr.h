// SPDX-License-Identifier: GPL-2.0-or-later
//
// Address families, addresses, and sets of addresses as sorted disjoint ranges.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

enum family { FAMILY_IPV4, FAMILY_IPV6, FAMILY_COUNT };

const char *family_name(enum family family); // "IPv4" or "IPv6"
unsigned family_bits(enum family family);    // 32 or 128

// An address as a number in host order; IPv4 stands in the low 32 bits of `low`.
struct addr {
    uint64_t high;
    uint64_t low;
};

static inline int addr_compare(struct addr a, struct addr b)
{
    return a.high != b.high ? (a.high < b.high ? -1 : 1) : (a.low > b.low) - (a.low < b.low);
}

struct addr addr_max(enum family family);

// Of the last one of all, the first.
static inline struct addr addr_next(struct addr addr)
{
    return (struct addr){addr.high + (addr.low == UINT64_MAX), addr.low + 1};
}

// Of the first one of all, the last.
static inline struct addr addr_previous(struct addr addr)
{
    return (struct addr){addr.high - (addr.low == 0), addr.low - 1};
}

void addr_print(struct buf *out, enum family family, struct addr addr);

// An inclusive range of addresses of one family.
struct addr_range {
    struct addr first;
    struct addr last;
};

// A prefix: `bits` leading bits of `addr` count, the others are zero.
struct prefix {
    struct addr addr;
    uint8_t bits;
};

struct addr_range prefix_range(enum family family, struct prefix prefix);
void prefix_print(struct buf *out, enum family family, struct prefix prefix); // always with its length

// The largest prefix that begins at range->first and ends within the range.
struct prefix range_first_prefix(enum family family, const struct addr_range *range);

bool range_is_prefix(struct addr_range range);

// What an address text can be wrong about.
enum addr_error {
    ADDR_FINE,
    ADDR_SYNTAX,    // not an address; host names are not looked up
    ADDR_LENGTH,    // prefix length not a number, or beyond the family's bits
    ADDR_HOST_BITS, // bits set beyond the prefix: `*range` is the prefix without them
    ADDR_ORDER,     // a range whose end comes before its begin, or of two families
};

// Reads `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS-ADDRESS`. On ADDR_FINE and ADDR_HOST_BITS `*family` and `*range` are set.
enum addr_error addr_parse(struct slice text, enum family *family, struct addr_range *range);

// A set of addresses of one family. Canonical after range_list_normalise: sorted, disjoint, no two ranges adjacent.
struct range_list {
    struct addr_range *items;
    size_t count;
    size_t capacity;
};

void range_list_normalise(struct range_list *list);

// One set for both families.
struct addr_set {
    struct range_list families[FAMILY_COUNT];
};

struct addr_set addr_set_all(struct arena *arena);
void addr_set_add(struct arena *arena, struct addr_set *set, enum family family, struct addr_range range);
size_t addr_set_add_all(struct arena *arena, struct addr_set *set,
                        const struct addr_set *more); // how many it has now
size_t addr_set_count(const struct addr_set *set);    // ranges, of both families
void addr_set_normalise(struct addr_set *set);
bool addr_set_empty(const struct addr_set *set); // in both families

// What is in `a` but not in `b`; both normalised, and so is the result.
struct addr_set addr_set_minus(struct arena *arena, const struct addr_set *a, const struct addr_set *b);

bool range_list_all(enum family family, const struct range_list *list); // every address of the family
bool range_list_overlap(const struct range_list *a, const struct range_list *b);
