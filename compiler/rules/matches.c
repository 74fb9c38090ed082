// SPDX-License-Identifier: GPL-2.0-or-later
//
// Matches: one reader for each kind that is modelled. One that says more than its model holds stays opaque, and none is
// read by half.
#include <string.h>
#include <strings.h>

#include "base/protocols.h"
#include "rules/parts.h"

enum reading {
    READ_FINE,
    READ_OPAQUE, // iptables may take it, and the model does not hold it
    READ_WRONG,  // reported
};

typedef enum reading option_reader(struct parts *parts, const struct option *option, struct match *match);

static inline __attribute__((always_inline)) bool is(const struct option *option, const char *name)
{
    return slice_is((struct slice){option->kind->name, option->kind->length}, name);
}

static enum reading refuse(const struct parts *parts, const struct option *option, const char *problem)
{
    const struct word *last = &option->words[option->count - 1];
    const struct slice all = {option->words->raw.at,
                              (size_t)(last->raw.at + last->raw.length - option->words->raw.at)};

    parts_refuse(parts, all, NULL, "`%.*s`: %s", (int)all.length, all.at, problem);
    return READ_WRONG;
}

// The number of a port, or of the name of one; opaque where only the host can say.
static enum reading read_port(const struct parts *parts, const struct option *option, struct slice text,
                              uint16_t *port)
{
    static const struct {
        const char *name;
        uint16_t number;
    } names[] = {
#define PORT(name, number) {name, number},
#include "rules/ports.def"
#undef PORT
    };
    uint64_t number;

    if (number_read(text, UINT16_MAX, &number)) {
        *port = (uint16_t)number;
        return READ_FINE;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (slice_is(text, names[i].name)) {
            *port = names[i].number;
            return READ_FINE;
        }
    }
    if (!text.length || memchr(text.at, '!', text.length))
        return refuse(parts, option, "a port is missing");
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return READ_OPAQUE;
    return refuse(parts, option, "ports end at 65535");
}

// `22`, `1024:65535`, and without an end `:1023` or `1024:`.
static enum reading read_port_range(const struct parts *parts, const struct option *option, struct slice text,
                                    struct port_range *range)
{
    struct slice first = text, last;
    enum reading reading;

    if (!slice_split(text, ':', &first, &last)) {
        reading = read_port(parts, option, text, &range->first);
        range->last = range->first;
        return reading;
    }
    *range = (struct port_range){0, UINT16_MAX};
    if (first.length && (reading = read_port(parts, option, first, &range->first)) != READ_FINE)
        return reading;
    if (last.length && (reading = read_port(parts, option, last, &range->last)) != READ_FINE)
        return reading;
    return range->first <= range->last ? READ_FINE : refuse(parts, option, "the range ends before it begins");
}

static bool read_flags(struct slice list, uint8_t *flags)
{
    static const struct {
        const char *name;
        uint8_t flags;
    } names[] = {{"SYN", TCP_SYN}, {"ACK", TCP_ACK}, {"FIN", TCP_FIN}, {"RST", TCP_RST},
                 {"PSH", TCP_PSH}, {"URG", TCP_URG}, {"ALL", 0x3F},    {"NONE", 0}};

    *flags = 0;
    for (bool more = true; more;) {
        struct slice name = list;
        bool known = false;

        more = slice_split(list, ',', &name, &list);
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
            if (name.length == strlen(names[i].name) &&
                strncasecmp(name.at, names[i].name, name.length) == 0) {
                *flags |= names[i].flags;
                known = true;
            }
        }
        if (!known)
            return false;
    }
    return true;
}

static enum reading read_tcp_flags(struct parts *parts, const struct option *option, struct match *match)
{
    if (match->transport.flags_mask)
        return refuse(parts, option, "--syn and --tcp-flags are one option");
    match->transport.flags_inverted = option->inverted;
    match->transport.flags_mask = TCP_OPENING_MASK;
    match->transport.flags = TCP_SYN;
    if (is(option, "syn"))
        return READ_FINE;
    if (!read_flags(option->values[0], &match->transport.flags_mask) ||
        !read_flags(option->values[1], &match->transport.flags))
        return refuse(parts, option, "flags are FIN,SYN,RST,PSH,ACK,URG, ALL or NONE");
    // Without a mask it is always true, or negated never.
    return match->transport.flags_mask || (!option->inverted && !match->transport.flags) ? READ_FINE
                                                                                         : READ_OPAQUE;
}

