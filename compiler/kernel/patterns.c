// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/patterns.h"

#include <linux/netfilter/xt_tcpudp.h>

#include "base/vec.h"
#include "emit/restore.h"

// Ports stand where they are looked for: see pattern_fits().
static bool has_ports(const struct match *match)
{
    return match->kind == MATCH_TCP || match->kind == MATCH_UDP;
}

bool match_is_header(const struct match *match)
{
    return match->kind == MATCH_OPAQUE && strncmp(match->opaque.text, "-m", 2) != 0;
}

// What libxtables says of ports that are no range is for it to say.
static bool has_ports_reversed(const struct match *match)
{
    for (int side = 0; has_ports(match) && side < 2; side++)
        if (match->transport.named[side] &&
            match->transport.ports[side].first > match->transport.ports[side].last)
            return true;
    return false;
}

// What libxtables makes of a part of the header is the rule's alone.
static bool stands_alone(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (match_is_header(&rule->matches[i]) || has_ports_reversed(&rule->matches[i]))
            return true;
    return false;
}

_Static_assert(MATCH_COUNT < ' ', "the text of a match begins with a blank, which is no kind of one");

static void put_but_ports(struct buf *key, const struct match *match)
{
    const uint8_t bytes[] = {(uint8_t)match->kind,         match->transport.named[0],
                             match->transport.named[1],    match->transport.inverted[0],
                             match->transport.inverted[1], match->transport.flags_mask,
                             match->transport.flags,       match->transport.flags_inverted};

    buf_append(key, (const char *)bytes, sizeof(bytes));
}

static void put_match_key(struct buf *key, const struct match *match, enum family family)
{
    if (has_ports(match)) {
        put_but_ports(key, match);
    } else {
        restore_match(key, match, family);
        buf_char(key, '\0');
    }
}

// All that libxtables gets to see of a rule, ports apart: plugins go by the protocol.
static void put_key(struct buf *key, enum family family, const struct rule *rule, const struct target *made)
{
    buf_char(key, (char)rule->protocol);
    buf_char(key, rule->protocol_inverted);
    for (size_t i = 0; i < rule->match_count; i++)
        put_match_key(key, &rule->matches[i], family);
    if (made)
        restore_target(key, made);
}

// Where a pattern stands in the index, or would.
static uint32_t *find_slot(const struct patterns *patterns, const char *key, size_t length, uint64_t hash)
{
    size_t slot = (size_t)hash & (patterns->index_size - 1);

    for (; patterns->index[slot]; slot = (slot + 1) & (patterns->index_size - 1)) {
        const struct pattern *found = &patterns->items[patterns->index[slot] - 1];

        if (found->hash == hash && found->key_length == length && memcmp(found->key, key, length) == 0)
            break;
    }
    return &patterns->index[slot];
}

static void grow_index(struct patterns *patterns)
{
    patterns->index_size = patterns->index_size ? patterns->index_size * 4 : 256;
    patterns->index = arena_calloc(patterns->arena, patterns->index_size, sizeof(*patterns->index));
    for (size_t i = 0; i < patterns->count; i++) {
        const struct pattern *pattern = &patterns->items[i];

        if (pattern->key)
            *find_slot(patterns, pattern->key, pattern->key_length, pattern->hash) = (uint32_t)i + 1;
    }
}

uint32_t pattern_find(struct patterns *patterns, const struct rule *rule, const struct target *made)
{
    struct pattern pattern = {0};
    struct buf *key = &patterns->key;
    uint32_t *slot;

    if (!patterns->each && !stands_alone(rule)) {
        key->length = 0;
        put_key(key, patterns->family, rule, made);
        pattern.hash = slice_hash((struct slice){key->bytes, key->length});
        if (patterns->count * 2 >= patterns->index_size)
            grow_index(patterns);
        slot = find_slot(patterns, key->bytes, key->length, pattern.hash);
        if (*slot)
            return *slot - 1;
        *slot = (uint32_t)patterns->count + 1;
        pattern.key = arena_copy(patterns->arena, key->bytes, key->length);
        pattern.key_length = key->length;
    }
    *vec_push(patterns->arena, patterns) = pattern;
    return (uint32_t)patterns->count - 1;
}

void patterns_clear(struct patterns *patterns)
{
    buf_clear(&patterns->key);
    patterns->count = patterns->index_size = 0;
}

// struct xt_tcp and struct xt_udp both begin with the ports of the source, and then those of the destination.
_Static_assert(offsetof(struct xt_tcp, spts) == 0 && offsetof(struct xt_udp, spts) == 0 &&
                   offsetof(struct xt_tcp, dpts) == offsetof(struct xt_udp, dpts),
               "the ports of TCP and UDP stand in different places");

static void port_bytes(const struct match *match, int side, uint16_t ports[2])
{
    ports[0] = match->transport.named[side] ? match->transport.ports[side].first : 0;
    ports[1] = match->transport.named[side] ? match->transport.ports[side].last : UINT16_MAX;
}

static void put_ports(char *data, const struct match *match)
{
    uint16_t ports[2][2];

    for (int side = 0; side < 2; side++)
        port_bytes(match, side, ports[side]);
    memcpy(data, ports, sizeof(ports));
}

// Whether libxtables wrote the ports where they are taken to stand.
static bool has_ports_in_place(const struct match *match, const struct xt_entry_match *made)
{
    char wanted[sizeof(uint16_t[2][2])];

    put_ports(wanted, match);
    return made->u.match_size >= sizeof(*made) + sizeof(struct xt_udp) && !made->u.user.revision &&
           memcmp(made->data, wanted, sizeof(wanted)) == 0;
}

bool pattern_fits(const struct pattern *pattern, const struct entry_layout *layout, const struct rule *rule)
{
    const size_t end = entry_number(pattern->entry, layout->matches);
    size_t at = layout->body;

    if (!pattern->key)
        return true;
    for (size_t i = 0; i < rule->match_count; i++) {
        const struct xt_entry_match *made = entry_match(pattern->entry, at);

        if (at >= end || (has_ports(&rule->matches[i]) && !has_ports_in_place(&rule->matches[i], made)))
            return false;
        at += made->u.match_size;
    }
    return at == end;
}

void pattern_write(const struct pattern *pattern, const struct entry_layout *layout, const struct rule *rule,
                   char *entry)
{
    const size_t length = entry_number(pattern->entry, layout->length);
    size_t at = layout->body;

    memcpy(entry, pattern->entry, length);
    if (!pattern->key)
        return;
    entry_put_header(entry, layout, rule);
    entry_put_number(entry, layout->matches, entry_number(pattern->entry, layout->matches));
    entry_put_number(entry, layout->length, length);
    for (size_t i = 0; i < rule->match_count; i++, at += entry_match(entry, at)->u.match_size)
        if (has_ports(&rule->matches[i]))
            put_ports(entry + at + sizeof(struct xt_entry_match), &rule->matches[i]);
}
