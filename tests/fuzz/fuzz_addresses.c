// SPDX-License-Identifier: GPL-2.0-or-later
//
// Addresses, ports, and the algebra of their sets. A line of the input is an address, a prefix, a range or a range of
// ports; one that begins with `!` goes into the second set. A line that is none of these gives, by its bytes, a range near
// one of the edges where arithmetic goes wrong. The algebra is compared with the plain meaning: an address is in a set if
// it is in one of the ranges that were put in.
#include <string.h>

#include "base/addr.h"
#include "base/ports.h"
#include "fuzz/fuzz.h"

#define RANGES_MAX 64 // of one family and set; the comparison is quadratic

struct sets {
    struct arena arena;
    struct addr_set plain[2], sets[2]; // as they were put in; the same, normalised
    struct port_set ports;
    uint8_t port_in[UINT16_MAX + 1]; // 1: was put in
};

static bool holds(const struct range_list *list, struct addr addr)
{
    for (size_t i = 0; i < list->count; i++)
        if (addr_compare(list->items[i].first, addr) <= 0 && addr_compare(addr, list->items[i].last) <= 0)
            return true;
    return false;
}

static struct addr next(struct addr addr)
{
    return (struct addr){addr.high + (addr.low == UINT64_MAX), addr.low + 1};
}

static struct addr previous(struct addr addr)
{
    return (struct addr){addr.high - (addr.low == 0), addr.low - 1};
}

static bool same(struct addr a, struct addr b)
{
    return addr_compare(a, b) == 0;
}

static void require_canonical(enum family family, const struct range_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct addr_range *range = &list->items[i];

        REQUIRE(addr_compare(range->first, range->last) <= 0);
        REQUIRE(addr_compare(range->last, addr_max(family)) <= 0);
        if (i) {
            REQUIRE(addr_compare(list->items[i - 1].last, range->first) < 0);
            REQUIRE(!same(next(list->items[i - 1].last), range->first));
        }
    }
}

static bool same_list(const struct range_list *a, const struct range_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!same(a->items[i].first, b->items[i].first) || !same(a->items[i].last, b->items[i].last))
            return false;
    return true;
}

// Prints what is read back as the same.
static void require_printed(enum family family, struct addr_range range)
{
    struct buf text = {0};
    enum family again;
    struct addr_range back;

    addr_print(&text, family, range.first);
    buf_char(&text, '-');
    addr_print(&text, family, range.last);
    REQUIRE(addr_parse((struct slice){text.bytes, text.length}, &again, &back) == ADDR_FINE);
    REQUIRE(again == family && same(back.first, range.first) && same(back.last, range.last));
    buf_clear(&text);
}

// The prefixes of a range lie one behind the other, from its first address to its last.
static void require_prefixes(enum family family, struct addr_range range)
{
    const size_t most = (size_t)2 * family_bits(family);
    struct buf text = {0};
    size_t count = 0;

    for (bool more = true; more; count++) {
        const struct prefix prefix = range_first_prefix(family, &range);
        const struct addr_range covered = prefix_range(family, prefix);
        enum family again;
        struct addr_range back;

        REQUIRE(count < most);
        REQUIRE(prefix.bits <= family_bits(family));
        REQUIRE(same(covered.first, range.first) && addr_compare(covered.last, range.last) <= 0);
        text.length = 0;
        prefix_print(&text, family, prefix);
        REQUIRE(addr_parse((struct slice){text.bytes, text.length}, &again, &back) == ADDR_FINE);
        REQUIRE(again == family && same(back.first, covered.first) && same(back.last, covered.last));
        more = !same(covered.last, range.last);
        range.first = next(covered.last);
    }
    buf_clear(&text);
}

static void add_range(struct sets *sets, bool second, enum family family, struct addr_range range)
{
    if (sets->plain[second].families[family].count == RANGES_MAX)
        return;
    addr_set_add(&sets->arena, &sets->plain[second], family, range);
    require_printed(family, range);
    require_prefixes(family, range);
}

static void add_ports(struct sets *sets, struct port_range range)
{
    REQUIRE(range.first >= 1 && range.first <= range.last);
    port_set_add(&sets->arena, &sets->ports, range);
    memset(sets->port_in + range.first, 1, (size_t)range.last - range.first + 1);
}

// Near zero, near the end of IPv4, between the two halves of an IPv6 address, near the end of IPv6.
static void add_edge(struct sets *sets, bool second, const uint8_t *bytes, size_t length)
{
    static const struct {
        enum family family;
        struct addr base;
    } edges[] = {{FAMILY_IPV4, {0, 0}},
                 {FAMILY_IPV4, {0, UINT32_MAX - UINT8_MAX}},
                 {FAMILY_IPV6, {0, 0}},
                 {FAMILY_IPV6, {0, UINT64_MAX - 100}},
                 {FAMILY_IPV6, {UINT64_MAX, UINT64_MAX - UINT8_MAX}}};

    if (length < 3)
        return;

    const size_t edge = bytes[0] % (sizeof(edges) / sizeof(*edges));
    const uint8_t first = bytes[1] < bytes[2] ? bytes[1] : bytes[2];
    const uint8_t last = bytes[1] < bytes[2] ? bytes[2] : bytes[1];
    struct addr_range range = {edges[edge].base, edges[edge].base};

    for (uint8_t i = 0; i < first; i++)
        range.first = next(range.first);
    for (uint8_t i = 0; i < last; i++)
        range.last = next(range.last);
    add_range(sets, second, edges[edge].family, range);
}

