// SPDX-License-Identifier: GPL-2.0-or-later
//
// `create NAME TYPE OPTIONS`: what a set is.
#include <string.h>

#include "ipset/reader.h"
#include "rules/values.h"

#define MAXELEM_DEFAULT 65536   // IPSET_DEFAULT_MAXELEM (ip_set_hash_gen.h)
#define TIMEOUT_MAX     2147483 // seconds (ipset(8), "timeout")

// What an option does.
enum effect {
    EFFECT_NONE, // what it says does not matter to what the set holds
    EFFECT_FAMILY,
    EFFECT_MAXELEM,
    EFFECT_RANGE,
    EFFECT_FROM,
    EFFECT_TO,
    EFFECT_EXTENSION,
    EFFECT_TIMEOUT, // its members go by themselves
    EFFECT_UNKNOWN, // its members are more than they say
};

enum {
    HASHES = 1,
    PLAIN = 2,
    PORTS = 4,
    ALL = HASHES | PORTS
}; // sets: with a hash; of them, without prefixes; of ports alone

static const struct option {
    const char *name;
    unsigned sets;
    enum effect effect;
    unsigned extension;
    uint64_t max; // of the number behind it; 0: it stands alone, or no number follows
    bool text;    // something else than a number follows
} options[] = {
    {"family", HASHES, EFFECT_FAMILY, 0, 0, true},
    {"hashsize", HASHES, EFFECT_NONE, 0, UINT32_MAX, false},
    {"maxelem", HASHES, EFFECT_MAXELEM, 0, UINT32_MAX, false},
    {"bucketsize", HASHES, EFFECT_NONE, 0, UINT8_MAX, false},
    {"initval", HASHES, EFFECT_NONE, 0, UINT32_MAX, false},
    {"forceadd", HASHES, EFFECT_NONE, 0, 0, false},
    {"netmask", PLAIN, EFFECT_UNKNOWN, 0, 128, false},
    {"bitmask", PLAIN, EFFECT_UNKNOWN, 0, 0, true},
    {"range", PORTS, EFFECT_RANGE, 0, 0, true},
    {"from", PORTS, EFFECT_FROM, 0, 0, true},
    {"to", PORTS, EFFECT_TO, 0, 0, true},
    {"timeout", ALL, EFFECT_TIMEOUT, EXTENSION_TIMEOUT, TIMEOUT_MAX, false},
    {"counters", ALL, EFFECT_EXTENSION, EXTENSION_COUNTERS, 0, false},
    {"comment", ALL, EFFECT_EXTENSION, EXTENSION_COMMENT, 0, false},
    {"skbinfo", ALL, EFFECT_EXTENSION, EXTENSION_SKBINFO, 0, false},
    // Of ipset 4. Today's says that it ignores them.
    {"probes", HASHES, EFFECT_NONE, 0, UINT32_MAX, false},
    {"resize", HASHES, EFFECT_NONE, 0, UINT32_MAX, false},
    {"gc", HASHES, EFFECT_NONE, 0, UINT32_MAX, false},
};

#define OPTION_COUNT (sizeof(options) / sizeof(*options))

// Types that ipset has beside ipset_types, and what it called all of them until its version 6.
static const struct {
    const char *name;
    enum ipset_kind kind;
} types[] = {
    {"bitmap:ip", IPSET_OTHER},       {"bitmap:ip,mac", IPSET_OTHER},
    {"hash:ip,mac", IPSET_OTHER},     {"hash:ip,mark", IPSET_OTHER},
    {"hash:ip,port,ip", IPSET_OTHER}, {"hash:ip,port,net", IPSET_OTHER},
    {"hash:mac", IPSET_OTHER},        {"hash:net,iface", IPSET_OTHER},
    {"hash:net,net", IPSET_OTHER},    {"hash:net,port,net", IPSET_OTHER},
    {"list:set", IPSET_OTHER},        {"iphash", IPSET_HASH_IP},
    {"nethash", IPSET_HASH_NET},      {"ipporthash", IPSET_HASH_IP_PORT},
    {"portmap", IPSET_BITMAP_PORT},   {"ipmap", IPSET_OTHER},
    {"macipmap", IPSET_OTHER},        {"ipportiphash", IPSET_OTHER},
    {"ipportnethash", IPSET_OTHER},   {"setlist", IPSET_OTHER},
    {"iptree", IPSET_OTHER},          {"iptreemap", IPSET_OTHER},
};

#define TYPE_COUNT (sizeof(types) / sizeof(*types))

static bool read_type(struct reader *reader, struct making *making, struct slice text)
{
    const char *names[IPSET_OTHER + TYPE_COUNT + 1] = {NULL};

    for (enum ipset_kind kind = 0; kind < IPSET_OTHER; kind++) {
        names[kind] = ipset_types[kind].name;
        making->set.kind = kind;
        making->type = names[kind];
        if (slice_is(text, names[kind]))
            return true;
    }
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        names[IPSET_OTHER + i] = types[i].name;
        making->set.kind = types[i].kind;
        making->type = types[i].kind == IPSET_OTHER ? types[i].name : ipset_types[types[i].kind].name;
        making->set.holds_sets =
            slice_is(slice_of(types[i].name), "list:set") || slice_is(slice_of(types[i].name), "setlist");
        if (slice_is(text, types[i].name))
            return true;
    }

    return text_refuse(reader, text, text_nearest(reader, text, names), "`%.*s` is no type of a set",
                       QUOTE(text));
}

static unsigned sets_of(enum ipset_kind kind)
{
    const struct ipset_type *type = &ipset_types[kind];

    return !type->addresses ? PORTS : type->prefixes ? HASHES : HASHES | PLAIN;
}

