// SPDX-License-Identifier: GPL-2.0-or-later
//
// `add NAME MEMBER OPTIONS`: a member, or a range of them, from which the kernel makes single ones.
#include <arpa/inet.h>
#include <string.h>

#include "base/protocols.h"
#include "ipset/reader.h"
#include "rules/values.h"

enum { PROTOCOL_SCTP = 132, PROTOCOL_UDPLITE = 136 }; // IANA

#define COMMENT_MAX 255 // IPSET_MAX_COMMENT_SIZE (linux/netfilter/ipset/ip_set.h)

static const struct option {
    const char *name;
    unsigned needs; // what the set was created with
    uint64_t max;   // of a number behind it; 0: text, or nothing
    bool alone;
} options[] = {
    {"timeout", EXTENSION_TIMEOUT, 2147483, false},
    {"packets", EXTENSION_COUNTERS, UINT64_MAX - 1, false},
    {"bytes", EXTENSION_COUNTERS, UINT64_MAX - 1, false},
    {"comment", EXTENSION_COMMENT, 0, false},
    {"skbmark", EXTENSION_SKBINFO, 0, false},
    {"skbprio", EXTENSION_SKBINFO, 0, false},
    {"skbqueue", EXTENSION_SKBINFO, UINT16_MAX, false},
    {"nomatch", 0, 0, true},
};

#define OPTION_COUNT (sizeof(options) / sizeof(*options))

static const char *extension_name(unsigned extension)
{
    switch (extension) {
    case EXTENSION_TIMEOUT:
        return "timeout";
    case EXTENSION_COUNTERS:
        return "counters";
    case EXTENSION_COMMENT:
        return "comment";
    default:
        return "skbinfo";
    }
}

static const struct option *find_option(struct reader *reader, const struct making *making, struct slice text)
{
    const bool prefixes = ipset_types[making->set.kind].prefixes;
    const char *names[OPTION_COUNT + 1] = {NULL};
    struct slice name = text;

    if (slice_starts(name, "--"))
        name = (struct slice){name.at + 2, name.length - 2};
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (slice_is(name, options[i].name) && (prefixes || !options[i].alone))
            return &options[i];
        names[i] = options[i].name;
    }
    if (slice_is(name, "nomatch"))
        text_refuse(reader, text, NULL, "nomatch is for sets of prefixes, and `%s` is of the type %s",
                    making->set.name, making->type);
    else
        text_refuse(reader, text, text_nearest(reader, name, names), "`%.*s` is no option of a member",
                    QUOTE(text));
    return NULL;
}

