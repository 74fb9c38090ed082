// SPDX-License-Identifier: GPL-2.0-or-later
#include "ipset/ipset.h"

#include <stddef.h>
#include <string.h>

#include "base/sort.h"

const struct ipset_type ipset_types[IPSET_OTHER] = {
#define IPSET(id, name, addresses, prefixes, ports) [IPSET_##id] = {name, addresses, prefixes, ports},
#include "ipset/kinds.def"
#undef IPSET
};

const struct ipset *ipset_find(const struct ipset_list *list, struct slice name)
{
    size_t from = 0, to = list->count;

    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        const char *other = list->by_name[middle]->name;
        const size_t length = strlen(other);
        int order = memcmp(name.at, other, name.length < length ? name.length : length);

        order = order ? order : (name.length > length) - (name.length < length);
        if (!order)
            return list->by_name[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

bool ipset_same_members(const struct ipset *a, const struct ipset *b)
{
    if (a->kind != b->kind || a->family != b->family || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (ipset_member_compare(&a->members[i], &b->members[i]) != 0)
            return false;
    return true;
}

int ipset_member_compare(const struct ipset_member *a, const struct ipset_member *b)
{
    const int order = addr_compare(a->prefix.addr, b->prefix.addr);

    if (order)
        return order;
    if (a->prefix.bits != b->prefix.bits)
        return a->prefix.bits < b->prefix.bits ? -1 : 1;
    if (a->protocol != b->protocol)
        return a->protocol < b->protocol ? -1 : 1;
    return (a->port > b->port) - (a->port < b->port);
}

static int compare(const void *a, const void *b)
{
    return ipset_member_compare(a, b);
}

size_t ipset_members_sort(struct ipset_member *members, size_t count)
{
    size_t kept = 0;

    sort_by_addr(members, count, sizeof(*members),
                 offsetof(struct ipset_member, prefix) + offsetof(struct prefix, addr), compare);
    for (size_t i = 0; i < count; i++)
        if (!kept || ipset_member_compare(&members[kept - 1], &members[i]) != 0)
            members[kept++] = members[i];
    return kept;
}

bool ipset_takes(enum ipset_kind kind, enum family family, struct prefix prefix)
{
    const struct ipset_type *type = &ipset_types[kind];

    if (type->prefixes)
        return prefix.bits > 0;
    return prefix.bits == family_bits(family) && (prefix.addr.high || prefix.addr.low);
}
