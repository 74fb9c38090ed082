// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/table.h"

#include <string.h>

#include "kernel/backend.h"

struct kernel_table *kernel_table_new(struct arena *arena, const struct kernel_backend *backend,
                                      enum family family, const char *name)
{
    struct kernel_table *table = arena_alloc(arena, sizeof(*table));

    table->backend = backend;
    table->family = family;
    table->name = arena_copy(arena, name, strlen(name));
    return table;
}

bool kernel_tables_read(struct arena *arena, const struct kernel_backend *backend, enum family family,
                        struct kernel_tables *tables, struct kernel_error *error)
{
    return backend->read_all(arena, backend, family, tables, error);
}

void kernel_tables_close(struct kernel_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++)
        kernel_table_close(tables->items[i]);
    tables->count = 0;
}

struct kernel_table *kernel_tables_find(const struct kernel_tables *tables, enum family family,
                                        const char *name)
{
    for (size_t i = 0; i < tables->count; i++)
        if (tables->items[i]->family == family && strcmp(tables->items[i]->name, name) == 0)
            return tables->items[i];
    return NULL;
}

struct kernel_table *kernel_table_read(struct arena *arena, const struct kernel_backend *backend,
                                       enum family family, const char *name, struct kernel_error *error)
{
    return backend->read(arena, backend, family, name, error);
}

struct kernel_table *kernel_table_look(struct arena *arena, const struct kernel_backend *backend,
                                       enum family family, const char *name, struct kernel_error *error)
{
    return backend->look(arena, backend, family, name, error);
}

void kernel_table_close(struct kernel_table *table)
{
    if (table && table->handle)
        table->backend->close(table);
    if (table)
        table->handle = NULL;
}

bool kernel_table_is_empty(const struct kernel_table *table)
{
    for (size_t i = 0; i < table->chains.count; i++)
        if (table->chains.items[i].rules.count || table->chains.items[i].policy == CHAIN_USER)
            return false;
    return true;
}

bool kernel_table_known(const struct kernel_table *table, struct kernel_error *error)
{
    return !table->unknown ||
           kernel_fail(
               error, KERNEL_REFUSED,
               "%s %s: it holds what iptables does not know and a load would lose; see: nft list table "
               "%s %s",
               family_name(table->family), table->name, table->family == FAMILY_IPV4 ? "ip" : "ip6",
               table->name);
}

bool kernel_table_change(struct kernel_table *table, const struct table_comparison *comparison,
                         const struct encoded *encoded, struct kernel_error *error)
{
    return table->backend->change(table, comparison, encoded, error);
}

bool kernel_table_commit(struct kernel_table *table, struct kernel_error *error)
{
    return kernel_tables_commit(&table, 1, error);
}

bool kernel_tables_commit(struct kernel_table *const *tables, size_t count, struct kernel_error *error)
{
    return !count || tables[0]->backend->commit(tables, count, error);
}