static enum reading read_transport(struct parts *parts, const struct option *option, struct match *match)
{
    int side = SIDE_SOURCE;

    if (is(option, "syn") || is(option, "tcp-flags"))
        return read_tcp_flags(parts, option, match);
    if (is(option, "dport") || is(option, "destination-port"))
        side = SIDE_DESTINATION;
    else if (!is(option, "sport") && !is(option, "source-port"))
        return READ_OPAQUE;
    if (match->transport.named[side])
        return refuse(parts, option, "this stands twice");
    match->transport.named[side] = true;
    match->transport.inverted[side] = option->inverted;

    const enum reading reading =
        read_port_range(parts, option, option->values[0], &match->transport.ports[side]);

    // Any port is none in particular.
    if (reading == READ_FINE && match->transport.ports[side].first == 0 &&
        match->transport.ports[side].last == UINT16_MAX && !option->inverted)
        match->transport.named[side] = false;
    return reading;
}

static enum reading read_multiport(struct parts *parts, const struct option *option, struct match *match)
{
    struct port_range items[MULTIPORT_SLOTS], *copy;
    struct slice list = option->values[0];
    size_t slots = 0, count = 0;

    if (match->multiport.count)
        return refuse(parts, option, "a second list needs a second -m multiport");
    for (bool more = true; more; count++) {
        struct slice item = list, last;
        enum reading reading;

        more = slice_split(list, ',', &item, &list);

        const bool range = slice_split(item, ':', &item, &last);

        slots += range ? 2 : 1;
        if (slots > MULTIPORT_SLOTS)
            return refuse(parts, option, "multiport takes 15 ports, a range counting as two");
        reading = read_port(parts, option, item, &items[count].first);
        if (reading != READ_FINE)
            return reading;
        items[count].last = items[count].first;
        if (!range)
            continue;
        reading = read_port(parts, option, last, &items[count].last);
        if (reading != READ_FINE)
            return reading;
        if (items[count].first >= items[count].last)
            return refuse(parts, option, "the range ends before it begins");
    }
    copy = arena_calloc(parts->arena, count, sizeof(*copy));
    memcpy(copy, items, count * sizeof(*copy));
    match->multiport.items = copy;
    match->multiport.count = count;
    match->multiport.inverted = option->inverted;
    match->multiport.side = is(option, "ports")                                       ? SIDE_EITHER
                            : is(option, "dports") || is(option, "destination-ports") ? SIDE_DESTINATION
                                                                                      : SIDE_SOURCE;
    return READ_FINE;
}

static enum reading read_iprange(struct parts *parts, const struct option *option, struct match *match)
{
    const int side = is(option, "dst-range") ? SIDE_DESTINATION : SIDE_SOURCE;
    struct addr_range *range = arena_alloc(parts->arena, sizeof(*range));
    struct slice first = option->values[0], last = first;

    if (match->iprange.ranges[side])
        return refuse(parts, option, "this stands twice");
    slice_split(option->values[0], '-', &first, &last);
    if (!address_plain(first, parts->family, &range->first) ||
        !address_plain(last, parts->family, &range->last))
        return refuse(parts, option, "a range is ADDRESS-ADDRESS");
    match->iprange.ranges[side] = range;
    match->iprange.inverted[side] = option->inverted;
    // iptables warns that it never matches, and loads it.
    return addr_compare(range->first, range->last) <= 0 ? READ_FINE : READ_OPAQUE;
}

struct icmp_name {
    const char *name;
    enum family family;
    uint8_t type, code_first, code_last;
};

static const struct icmp_name icmp_names[] = {
#define ICMP_TYPE(family, name, type)       {name, FAMILY_##family, type, 0, UINT8_MAX},
#define ICMP_CODE(family, name, type, code) {name, FAMILY_##family, type, code, code},
#include "rules/icmp_types.def"
#undef ICMP_TYPE
#undef ICMP_CODE
};

