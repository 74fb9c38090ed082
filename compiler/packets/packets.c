// SPDX-License-Identifier: GPL-2.0-or-later
#include "packets/packets.h"

#include <string.h>

#include "base/interface.h"
#include "base/protocols.h"

struct parsing {
    struct arena *arena;
    struct slice rest;
    struct slice word; // the one just taken
    struct packets *packets;
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

static bool parse_interface(struct parsing *parsing, const char **name)
{
    if (*name)
        return fail(parsing, "the interface is named twice");
    if (!take(parsing, "the name of an interface is missing"))
        return false;
    if (interface_problem(parsing->word))
        return fail(parsing, interface_problem(parsing->word));
    *name = arena_copy(parsing->arena, parsing->word.at, parsing->word.length);
    return true;
}

static bool parse_ports(struct parsing *parsing, struct port_set *ports)
{
    if (!take(parsing, "a port is missing"))
        return false;

    struct slice list = parsing->word;

    for (bool more = true; more;) {
        struct slice item = list;
        struct port_range range = {0, 0};

        more = slice_split(list, ',', &item, &list);

        // No service has port 0, and packets do.
        const char *problem = slice_is(item, "0") ? NULL : port_range_parse(item, &range);

        if (problem)
            return fail(parsing, problem);
        port_set_add(parsing->arena, ports, range);
    }
    return true;
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

static bool parse_addresses(struct parsing *parsing, bool *any, const struct addr_set **addresses)
{
    struct addr_set *set;
    struct slice list;

    if (!take(parsing, "an address is missing"))
        return false;
    if (slice_is(parsing->word, "any")) {
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
    *addresses = set;
    return true;
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

static bool parse_byte(struct parsing *parsing, int *value, const char *missing, const char *wrong)
{
    uint64_t number;

    if (*value >= 0)
        return fail(parsing, "this is said twice");
    if (!take(parsing, missing))
        return false;
    if (!parse_number(parsing->word, UINT8_MAX, &number))
        return fail(parsing, wrong);
    *value = (int)number;
    return true;
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

static bool parse_choice(struct parsing *parsing, int *value, const char *const *words, const char *wrong)
{
    if (*value >= 0)
        return fail(parsing, "this is said twice");
    if (!take(parsing, wrong))
        return false;
    for (int i = 0; words[i]; i++)
        if (slice_is(parsing->word, words[i]))
            *value = i;
    return *value >= 0 || fail(parsing, wrong);
}

#define WORDS                                                                                              \
    "in, out, from, to, port, a protocol, type, code, hop, fragment, socket, cast, mac, a state or a TCP " \
    "flag"

// Words of the notation, and those that people bring from elsewhere with what they stand for here.
static const char *const all_words[] = {
    "in",     "out",    "from",     "to",  "port", "type",        "code",     "hop",     "fragment",
    "socket", "cast",   "protocol", "mac", "new",  "established", "related",  "invalid", "untracked",
    "fin",    "syn",    "rst",      "psh", "ack",  "urg",         "no-flags", "tcp",     "udp",
    "icmp",   "icmpv6", "sctp",     "esp", "gre",  "any",         NULL,
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

static bool parse_protocol(struct parsing *parsing)
{
    const uint8_t protocol = protocol_find(parsing->word);

    if (!protocol)
        return fail_word(parsing);
    if (parsing->packets->protocol)
        return fail(parsing, parsing->word.at[0] <= '9' && !slice_is(parsing->word, "6in4")
                                 ? "the protocol is named twice; a port is written `to port 22`"
                                 : "the protocol is named twice");
    parsing->packets->protocol = protocol;
    return true;
}

static bool parse_word(struct parsing *parsing)
{
    static const struct {
        const char *word;
        unsigned state;
        uint8_t flag;
    } words[] = {
        {"new", PACKET_NEW, 0},
        {"established", PACKET_ESTABLISHED, 0},
        {"related", PACKET_RELATED, 0},
        {"invalid", PACKET_INVALID, 0},
        {"untracked", PACKET_UNTRACKED, 0},
        {"fin", 0, 0x01},
        {"syn", 0, 0x02},
        {"rst", 0, 0x04},
        {"psh", 0, 0x08},
        {"ack", 0, 0x10},
        {"urg", 0, 0x20},
    };
    struct packets *packets = parsing->packets;

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (slice_is(parsing->word, words[i].word)) {
            packets->states |= words[i].state;
            packets->flags |= words[i].flag;
            return true;
        }
    }
    if (slice_is(parsing->word, "no-flags")) {
        packets->no_flags = true;
        return true;
    }
    return parse_protocol(parsing);
}

static bool parse_part(struct parsing *parsing)
{
    static const char *const fragments[] = {"none", "first", "later", NULL};
    static const char *const sockets[] = {"none", "wildcard", "bound", "connected", NULL};
    static const char *const casts[] = {"local", "broadcast", "multicast", "other", NULL};
    struct packets *packets = parsing->packets;

    if (slice_is(parsing->word, "in"))
        return parse_interface(parsing, &packets->in);
    if (slice_is(parsing->word, "out"))
        return parse_interface(parsing, &packets->out);
    if (slice_is(parsing->word, "from"))
        return parse_side(parsing, &packets->from_any, &packets->from, &packets->from_ports);
    if (slice_is(parsing->word, "to"))
        return parse_side(parsing, &packets->to_any, &packets->to, &packets->to_ports);
    if (slice_is(parsing->word, "type"))
        return parse_byte(parsing, &packets->type, "an ICMP type is missing",
                          "an ICMP type is a number from 0 to 255");
    if (slice_is(parsing->word, "code"))
        return parse_byte(parsing, &packets->code, "an ICMP code is missing",
                          "an ICMP code is a number from 0 to 255");
    if (slice_is(parsing->word, "hop"))
        return parse_byte(parsing, &packets->hop_limit, "a hop limit is missing",
                          "a hop limit is a number from 0 to 255");
    if (slice_is(parsing->word, "fragment"))
        return parse_choice(parsing, &packets->fragment, fragments, "a fragment is none, first or later");
    if (slice_is(parsing->word, "socket"))
        return parse_choice(parsing, &packets->socket, sockets,
                            "a socket is none, wildcard, bound or connected");
    if (slice_is(parsing->word, "cast"))
        return parse_choice(parsing, &packets->cast, casts,
                            "a destination is local, broadcast, multicast or other");
    if (slice_is(parsing->word, "mac"))
        return parse_mac(parsing);
    if (slice_is(parsing->word, "protocol"))
        return take(parsing, "a protocol is missing") && parse_protocol(parsing);
    return parse_word(parsing);
}

static bool has_ports(const struct packets *packets)
{
    return packets->from_ports.count || packets->to_ports.count;
}

static bool check_parts(struct parsing *parsing)
{
    const struct packets *packets = parsing->packets;
    const bool tcp = packets->protocol == PROTOCOL_TCP;
    const bool icmp = packets->protocol == PROTOCOL_ICMP || packets->protocol == PROTOCOL_ICMPV6;

    if (has_ports(packets) && !protocol_has_ports(packets->protocol))
        return fail(parsing, "ports need tcp or udp before them");
    if ((packets->flags || packets->no_flags) && !tcp)
        return fail(parsing, "flags need tcp before them");
    if (packets->flags && packets->no_flags)
        return fail(parsing, "`no-flags` stands beside no flag");
    if (packets->type >= 0 && !icmp)
        return fail(parsing, "a type needs icmp or icmpv6 before it");
    if (packets->code >= 0 && packets->type < 0)
        return fail(parsing, "a code needs a type before it");
    if (packets->socket >= 0 && packets->out)
        return fail(parsing, "a socket is looked for in what comes in for this host");
    if (packets->has_mac && packets->out && !packets->in)
        return fail(parsing, "what leaves this host has no MAC address yet");
    return true;
}

bool packets_parse(struct arena *arena, struct slice text, struct packets *packets, struct slice *bad,
                   const char **problem)
{
    struct parsing parsing = {.arena = arena, .rest = text, .word = text, .packets = packets};
    bool fine = true;

    *packets =
        (struct packets){.type = -1, .code = -1, .hop_limit = -1, .fragment = -1, .socket = -1, .cast = -1};
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
