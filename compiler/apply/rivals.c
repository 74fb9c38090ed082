// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/rivals.h"

#include <string.h>

#include "kernel/nftables.h"

static const char *add(struct arena *arena, const char *list, const char *item)
{
    return list ? arena_printf(arena, "%s, %s", list, item) : item;
}

static bool is_live(const struct kernel_table *table)
{
    bool live = false;

    for (size_t i = 0; i < table->chains.count; i++)
        live = live || table->chains.items[i].rules.count || table->chains.items[i].policy == CHAIN_DROP;
    return live;
}

static bool find_legacy(struct arena *arena, struct rivals *rivals, struct kernel_error *error)
{
    struct kernel_tables tables = {0};
    bool fine = true;

    for (enum family family = 0; family < FAMILY_COUNT && fine; family++)
        if (libiptc_available(family))
            fine = kernel_tables_read(arena, &libiptc_backend, family, &tables, error);
    for (size_t i = 0; i < tables.count && fine; i++) {
        const struct kernel_table *table = tables.items[i];

        if (is_live(table))
            rivals->live = add(arena, rivals->live,
                               arena_printf(arena, "%s %s", family_name(table->family), table->name));
    }
    kernel_tables_close(&tables);
    return fine;
}

static const char *foreign_words(struct arena *arena, const struct nft_table *table)
{
    return arena_printf(arena, "%s %s (%s)", table->family, table->name,
                        !table->tracks    ? "filters"
                        : !table->filters ? "tracks"
                                          : "filters and tracks");
}

bool rivals_find(struct arena *arena, const struct kernel_backend *backend, struct rivals *rivals,
                 struct kernel_error *error)
{
    const bool nft = backend->way == WAY_NFT_RESTORE;
    struct nft_tables tables = {0};

    *rivals = (struct rivals){0};
    if (!nft_tables_read(arena, &tables, error))
        return false;
    for (size_t i = 0; i < tables.count; i++) {
        const struct nft_table *table = &tables.items[i];

        if ((!table->iptables || (nft && table->strange)) && (table->filters || table->tracks))
            rivals->foreign = add(arena, rivals->foreign, foreign_words(arena, table));
        if (table->iptables && !nft && (table->rules || table->filters))
            rivals->live = add(arena, rivals->live, arena_printf(arena, "%s %s", table->family, table->name));
    }
    return !nft || find_legacy(arena, rivals, error);
}