static bool read_options(struct reader *reader, struct making *making)
{
    unsigned seen = 0;

    for (size_t at = 3; at < reader->count; at++) {
        const struct slice text = reader->words[at].text;
        const struct option *option = find_option(reader, making, text);
        uint64_t number;

        if (!option)
            return false;
        if (option->alone) {
            making_forget(making);
            return true;
        }
        if (seen & 1U << (option - options))
            return text_refuse(reader, text, NULL, "%s stands twice", option->name);
        seen |= 1U << (option - options);
        if (++at == reader->count)
            return text_refuse(reader, text, NULL, "a value follows %s", option->name);
        if (!(making->extensions & option->needs))
            return text_refuse(reader, text,
                               text_hint(reader, "create %s %s %s", making->set.name, making->type,
                                         extension_name(option->needs)),
                               "the set `%s` is created without %s", making->set.name,
                               extension_name(option->needs));
        if (option->max && !number_read(reader->words[at].text, option->max, &number))
            return text_refuse(reader, reader->words[at].text, NULL, "%s is a number up to %llu",
                               option->name, (unsigned long long)option->max);
        if (option->needs == EXTENSION_COMMENT && reader->words[at].text.length > COMMENT_MAX)
            return text_refuse(reader, reader->words[at].text, NULL, "a comment has %d bytes at most",
                               COMMENT_MAX);
    }
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Whether it could be a name of a host or a service: letters, digits, dots, dashes and low lines, a letter among them.
static bool is_name(struct slice text)
{
    bool letter = false;

    for (size_t i = 0; i < text.length; i++) {
        const char c = text.at[i];

        letter = letter || is_letter(c);
        if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_')
            return false;
    }
    return letter && text.at[0] != '-' && text.at[0] != '.' && text.at[text.length - 1] != '-';
}

// A name in brackets may hold dashes, and anything may stand in them.
static struct slice without_brackets(struct slice text)
{
    if (text.length >= 2 && text.at[0] == '[' && text.at[text.length - 1] == ']')
        return (struct slice){text.at + 1, text.length - 2};
    return text;
}

static enum reading warn_unknown(struct reader *reader, struct slice text, const char *what, const char *hint)
{
    text_warn(reader, text, hint, "what %s `%.*s` is, only the host knows: ctc knows nothing of this set",
              what, QUOTE(text));
    return READ_UNKNOWN;
}

static enum reading read_port(struct reader *reader, struct slice text, uint16_t *port)
{
    const struct slice bare = without_brackets(text);
    uint64_t number;

    if (number_read(text, UINT16_MAX, &number)) {
        *port = (uint16_t)number;
        return READ_FINE;
    }
    if (is_name(bare))
        return warn_unknown(reader, bare, "service", "write the number of its port");
    text_refuse(reader, text, NULL, "`%.*s` is no port: a number up to 65535, or a-b", QUOTE(text));
    return READ_REFUSED;
}

static enum reading read_ports(struct reader *reader, struct slice text, struct port_range *range)
{
    struct slice first = text, last = text;
    enum reading reading;

    // A name with a dash stands in brackets.
    if (text.length && text.at[0] != '[')
        slice_split(text, '-', &first, &last);
    reading = read_port(reader, first, &range->first);
    if (reading == READ_FINE && last.at != first.at)
        reading = read_port(reader, last, &range->last);
    else
        range->last = range->first;
    if (reading == READ_FINE && range->first > range->last)
        *range = (struct port_range){range->last, range->first};
    return reading;
}

static bool is_icmp(uint8_t protocol)
{
    return protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
}

// The number of a protocol, or of its name in any case; 0 where it has none.
static uint8_t find_protocol(struct slice text)
{
    char name[16];
    uint64_t number;

    if (number_read(text, UINT8_MAX, &number))
        return (uint8_t)number;
    if (text.length > sizeof(name))
        return 0;
    for (size_t i = 0; i < text.length; i++)
        name[i] = (char)(is_letter(text.at[i]) ? text.at[i] | 0x20 : text.at[i]);
    return protocol_find((struct slice){name, text.length});
}

enum reading text_ports(struct reader *reader, const struct making *making, struct slice text,
                        uint8_t *protocol, struct port_range *range)
{
    struct slice name, ports = text;

    *protocol = PROTOCOL_TCP;
    if (slice_split(text, ':', &name, &ports)) {
        *protocol = find_protocol(name);
        if (!*protocol) {
            text_refuse(reader, name, text_nearest(reader, name, protocol_names),
                        "`%.*s` is no protocol that ctc knows", QUOTE(name));
            return READ_REFUSED;
        }
    }
    if (!ipset_types[making->set.kind].addresses && *protocol != PROTOCOL_TCP && *protocol != PROTOCOL_UDP) {
        text_refuse(reader, name, NULL, "a set of ports is about TCP and UDP");
        return READ_REFUSED;
    }
    if (is_icmp(*protocol))
        return READ_UNKNOWN;
    if (*protocol == PROTOCOL_TCP || *protocol == PROTOCOL_UDP || *protocol == PROTOCOL_SCTP ||
        *protocol == PROTOCOL_UDPLITE)
        return read_ports(reader, ports, range);
    if (slice_is(ports, "0"))
        return READ_UNKNOWN;
    text_refuse(reader, text, text_hint(reader, "%.*s:0 stands for all of it", QUOTE(name)),
                "ipset knows no ports of the protocol `%.*s`", QUOTE(name));
    return READ_REFUSED;
}

// As inet_aton(3) reads it, which takes less and more than four numbers of decimal digits: 10.1 is 10.0.0.1.
static bool read_odd_address(struct slice text, struct addr *addr)
{
    char copy[INET_ADDRSTRLEN];
    struct in_addr odd;

    if (!text.length || text.length >= sizeof(copy))
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] != '.' && (text.at[i] < '0' || text.at[i] > '9'))
            return false;
    memcpy(copy, text.at, text.length);
    copy[text.length] = '\0';
    if (!inet_aton(copy, &odd))
        return false;
    *addr = (struct addr){0, ntohl(odd.s_addr)};
    return true;
}

