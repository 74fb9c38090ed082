// SPDX-License-Identifier: GPL-2.0-or-later
#include "packets/packets.h"

#include <string.h>

#include "base/interface.h"
#include "base/protocols.h"
#include "base/vec.h"
#include "packets/flags.h"

struct parsing {
    struct arena *arena;
    struct slice rest;
    struct slice word; // the one just taken
    struct packets *packets;
    struct flag_words flags;
    bool some_ports, some_types; // are named, not all but some: packets without any are none of them
    const char *problem;
};

static bool fail(struct parsing *parsing, const char *problem)
{
    parsing->problem = problem;
    return false;
}

static bool take(struct parsing *parsing, const char *what)
{
    parsing->word = slice_word(&parsing->rest);
    return parsing->word.length ? true : fail(parsing, what);
}

static bool next_is(const struct parsing *parsing, const char *word)
{
    struct slice rest = parsing->rest;

    return slice_is(slice_word(&rest), word);
}

// The next word, and whether `not` stood before it.
static bool take_list(struct parsing *parsing, const char *what, bool *inverted)
{
    *inverted = next_is(parsing, "not");
    if (*inverted)
        parsing->word = slice_word(&parsing->rest);
    return take(parsing, what);
}

static bool parse_interfaces(struct parsing *parsing, struct packet_interfaces *interfaces)
{
    struct slice list;

    if (interfaces->said)
        return fail(parsing, "the interface is named twice");
    if (!take_list(parsing, "the name of an interface is missing", &interfaces->inverted))
        return false;
    interfaces->said = true;
    list = parsing->word;
    if (slice_is(list, "any") && !interfaces->inverted)
        return true;
    for (bool more = true; more;) {
        struct slice item = list;

        more = slice_split(list, ',', &item, &list);
        if (interface_problem(item))
            return fail(parsing, interface_problem(item));
        if (slice_is(item, "any"))
            return fail(parsing, "`any` stands alone");
        *vec_push(parsing->arena, interfaces) = arena_copy(parsing->arena, item.at, item.length);
    }
    return true;
}

bool packets_only_by(const struct packet_interfaces *interfaces, const char *name)
{
    return interfaces->count == 1 && !interfaces->inverted && strcmp(interfaces->items[0], name) == 0;
}

static bool parse_ports(struct parsing *parsing, struct port_set *ports)
{
    bool inverted;

    if (!take_list(parsing, "a port is missing", &inverted))
        return false;

    struct slice list = parsing->word;

    for (bool more = true; more;) {
        struct slice item = list;
        struct port_range range = {0, 0};

        more = slice_split(list, ',', &item, &list);

        // No service has port 0, and packets do.
        const bool from_zero = slice_starts(item, "0-") && !memchr(item.at + 2, '-', item.length - 2);
        const char *problem =
            slice_is(item, "0")
                ? NULL
                : port_range_parse(from_zero ? (struct slice){item.at + 2, item.length - 2} : item, &range);

        if (from_zero)
            range.first = 0;
        if (problem)
            return fail(parsing, problem);
        port_set_add(parsing->arena, ports, range);
    }
    if (inverted)
        *ports = port_set_others(parsing->arena, ports);
    parsing->some_ports = parsing->some_ports || !inverted;
    return ports->count || fail(parsing, "no port is left");
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
        return fail(parsing, "bits are set beyond the prefix");
    case ADDR_LENGTH:
        return fail(parsing, "the prefix length does not fit the address");
    case ADDR_ORDER:
        return fail(parsing, "the range ends before it begins");
    case ADDR_SYNTAX:
        break;
    }
    return fail(parsing, "not an address, a prefix, a range or `any`");
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
    struct slice list;
    bool inverted;

    if (!take_list(parsing, "an address is missing", &inverted))
        return false;
    if (slice_is(parsing->word, "any") && !inverted) {
        *any = true;
        return true;
    }
    set = arena_calloc(parsing->arena, 1, sizeof(*set));
    list = parsing->word;
    for (bool more = true; more;) {
        struct slice item = list;

        more = slice_split(list, ',', &item, &list);
        if (!add_address(parsing, item, set))
            return false;
    }
    addr_set_normalise(set);
    if (inverted)
        invert_addresses(parsing->arena, set);
    *addresses = set;
    return !addr_set_empty(set) || fail(parsing, "no address is left");
}

