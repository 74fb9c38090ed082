// SPDX-License-Identifier: GPL-2.0-or-later
//
// Lists of addresses: literals, $names, files, and `not`, which takes away.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reader.h"

#define ADDRESSES_MAX    (16 << 20) // ranges of one list while it is read; half of it when it is joined
#define ADDRESS_LINE_MAX 200        // bytes that are looked at; a range of IPv6 addresses has 91
#define DEFINE_DEPTH_MAX 64         // names that stand for names

// One list while it is read. What `not` names is taken away at the end, wherever it stands.
struct list {
    struct addr_set with, without;
    bool any_with, fine;
    unsigned flags;
};

static unsigned trailing_zero_bits(enum family family, struct addr addr)
{
    unsigned bits = 0;

    while (bits < family_bits(family) && !((bits < 64 ? addr.low >> bits : addr.high >> (bits - 64)) & 1))
        bits++;
    return bits;
}

static void report_host_bits(struct reader *reader, struct span span, struct slice text, enum family family,
                             const struct addr_range *range)
{
    // Octets in IPv4, groups in IPv6 are what people mean by a prefix.
    const unsigned unit = family == FAMILY_IPV4 ? 8 : 16;
    struct slice address, length;
    struct addr_range whole;
    struct buf means = {0};

    slice_split(text, '/', &address, &length);
    addr_parse(address, &family, &whole);

    const unsigned used = family_bits(family) - trailing_zero_bits(family, whole.first);

    prefix_print(&means, family, (struct prefix){range->first, (uint8_t)strtoul(length.at, NULL, 10)});
    diag_add(reader->diags, DIAG_HOST_BITS, span, "%.*s has host bits set", (int)text.length, text.at);
    diag_hint(reader->diags, "means %s; did you mean %.*s/%u?", means.bytes, (int)address.length, address.at,
              (used + unit - 1) / unit * unit);
    buf_clear(&means);
}

static void report_syntax(struct reader *reader, struct span span, struct slice text)
{
    diag_add(reader->diags, DIAG_ADDRESS, span, "'%.*s' is not an address", QUOTE(text));
    hint_address(reader, text);
}

static bool has_netmask(struct slice text)
{
    struct slice address, length;

    return slice_split(text, '/', &address, &length) && memchr(length.at, '.', length.length);
}

// One address, or some, of ::ffff:0:0/96 (RFC 4291, section 2.5.5.2): what sockets of IPv6 show IPv4 peers as. Nothing comes
// by the net with such a source: Linux drops it. The whole prefix stands in lists of what is not to be seen.
static bool is_mapped(enum family family, struct addr_range range)
{
    const uint64_t mapped = 0xFFFF00000000;

    return family == FAMILY_IPV6 && !range.first.high && !range.last.high &&
           (range.first.low & ~(uint64_t)UINT32_MAX) == mapped &&
           (range.last.low & ~(uint64_t)UINT32_MAX) == mapped &&
           range.last.low - range.first.low < UINT32_MAX;
}

static void report_mapped(struct reader *reader, struct span span, struct slice text, struct addr_range range)
{
    struct buf address = {0};

    addr_print(&address, FAMILY_IPV4, (struct addr){0, range.first.low & UINT32_MAX});
    diag_add(reader->diags, DIAG_ADDRESS, span, "no packet comes from %.*s", QUOTE(text));
    diag_hint(reader->diags, "programs show IPv4 peers so: write %s", address.bytes);
    buf_clear(&address);
}

// Adds one literal address.
static bool add_literal(struct reader *reader, struct addr_set *set, struct span span, struct slice text)
{
    enum family family;
    struct addr_range range;

    switch (addr_parse(text, &family, &range)) {
    case ADDR_FINE:
        if (is_mapped(family, range)) {
            report_mapped(reader, span, text, range);
            break;
        }
        addr_set_add(reader->arena, set, family, range);
        return true;
    case ADDR_HOST_BITS:
        report_host_bits(reader, span, text, family, &range);
        break;
    case ADDR_LENGTH:
        diag_add(reader->diags, DIAG_ADDRESS, span, "'%.*s' has no length that fits", (int)text.length,
                 text.at);
        if (!hint_spelling(reader, text))
            diag_hint(reader->diags,
                      has_netmask(text)
                          ? "a netmask is written as the number of its bits: 255.255.255.0 is /24"
                          : "a prefix length is up to 32 in IPv4, up to 128 in IPv6");
        break;
    case ADDR_ORDER:
        diag_add(reader->diags, DIAG_ADDRESS, span, "the range '%.*s' ends before it begins",
                 (int)text.length, text.at);
        break;
    case ADDR_SYNTAX:
        report_syntax(reader, span, text);
        break;
    }
    return false;
}