// The only name that begins with `text`; `*ambiguous` where there are several.
static const struct icmp_name *find_icmp_name(struct slice text, enum family family, bool *ambiguous)
{
    const struct icmp_name *found = NULL;

    *ambiguous = false;
    for (size_t i = 0; i < sizeof(icmp_names) / sizeof(*icmp_names); i++) {
        const struct icmp_name *name = &icmp_names[i];

        if (name->family != family || text.length > strlen(name->name) ||
            strncasecmp(text.at, name->name, text.length) != 0)
            continue;
        // Older versions of iptables take a whole name, newer ones find `redirect` in no other.
        if (text.length == strlen(name->name)) {
            *ambiguous = false;
            return name;
        }
        *ambiguous = found != NULL;
        found = name;
    }
    return found;
}

static enum reading read_icmp(struct parts *parts, const struct option *option, struct match *match)
{
    const struct slice text = option->values[0];
    struct slice type = text, code;
    bool ambiguous;
    const struct icmp_name *name = find_icmp_name(text, parts->family, &ambiguous);
    uint64_t number;

    if (match->icmp.code_last || match->icmp.any)
        return refuse(parts, option, "this stands twice");
    match->icmp.inverted = option->inverted;
    match->icmp.code_last = UINT8_MAX;
    if (parts->family == FAMILY_IPV4 && text.length == 3 && strncasecmp(text.at, "any", 3) == 0) {
        match->icmp.any = true;
        return READ_FINE;
    }
    if (ambiguous)
        return refuse(parts, option, "this begins more than one name of a type");
    if (name && text.length) {
        match->icmp.type = name->type;
        match->icmp.code_first = name->code_first;
        match->icmp.code_last = name->code_last;
        return READ_FINE;
    }

    const bool with_code = slice_split(text, '/', &type, &code);

    if (!number_read(type, UINT8_MAX, &number))
        return refuse(parts, option, "this is no type of ICMP");
    match->icmp.type = (uint8_t)number;
    // Type 255 stands for all of them (net/ipv4/netfilter/ip_tables.c, icmp_type_code_match).
    match->icmp.any = parts->family == FAMILY_IPV4 && number == UINT8_MAX;
    if (!with_code || match->icmp.any)
        return READ_FINE;
    if (!number_read(code, UINT8_MAX, &number))
        return memchr(code.at, ':', code.length) ? READ_OPAQUE
                                                 : refuse(parts, option, "this is no code of ICMP");
    match->icmp.code_first = match->icmp.code_last = (uint8_t)number;
    return READ_FINE;
}

// Words of a list as bits; a word may be short for its name where `short_words`. False where one is no name.
static bool read_bits(struct slice list, const char *const *names, bool short_words, unsigned *bits)
{
    *bits = 0;
    for (bool more = true; more;) {
        struct slice word = list;
        bool known = false;

        more = slice_split(list, ',', &word, &list);
        for (unsigned i = 0; names[i] && !known && word.length; i++) {
            known = (short_words ? word.length <= strlen(names[i]) : word.length == strlen(names[i])) &&
                    strncasecmp(word.at, names[i], word.length) == 0;
            *bits |= known ? 1U << i : 0;
        }
        if (!known)
            return false;
    }
    return true;
}

static enum reading read_addrtype(struct parts *parts, const struct option *option, struct match *match)
{
    static const char *const names[] = {"LOCAL", "BROADCAST", "MULTICAST", NULL}; // by bit

    (void)parts;
    if (!is(option, "dst-type") || match->addrtype.types ||
        !read_bits(option->values[0], names, false, &match->addrtype.types))
        return READ_OPAQUE;
    match->addrtype.inverted = option->inverted;
    return READ_FINE;
}

static enum reading read_states(struct parts *parts, const struct option *option, struct match *match)
{
    static const char *const names[] = {"INVALID",   "NEW",  "RELATED", "ESTABLISHED",
                                        "UNTRACKED", "SNAT", "DNAT",    NULL}; // by bit, and two more
    unsigned states;