// `from ADDRESS port P`, each part of it optional.
static bool parse_side(struct parsing *parsing, bool *any, const struct addr_set **addresses,
                       struct port_set *ports)
{
    if (*any || *addresses || ports->count)
        return fail(parsing, "this side is named twice");
    if (!next_is(parsing, "port") && !parse_addresses(parsing, any, addresses))
        return false;
    if (!next_is(parsing, "port"))
        return true;
    parsing->word = slice_word(&parsing->rest);
    return parse_ports(parsing, ports);
}

static bool parse_number_range(struct slice text, unsigned *first, unsigned *last)
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

static bool parse_numbers(struct parsing *parsing, struct byte_set *set, const char *missing,
                          const char *wrong)
{
    struct slice list;
    bool inverted;

    if (!byte_set_empty(set))
        return fail(parsing, "this is said twice");
    if (!take_list(parsing, missing, &inverted))
        return false;
    list = parsing->word;
    for (bool more = true; more;) {
        struct slice item = list;
        unsigned first, last;

        more = slice_split(list, ',', &item, &list);
        if (!parse_number_range(item, &first, &last))
            return fail(parsing, wrong);
        byte_set_add(set, first, last);
    }
    if (inverted)
        byte_set_invert(set);
    if (set == &parsing->packets->types)
        parsing->some_types = !inverted;
    return !byte_set_empty(set) || fail(parsing, "nothing is left");
}

// Six bytes in hexadecimal, with colons between them.
static bool parse_mac(struct parsing *parsing)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    uint64_t mac = 0;

    if (parsing->packets->has_mac)
        return fail(parsing, "this is said twice");
    if (!take(parsing, "a MAC address is missing"))
        return false;
    for (size_t i = 0; i < parsing->word.length; i++) {
        const char c = parsing->word.at[i];
        const char *digit = c ? strchr(digits, c) : NULL;

        if (i % 3 == 2 ? c != ':' : !digit)
            return fail(parsing, "a MAC address is written 02:00:5E:10:00:01");
        if (digit)
            mac = mac << 4 | (uint64_t)((digit - digits) & 15);
    }
    if (parsing->word.length != strlen("02:00:5E:10:00:01"))
        return fail(parsing, "a MAC address is written 02:00:5E:10:00:01");
    parsing->packets->mac = mac;
    parsing->packets->has_mac = true;
    return true;
}

// Words with a slash between them.
static bool parse_choices(struct parsing *parsing, unsigned *set, const char *const *words, const char *wrong)
{
    struct slice list;

    if (*set)
        return fail(parsing, "this is said twice");
    if (!take(parsing, wrong))
        return false;
    list = parsing->word;
    for (bool more = true; more;) {
        struct slice item = list;
        unsigned found = 0;

        more = slice_split(list, '/', &item, &list);
        for (unsigned i = 0; words[i]; i++)
            if (slice_is(item, words[i]))
                found = 1U << i;
        if (!found)
            return fail(parsing, wrong);
        *set |= found;
    }
    return true;
}

#define WORDS                                                                                            \
    "in, out, from, to, port, a protocol, type, code, hop, fragment, socket, cast, mac, a state, a TCP " \
    "flag or not"

// Words of the notation, and those that people bring from elsewhere with what they stand for here.
static const char *const all_words[] = {
    "in",   "out",      "from", "to",  "port",        "type",    "code",    "hop",       "fragment", "socket",
    "cast", "protocol", "mac",  "new", "established", "related", "invalid", "untracked", "fin",      "syn",
    "rst",  "psh",      "ack",  "urg", "no-flags",    "tcp",     "udp",     "icmp",      "icmpv6",   "sctp",
    "esp",  "gre",      "any",  "not", "with",        "without", NULL,
};
static const char *const foreign_words[][2] = {
    {"src", "from"},
    {"source", "from"},
    {"dst", "to"},
    {"dest", "to"},
    {"destination", "to"},
    {"iif", "in"},
    {"oif", "out"},
    {"sport", "from port"},
    {"dport", "to port"},
    {"host", "from` or `to"},
    {"proto", "protocol"},
    {"ttl", "hop"},
    {"icmp6", "icmpv6"},
    {"state", "new"},
    {"ssh", "tcp to port 22"},
    {"http", "tcp to port 80"},
    {"https", "tcp to port 443"},
    {"dns", "udp to port 53"},
    {"smtp", "tcp to port 25"},
    {"ntp", "udp to port 123"},
    {"ping", "icmp type 8"},
};

