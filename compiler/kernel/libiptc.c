// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/backend.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xtables.h>

#include "kernel/blob.h"
#include "kernel/compare.h"
#include "kernel/entry.h"

#define NETWORK_FILES "/proc/net" // where the network namespace of the process is shown

// libip4tc and libip6tc beside each other. Both name what does not know of rules by struct xtc_ops; the rest is theirs.
struct library {
    const struct xtc_ops *ops;
    const void *(*first_rule)(const char *chain, struct xtc_handle *handle);
    const void *(*next_rule)(const void *rule, struct xtc_handle *handle);
    const char *(*target)(const void *rule, struct xtc_handle *handle);
    int (*append)(const char *chain, const void *rule, struct xtc_handle *handle);
    int (*insert)(const char *chain, const void *rule, unsigned number, struct xtc_handle *handle);
    int (*remove)(const char *chain, unsigned number, struct xtc_handle *handle);
    int (*delete_chain)(const char *chain, struct xtc_handle *handle);
    const char *module;
    const char *names; // the file that lists the tables there are
};

#define CALLS(prefix, entry)                                                                   \
    static const void *prefix##_first(const char *chain, struct xtc_handle *handle)            \
    {                                                                                          \
        return prefix##_first_rule(chain, handle);                                             \
    }                                                                                          \
    static const void *prefix##_next(const void *rule, struct xtc_handle *handle)              \
    {                                                                                          \
        return prefix##_next_rule((const struct entry *)rule, handle);                         \
    }                                                                                          \
    static const char *prefix##_target(const void *rule, struct xtc_handle *handle)            \
    {                                                                                          \
        return prefix##_get_target((const struct entry *)rule, handle);                        \
    }                                                                                          \
    static int prefix##_append(const char *chain, const void *rule, struct xtc_handle *handle) \
    {                                                                                          \
        return prefix##_append_entry(chain, (const struct entry *)rule, handle);               \
    }                                                                                          \
    static int prefix##_insert(const char *chain, const void *rule, unsigned number,           \
                               struct xtc_handle *handle)                                      \
    {                                                                                          \
        return prefix##_insert_entry(chain, (const struct entry *)rule, number, handle);       \
    }

CALLS(iptc, ipt_entry)
CALLS(ip6tc, ip6t_entry)

static const struct library libraries[FAMILY_COUNT] = {
    {&iptc_ops, iptc_first, iptc_next, iptc_target, iptc_append, iptc_insert, iptc_delete_num_entry,
     iptc_delete_chain, "ip_tables", "/proc/net/ip_tables_names"},
    {&ip6tc_ops, ip6tc_first, ip6tc_next, ip6tc_target, ip6tc_append, ip6tc_insert, ip6tc_delete_num_entry,
     ip6tc_delete_chain, "ip6_tables", "/proc/net/ip6_tables_names"},
};

static bool fail_reading(struct kernel_error *error, enum family family, const char *name, int problem)
{
    const char *which = family_name(family);

    switch (problem) {
    case EPERM:
    case EACCES:
        return kernel_fail(error, KERNEL_PERMISSION, "%s %s: " KERNEL_NEEDS, which, name);
    case ENOPROTOOPT:
    case EAFNOSUPPORT:
        return kernel_fail(error, KERNEL_NO_TABLES, "this kernel has no legacy tables for %s (module %s)",
                           which, libraries[family].module);
    case ENOENT:
        return kernel_fail(error, KERNEL_NO_TABLE, "this kernel has no legacy table %s for %s (module %s_%s)",
                           name, which, family == FAMILY_IPV4 ? "iptable" : "ip6table", name);
    case ENOMEM:
        return kernel_fail(error, KERNEL_TOO_LARGE, "%s %s: no memory to read the table", which, name);
    default:
        return kernel_fail(error, KERNEL_FAILED, "%s %s: cannot read the table: %s", which, name,
                           libraries[family].ops->strerror(problem));
    }
}

