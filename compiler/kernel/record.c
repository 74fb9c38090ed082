// SPDX-License-Identifier: GPL-2.0-or-later
//
// A head, the chains, the sizes of extensions, the names of sets, the rules. Everything is padded to what rules are aligned to.
#include "kernel/record.h"

#include <assert.h>

#include "kernel/compare.h"
#include "kernel/entry.h"
#include "kernel/extensions.h"
#include "kernel/set_names.h"

#define ALIGNMENT 16

struct head {
    uint64_t bytes; // of the record, its head included
    uint32_t family, chains, rules, sizes, sets, unused;
    char table[XT_TABLE_MAXNAMELEN];
};

struct recorded_chain {
    uint64_t packets, bytes, rules;
    uint32_t policy, counted;
    char name[XT_EXTENSION_MAXNAMELEN + 3]; // CHAIN_NAME_MAX and its NUL
};

static void pad(struct buf *out)
{
    while (out->length % ALIGNMENT)
        buf_char(out, '\0');
}

static void put_chain(struct buf *out, const char *name, enum chain_policy policy,
                      const struct counters *counters, size_t rules)
{
    struct recorded_chain chain = {.packets = counters->packets,
                                   .bytes = counters->bytes,
                                   .counted = counters->present,
                                   .policy = policy,
                                   .rules = rules};

    memcpy(chain.name, name, strnlen(name, sizeof(chain.name) - 1));
    buf_append(out, (const char *)&chain, sizeof(chain));
}

// Where the record begins; its head is written by end_record().
static size_t begin_record(struct buf *out)
{
    static const struct head empty;
    size_t start;

    pad(out);
    start = out->length;
    buf_append(out, (const char *)&empty, sizeof(empty));
    return start;
}

static void end_record(struct buf *out, size_t start, struct head head, const char *name)
{
    pad(out);
    head.bytes = out->length - start;
    memcpy(head.table, name, strnlen(name, sizeof(head.table) - 1));
    memcpy(out->bytes + start, &head, sizeof(head));
}

static void put_live_rule(struct buf *out, const struct entry_layout *layout, const struct live_rule *rule,
                          bool counted)
{
    const size_t start = out->length;

    buf_append(out, rule->entry, entry_number(rule->entry, layout->length));
    entry_name_verdict(out->bytes + start, layout, rule->target);
    if (!counted)
        memset(out->bytes + start + layout->counters, 0, sizeof(struct xt_counters));
}

static void put_live(struct buf *out, const struct kernel_table *table, bool counted)
{
    static const struct counters none;
    struct head head = {.family = table->family, .chains = (uint32_t)table->chains.count};
    const size_t start = begin_record(out);

    for (size_t i = 0; i < table->chains.count; i++) {
        const struct live_chain *chain = &table->chains.items[i];

        put_chain(out, chain->name, chain->policy, counted ? &chain->counters : &none, chain->rules.count);
    }
    pad(out);
    for (size_t i = 0; i < table->chains.count; i++) {
        const struct live_chain *chain = &table->chains.items[i];

        for (size_t j = 0; j < chain->rules.count; j++)
            put_live_rule(out, &entry_layouts[table->family], &chain->rules.items[j], counted);
        head.rules += (uint32_t)chain->rules.count;
    }
    end_record(out, start, head, table->name);
}

void record_live(struct buf *out, const struct kernel_table *table)
{
    put_live(out, table, true);
}

void record_uncounted(struct buf *out, const struct kernel_table *table)
{
    put_live(out, table, false);
}

// What stands ahead of the rules, and how many bytes these have.
static struct head begin_wanted(struct buf *out, const struct encoded *encoded, const struct table *table,
                                size_t bytes)
{
    struct head head = {.family = encoded->ruleset->family,
                        .chains = table ? (uint32_t)table->count : 0,
                        .sizes = (uint32_t)encoded->size_count,
                        .sets = (uint32_t)encoded->set_count};

    for (size_t i = 0; i < head.chains; i++)
        head.rules += (uint32_t)table->items[i]->count;
    buf_grow(out, sizeof(head) + head.chains * sizeof(struct recorded_chain) +
                      head.sizes * sizeof(*encoded->sizes) + head.sets * sizeof(*encoded->sets) + bytes +
                      (size_t)4 * ALIGNMENT);
    begin_record(out);
    for (size_t i = 0; i < head.chains; i++)
        put_chain(out, table->items[i]->name, table->items[i]->policy, &table->items[i]->counters,
                  table->items[i]->count);
    if (head.sizes)
        buf_append(out, (const char *)encoded->sizes, head.sizes * sizeof(*encoded->sizes));
    if (head.sets)
        buf_append(out, (const char *)encoded->sets, head.sets * sizeof(*encoded->sets));
    pad(out);
    return head;
}