static enum reading read_address(struct reader *reader, const struct making *making, struct slice text,
                                 struct addr *addr)
{
    const struct slice bare = without_brackets(text);
    const enum family wanted = making->set.family;
    enum family family = wanted;
    struct addr_range range;

    if (addr_parse(bare, &family, &range) == ADDR_FINE && family == wanted &&
        addr_compare(range.first, range.last) == 0) {
        *addr = range.first;
        return READ_FINE;
    }
    if (family == FAMILY_IPV4 && wanted == FAMILY_IPV4 && read_odd_address(bare, addr))
        return READ_FINE;
    if (family != wanted) {
        text_refuse(reader, text,
                    text_hint(reader, "create a set of its own for them: %s family %s", making->type,
                              family == FAMILY_IPV6 ? "inet6" : "inet"),
                    "the set `%s` holds addresses of %s", making->set.name, family_name(wanted));
        return READ_REFUSED;
    }
    if (is_name(bare))
        return warn_unknown(reader, bare, "host", "write its addresses");
    text_refuse(reader, text, NULL, "`%.*s` is no address", QUOTE(text));
    return READ_REFUSED;
}

// `ADDRESS/LENGTH`: the bits beyond it do not count.
static enum reading read_prefix(struct reader *reader, const struct making *making, struct slice address,
                                struct slice length, struct addr_range *range)
{
    const unsigned bits = family_bits(making->set.family);
    const enum reading reading = read_address(reader, making, address, &range->first);
    uint64_t number;

    if (length.length > 1 && length.at[0] == '+') // strtoull() takes a sign
        length = (struct slice){length.at + 1, length.length - 1};
    if (reading != READ_FINE)
        return reading;
    if (!number_read(length, bits, &number)) {
        text_refuse(reader, length, NULL, "the length of a prefix is a number up to %u", bits);
        return READ_REFUSED;
    }
    if (number == 0) {
        text_refuse(reader, length,
                    making->set.family == FAMILY_IPV4 ? "0.0.0.0/1 and 128.0.0.0/1 are all addresses"
                                                      : "::/1 and 8000::/1 are all addresses",
                    "no set holds a prefix of length 0");
        return READ_REFUSED;
    }

    const struct addr host = prefix_range(making->set.family, (struct prefix){{0, 0}, (uint8_t)number}).last;

    range->first.high &= ~host.high;
    range->first.low &= ~host.low;
    *range = prefix_range(making->set.family, (struct prefix){range->first, (uint8_t)number});
    return READ_FINE;
}

// `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS-ADDRESS`, the lower one first or last.
static enum reading read_addresses(struct reader *reader, const struct making *making, struct slice text,
                                   struct addr_range *range)
{
    const char *bracket = text.length && text.at[0] == '[' ? memchr(text.at, ']', text.length) : NULL;
    const size_t inside = bracket ? (size_t)(bracket - text.at) : 0;
    const struct slice tail = {text.at + inside, text.length - inside};
    struct slice left, right;
    enum reading reading;