static bool fail_changing(struct kernel_error *error, const struct kernel_table *table, int problem)
{
    const char *which = family_name(table->family), *name = table->name;

    switch (problem) {
    case EPERM:
        return kernel_fail(error, KERNEL_PERMISSION, "%s %s: " KERNEL_NEEDS, which, name);
    case EAGAIN:
        return kernel_fail(error, KERNEL_CHANGED, "%s %s: somebody else has changed the table meanwhile",
                           which, name);
    case ENOMEM:
    case E2BIG:
    case ENOBUFS:
        return kernel_fail(error, KERNEL_TOO_LARGE, "%s %s: the table is too large for the kernel", which,
                           name);
    case ELOOP:
        return kernel_fail(error, KERNEL_REFUSED, "%s %s: chains jump in a circle", which, name);
    case ENOENT:
        return kernel_fail(error, KERNEL_REFUSED,
                           "%s %s: the kernel lacks a match or target, or what one of them names", which,
                           name);
    case EINVAL:
        return kernel_fail(error, KERNEL_REFUSED,
                           "%s %s: the kernel refuses the rules; its log (dmesg) may say why", which, name);
    default:
        return kernel_fail(error, KERNEL_FAILED, "%s %s: cannot change the table: %s", which, name,
                           libraries[table->family].ops->strerror(problem));
    }
}

// Tables of the module itself are made by the kernel, which loads what it takes; the module is loaded by nobody. Whether
// it is worth another try; else errno is what it was.
static bool loads_module(enum family family)
{
    if (errno != ENOPROTOOPT || xtables_insmod(libraries[family].module, NULL, true) == 0)
        return errno == ENOPROTOOPT;
    errno = ENOPROTOOPT;
    return false;
}

static struct xtc_handle *open_table(enum family family, const char *name)
{
    struct xtc_handle *handle = libraries[family].ops->init(name);

    return handle || !loads_module(family) ? handle : libraries[family].ops->init(name);
}

// No table has the name that is asked for.
bool libiptc_available(enum family family)
{
    struct xtc_handle *handle = open_table(family, "");
    const bool lacking = !handle && errno == ENOPROTOOPT;

    if (handle)
        libraries[family].ops->free(handle);
    return !lacking;
}

static void read_chain(struct arena *arena, struct kernel_table *table, const char *name)
{
    const struct library *library = &libraries[table->family];
    struct live_chain *chain = vec_push(arena, &table->chains);
    const void *rule = library->first_rule(name, table->handle);

    chain->name = arena_copy(arena, name, strlen(name));
    if (library->ops->builtin(name, table->handle)) {
        struct xt_counters counters = {0};
        const char *policy = library->ops->get_policy(name, &counters, table->handle);

        chain->policy = policy && strcmp(policy, "DROP") == 0 ? CHAIN_DROP : CHAIN_ACCEPT;
        chain->counters = (struct counters){counters.pcnt, counters.bcnt, true};
    }
    for (; rule; rule = library->next_rule(rule, table->handle)) {
        struct live_rule *live = vec_push(arena, &chain->rules);

        live->entry = rule;
        live->target = library->target(rule, table->handle);
    }
}

static struct kernel_table *look_at_table(struct arena *arena, const struct kernel_backend *backend,
                                          enum family family, const char *name, struct kernel_error *error)
{
    struct kernel_table *table = kernel_table_new(arena, backend, family, name);

    if (blob_read(arena, table) || (loads_module(family) && blob_read(arena, table)))
        return table;
    fail_reading(error, family, name, errno);
    return NULL;
}

static struct kernel_table *read_table(struct arena *arena, const struct kernel_backend *backend,
                                       enum family family, const char *name, struct kernel_error *error)
{
    const struct library *library = &libraries[family];
    struct xtc_handle *handle = open_table(family, name);