    if (!is(option, "ctstate") && !is(option, "state"))
        return READ_OPAQUE;
    if (match->state.states)
        return refuse(parts, option, "this stands twice");
    if (!read_bits(option->values[0], names, true, &states))
        return refuse(parts, option, "states are INVALID, NEW, RELATED, ESTABLISHED and UNTRACKED");
    match->state.states = states;
    match->state.inverted = option->inverted;
    return states < STATE_UNTRACKED << 1 ? READ_FINE : READ_OPAQUE;
}

static enum reading read_helper(struct parts *parts, const struct option *option, struct match *match)
{
    if (match->helper.name)
        return refuse(parts, option, "this stands twice");
    match->helper.name = arena_copy(parts->arena, option->values[0].at, option->values[0].length);
    match->helper.inverted = option->inverted;
    return READ_FINE;
}

static enum reading read_mac(struct parts *parts, const struct option *option, struct match *match)
{
    struct slice text = option->values[0];
    uint64_t address = 0;
    unsigned bytes = 0;

    for (bool more = true; more; bytes++) {
        struct slice byte = text;
        char hex[5] = "0x";
        uint64_t value;

        more = slice_split(text, ':', &byte, &text);
        if (bytes == 6 || byte.length < 1 || byte.length > 2)
            return refuse(parts, option, "an address of Ethernet is six bytes, XX:XX:XX:XX:XX:XX");
        memcpy(hex + 2, byte.at, byte.length);
        if (!number_read((struct slice){hex, 2 + byte.length}, UINT8_MAX, &value))
            return refuse(parts, option, "an address of Ethernet is six bytes, XX:XX:XX:XX:XX:XX");
        address = address << 8 | value;
    }
    if (bytes != 6)
        return refuse(parts, option, "an address of Ethernet is six bytes, XX:XX:XX:XX:XX:XX");
    match->mac.address = address;
    match->mac.inverted = option->inverted;
    return READ_FINE;
}

static enum reading read_socket(struct parts *parts, const struct option *option, struct match *match)
{
    (void)parts;
    if (!is(option, "nowildcard"))
        return READ_OPAQUE;
    match->nowildcard = true;
    return READ_FINE;
}

static enum reading read_hoplimit(struct parts *parts, const struct option *option, struct match *match)
{
    const struct slice name = {option->kind->name, option->kind->length};
    uint64_t number;

    if (!number_read(option->values[0], UINT8_MAX, &number))
        return refuse(parts, option, "a number up to 255 must follow");
    match->hoplimit.value = (uint8_t)number;
    match->hoplimit.inverted = option->inverted;
    match->hoplimit.comparison = slice_is(name, "hl-lt") || slice_is(name, "ttl-lt")   ? COMPARE_LESS
                                 : slice_is(name, "hl-gt") || slice_is(name, "ttl-gt") ? COMPARE_GREATER
                                                                                       : COMPARE_EQUAL;
    return READ_FINE;
}

static enum reading read_fragment(struct parts *parts, const struct option *option, struct match *match)
{
    (void)parts;
    if (!is(option, "fragfirst"))
        return READ_OPAQUE;
    match->fragment_first = true;
    return READ_FINE;
}

// `5/minute`, its unit shortened or left out (libxt_limit.c, parse_rate).
static bool read_rate(struct slice text, uint32_t *events, uint32_t *period)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}};
    struct slice unit = {"second", 6};
    uint64_t number;

    slice_split(text, '/', &text, &unit);
    *period = 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units) && !*period; i++)
        if (unit.length && unit.length <= strlen(units[i].name) &&
            strncasecmp(unit.at, units[i].name, unit.length) == 0)
            *period = units[i].seconds;
    if (!*period || !parse_number(text, UINT32_MAX, &number) || !number ||
        number > (uint64_t)LIMIT_RESOLUTION * *period)
        return false;
    *events = (uint32_t)number;
    return true;
}

static enum reading read_limit(struct parts *parts, const struct option *option, struct match *match)
{
    uint64_t burst;

