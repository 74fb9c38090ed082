// SPDX-License-Identifier: GPL-2.0-or-later
//
// One entry behind the other. A chain ends with an entry that has its policy, or RETURN; a built-in one begins where its hook
// does, another one with an entry that has its name. An entry of that kind ends the table, too:
//
//   ERROR web | rule | rule | RETURN | ERROR
#include "kernel/blob.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/entry.h"

// Both families ask in the same way, by the same numbers.
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
                   offsetof(struct ipt_get_entries, entrytable) ==
                       offsetof(struct ip6t_get_entries, entrytable) &&
                   // NOLINTNEXTLINE(misc-redundant-expression): the check sees the numbers, not who says them
                   IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES,
               "the families are asked for tables in different ways");

#define TRIES 100 // where others change the table while it is read

struct blob {
    struct ipt_getinfo info;
    struct ipt_get_entries *entries;
};

// EAGAIN: its size has changed.
static bool get_entries(struct arena *arena, const struct kernel_table *table, int kernel, struct blob *blob)
{
    const int level = table->family == FAMILY_IPV6 ? IPPROTO_IPV6 : IPPROTO_IP;
    socklen_t size = sizeof(blob->info);

    memcpy(blob->info.name, table->name, strlen(table->name) + 1);
    if (getsockopt(kernel, level, IPT_SO_GET_INFO, &blob->info, &size) < 0)
        return false;
    size = (socklen_t)(sizeof(*blob->entries) + blob->info.size);
    blob->entries = arena_alloc(arena, size);
    memcpy(blob->entries->name, blob->info.name, sizeof(blob->entries->name));
    blob->entries->size = blob->info.size;
    return getsockopt(kernel, level, IPT_SO_GET_ENTRIES, blob->entries, &size) == 0;
}