    if (!handle) {
        fail_reading(error, family, name, errno);
        return NULL;
    }

    struct kernel_table *table = kernel_table_new(arena, backend, family, name);

    table->handle = handle;
    for (const char *chain = library->ops->first_chain(handle); chain;
         chain = library->ops->next_chain(handle))
        read_chain(arena, table, chain);
    return table;
}

static bool read_all(struct arena *arena, const struct kernel_backend *backend, enum family family,
                     struct kernel_tables *tables, struct kernel_error *error)
{
    char name[XT_TABLE_MAXNAMELEN + 1];
    FILE *names = fopen(libraries[family].names, "re");
    bool fine = true;

    if (!names && errno == ENOENT) // the module is not loaded, so there are none
        return access(NETWORK_FILES, F_OK) == 0 ||
               kernel_fail(error, KERNEL_FAILED,
                           "which tables there are cannot be told: there is no " NETWORK_FILES
                           "; is /proc mounted?");
    if (!names)
        return fail_reading(error, family, "tables", errno);
    while (fine && fgets(name, sizeof(name), names)) {
        name[strcspn(name, "\n")] = '\0';

        struct kernel_table *table = look_at_table(arena, backend, family, name, error);

        fine = table != NULL;
        if (fine)
            *vec_push(arena, tables) = table;
    }
    fclose(names);
    return fine;
}

static void close_table(struct kernel_table *table)
{
    libraries[table->family].ops->free(table->handle);
}

// libiptc keeps of a policy's counters only what is counted between here and the commit: whoever keeps a policy writes what it
// has counted so far.
static bool set_policy(struct kernel_table *table, const struct chain_comparison *chain)
{
    const bool written = chain->wanted && chain->wanted->policy != CHAIN_UNWRITTEN;
    const enum chain_policy policy = written ? chain->wanted->policy : chain->live->policy;
    const struct counters *counted = written && chain->wanted->counters.present ? &chain->wanted->counters
                                     : chain->policy == CHAIN_UNWRITTEN         ? &chain->live->counters
                                                                                : NULL;
    struct xt_counters counters = {0};

    if (counted)
        counters = (struct xt_counters){.pcnt = counted->packets, .bcnt = counted->bytes};
    return libraries[table->family].ops->set_policy(chain->name, policy == CHAIN_DROP ? "DROP" : "ACCEPT",
                                                    counted ? &counters : NULL, table->handle);
}

// Chains first: rules lead to them. What is not wanted loses its rules, which lead to others. New ones are made from the last
// name to the first: libiptc looks for the place of a chain from the front.
static bool change_chains(struct kernel_table *table, const struct table_comparison *comparison)
{
    const struct xtc_ops *ops = libraries[table->family].ops;
    bool fine = true;

    for (size_t i = comparison->count; i-- > 0 && fine;) {
        const struct chain_comparison *chain = &comparison->chains[i];

        assert(chain->live || chain->wanted);
        if (chain->live && chain->live->policy != CHAIN_USER)
            fine = set_policy(table, chain);
        if (!chain->wanted)
            fine = fine && (!chain->live->rules.count || ops->flush_entries(chain->name, table->handle));
        else if (chain->wanted->policy == CHAIN_USER)
            fine = chain->live || ops->create_chain(chain->name, table->handle);
    }
    return fine;
}

// libiptc walks to the number of a rule from whichever end of the chain is nearer: beyond so many steps it is cheaper
// to make the chain anew.
#define STEPS_MAX ((size_t)1 << 27)

static bool too_far(const struct chain_comparison *chain)
{
    const size_t rules = chain->kept + chain->added + chain->removed;

    return (chain->added + chain->removed) > STEPS_MAX / (rules + 1) * 4;
}