static bool add_name(struct reader *reader, const struct list *list, struct addr_set *set, struct span span,
                     struct slice name)
{
    struct definition *definition = definition_find(&reader->defines, name);

    if (!definition && reader->incomplete)
        return false;
    if (!definition) {
        const char *nearest = NULL;

        diag_add(reader->diags, DIAG_UNKNOWN_NAME, span, "nothing defines $%.*s", QUOTE(name));
        if (!reader->diags->last_dropped)
            nearest = definition_nearest(&reader->defines, name);
        if (nearest)
            diag_hint(reader->diags, "did you mean $%s?", nearest);
        else
            diag_hint(reader->diags, "give it a list of addresses under `define`");
        return false;
    }
    definition->used = true;
    if (definition->state == DEFINITION_READING) {
        diag_add(reader->diags, DIAG_NAME_CYCLE, span, "$%s is defined by itself", definition->key->text);
        return false;
    }
    if (definition->state == DEFINITION_UNREAD && reader->define_depth == DEFINE_DEPTH_MAX) {
        diag_add(reader->diags, DIAG_TOO_LARGE, span, "more than %d names stand for each other",
                 DEFINE_DEPTH_MAX);
        return false;
    }
    read_definition(reader, definition);
    if (!definition->addresses)
        return false;
    if (definition->only_not && set == &list->with && (list->flags & ADDRESSES_NOT_ALONE)) {
        diag_add(reader->diags, DIAG_ONLY_NOT, span, "$%s is a list of `not` alone: nearly everyone",
                 definition->key->text);
        diag_hint(reader->diags, "name the addresses that `not` takes away from");
        return false;
    }
    if (addr_set_add_all(reader->arena, set, definition->addresses) > ADDRESSES_MAX) {
        // Names that name each other's lists again and again may be no more addresses than before.
        addr_set_normalise(set);
        if (addr_set_count(set) > ADDRESSES_MAX / 2) {
            diag_add(reader->diags, DIAG_TOO_LARGE, span, "the list has more than %d ranges of addresses",
                     ADDRESSES_MAX / 2);
            return false;
        }
    }
    return true;
}

static bool add_text(struct reader *reader, struct list *list, struct span span, struct slice text)
{
    struct slice word = text, rest = text;
    const bool negated = slice_is(slice_word(&rest), "not");
    struct addr_set *set = negated ? &list->without : &list->with;

    if (negated)
        word = slice_trim(rest);
    else
        list->any_with = true;
    if (word.length > 1 && word.at[0] == '$')
        return add_name(reader, list, set, span, (struct slice){word.at + 1, word.length - 1});
    return add_literal(reader, set, span, word);
}

static struct slice without_comment(struct slice line)
{
    static const char marks[] = {'#', ';'};

    for (size_t i = 0; i < sizeof(marks); i++) {
        const char *mark = line.length ? memchr(line.at, marks[i], line.length) : NULL;

        if (mark)
            line.length = (size_t)(mark - line.at);
    }
    return slice_trim(line);
}

// One address a line. All bad lines are reported.
static bool add_lines(struct reader *reader, struct addr_set *set, const struct source *source)
{
    struct slice rest = {source->bytes, source->length};
    bool fine = true;

    // A file written on Windows may begin with a byte order mark.
    if (slice_starts(rest, "\xEF\xBB\xBF"))
        rest = (struct slice){rest.at + 3, rest.length - 3};
    for (uint32_t number = 1; rest.length; number++) {
        struct slice line = rest, after = {rest.at + rest.length, 0};

        slice_split(rest, '\n', &line, &after);
        rest = after;

        struct slice text = without_comment(line);

        if (!text.length)
            continue;
        // No address is that long, and what is wrong shows at the front.
        if (text.length > ADDRESS_LINE_MAX)
            text.length = ADDRESS_LINE_MAX;

        const struct span span = {source, number, (uint32_t)(text.at - line.at) + 1, (uint32_t)text.length};

        fine = add_literal(reader, set, span, text) && fine;
    }
    return fine;
}