void record_wanted(struct buf *out, const struct encoded *encoded, const char *name)
{
    const struct table *table = ruleset_find_table(encoded->ruleset, name);
    const struct entry_layout *layout = &entry_layouts[encoded->ruleset->family];
    const size_t first = table ? encoded_table_start(encoded, table) : 0;
    const size_t count = table ? table_rule_count(table) : 0;
    size_t start, bytes = 0;
    struct head head;

    for (size_t i = 0; i < count; i++)
        bytes += entry_number(encoded->rules[first + i], layout->length);
    pad(out);
    start = out->length;
    head = begin_wanted(out, encoded, table, bytes);
    for (size_t i = 0; i < count; i++) {
        const void *rule = encoded->rules[first + i];

        buf_append(out, rule, entry_number(rule, layout->length));
    }
    end_record(out, start, head, name);
}

bool record_around(struct buf *ahead, struct slice *rules, struct buf *behind, const struct encoded *encoded,
                   const char *name)
{
    const struct table *table = ruleset_find_table(encoded->ruleset, name);

    *rules = encoded_table_bytes(encoded, table);
    if (!rules->length)
        return false;

    const size_t start = ahead->length;
    const size_t padding = (ALIGNMENT - rules->length % ALIGNMENT) % ALIGNMENT;
    struct head head;

    assert(start % ALIGNMENT == 0);
    head = begin_wanted(ahead, encoded, table, 0);
    end_record(ahead, start, head, name);
    memcpy(&head, ahead->bytes + start, sizeof(head));
    head.bytes += rules->length + padding;
    memcpy(ahead->bytes + start, &head, sizeof(head));
    for (size_t i = 0; i < padding; i++)
        buf_char(behind, '\0');
    return true;
}

// Takes `size` bytes off the front; NULL where they are not there.
static const char *take(struct slice *bytes, uint64_t size)
{
    const char *at = bytes->at;

    if (size > bytes->length)
        return NULL;
    bytes->at += size;
    bytes->length -= size;
    return at;
}

static bool take_chains(struct arena *arena, struct slice *rest, const struct head *head, struct table *table)
{
    uint64_t rules = 0;

    for (uint32_t i = 0; i < head->chains; i++) {
        const char *from = take(rest, sizeof(struct recorded_chain));
        struct recorded_chain chain;

        if (!from)
            return false;
        memcpy(&chain, from, sizeof(chain));
        if (chain.policy > CHAIN_DROP || !memchr(chain.name, '\0', sizeof(chain.name)) ||
            chain.rules > head->rules)
            return false;

        struct chain *made = table_chain(arena, table, arena_copy(arena, chain.name, strlen(chain.name)),
                                         (enum chain_policy)chain.policy);

        made->counters = (struct counters){chain.packets, chain.bytes, chain.counted};
        made->count = (size_t)chain.rules;
        rules += chain.rules;
    }
    return rules == head->rules;
}

static bool take_rules(struct arena *arena, struct slice *rest, const struct head *head,
                       struct encoded *encoded)
{
    const struct entry_layout *layout = &entry_layouts[encoded->ruleset->family];

    encoded->count = head->rules;
    encoded->rules = arena_calloc(arena, encoded->count, sizeof(*encoded->rules));
    for (size_t i = 0; i < encoded->count; i++) {
        const size_t length = rest->length < layout->body ? 0 : entry_number(rest->at, layout->length);
        const size_t matches = length ? entry_number(rest->at, layout->matches) : 0;
        const char *rule = take(rest, length);

        if (!rule || length % _Alignof(struct _xt_align) || matches < layout->body ||
            matches + sizeof(struct xt_entry_target) > length)
            return false;
        encoded->rules[i] = rule;
    }
    return true;
}

bool record_take(struct arena *arena, struct slice *bytes, struct encoded *encoded)
{
    struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
    struct slice rest = *bytes;
    const char *const start = bytes->at;
    struct head head;

    if (rest.length < sizeof(head))
        return false;
    memcpy(&head, rest.at, sizeof(head));
    if (head.bytes < sizeof(head) || head.bytes % ALIGNMENT || head.family >= FAMILY_COUNT ||
        !memchr(head.table, '\0', sizeof(head.table)) || !take(bytes, head.bytes))
        return false;
    rest.length = head.bytes;
    take(&rest, sizeof(head));
    ruleset->family = (enum family)head.family;
    *encoded = (struct encoded){.ruleset = ruleset, .size_count = head.sizes, .set_count = head.sets};

    struct table *table = ruleset_table(arena, ruleset, arena_copy(arena, head.table, strlen(head.table)));

    if (!take_chains(arena, &rest, &head, table))
        return false;

    const size_t sizes = head.sizes * sizeof(struct extension_size);
    const size_t sets = head.sets * sizeof(struct set_name);
    const char *from = take(&rest, sizes), *names = from ? take(&rest, sets) : NULL;

    if (!names)
        return false;
    encoded->sizes = (const void *)from;
    encoded->sets = (const void *)names;
    for (size_t i = 0; i < encoded->set_count; i++)
        if (!memchr(encoded->sets[i].name, '\0', sizeof(encoded->sets[i].name)))
            return false;
    take(&rest, (ALIGNMENT - (size_t)(rest.at - start) % ALIGNMENT) % ALIGNMENT);
    return take_rules(arena, &rest, &head, encoded);
}
