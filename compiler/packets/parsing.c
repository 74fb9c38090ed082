// SPDX-License-Identifier: GPL-2.0-or-later
#include "packets/parsing.h"

#include <string.h>

#include "base/interface.h"
#include "base/vec.h"

bool parsing_fail(struct parsing *parsing, const char *problem)
{
    parsing->problem = problem;
    return false;
}

bool parsing_take(struct parsing *parsing, const char *what)
{
    parsing->word = slice_word(&parsing->rest);
    return parsing->word.length ? true : parsing_fail(parsing, what);
}

// Whether the next word is that one.
static bool next_is(const struct parsing *parsing, const char *word)
{
    struct slice rest = parsing->rest;

    return slice_is(slice_word(&rest), word);
}

bool parsing_take_list(struct parsing *parsing, const char *what, bool *inverted)
{
    *inverted = next_is(parsing, "not");
    if (*inverted)
        parsing->word = slice_word(&parsing->rest);
    return parsing_take(parsing, what);
}

// What begins the next part of a set, and is no name that people give an interface.
static bool is_other_word(struct slice word)
{
    static const char *const words[] = {"tcp", "udp", "icmp", "icmpv6", "from", "to", "port", "new", NULL};

    for (size_t i = 0; words[i]; i++)
        if (slice_is(word, words[i]))
            return true;
    return false;
}

bool parsing_interfaces(struct parsing *parsing, struct packet_interfaces *interfaces)
{
    struct slice list, item;

    if (interfaces->said)
        return parsing_fail(parsing, "the interface is named twice");
    if (!parsing_take_list(parsing, "the name of an interface is missing", &interfaces->inverted))
        return false;
    interfaces->said = true;
    list = parsing->word;
    if (slice_is(list, "any") && !interfaces->inverted)
        return true;
    while (slice_item(&list, ',', &item)) {
        if (interface_problem(item))
            return parsing_fail(parsing, interface_problem(item));
        if (slice_is(item, "any"))
            return parsing_fail(parsing, "`any` stands alone");
        if (is_other_word(item))
            return parsing_fail(parsing, "the name of an interface stands here, or `any`");
        *vec_push(parsing->arena, interfaces) = arena_copy(parsing->arena, item.at, item.length);
    }
    return true;
}

// What people write in place of an address.
static const char *address_hint(struct parsing *parsing, struct slice word)
{
    static const char *const words[] = {"any", NULL};
    struct slice address, port;
    enum family family;
    struct addr_range range;

    if (!word.length)
        return "a list has commas and no blanks";
    if (word.at[0] == '[')
        return "an address of IPv6 has no brackets here; its port is written `port 22`";
    if (word.at[0] == '$')
        return "a name is the policy's own: write its addresses";
    if (suggested_word(word, words))
        return "did you mean `any`?";
    if (slice_split(word, ':', &address, &port) &&
        (!address.length || addr_parse(address, &family, &range) == ADDR_FINE || slice_is(address, "any")))
        return arena_printf(parsing->arena, "a port is a word of its own: `port %s`",
                            arena_copy(parsing->arena, port.at, port.length));
    return "not an address, a prefix, a range or `any`";
}

static bool add_address(struct parsing *parsing, struct slice word, struct addr_set *set)
{
    enum family family;
    struct addr_range range;

    switch (addr_parse(word, &family, &range)) {
    case ADDR_FINE:
        addr_set_add(parsing->arena, set, family, range);
        return true;
    case ADDR_HOST_BITS:
        return parsing_fail(parsing, "bits are set beyond the prefix");
    case ADDR_LENGTH:
        return parsing_fail(parsing, "the prefix length does not fit the address");
    case ADDR_ORDER:
        return parsing_fail(parsing, "the range ends before it begins");
    case ADDR_SYNTAX:
        break;
    }
    return parsing_fail(parsing, address_hint(parsing, word));
}

// All others of the families that are named.
static void invert_addresses(struct arena *arena, struct addr_set *set)
{
    const struct addr_set all = addr_set_all(arena), others = addr_set_minus(arena, &all, set);

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (set->families[family].count)
            set->families[family] = others.families[family];
}

