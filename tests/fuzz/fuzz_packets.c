// SPDX-License-Identifier: GPL-2.0-or-later
//
// The notation for sets of packets: any text is a set, or has a word that does not fit.
#include <string.h>

#include "base/protocols.h"
#include "fuzz/fuzz.h"
#include "packets/flags.h"
#include "packets/packets.h"

static void require_ports(const struct port_set *ports)
{
    for (size_t i = 0; i < ports->count; i++) {
        REQUIRE(ports->items[i].first <= ports->items[i].last);
        REQUIRE(i == 0 || ports->items[i].first > (uint32_t)ports->items[i - 1].last + 1);
    }
}

static void require_addresses(const struct addr_set *set)
{
    REQUIRE(set->families[FAMILY_IPV4].count + set->families[FAMILY_IPV6].count >= 1);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < set->families[family].count; i++)
            REQUIRE(addr_compare(set->families[family].items[i].first, set->families[family].items[i].last) <=
                    0);
}

// 15 characters are what a name of an interface can have (IFNAMSIZ, linux/if.h).
static void require_name(const char *name)
{
    REQUIRE(!name || (name[0] && strlen(name) <= 15 && is_printable(name, strlen(name), false)));
}

static void require_interfaces(const struct packet_interfaces *interfaces)
{
    REQUIRE(interfaces->said || !interfaces->count);
    REQUIRE(interfaces->count || !interfaces->inverted);
    for (size_t i = 0; i < interfaces->count; i++)
        require_name(interfaces->items[i]);
}

static bool has_some(const struct byte_set *set, bool (*fits)(uint8_t number))
{
    for (unsigned value = 0; value <= UINT8_MAX; value++)
        if (byte_set_has(set, value) && fits((uint8_t)value))
            return true;
    return false;
}

static bool is_icmp(uint8_t number)
{
    return number == PROTOCOL_ICMP || number == PROTOCOL_ICMPV6;
}

static bool is_tcp(uint8_t number)
{
    return number == PROTOCOL_TCP;
}

// What is printed of flags is read as what it was.
static void require_flags(struct arena *arena, uint64_t flags)
{
    struct buf text = {0};
    struct packets again;
    struct slice bad;
    const char *problem;

    if (flags && ~flags) {
        buf_text(&text, "tcp ");
        flag_set_print(&text, flags, 0);
        REQUIRE(packets_parse(arena, (struct slice){text.bytes, text.length}, &again, &bad, &problem));
        REQUIRE(again.flags == flags);
    }
    buf_clear(&text);
}

static void require_set(const struct packets *packets)
{
    require_ports(&packets->from_ports);
    require_ports(&packets->to_ports);
    REQUIRE((!packets->from_ports.count && !packets->to_ports.count) || byte_set_empty(&packets->protocols) ||
            has_some(&packets->protocols, protocol_has_ports));
    REQUIRE(byte_set_empty(&packets->types) || byte_set_empty(&packets->protocols) ||
            has_some(&packets->protocols, is_icmp));
    REQUIRE(byte_set_empty(&packets->codes) || !byte_set_empty(&packets->types));
    REQUIRE(!packets->flags || byte_set_empty(&packets->protocols) || has_some(&packets->protocols, is_tcp));
    REQUIRE(packets->states < 1 << 5 && packets->families < 1 << FAMILY_COUNT);
    REQUIRE(packets->fragments < 1 << 3 && packets->sockets < 1 << 4 && packets->casts < 1 << 4);
    REQUIRE(!packets->sockets || !packets->out.said);
    REQUIRE(packets->mac >> 48 == 0 && (packets->has_mac || !packets->mac));
    require_interfaces(&packets->in);
    require_interfaces(&packets->out);
    REQUIRE(!packets->from_any || !packets->from);
    REQUIRE(!packets->to_any || !packets->to);
    if (packets->from)
        require_addresses(packets->from);
    if (packets->to)
        require_addresses(packets->to);
}

static bool same_ports(const struct port_set *a, const struct port_set *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->items[i].first != b->items[i].first || a->items[i].last != b->items[i].last)
            return false;
    return true;
}

static bool same_interfaces(const struct packet_interfaces *a, const struct packet_interfaces *b)
{
    if (a->said != b->said || a->inverted != b->inverted || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

static bool same_bytes(const struct byte_set *a, const struct byte_set *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

// Words with one blank between them mean the same.
static void require_blanks_ignored(struct arena *arena, struct slice text, const struct packets *packets)
{
    struct buf words = {0};
    struct packets again;
    struct slice bad;
    const char *problem;

    for (struct slice word = slice_word(&text); word.length; word = slice_word(&text)) {
        buf_append(&words, word.at, word.length);
        buf_char(&words, ' ');
    }
    REQUIRE(packets_parse(arena, (struct slice){words.bytes ? words.bytes : "", words.length}, &again, &bad,
                          &problem));
    REQUIRE(same_interfaces(&packets->in, &again.in) && same_interfaces(&packets->out, &again.out));
    REQUIRE(same_bytes(&packets->protocols, &again.protocols) && same_bytes(&packets->types, &again.types));
    REQUIRE(packets->states == again.states && packets->flags == again.flags);
    REQUIRE(same_ports(&packets->from_ports, &again.from_ports));
    REQUIRE(same_ports(&packets->to_ports, &again.to_ports));
    buf_clear(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    const struct slice text = {arena_copy(&arena, (const char *)bytes, size), size};
    struct packets packets;
    struct slice bad = {0};
    const char *problem = NULL;

    if (packets_parse(&arena, text, &packets, &bad, &problem)) {
        require_set(&packets);
        require_blanks_ignored(&arena, text, &packets);
        require_flags(&arena, packets.flags);
    } else {
        REQUIRE(problem && *problem);
        REQUIRE(bad.at >= text.at && bad.at + bad.length <= text.at + text.length);
    }
    arena_clear(&arena);
    return 0;
}