static void add_line(struct sets *sets, struct slice line)
{
    const bool second = line.length && line.at[0] == '!';
    struct slice text = second ? (struct slice){line.at + 1, line.length - 1} : line;
    struct port_range ports;
    struct addr_range range;
    enum family family;

    if (!port_range_parse(text, &ports)) {
        add_ports(sets, ports);
        return;
    }
    switch (addr_parse(text, &family, &range)) {
    case ADDR_HOST_BITS:
    case ADDR_FINE:
        add_range(sets, second, family, range);
        break;
    case ADDR_SYNTAX:
    case ADDR_LENGTH:
    case ADDR_ORDER:
        add_edge(sets, second, (const uint8_t *)text.at, text.length);
        break;
    }
}

// The addresses where membership can change.
static void require_membership(const struct sets *sets, enum family family, const struct range_list *left,
                               struct addr addr)
{
    const bool in_first = holds(&sets->plain[0].families[family], addr);
    const bool in_second = holds(&sets->plain[1].families[family], addr);

    REQUIRE(holds(&sets->sets[0].families[family], addr) == in_first);
    REQUIRE(holds(&sets->sets[1].families[family], addr) == in_second);
    REQUIRE(holds(left, addr) == (in_first && !in_second));
}

static void require_difference(struct sets *sets, enum family family, const struct addr_set *left)
{
    const struct range_list *list = &left->families[family];

    for (int i = 0; i < 2; i++) {
        const struct range_list *plain = &sets->plain[i].families[family];

        for (size_t j = 0; j < plain->count; j++) {
            require_membership(sets, family, list, plain->items[j].first);
            require_membership(sets, family, list, plain->items[j].last);
            if (!same(plain->items[j].first, (struct addr){0, 0}))
                require_membership(sets, family, list, previous(plain->items[j].first));
            if (!same(plain->items[j].last, addr_max(family)))
                require_membership(sets, family, list, next(plain->items[j].last));
        }
    }
    require_canonical(family, list);
    REQUIRE(!range_list_overlap(list, &sets->sets[1].families[family]));
    // Nothing is taken away exactly where nothing is shared.
    REQUIRE(same_list(list, &sets->sets[0].families[family]) ==
            !range_list_overlap(&sets->sets[0].families[family], &sets->sets[1].families[family]));
}

static void require_algebra(struct sets *sets)
{
    for (int i = 0; i < 2; i++) {
        addr_set_add_all(&sets->arena, &sets->sets[i], &sets->plain[i]);
        addr_set_normalise(&sets->sets[i]);
    }

    const struct addr_set all = addr_set_all(&sets->arena);
    const struct addr_set left = addr_set_minus(&sets->arena, &sets->sets[0], &sets->sets[1]);
    const struct addr_set nothing = addr_set_minus(&sets->arena, &sets->sets[0], &sets->sets[0]);
    const struct addr_set others = addr_set_minus(&sets->arena, &all, &sets->sets[0]);
    const struct addr_set back = addr_set_minus(&sets->arena, &all, &others);
    struct addr_set joined = {0};

    addr_set_add_all(&sets->arena, &joined, &others);
    addr_set_add_all(&sets->arena, &joined, &sets->sets[0]);
    addr_set_normalise(&joined);
    REQUIRE(addr_set_empty(&nothing));
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        require_canonical(family, &sets->sets[0].families[family]);
        require_canonical(family, &sets->sets[1].families[family]);
        require_difference(sets, family, &left);
        REQUIRE(same_list(&back.families[family], &sets->sets[0].families[family]));
        REQUIRE(range_list_all(family, &joined.families[family]));
        REQUIRE(range_list_all(family, &sets->sets[0].families[family]) == !others.families[family].count);
    }
}

static bool all_are(const struct sets *sets, size_t from, size_t to, uint8_t value)
{
    return from >= to || !memchr(sets->port_in + from, !value, to - from);
}

static void require_port_set(const struct sets *sets)
{
    const struct port_set *ports = &sets->ports;
    size_t end = 0; // of the range before

    for (size_t i = 0; i < ports->count; i++) {
        const struct port_range *range = &ports->items[i];

        REQUIRE(range->first <= range->last && (i == 0 || range->first > end));
        REQUIRE(all_are(sets, end, range->first, 0));
        end = (size_t)range->last + 1;
        REQUIRE(all_are(sets, range->first, end, 1));
    }
    REQUIRE(all_are(sets, end, sizeof(sets->port_in), 0));
    REQUIRE(port_set_overlap(ports, ports));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct sets sets;
    const char *rest = (const char *)bytes, *line;
    size_t length;

    if (sets.ports.count)
        memset(sets.port_in, 0, sizeof(sets.port_in));
    sets.ports = (struct port_set){0};
    memset(sets.plain, 0, sizeof(sets.plain));
    memset(sets.sets, 0, sizeof(sets.sets));
    while (next_line(&rest, &size, &line, &length))
        add_line(&sets, (struct slice){line, length});
    require_algebra(&sets);
    if (sets.ports.count)
        require_port_set(&sets);
    arena_clear(&sets.arena);
    return 0;
}