static bool parse_addresses(struct parsing *parsing, bool *any, const struct addr_set **addresses)
{
    struct addr_set *set;
    struct slice list, item;
    bool inverted;

    if (!parsing_take_list(parsing, "an address is missing", &inverted))
        return false;
    if (slice_is(parsing->word, "any") && !inverted) {
        *any = true;
        return true;
    }
    set = arena_calloc(parsing->arena, 1, sizeof(*set));
    list = parsing->word;
    while (slice_item(&list, ',', &item)) {
        if (!add_address(parsing, item, set))
            return false;
    }
    addr_set_normalise(set);
    if (inverted)
        invert_addresses(parsing->arena, set);
    *addresses = set;
    return !addr_set_empty(set) || parsing_fail(parsing, "no address is left");
}

// `from ADDRESS port P`, each part of it optional.
bool parsing_side(struct parsing *parsing, bool *any, const struct addr_set **addresses,
                  struct port_set *ports)
{
    if (*any || *addresses || ports->count)
        return parsing_fail(parsing, "this side is named twice");
    if (!next_is(parsing, "port") && !parse_addresses(parsing, any, addresses))
        return false;
    if (!next_is(parsing, "port"))
        return true;
    parsing->word = slice_word(&parsing->rest);
    return parsing_ports(parsing, ports);
}

bool parsing_number_range(struct slice text, unsigned *first, unsigned *last)
{
    struct slice low = text, high = text;
    uint64_t numbers[2];

    slice_split(text, '-', &low, &high);
    if (!parse_number(low, UINT8_MAX, &numbers[0]) || !parse_number(high, UINT8_MAX, &numbers[1]) ||
        numbers[0] > numbers[1])
        return false;
    *first = (unsigned)numbers[0];
    *last = (unsigned)numbers[1];
    return true;
}

bool parsing_numbers(struct parsing *parsing, struct byte_set *set, const char *missing, const char *wrong)
{
    struct slice list, item;
    bool inverted;

    if (!byte_set_empty(set))
        return parsing_fail(parsing, "this is said twice");
    if (!parsing_take_list(parsing, missing, &inverted))
        return false;
    list = parsing->word;
    while (slice_item(&list, ',', &item)) {
        unsigned first, last;

        if (!parsing_number_range(item, &first, &last))
            return parsing_fail(parsing, wrong);
        byte_set_add(set, first, last);
    }
    if (inverted)
        byte_set_invert(set);
    if (set == &parsing->packets->types)
        parsing->some_types = !inverted;
    return !byte_set_empty(set) || parsing_fail(parsing, "nothing is left");
}

// Six bytes in hexadecimal, with colons between them.
bool parsing_mac(struct parsing *parsing)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    uint64_t mac = 0;

    if (parsing->packets->has_mac)
        return parsing_fail(parsing, "this is said twice");
    if (!parsing_take(parsing, "a MAC address is missing"))
        return false;
    for (size_t i = 0; i < parsing->word.length; i++) {
        const char c = parsing->word.at[i];
        const char *digit = c ? strchr(digits, c) : NULL;

        if (i % 3 == 2 ? c != ':' : !digit)
            return parsing_fail(parsing, "a MAC address is written 02:00:5E:10:00:01");
        if (digit)
            mac = mac << 4 | (uint64_t)((digit - digits) & 15);
    }
    if (parsing->word.length != strlen("02:00:5E:10:00:01"))
        return parsing_fail(parsing, "a MAC address is written 02:00:5E:10:00:01");
    parsing->packets->mac = mac;
    parsing->packets->has_mac = true;
    return true;
}

// Words with a slash between them.
bool parsing_choices(struct parsing *parsing, unsigned *set, const char *const *words, const char *wrong)
{
    struct slice list, item;

    if (*set)
        return parsing_fail(parsing, "this is said twice");
    if (!parsing_take(parsing, wrong))
        return false;
    list = parsing->word;
    while (slice_item(&list, '/', &item)) {
        unsigned found = 0;

        for (unsigned i = 0; words[i]; i++)
            if (slice_is(item, words[i]))
                found = 1U << i;
        if (!found)
            return parsing_fail(parsing, wrong);
        *set |= found;
    }
    return true;
}
