// SPDX-License-Identifier: GPL-2.0-or-later
//
// The words of the notation, and what may stand together.
#include "packets/packets.h"

#include <string.h>

#include "base/protocols.h"
#include "packets/parsing.h"

bool packets_only_by(const struct packet_interfaces *interfaces, const char *name)
{
    return interfaces->count == 1 && !interfaces->inverted && strcmp(interfaces->items[0], name) == 0;
}

#define WORDS                                                                                            \
    "in, out, from, to, port, a protocol, type, code, hop, fragment, socket, cast, mac, a state, a TCP " \
    "flag or not"

// Words of the notation.
static const char *const all_words[] = {
    "in",   "out",      "from", "to",  "port",        "type",    "code",    "hop",       "fragment", "socket",
    "cast", "protocol", "mac",  "new", "established", "related", "invalid", "untracked", "fin",      "syn",
    "rst",  "psh",      "ack",  "urg", "no-flags",    "tcp",     "udp",     "icmp",      "icmpv6",   "sctp",
    "esp",  "gre",      "any",  "not", "with",        "without", NULL,
};
static bool fail_word(struct parsing *parsing)
{
    const char *suggested = suggested_word(parsing->word, all_words);
    struct slice first, second;

    if (slice_split(parsing->word, '/', &first, &second) && (protocol_find(first) || protocol_find(second)))
        return parsing_fail(parsing, "a protocol and its port are written `tcp to port 22`");
    if (slice_is(parsing->word, "port"))
        return parsing_fail(parsing, "whose port? say `from port` or `to port`");
    if (suggested && !slice_is(parsing->word, suggested))
        return parsing_fail(parsing, arena_printf(parsing->arena, "did you mean `%s`?", suggested));
    return parsing_fail(parsing, "not a word of the notation: " WORDS);
}

// One protocol of a list, or a range of numbers. A name may be one family's alone.
static bool add_protocols(struct parsing *parsing, struct slice item, bool inverted)
{
    struct packets *packets = parsing->packets;
    const uint8_t protocol = protocol_find(item);
    unsigned first = protocol, last = protocol;

    if (!protocol && (!parsing_number_range(item, &first, &last) || !last))
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
    struct slice list = parsing->word, item;

    while (slice_item(&list, ',', &item)) {
        if (!add_protocols(parsing, item, inverted))
            return fail_word(parsing);
    }
    if (again)
        return parsing_fail(parsing, parsing->word.at[0] <= '9' && !slice_is(parsing->word, "6in4")
                                         ? "the protocol is named twice; a port is written `to port 22`"
                                         : "the protocol is named twice");
    if (inverted)
        byte_set_invert(&packets->protocols);
    return !byte_set_empty(&packets->protocols) || parsing_fail(parsing, "no protocol is left");
}

const char *const packet_state_words[] = {"new", "established", "related", "invalid", "untracked", NULL};
const char *const packet_fragment_words[] = {"none", "first", "later", NULL};
const char *const packet_socket_words[] = {"none", "wildcard", "bound", "connected", NULL};
const char *const packet_cast_words[] = {"local", "broadcast", "multicast", "other", NULL};

static unsigned state_named(struct slice word)
{
    for (unsigned i = 0; packet_state_words[i]; i++)
        if (slice_is(word, packet_state_words[i]))
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
        return parsing_fail(parsing, "`not` stands before new, established, related or invalid");
    packets->states = (packets->states ? packets->states : TRACKER_STATES) & ~state;
    return packets->states || parsing_fail(parsing, "no state is left");
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
    if (inverted && !parsing_take(parsing, "`not` stands before a list, a state or flags"))
        return false;
    if (inverted && state_named(parsing->word))
        return parse_other_states(parsing);
    return parse_protocols(parsing, inverted);
}

static bool parse_part(struct parsing *parsing)
{
    struct packets *packets = parsing->packets;

    if (slice_is(parsing->word, "in"))
        return parsing_interfaces(parsing, &packets->in);
    if (slice_is(parsing->word, "out"))
        return parsing_interfaces(parsing, &packets->out);
    if (slice_is(parsing->word, "from"))
        return parsing_side(parsing, &packets->from_any, &packets->from, &packets->from_ports);
    if (slice_is(parsing->word, "to"))
        return parsing_side(parsing, &packets->to_any, &packets->to, &packets->to_ports);
    if (slice_is(parsing->word, "type"))
        return parsing_numbers(
            parsing, &packets->types, "an ICMP type is missing",
            "an ICMP type is a number from 0 to 255: echo requests are 8, and 128 in IPv6");
    if (slice_is(parsing->word, "code"))
        return parsing_numbers(parsing, &packets->codes, "an ICMP code is missing",
                               "an ICMP code is a number from 0 to 255");
    if (slice_is(parsing->word, "hop"))
        return parsing_numbers(parsing, &packets->hop_limits, "a hop limit is missing",
                               "a hop limit is a number from 0 to 255");
    if (slice_is(parsing->word, "fragment"))
        return parsing_choices(parsing, &packets->fragments, packet_fragment_words,
                               "a fragment is none, first or later");
    if (slice_is(parsing->word, "socket"))
        return parsing_choices(parsing, &packets->sockets, packet_socket_words,
                               "a socket is none, wildcard, bound or connected");
    if (slice_is(parsing->word, "cast"))
        return parsing_choices(parsing, &packets->casts, packet_cast_words,
                               "a destination is local, broadcast, multicast or other");
    if (slice_is(parsing->word, "mac"))
        return parsing_mac(parsing);
    if (slice_is(parsing->word, "protocol")) {
        bool inverted;

        return parsing_take_list(parsing, "a protocol is missing", &inverted) &&
               parse_protocols(parsing, inverted);
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
    if (!parsing_service_protocols(parsing))
        return false;
    if (has_ports(packets) && !some_protocol(packets, protocol_has_ports, parsing->some_ports))
        return parsing_fail(parsing, "ports need tcp or udp before them");
    if (packets->flags && !some_protocol(packets, is_tcp, !(packets->flags & 1) || !parsing->flags.apart))
        return parsing_fail(parsing, "flags need tcp before them");
    if (typed && !some_protocol(packets, is_icmp, parsing->some_types))
        return parsing_fail(parsing, "a type needs icmp or icmpv6 before it");
    if (!byte_set_empty(&packets->codes) && !typed)
        return parsing_fail(parsing, "a code needs a type before it");
    if (packets->sockets && packets->out.said)
        return parsing_fail(parsing, "a socket is looked for in what comes in for this host");
    if (packets->has_mac && packets->out.said && !packets->in.said)
        return parsing_fail(parsing, "what leaves this host has no MAC address yet");
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
        fine = parsing_fail(&parsing, "no packets are named: `in any` is all that comes in");
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