    if (slice_split(tail, '/', &left, &right))
        return read_prefix(reader, making, (struct slice){text.at, inside + left.length}, right, range);
    if (!slice_split(tail, '-', &left, &right)) {
        reading = read_address(reader, making, text, &range->first);
        range->last = range->first;
        return reading;
    }
    reading = read_address(reader, making, (struct slice){text.at, inside + left.length}, &range->first);
    if (reading == READ_FINE)
        reading = read_address(reader, making, right, &range->last);
    if (reading != READ_FINE)
        return reading;
    if (addr_compare(range->first, range->last) > 0)
        *range = (struct addr_range){range->last, range->first};
    if (making->set.family == FAMILY_IPV4)
        return READ_FINE;
    text_refuse(reader, text, "write its prefixes", "ipset takes ranges of IPv4 alone");
    return READ_REFUSED;
}

// How many members `addresses` times `ports` are, where there is room for them. 0, and reported, where there is not.
static size_t make_room(struct reader *reader, struct making *making, uint64_t addresses, uint64_t ports)
{
    const uint64_t count = addresses * ports; // of at most 2^32 and 2^16

    if (count > making->maxelem)
        return text_refuse(reader, reader->words[2].raw,
                           text_hint(reader, "create %s %s maxelem %llu", making->set.name, making->type,
                                     (unsigned long long)count),
                           "these are %llu members, and maxelem of the set `%s` is %llu",
                           (unsigned long long)count, making->set.name, (unsigned long long)making->maxelem);
    if (count > IPSET_MEMBERS_MAX - reader->added)
        return text_refuse(reader, reader->words[2].raw,
                           addresses > 1 ? "hash:net holds prefixes as they are" : NULL,
                           "this text adds more than the %zu members that ctc reads", IPSET_MEMBERS_MAX);
    reader->added += count;
    return count;
}

static bool is_first_member(const struct making *making)
{
    return !making->members.count && !making->ports.count;
}

static bool add_ports(struct reader *reader, struct making *making, struct port_range range)
{
    if (range.first < making->range.first || range.last > making->range.last)
        return text_refuse(reader, reader->words[2].raw, NULL, "the set `%s` is for the ports %u-%u",
                           making->set.name, making->range.first, making->range.last);
    if (is_first_member(making))
        *vec_push(reader->arena, &reader->filled) = making;
    *vec_push(reader->arena, &making->ports) = range;
    return true;
}

static void push(struct reader *reader, struct making *making, struct prefix prefix, uint8_t protocol,
                 struct port_range ports)
{
    for (uint32_t port = ports.first; port <= ports.last; port++)
        *vec_push(reader->arena, &making->members) = (struct ipset_member){prefix, protocol, (uint16_t)port};
}

// Takes the first prefix off a range, as ip_set_range_to_cidr() of the kernel chooses it: for that, what lies 2^31 and more before
// the end lies behind it, and so is added address by address. False behind the last one.
static bool take_prefix(enum family family, struct addr_range *range, struct prefix *prefix)
{
    struct addr_range covered;

    if (addr_compare(range->first, range->last) > 0)
        return false;
    *prefix = range_first_prefix(family, range);
    covered = prefix_range(family, *prefix);
    if (family == FAMILY_IPV4 && range->last.low - covered.last.low > INT32_MAX) {
        prefix->bits = 32;
        covered.last = covered.first;
    }
    // Behind the last address of all there is none: the range ends before it begins.
    if (addr_compare(covered.last, range->last) == 0)
        *range = (struct addr_range){{0, 1}, {0, 0}};
    else
        range->first = addr_next(covered.last);
    return true;
}