// With such counters.
static bool append_counted(struct kernel_table *table, const char *chain, const void *rule,
                           const struct xt_counters *counted)
{
    _Alignas(struct _xt_align) char copy[UINT16_MAX + 1];
    const struct entry_layout *layout = &entry_layouts[table->family];

    memcpy(copy, rule, entry_number(rule, layout->length));
    memcpy(copy + layout->counters, counted, sizeof(*counted));
    return libraries[table->family].append(chain, copy, table->handle);
}

// A chain anew. Rules that stay carry what they have counted, but for what they count between here and the commit.
static bool append_rules(struct kernel_table *table, const struct chain_comparison *chain,
                         const void *const *rules)
{
    const struct library *library = &libraries[table->family];
    const size_t at = entry_layouts[table->family].counters, count = chain->wanted->count;
    struct xt_counters *counted = chain->kept ? calloc(count, sizeof(*counted)) : NULL;
    bool fine = counted || !chain->kept;

    assert(!chain->kept || chain->live);
    for (size_t i = 0; counted && i < count; i++)
        if (chain->partners[i] != RULE_NEW)
            memcpy(&counted[i], (const char *)chain->live->rules.items[chain->partners[i]].entry + at,
                   sizeof(*counted));
    fine = fine && (!chain->live || library->ops->flush_entries(chain->name, table->handle));
    for (size_t i = 0; i < count && fine; i++)
        fine = counted && chain->partners[i] != RULE_NEW
                   ? append_counted(table, chain->name, rules[i], &counted[i])
                   : library->append(chain->name, rules[i], table->handle);
    free(counted);
    return fine;
}

// Rules that stay are not touched, so that the kernel goes on counting.
static bool change_rules(struct kernel_table *table, const struct chain_comparison *chain,
                         const void *const *rules)
{
    const struct library *library = &libraries[table->family];
    const size_t wanted = chain->wanted->count;
    size_t live = chain->live ? chain->live->rules.count : 0, next = wanted, length = chain->kept;

    if (!chain->kept || too_far(chain))
        return append_rules(table, chain, rules);
    while (live-- > 0) { // from the end, so that numbers stay
        while (next > 0 && (chain->partners[next - 1] == RULE_NEW || chain->partners[next - 1] > live))
            next--;
        if ((next == 0 || chain->partners[next - 1] != live) &&
            !library->remove(chain->name, (unsigned)live, table->handle))
            return false;
    }
    for (size_t i = 0; i < wanted; i++) {
        if (chain->partners[i] != RULE_NEW)
            continue;
        if (!(i == length ? library->append(chain->name, rules[i], table->handle)
                          : library->insert(chain->name, rules[i], (unsigned)i, table->handle)))
            return false;
        length++;
    }
    return true;
}

static bool change_table(struct kernel_table *table, const struct table_comparison *comparison,
                         const struct encoded *encoded, struct kernel_error *error)
{
    const struct library *library = &libraries[table->family];
    bool fine = change_chains(table, comparison);

    for (size_t i = 0; i < comparison->count && fine; i++) {
        const struct chain_comparison *chain = &comparison->chains[i];

        if (chain->wanted && (chain->added || chain->removed))
            fine = change_rules(table, chain, encoded->rules + chain->first);
    }
    for (size_t i = 0; i < comparison->count && fine; i++)
        if (!comparison->chains[i].wanted && comparison->chains[i].live->policy == CHAIN_USER)
            fine = library->delete_chain(comparison->chains[i].name, table->handle);
    table->chains.count = 0;
    return fine || fail_changing(error, table, errno);
}

static bool commit_tables(struct kernel_table *const *tables, size_t count, struct kernel_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!libraries[tables[i]->family].ops->commit(tables[i]->handle))
            return fail_changing(error, tables[i], errno);
    return true;
}

const struct kernel_backend libiptc_backend = {
    .way = WAY_LIBIPTC,
    .name = "libiptc",
    .read_all = read_all,
    .read = read_table,
    .look = look_at_table,
    .close = close_table,
    .change = change_table,
    .commit = commit_tables,
};