static bool get_blob(struct arena *arena, const struct kernel_table *table, struct blob *blob)
{
    const int kernel =
        socket(table->family == FAMILY_IPV6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    bool fine = false;
    int problem = errno;

    if (kernel < 0)
        return false;
    for (int try = 0; !fine && try < TRIES && (try == 0 || problem == EAGAIN); try++) {
        fine = get_entries(arena, table, kernel, blob);
        problem = errno;
    }
    close(kernel);
    errno = problem;
    return fine;
}

struct walk {
    struct arena *arena;
    const struct blob *blob;
    const struct entry_layout *layout;
    struct kernel_table *table;
    VEC(size_t) starts;      // of the chains, in their order here
    struct live_rule *rules; // of all chains
    size_t count;
};

static size_t rule_offset(const struct walk *walk, const void *entry)
{
    return (size_t)((const char *)entry - (const char *)walk->blob->entries->entrytable);
}

static const char *hook_at(const struct walk *walk, size_t offset)
{
    static const char *const names[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if ((walk->blob->info.valid_hooks >> i & 1) && walk->blob->info.hook_entry[i] == offset)
            return names[i];
    return NULL;
}

static int verdict_of(const struct xt_entry_target *target)
{
    int verdict;

    memcpy(&verdict, target->data, sizeof(verdict));
    return verdict;
}

// The last entry of the chain that was walked is no rule.
static bool end_chain(struct walk *walk)
{
    struct live_chain *chain = walk->table->chains.count ? vec_last(&walk->table->chains) : NULL;
    struct xt_counters counters;
    const char *entry;

    if (!chain)
        return true;
    if (!chain->rules.count)
        return false;
    entry = chain->rules.items[--chain->rules.count].entry;
    if (chain->policy == CHAIN_USER)
        return true;
    memcpy(&counters, entry + walk->layout->counters, sizeof(counters));
    chain->policy =
        verdict_of(entry_target(entry, entry_number(entry, walk->layout->matches))) == -NF_DROP - 1
            ? CHAIN_DROP
            : CHAIN_ACCEPT;
    chain->counters = (struct counters){counters.pcnt, counters.bcnt, true};
    return true;
}

// `start`: where jumps lead to.
static bool begin_chain(struct walk *walk, const char *name, enum chain_policy policy, size_t start)
{
    struct live_chain *chain;

    if (!end_chain(walk))
        return false;
    chain = vec_push(walk->arena, &walk->table->chains);
    chain->name = arena_copy(walk->arena, name, strlen(name));
    chain->policy = policy;
    chain->rules.items = walk->rules + walk->count;
    *vec_push(walk->arena, &walk->starts) = start;
    return true;
}

static bool is_whole(const struct walk *walk, const char *entry, size_t left)
{
    const size_t length = left < walk->layout->body ? 0 : entry_number(entry, walk->layout->length);
    const size_t matches = length ? entry_number(entry, walk->layout->matches) : 0;

    return length && length <= left && matches >= walk->layout->body &&
           matches + sizeof(struct xt_entry_target) <= length &&
           (entry_target(entry, matches)->u.user.name[0] ||
            matches + sizeof(struct xt_standard_target) <= length);
}

// The chain whose first rule stands there.
static const char *chain_at(const struct walk *walk, size_t start)
{
    size_t low = 0, high = walk->starts.count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (walk->starts.items[middle] < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low < walk->starts.count && walk->starts.items[low] == start ? walk->table->chains.items[low].name
                                                                        : NULL;
}

// NULL: a chain that was not walked yet, or nothing that is known.
static const char *target_name(const struct walk *walk, const void *entry)
{
    const struct xt_entry_target *target = entry_target(entry, entry_number(entry, walk->layout->matches));
    int verdict;

    if (target->u.user.name[0])
        return target->u.user.name;
    verdict = verdict_of(target);
    switch (verdict) {
    case -NF_ACCEPT - 1:
        return "ACCEPT";
    case -NF_DROP - 1:
        return "DROP";
    case -NF_QUEUE - 1:
        return "QUEUE";
    case XT_RETURN:
        return "RETURN";
    default:
        if (verdict >= 0 &&
            (size_t)verdict == rule_offset(walk, entry) + entry_number(entry, walk->layout->length))
            return "";
        return verdict < 0 ? NULL : chain_at(walk, (size_t)verdict);
    }
}

static bool add_entry(struct walk *walk, const char *entry)
{
    const size_t offset = rule_offset(walk, entry), length = entry_number(entry, walk->layout->length);
    const struct xt_entry_target *target = entry_target(entry, entry_number(entry, walk->layout->matches));
    const char *hook = hook_at(walk, offset);
    struct live_chain *chain;

    if (strcmp(target->u.user.name, XT_ERROR_TARGET) == 0)
        return offset + length == walk->blob->info.size
                   ? end_chain(walk)
                   : begin_chain(walk, (const char *)target->data, CHAIN_USER, offset + length);
    if (hook && !begin_chain(walk, hook, CHAIN_ACCEPT, offset))
        return false;
    if (!walk->table->chains.count || walk->count >= walk->blob->info.num_entries)
        return false;
    chain = vec_last(&walk->table->chains);
    chain->rules.items[chain->rules.count++] = (struct live_rule){entry, target_name(walk, entry)};
    walk->count++;
    return true;
}

// Those that lead to chains further on.
static bool name_targets(const struct walk *walk)
{
    for (size_t i = 0; i < walk->table->chains.count; i++) {
        const struct live_chain *chain = &walk->table->chains.items[i];

        for (size_t j = 0; j < chain->rules.count; j++) {
            struct live_rule *rule = &chain->rules.items[j];

            if (!rule->target)
                rule->target = target_name(walk, rule->entry);
            if (!rule->target)
                return false;
        }
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct live_chain *left = a, *right = b;

    return strcmp(left->name, right->name);
}

// As libiptc has them, whoever made the table.
static void sort_chains(struct kernel_table *table)
{
    size_t first = 0;

    while (first < table->chains.count && table->chains.items[first].policy != CHAIN_USER)
        first++;
    for (size_t i = first + 1; i < table->chains.count; i++)
        if (by_name(&table->chains.items[i - 1], &table->chains.items[i]) > 0) {
            qsort(table->chains.items + first, table->chains.count - first, sizeof(*table->chains.items),
                  by_name);
            return;
        }
}

static bool take_chains(struct walk *walk)
{
    const char *at = (const char *)walk->blob->entries->entrytable, *const end = at + walk->blob->info.size;

    walk->rules = arena_calloc(walk->arena, walk->blob->info.num_entries, sizeof(*walk->rules));
    for (; at < end; at += entry_number(at, walk->layout->length))
        if (!is_whole(walk, at, (size_t)(end - at)) || !add_entry(walk, at))
            return false;
    return name_targets(walk);
}

bool blob_read(struct arena *arena, struct kernel_table *table)
{
    struct blob blob = {0};
    struct walk walk = {
        .arena = arena, .blob = &blob, .layout = &entry_layouts[table->family], .table = table};

    if (strlen(table->name) >= sizeof(blob.info.name)) {
        errno = EINVAL;
        return false;
    }
    if (!get_blob(arena, table, &blob))
        return false;
    if (!take_chains(&walk)) {
        errno = EINVAL;
        return false;
    }
    sort_chains(table);
    return true;
}