static bool add_prefixes(struct reader *reader, struct making *making, struct addr_range range,
                         uint8_t protocol, struct port_range ports)
{
    const enum family family = making->set.family;
    const uint64_t left = IPSET_MEMBERS_MAX - reader->added;
    const uint64_t limit = making->maxelem < left ? making->maxelem : left;
    struct addr_range rest = range;
    struct prefix prefix;
    uint64_t count = 0;

    if (addr_compare(range.first, (struct addr){0, 0}) == 0 &&
        addr_compare(range.last, addr_max(family)) == 0)
        return text_refuse(reader, reader->words[2].raw, "write 0.0.0.0/1 and 128.0.0.0/1",
                           "ipset takes no range of all addresses");
    while (count <= limit && take_prefix(family, &rest, &prefix))
        count++;
    if (count > limit && range.last.low - range.first.low > INT32_MAX && family == FAMILY_IPV4) {
        reader->added += limit; // that they were counted took as long as adding them
        return text_refuse(reader, reader->words[2].raw, "write its prefixes",
                           "ipset adds so wide a range address by address, and these are too many");
    }
    if (!make_room(reader, making, count, (uint64_t)ports.last - ports.first + 1))
        return false;
    if (is_first_member(making))
        *vec_push(reader->arena, &reader->filled) = making;
    while (take_prefix(family, &range, &prefix))
        push(reader, making, prefix, protocol, ports);
    return true;
}

static bool add_addresses(struct reader *reader, struct making *making, struct addr_range range,
                          uint8_t protocol, struct port_range ports)
{
    const enum family family = making->set.family;
    struct prefix prefix = {range.first, (uint8_t)family_bits(family)};

    if (!ipset_takes(making->set.kind, family, prefix))
        return text_refuse(reader, reader->words[2].raw, "sets of prefixes, hash:net and hash:net,port, do",
                           "no set of the type %s holds the address %s", making->type,
                           family == FAMILY_IPV4 ? "0.0.0.0" : "::");
    if (family == FAMILY_IPV6 && addr_compare(range.first, range.last) != 0)
        return text_refuse(reader, reader->words[2].raw, "sets of prefixes are hash:net and hash:net,port",
                           "sets of the type %s take single addresses of IPv6", making->type);
    if (!make_room(reader, making, range.last.low - range.first.low + 1,
                   (uint64_t)ports.last - ports.first + 1))
        return false;
    if (is_first_member(making))
        *vec_push(reader->arena, &reader->filled) = making;
    for (; addr_compare(prefix.addr, range.last) < 0; prefix.addr = addr_next(prefix.addr))
        push(reader, making, prefix, protocol, ports);
    push(reader, making, prefix, protocol, ports);
    return true;
}

static bool read_member(struct reader *reader, struct making *making, struct slice text)
{
    const struct ipset_type *type = &ipset_types[making->set.kind];
    struct port_range ports = {0, 0};
    struct slice address = text, port = text;
    struct addr_range range = {{0, 0}, {0, 0}};
    enum reading reading = READ_FINE;
    uint8_t protocol = 0;

    if (slice_split(text, ',', &address, &port) != (type->addresses && type->ports))
        return text_refuse(reader, text, NULL,
                           !type->ports       ? "members of the set `%s` are addresses alone"
                           : !type->addresses ? "members of the set `%s` are ports alone"
                                              : "members of the set `%s` are ADDRESS,PROTOCOL:PORT",
                           making->set.name);
    if (type->addresses)
        reading = read_addresses(reader, making, address, &range);
    if (reading == READ_FINE && type->ports)
        reading = text_ports(reader, making, port, &protocol, &ports);
    if (reading == READ_UNKNOWN)
        making_forget(making);
    if (reading != READ_FINE)
        return reading == READ_UNKNOWN;
    return !type->addresses ? add_ports(reader, making, ports)
           : type->prefixes ? add_prefixes(reader, making, range, protocol, ports)
                            : add_addresses(reader, making, range, protocol, ports);
}

bool read_add(struct reader *reader, struct making *making)
{
    if (reader->count < 3)
        return text_refuse(reader, reader->line, "add NAME 192.0.2.1", "the member is missing");
    if (making->set.kind == IPSET_OTHER)
        return true;
    return read_member(reader, making, reader->words[2].text) &&
           (making->set.kind == IPSET_OTHER || read_options(reader, making));
}