    if (option->inverted)
        return refuse(parts, option, "a limit cannot be negated");
    if (is(option, "limit"))
        return read_rate(option->values[0], &match->limit.events, &match->limit.period)
                   ? READ_FINE
                   : refuse(parts, option,
                            "a rate is NUMBER/second, minute, hour or day, at most 10000/second");
    if (!number_read(option->values[0], 10000, &burst))
        return refuse(parts, option, "a burst is a number up to 10000");
    match->limit.burst = (uint32_t)burst;
    return burst ? READ_FINE : READ_OPAQUE;
}

static enum reading read_hashlimit(struct parts *parts, const struct option *option, struct match *match)
{
    const struct slice value = option->values[0];

    if (!option->kind)
        return READ_FINE;
    if (is(option, "hashlimit-name"))
        match->hashlimit.name = arena_copy(parts->arena, value.at, value.length);
    else if (is(option, "hashlimit-mode"))
        match->hashlimit.buckets = value.length > 0;
    else if (is(option, "hashlimit-above"))
        match->hashlimit.above = !option->inverted;
    else if (is(option, "hashlimit-upto") || is(option, "hashlimit"))
        match->hashlimit.above = option->inverted;
    return READ_FINE;
}

static enum reading read_comment(struct parts *parts, const struct option *option, struct match *match)
{
    if (match->comment)
        return refuse(parts, option, "this stands twice");
    match->comment = arena_copy(parts->arena, option->values[0].at, option->values[0].length);
    return READ_FINE;
}

static option_reader *const readers[MATCH_COUNT] = {
    [MATCH_TCP] = read_transport,     [MATCH_UDP] = read_transport,
    [MATCH_SCTP] = read_transport,    [MATCH_DCCP] = read_transport,
    [MATCH_UDPLITE] = read_transport, [MATCH_MULTIPORT] = read_multiport,
    [MATCH_IPRANGE] = read_iprange,   [MATCH_ICMP] = read_icmp,
    [MATCH_ICMPV6] = read_icmp,       [MATCH_ADDRTYPE] = read_addrtype,
    [MATCH_CONNTRACK] = read_states,  [MATCH_STATE] = read_states,
    [MATCH_HELPER] = read_helper,     [MATCH_MAC] = read_mac,
    [MATCH_SOCKET] = read_socket,     [MATCH_HOPLIMIT] = read_hoplimit,
    [MATCH_TTL] = read_hoplimit,      [MATCH_FRAGMENT] = read_fragment,
    [MATCH_LIMIT] = read_limit,       [MATCH_HASHLIMIT_TEXT] = read_hashlimit,
    [MATCH_COMMENT] = read_comment,
};

// The protocol that the kernel wants beside a match; 0: any.
static uint8_t wanted_protocol(enum match_kind kind)
{
    switch (kind) {
    case MATCH_TCP:
        return PROTOCOL_TCP;
    case MATCH_UDP:
        return PROTOCOL_UDP;
    case MATCH_SCTP:
        return 132;
    case MATCH_DCCP:
        return 33;
    case MATCH_UDPLITE:
        return 136;
    case MATCH_ICMP:
        return PROTOCOL_ICMP;
    case MATCH_ICMPV6:
        return PROTOCOL_ICMPV6;
    default:
        return 0;
    }
}

static bool has_ports(uint8_t protocol)
{
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == 132 || protocol == 33 ||
           protocol == 136;
}

static bool check_protocol(const struct parts *parts, const struct use *use, enum match_kind kind)
{
    const uint8_t wanted = wanted_protocol(kind);
    const bool named = parts->protocol && !parts->protocol_inverted;

    if (parts->protocol_opaque || (!wanted && kind != MATCH_MULTIPORT))
        return true;
    if (kind == MATCH_MULTIPORT ? named && has_ports(parts->protocol) : named && parts->protocol == wanted)
        return true;
    return parts_refuse(parts, use->word->raw, NULL, "the match %s needs %s", use->extension->name,
                        kind == MATCH_MULTIPORT ? "-p tcp, udp, udplite, sctp or dccp"
                                                : arena_printf(parts->arena, "-p %s", protocol_name(wanted)));
}

// Options without which iptables does not take a match.
static bool is_complete(const struct match *match)
{
    switch (match->kind) {
    case MATCH_MULTIPORT:
        return match->multiport.count > 0;
    case MATCH_HASHLIMIT_TEXT:
        return match->hashlimit.name != NULL;
    case MATCH_COMMENT:
        return match->comment != NULL;
    default:
        return true;
    }
}

