// SPDX-License-Identifier: GPL-2.0-or-later
//
// Texts of ipset: what is read has its members in order, each of them such as its type holds; printed, twice, it reads as the
// same set under the same name. And so it is where the text is taken for the kernel's own, and nothing in it is a mistake.
#include "ipset/ipset.h"

#include "fuzz/fuzz.h"

#define MEMBERS_MAX 5000 // of a set that is printed and read again

struct reading {
    struct arena arena;
    struct source source;
    struct diag_list diags;
    struct ipset_list list;
};

static bool read_sets(struct reading *reading, const char *bytes, size_t length)
{
    *reading = (struct reading){.source = {.name = "sets", .path = "sets", .bytes = bytes, .length = length}};
    reading->diags.arena = &reading->arena;
    return ipset_read(&reading->arena, &reading->source, &reading->list, &reading->diags);
}

static void require_member(const struct ipset *set, const struct ipset_member *member)
{
    const struct ipset_type *type = &ipset_types[set->kind];

    if (type->addresses) {
        const struct addr_range range = prefix_range(set->family, member->prefix);

        REQUIRE(ipset_takes(set->kind, set->family, member->prefix));
        REQUIRE(member->prefix.bits <= family_bits(set->family) && range_is_prefix(range));
        REQUIRE(addr_compare(range.last, addr_max(set->family)) <= 0);
    } else {
        REQUIRE(!member->prefix.bits && !member->prefix.addr.high && !member->prefix.addr.low);
    }
    REQUIRE((type->addresses && type->ports) == (member->protocol != 0));
    REQUIRE(type->ports || !member->port);
}

static void require_read_back(struct arena *arena, const struct ipset *set)
{
    const char *name = ipset_name(arena, "fuzz", set);
    struct buf out = {0};
    struct reading again;

    ipset_print(&out, set);
    ipset_print(&out, set);
    REQUIRE(read_sets(&again, out.bytes, out.length));
    REQUIRE(again.list.count == 1 && again.list.items[0]->count == set->count);
    REQUIRE(strcmp(again.list.items[0]->name, set->name) == 0 && again.list.items[0]->kind == set->kind);
    for (size_t i = 0; i < set->count; i++)
        REQUIRE(ipset_member_compare(&set->members[i], &again.list.items[0]->members[i]) == 0);
    REQUIRE(strlen(name) <= IPSET_NAME_MAX);
    REQUIRE(strcmp(name, ipset_name(arena, "fuzz", again.list.items[0])) == 0);
    arena_clear(&again.arena);
    buf_clear(&out);
}

static void require_set(struct reading *reading, const struct ipset *set)
{
    REQUIRE(ipset_find(&reading->list, slice_of(set->name)) == set);
    REQUIRE(strlen(set->name) <= IPSET_NAME_MAX && is_printable(set->name, strlen(set->name), true));
    if (set->kind == IPSET_OTHER) {
        REQUIRE(!set->count);
        return;
    }
    for (size_t i = 0; i < set->count && i < MEMBERS_MAX; i++) {
        require_member(set, &set->members[i]);
        REQUIRE(!i || ipset_member_compare(&set->members[i - 1], &set->members[i]) < 0);
    }
    if (set->count < MEMBERS_MAX)
        require_read_back(&reading->arena, set);
}

static void try_saved(const uint8_t *bytes, size_t size)
{
    struct reading reading = {
        .source = {.name = "sets", .path = "", .bytes = (const char *)bytes, .length = size}};

    REQUIRE(ipset_read_saved(&reading.arena, &reading.source, &reading.list) || !reading.list.count);
    for (size_t i = 0; i < reading.list.count; i++)
        require_set(&reading, reading.list.items[i]);
    arena_clear(&reading.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct reading reading;
    const bool fine = read_sets(&reading, (const char *)bytes, size);

    REQUIRE(fine == !reading.diags.counts[SEVERITY_ERROR]);
    for (size_t i = 0; fine && i < reading.list.count; i++)
        require_set(&reading, reading.list.items[i]);
    for (size_t i = 0; i < reading.diags.items.count; i++) {
        const struct diag *diag = &reading.diags.items.items[i];

        REQUIRE(diag->span.line >= 1 && diag->span.column >= 1 && diag->span.length >= 1);
        REQUIRE(is_printable(diag->message, strlen(diag->message), true));
    }
    arena_clear(&reading.arena);
    try_saved(bytes, size);
    return 0;
}
