// SPDX-License-Identifier: GPL-2.0-or-later
//
// The notation for sets of packets: any text is a set, or has a word that does not fit.
#include <string.h>

#include "base/protocols.h"
#include "fuzz/fuzz.h"
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

static void require_set(const struct packets *packets)
{
    const bool icmp = packets->protocol == PROTOCOL_ICMP || packets->protocol == PROTOCOL_ICMPV6;
    const bool ports = protocol_has_ports(packets->protocol);

    require_ports(&packets->from_ports);
    require_ports(&packets->to_ports);
    REQUIRE(ports || (!packets->from_ports.count && !packets->to_ports.count));
    REQUIRE(packets->type >= -1 && packets->type <= UINT8_MAX && (packets->type < 0 || icmp));
    REQUIRE((!packets->flags && !packets->no_flags) || packets->protocol == PROTOCOL_TCP);
    REQUIRE(!packets->flags || !packets->no_flags);
    REQUIRE(packets->code >= -1 && packets->code <= UINT8_MAX && (packets->code < 0 || packets->type >= 0));
    REQUIRE(packets->hop_limit >= -1 && packets->hop_limit <= UINT8_MAX);
    REQUIRE(packets->fragment >= -1 && packets->fragment <= 2);
    REQUIRE(packets->socket >= -1 && packets->socket <= 3 && (packets->socket < 0 || !packets->out));
    REQUIRE(packets->cast >= -1 && packets->cast <= 3);
    REQUIRE(packets->mac >> 48 == 0 && (packets->has_mac || !packets->mac));
    require_name(packets->in);
    require_name(packets->out);
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

static bool same_name(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
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
    REQUIRE(same_name(packets->in, again.in) && same_name(packets->out, again.out));
    REQUIRE(packets->protocol == again.protocol && packets->type == again.type);
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
    } else {
        REQUIRE(problem && *problem);
        REQUIRE(bad.at >= text.at && bad.at + bad.length <= text.at + text.length);
    }
    arena_clear(&arena);
    return 0;
}