static const struct option *find_option(struct reader *reader, const struct making *making, struct slice text)
{
    const unsigned sets = sets_of(making->set.kind);
    const char *names[OPTION_COUNT + 1];
    struct slice name = text;
    size_t count = 0;

    if (slice_starts(name, "--"))
        name = (struct slice){name.at + 2, name.length - 2};
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!(options[i].sets & sets))
            continue;
        if (slice_is(name, options[i].name))
            return &options[i];
        names[count++] = options[i].name;
    }
    names[count] = NULL;
    text_refuse(reader, text, text_nearest(reader, name, names), "a set of the type %s has no option `%.*s`",
                making->type, QUOTE(text));
    return NULL;
}

static bool read_family(struct reader *reader, struct making *making, struct slice text)
{
    const bool inet6 = slice_is(text, "inet6") || slice_is(text, "ipv6");

    making->set.family = inet6 ? FAMILY_IPV6 : FAMILY_IPV4;
    return inet6 || slice_is(text, "inet") || slice_is(text, "ipv4") ||
           text_refuse(reader, text, NULL, "a family is inet or inet6");
}

// A range that names services, or a port that begins or ends one.
static bool read_range(struct reader *reader, struct making *making, enum effect effect, struct slice text)
{
    struct port_range range;
    uint8_t protocol;

    switch (text_ports(reader, making, text, &protocol, &range)) {
    case READ_REFUSED:
        return false;
    case READ_UNKNOWN:
        making_forget(making);
        return true;
    case READ_FINE:
        break;
    }
    if (effect == EFFECT_RANGE && !memchr(text.at, '-', text.length))
        return text_refuse(reader, text, NULL, "a range has both ends: 1-1024");
    if (effect != EFFECT_TO)
        making->range.first = range.first;
    if (effect != EFFECT_FROM)
        making->range.last = range.last;
    return true;
}

static bool read_value(struct reader *reader, struct making *making, const struct option *option,
                       struct slice text)
{
    uint64_t number = 0;

    if (option->max && !number_read(text, option->max, &number))
        return text_refuse(reader, text, NULL, "%s is a number up to %llu", option->name,
                           (unsigned long long)option->max);
    switch (option->effect) {
    case EFFECT_FAMILY:
        return read_family(reader, making, text);
    case EFFECT_MAXELEM:
        making->maxelem = number;
        break;
    case EFFECT_RANGE:
    case EFFECT_FROM:
    case EFFECT_TO:
        return read_range(reader, making, option->effect, text);
    case EFFECT_TIMEOUT:
        making->extensions |= option->extension;
        break;
    case EFFECT_UNKNOWN:
    case EFFECT_EXTENSION:
    case EFFECT_NONE:
        break;
    }
    return true;
}

// One option, from the word `*at` on, `seen` being those before it.
static bool read_option(struct reader *reader, struct making *making, size_t *at, unsigned *seen)
{
    const struct slice text = reader->words[(*at)++].text;
    const struct option *option;

    if (sets_of(making->set.kind) != PORTS && (slice_is(text, "-4") || slice_is(text, "-6")))
        return read_family(reader, making, slice_of(text.at[1] == '4' ? "inet" : "inet6"));
    option = find_option(reader, making, text);
    if (!option)
        return false;
    if (!option->max && !option->text) {
        making->extensions |= option->extension;
        return true;
    }
    if (*seen & 1U << (option - options))
        return text_refuse(reader, text, NULL, "%s stands twice", option->name);
    *seen |= 1U << (option - options);
    if (*at == reader->count)
        return text_refuse(reader, text, NULL, "a value follows %s", option->name);
    return read_value(reader, making, option, reader->words[(*at)++].text);
}

// Whether one of the options that stand there makes the members more than they say. Who reads a text later on does not know
// which of them are still there.
static bool makes_unknown(const struct reader *reader, unsigned seen)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (seen >> i & 1 &&
            (options[i].effect == EFFECT_UNKNOWN || (options[i].effect == EFFECT_TIMEOUT && !reader->saved)))
            return true;
    return false;
}

// Both ends of the range stand there, and it runs upwards.
static bool check_range(struct reader *reader, struct making *making, unsigned seen)
{
    const struct port_range range = making->range;
    bool first = false, last = false;

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const enum effect effect = seen >> i & 1 ? options[i].effect : EFFECT_NONE;

        first = first || effect == EFFECT_RANGE || effect == EFFECT_FROM;
        last = last || effect == EFFECT_RANGE || effect == EFFECT_TO;
    }
    if (!first || !last)
        return text_refuse(reader, reader->line, "range 0-65535 is room for all",
                           "a set of the type %s needs a range", making->type);
    if (range.first > range.last)
        making->range = (struct port_range){range.last, range.first};
    return true;
}

bool read_create(struct reader *reader, struct making *making)
{
    unsigned seen = 0;

    making->maxelem = MAXELEM_DEFAULT;
    if (reader->count < 3)
        return text_refuse(reader, reader->line, "create NAME hash:net family inet",
                           "the type of the set is missing");
    if (!read_type(reader, making, reader->words[2].text))
        return false;
    if (making->set.kind == IPSET_OTHER)
        return true;

    const bool ports = sets_of(making->set.kind) == PORTS;

    for (size_t at = 3; at < reader->count;) {
        if (!read_option(reader, making, &at, &seen))
            return false;
        if (making->set.kind == IPSET_OTHER)
            return true;
    }
    if (ports && !check_range(reader, making, seen))
        return false;
    if (makes_unknown(reader, seen))
        making_forget(making);
    return true;
}
