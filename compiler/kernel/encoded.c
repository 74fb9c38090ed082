// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that were encoded, asked about.
#include "kernel/encoded.h"
#include "kernel/entry.h"
#include "kernel/table.h"

size_t encoded_table_start(const struct encoded *encoded, const struct table *table)
{
    size_t start = 0;

    for (const struct table *before = encoded->ruleset->items; before != table; before++)
        start += table_rule_count(before);
    return start;
}

struct encoded encoded_table(struct arena *arena, const struct encoded *encoded, const char *name)
{
    const struct table *table = ruleset_find_table(encoded->ruleset, name);
    struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
    struct encoded one = {.ruleset = ruleset,
                          .sizes = encoded->sizes,
                          .size_count = encoded->size_count,
                          .sets = encoded->sets,
                          .set_count = encoded->set_count};
    struct table *copy;

    ruleset->family = encoded->ruleset->family;
    copy = ruleset_table(arena, ruleset, name);
    if (table) {
        *copy = *table;
        one.rules = encoded->rules + encoded_table_start(encoded, table);
        one.count = table_rule_count(table);
    }
    return one;
}

struct slice encoded_table_bytes(const struct encoded *encoded, const struct table *table)
{
    const size_t at = entry_layouts[encoded->ruleset->family].length;
    const size_t count = table ? table_rule_count(table) : 0;
    const void *const *rules = count ? encoded->rules + encoded_table_start(encoded, table) : NULL;
    size_t length = 0;

    for (size_t i = 0; i < count; i++) {
        if ((const char *)rules[i] != (const char *)rules[0] + length)
            return (struct slice){0};
        length += entry_number(rules[i], at);
    }
    return (struct slice){count ? rules[0] : NULL, length};
}

const char *encoded_standard(const struct table *table, const void *entry, enum family family)
{
    static const char *const verdicts[] = {"ACCEPT", "DROP", "QUEUE", "RETURN", ""};
    const char *name = entry_target(entry, entry_number(entry, entry_layouts[family].matches))->u.user.name;

    for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
        if (strcmp(verdicts[i], name) == 0)
            return name;
    return table_find_chain(table, name) ? name : NULL;
}

void encoded_clear(struct encoded encoded[FAMILY_COUNT])
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        buf_clear(&encoded[family].bytes);
        encoded[family] = (struct encoded){0};
    }
}

static void *copy_entry(struct arena *arena, enum family family, const void *entry)
{
    const size_t length = entry_number(entry, entry_layouts[family].length);

    return memcpy(arena_alloc(arena, length), entry, length);
}

void encoded_count(struct arena *arena, const struct encoded *encoded, size_t rule, const void *entry)
{
    const enum family family = encoded->ruleset->family;
    const size_t at = entry_layouts[family].counters;
    char *copy = copy_entry(arena, family, encoded->rules[rule]);

    memcpy(copy + at, (const char *)entry + at, sizeof(struct xt_counters));
    encoded->rules[rule] = copy;
}

const char *encoded_target(enum family family, const void *rule)
{
    return entry_target(rule, entry_number(rule, entry_layouts[family].matches))->u.user.name;
}

const void *encoded_live(struct arena *arena, enum family family, const struct live_rule *rule)
{
    void *copy = copy_entry(arena, family, rule->entry);

    entry_name_verdict(copy, &entry_layouts[family], rule->target);
    return copy;
}