static bool needs_option(enum match_kind kind)
{
    switch (kind) {
    case MATCH_MULTIPORT:
    case MATCH_IPRANGE:
    case MATCH_ICMP:
    case MATCH_ICMPV6:
    case MATCH_ADDRTYPE:
    case MATCH_CONNTRACK:
    case MATCH_STATE:
    case MATCH_HELPER:
    case MATCH_MAC:
    case MATCH_HOPLIMIT:
    case MATCH_TTL:
    case MATCH_HASHLIMIT_TEXT:
    case MATCH_COMMENT:
        return true;
    default:
        return false;
    }
}

#define LIMIT_BURST_DEFAULT 5 // iptables-extensions(8), as are the 3 an hour

const char *use_text(const struct parts *parts, size_t use, const char *head, struct slice name)
{
    size_t length = strlen(head) + name.length + 1;
    char *text, *end;

    for (size_t i = 0; i < parts->option_count; i++)
        for (size_t j = 0; parts->options[i].use == use && j < parts->options[i].count; j++)
            length += parts->options[i].words[j].raw.length + 3;
    end = text = arena_alloc(parts->arena, length);
    end = mempcpy(end, head, strlen(head));
    end = name.length ? mempcpy(end, name.at, name.length) : end;
    for (size_t i = 0; i < parts->option_count; i++) {
        const struct option *option = &parts->options[i];

        if (option->use != use)
            continue;
        if (option->inverted)
            end = mempcpy(end, end == text ? "!" : " !", end == text ? 1 : 2);
        for (size_t j = 0; j < option->count; j++) {
            const struct slice raw = option->words[j].raw;

            // The `!` of an old spelling stands in front by now.
            if (option->inverted && raw.length == 1 && raw.at[0] == '!' && j == 1)
                continue;
            if (end != text)
                *end++ = ' ';
            end = mempcpy(end, raw.at, raw.length);
        }
    }
    *end = '\0';
    return text;
}

static void keep_text(const struct parts *parts, size_t use, struct match *match)
{
    const struct use *which = &parts->uses[use];

    *match = (struct match){.kind = MATCH_OPAQUE};
    match->opaque.text = use_text(parts, use, "-m ", which->name);
    match->opaque.fickle =
        which->extension && (which->extension->fickle || which->extension->kind == MATCH_LIMIT);
}

bool match_read(struct parts *parts, size_t use, struct match *match)
{
    const struct use *which = &parts->uses[use];
    const enum match_kind kind = which->extension ? which->extension->kind : MATCH_OPAQUE;
    enum reading worst = READ_FINE;
    size_t count = 0;

    if (!check_protocol(parts, which, kind))
        return false;
    match->kind = kind;
    if (kind == MATCH_LIMIT) {
        match->limit.events = 3;
        match->limit.period = 3600;
        match->limit.burst = LIMIT_BURST_DEFAULT;
    }
    if (kind == MATCH_OPAQUE) {
        keep_text(parts, use, match);
        return true;
    }
    for (size_t i = 0; i < parts->option_count && worst != READ_WRONG; i++) {
        if (parts->options[i].use != use)
            continue;

        const enum reading reading = readers[kind](parts, &parts->options[i], match);

        worst = reading > worst ? reading : worst;
        count++;
    }
    if (worst == READ_WRONG)
        return false;
    if ((!count && needs_option(kind)) || (worst == READ_FINE && !is_complete(match)))
        return parts_refuse(parts, which->word->raw, NULL, "the match %s needs an option that is not here",
                            which->extension->name);
    // Without a number the protocol is the host's business, and so is what its match looks at.
    if (worst == READ_OPAQUE ||
        (parts->protocol_opaque && (wanted_protocol(kind) || kind == MATCH_MULTIPORT)))
        keep_text(parts, use, match);
    else if (kind == MATCH_HASHLIMIT_TEXT)
        match->hashlimit.text = use_text(parts, use, "", (struct slice){NULL, 0});
    return true;
}