static bool fail_word(struct parsing *parsing)
{
    const char *nearest = nearest_word(parsing->word, all_words);

    if (slice_is(parsing->word, "port"))
        return fail(parsing, "whose port? say `from port` or `to port`");
    for (size_t i = 0; i < sizeof(foreign_words) / sizeof(*foreign_words); i++)
        if (slice_is(parsing->word, foreign_words[i][0]))
            nearest = foreign_words[i][1];
    if (nearest && !slice_is(parsing->word, nearest))
        return fail(parsing, arena_printf(parsing->arena, "did you mean `%s`?", nearest));
    return fail(parsing, "not a word of the notation: " WORDS);
}

// One protocol of a list, or a range of numbers. A name may be one family's alone.
static bool add_protocols(struct parsing *parsing, struct slice item, bool inverted)
{
    struct packets *packets = parsing->packets;
    const uint8_t protocol = protocol_find(item);
    unsigned first = protocol, last = protocol;

    if (!protocol && (!parse_number_range(item, &first, &last) || !last))
        return false;
    byte_set_add(&packets->protocols, first, last);
    if (inverted || (item.at[0] >= '0' && item.at[0] <= '9'))
        return true;
    if (protocol == PROTOCOL_ICMP)
        packets->families |= 1U << FAMILY_IPV4;
    if (protocol == PROTOCOL_ICMPV6)
        packets->families |= 1U << FAMILY_IPV6;
    return true;
}

static bool parse_protocols(struct parsing *parsing, bool inverted)
{
    struct packets *packets = parsing->packets;
    const bool again = !byte_set_empty(&packets->protocols);
    struct slice list = parsing->word;

    for (bool more = true; more;) {
        struct slice item = list;

        more = slice_split(list, ',', &item, &list);
        if (!add_protocols(parsing, item, inverted))
            return fail_word(parsing);
    }
    if (again)
        return fail(parsing, parsing->word.at[0] <= '9' && !slice_is(parsing->word, "6in4")
                                 ? "the protocol is named twice; a port is written `to port 22`"
                                 : "the protocol is named twice");
    if (inverted)
        byte_set_invert(&packets->protocols);
    return !byte_set_empty(&packets->protocols) || fail(parsing, "no protocol is left");
}

static unsigned state_named(struct slice word)
{
    static const char *const words[] = {"new", "established", "related", "invalid", "untracked"}; // by bit

    for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (slice_is(word, words[i]))
            return 1U << i;
    return 0;
}

#define TRACKER_STATES (PACKET_NEW | PACKET_ESTABLISHED | PACKET_RELATED | PACKET_INVALID)

// `not established` is each of the three others.
static bool parse_other_states(struct parsing *parsing)
{
    struct packets *packets = parsing->packets;
    const unsigned state = state_named(parsing->word);

    if (state & PACKET_UNTRACKED)
        return fail(parsing, "`not` stands before new, established, related or invalid");
    packets->states = (packets->states ? packets->states : TRACKER_STATES) & ~state;
    return packets->states || fail(parsing, "no state is left");
}

static bool parse_word(struct parsing *parsing)
{
    const bool inverted = slice_is(parsing->word, "not");
    const unsigned state = state_named(parsing->word);
    const int flags =
        state ? 0 : flag_words_take(&parsing->flags, &parsing->word, &parsing->rest, &parsing->problem);

    if (flags)
        return flags > 0;
    parsing->packets->states |= state;
    if (state)
        return true;
    if (inverted && !take(parsing, "`not` stands before a list, a state or flags"))
        return false;
    if (inverted && state_named(parsing->word))
        return parse_other_states(parsing);
    return parse_protocols(parsing, inverted);
}