static bool add_file(struct reader *reader, struct list *list, const struct node *mapping)
{
    struct slice name;

    list->any_with = true;
    reader->file = NULL;
    if (!node_find(mapping, "file")) {
        diag_add(reader->diags, DIAG_MISSING_KEY, node_span(mapping),
                 "a mapping among addresses names a `file`");
        diag_hint(reader->diags,
                  node_find(mapping, "from") && mapping->count > 1
                      ? "what is refused to some stands under `allow`: {tcp: 22, from: 192.0.2.1, "
                        "verdict: drop}"
                      : "addresses stand by themselves, without a key: [192.0.2.1, 198.51.100.0/24]");
        return false;
    }
    if (!read_mapping(reader, mapping, SCOPE_FILE, "a file of addresses"))
        return false;
    if (!value_text(reader, reader->file, "file", &name))
        return false;

    const struct source *source = open_named_file(reader, reader->file, name, SOURCE_ADDRESSES_MAX);

    return source && add_lines(reader, &list->with, source);
}

void read_file(struct reader *reader, const struct node *value)
{
    reader->file = value;
}

// `{from: fe80::}` and `- fe80::` are mappings to YAML.
static bool is_broken_ipv6(const struct node *mapping)
{
    return mapping->count == 1 && memchr(node_key(mapping, 0)->text, ':', node_key(mapping, 0)->count);
}

static void add_item(struct reader *reader, struct list *list, const struct node *item)
{
    struct slice text;
    bool fine;

    if (item->kind == NODE_MAPPING && !is_broken_ipv6(item))
        fine = add_file(reader, list, item);
    else
        fine =
            value_scalar(reader, item, "addresses", &text) && add_text(reader, list, node_span(item), text);
    list->fine = list->fine && fine;
}

// A list that is one name is that name's set.
static const struct addr_set *lone_name(struct reader *reader, const struct node *node)
{
    size_t count;
    const struct node *items = value_items(node, &count);

    if (count != 1 || items[0].kind != NODE_SCALAR || items[0].count < 2 || items[0].text[0] != '$')
        return NULL;

    const struct definition *definition =
        definition_find(&reader->defines, (struct slice){items[0].text + 1, items[0].count - 1});

    return definition && definition->state == DEFINITION_READ && definition->used ? definition->addresses
                                                                                  : NULL;
}

const struct addr_set *read_addresses(struct reader *reader, const struct node *node, unsigned flags)
{
    const struct addr_set *shared = flags ? NULL : lone_name(reader, node);

    if (shared)
        return shared;

    struct list list = {.fine = true, .flags = flags};
    size_t count;
    const struct node *items = value_items(node, &count);
    struct addr_set *set = arena_alloc(reader->arena, sizeof(*set));

    for (size_t i = 0; i < count; i++)
        add_item(reader, &list, &items[i]);
    if (!list.fine)
        return NULL;
    if (count && !list.any_with) {
        if (flags & ADDRESSES_NOT_ALONE) {
            diag_add(reader->diags, DIAG_ONLY_NOT, node_span(node), "`not` alone would mean nearly everyone");
            diag_hint(reader->diags, "name the addresses that `not` takes away from");
            return NULL;
        }
        list.with = addr_set_all(reader->arena);
    }
    addr_set_normalise(&list.with);
    addr_set_normalise(&list.without);
    *set =
        addr_set_empty(&list.without) ? list.with : addr_set_minus(reader->arena, &list.with, &list.without);
    return set;
}

static bool is_only_not(const struct node *list)
{
    size_t count;
    const struct node *items = value_items(list, &count);

    for (size_t i = 0; i < count; i++) {
        struct slice text = node_text(&items[i]);

        if (items[i].kind != NODE_SCALAR || !slice_is(slice_word(&text), "not"))
            return false;
    }
    return count > 0;
}

void read_definition(struct reader *reader, struct definition *definition)
{
    if (definition->state != DEFINITION_UNREAD)
        return;
    definition->state = DEFINITION_READING;
    reader->define_depth++;
    definition->addresses = read_addresses(reader, definition->value, 0);
    definition->only_not = definition->addresses && is_only_not(definition->value);
    reader->define_depth--;
    definition->state = DEFINITION_READ;

    const struct addr_set *set = definition->addresses;

    if (!set || addr_set_empty(set))
        return;
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (!set->families[family].count)
            diag_add(reader->diags, DIAG_EMPTY_FAMILY, node_span(definition->key),
                     "$%s has no %s address: what uses it has no rule there", definition->key->text,
                     family_name(family));
}