static bool parse_part(struct parsing *parsing)
{
    static const char *const fragments[] = {"none", "first", "later", NULL};
    static const char *const sockets[] = {"none", "wildcard", "bound", "connected", NULL};
    static const char *const casts[] = {"local", "broadcast", "multicast", "other", NULL};
    struct packets *packets = parsing->packets;

    if (slice_is(parsing->word, "in"))
        return parse_interfaces(parsing, &packets->in);
    if (slice_is(parsing->word, "out"))
        return parse_interfaces(parsing, &packets->out);
    if (slice_is(parsing->word, "from"))
        return parse_side(parsing, &packets->from_any, &packets->from, &packets->from_ports);
    if (slice_is(parsing->word, "to"))
        return parse_side(parsing, &packets->to_any, &packets->to, &packets->to_ports);
    if (slice_is(parsing->word, "type"))
        return parse_numbers(parsing, &packets->types, "an ICMP type is missing",
                             "an ICMP type is a number from 0 to 255");
    if (slice_is(parsing->word, "code"))
        return parse_numbers(parsing, &packets->codes, "an ICMP code is missing",
                             "an ICMP code is a number from 0 to 255");
    if (slice_is(parsing->word, "hop"))
        return parse_numbers(parsing, &packets->hop_limits, "a hop limit is missing",
                             "a hop limit is a number from 0 to 255");
    if (slice_is(parsing->word, "fragment"))
        return parse_choices(parsing, &packets->fragments, fragments, "a fragment is none, first or later");
    if (slice_is(parsing->word, "socket"))
        return parse_choices(parsing, &packets->sockets, sockets,
                             "a socket is none, wildcard, bound or connected");
    if (slice_is(parsing->word, "cast"))
        return parse_choices(parsing, &packets->casts, casts,
                             "a destination is local, broadcast, multicast or other");
    if (slice_is(parsing->word, "mac"))
        return parse_mac(parsing);
    if (slice_is(parsing->word, "protocol")) {
        bool inverted;

        return take_list(parsing, "a protocol is missing", &inverted) && parse_protocols(parsing, inverted);
    }
    return parse_word(parsing);
}

static bool has_ports(const struct packets *packets)
{
    return packets->from_ports.count || packets->to_ports.count;
}

// Of a list of protocols one has to have what is asked for. The others are 0 there, and so are all where none is said: these
// pass what names what it leaves out.
static bool some_protocol(const struct packets *packets, bool (*fits)(uint8_t number), bool named)
{
    if (byte_set_empty(&packets->protocols) && !named)
        return true;
    for (unsigned number = 0; number <= UINT8_MAX; number++)
        if (byte_set_has(&packets->protocols, number) && fits((uint8_t)number))
            return true;
    return false;
}

static bool is_tcp(uint8_t number)
{
    return number == PROTOCOL_TCP;
}

static bool is_icmp(uint8_t number)
{
    return number == PROTOCOL_ICMP || number == PROTOCOL_ICMPV6;
}

static bool check_parts(struct parsing *parsing)
{
    struct packets *packets = parsing->packets;
    const bool typed = !byte_set_empty(&packets->types);

    packets->flags = flag_words_set(&parsing->flags, &parsing->problem);
    if (parsing->flags.any && !packets->flags)
        return false;
    if (has_ports(packets) && !some_protocol(packets, protocol_has_ports, parsing->some_ports))
        return fail(parsing, "ports need tcp or udp before them");
    if (packets->flags && !some_protocol(packets, is_tcp, !(packets->flags & 1) || !parsing->flags.apart))
        return fail(parsing, "flags need tcp before them");
    if (typed && !some_protocol(packets, is_icmp, parsing->some_types))
        return fail(parsing, "a type needs icmp or icmpv6 before it");
    if (!byte_set_empty(&packets->codes) && !typed)
        return fail(parsing, "a code needs a type before it");
    if (packets->sockets && packets->out.said)
        return fail(parsing, "a socket is looked for in what comes in for this host");
    if (packets->has_mac && packets->out.said && !packets->in.said)
        return fail(parsing, "what leaves this host has no MAC address yet");
    // In the other family the number is a protocol without types.
    if (typed && byte_set_has(&packets->protocols, PROTOCOL_ICMP))
        packets->families |= 1U << FAMILY_IPV4;
    if (typed && byte_set_has(&packets->protocols, PROTOCOL_ICMPV6))
        packets->families |= 1U << FAMILY_IPV6;
    return true;
}

bool packets_parse(struct arena *arena, struct slice text, struct packets *packets, struct slice *bad,
                   const char **problem)
{
    struct parsing parsing = {.arena = arena, .rest = text, .word = text, .packets = packets};
    bool fine = true;

    *packets = (struct packets){0};
    if (!slice_trim(text).length)
        fine = fail(&parsing, "no packets are named: `in any` is all that comes in");
    for (bool more = true; fine && more;) {
        parsing.word = slice_word(&parsing.rest);
        more = parsing.word.length > 0;
        fine = !more || parse_part(&parsing);
    }
    fine = fine && check_parts(&parsing);
    *bad = parsing.word.length ? parsing.word : text;
    *problem = parsing.problem;
    return fine;
}
