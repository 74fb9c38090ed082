// SPDX-License-Identifier: GPL-2.0-or-later
//
// The entries of a policy, each in words and with the rules that are emitted for it; and the rules of no entry. A rule
// knows the entry that it comes from; where rules of several entries were joined to one, it knows the first of them, and
// the others are found by what they are about.
#include <stdlib.h>
#include <string.h>

#include "emit/restore.h"
#include "report/gather.h"

#define COMPARED_MAX 4000 // rules of a table; beyond, nothing is looked up among joined ones
#define LINE_BYTES   240  // of a line of the policy

// An entry of the policy and what is shown of it; `shown` is NULL beyond what is.
struct owner {
    const struct entry *entry;
    struct report_entries *list;
    struct report_entry *shown;
};

struct owners {
    struct arena *arena;
    struct owner *items;
    size_t count;
};

static int compare_places(const struct span *a, const struct span *b)
{
    if (a->source != b->source)
        return !a->source || (b->source && a->source->order < b->source->order) ? -1 : 1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

static int compare_owners(const void *a, const void *b)
{
    return compare_places(&((const struct owner *)a)->entry->span, &((const struct owner *)b)->entry->span);
}

static const struct owner *find_owner(const struct owners *owners, const struct span *span)
{
    const struct entry entry = {.span = *span};
    const struct owner key = {.entry = &entry};

    return !span->source || !owners->count
               ? NULL
               : bsearch(&key, owners->items, owners->count, sizeof(key), compare_owners);
}

// A line of the policy as it is shown: what is not fit to print is replaced, and a long one is cut.
const char *policy_line(struct arena *arena, const struct span *span)
{
    struct slice rest =
        span->source && span->line ? slice_trim(source_line(span->source, span->line)) : (struct slice){0};
    struct buf text = {0};

    if (slice_starts(rest, "- ")) // of a list
        rest = slice_trim((struct slice){rest.at + 2, rest.length - 2});
    while (rest.length && text.length < LINE_BYTES) {
        const size_t bytes = printable_bytes(rest), taken = bytes ? bytes : 1;

        buf_append(&text, bytes ? rest.at : rest.at[0] == '\t' ? " " : "?", bytes ? bytes : 1);
        rest = (struct slice){rest.at + taken, rest.length - taken};
    }
    if (rest.length)
        buf_text(&text, " …");
    return text_take(arena, &text);
}

// Words.

static void add_interfaces(struct arena *arena, struct texts *words, const char *word,
                           const struct interfaces *interfaces)
{
    struct buf text = {0};

    if (!interfaces->count)
        return;
    buf_text(&text, word);
    for (size_t i = 0; i < interfaces->count && i < 6; i++)
        buf_printf(&text, "%s%s", i ? ", " : " ", interfaces->names[i]);
    if (interfaces->count > 6)
        buf_printf(&text, " and %zu more", interfaces->count - 6);
    text_add(arena, words, text_take(arena, &text));
}

static void add_words(struct arena *arena, const struct policy *policy, const struct entry *entry,
                      bool decides_tracking, struct texts *words)
{
    if (entry->traffic_count)
        text_add(arena, words, traffic_words(arena, entry->traffic, entry->traffic_count));
    if (entry->from)
        text_add(arena, words, arena_printf(arena, "from %s", address_words(arena, policy, entry->from)));
    if (entry->to)
        text_add(arena, words, arena_printf(arena, "to %s", address_words(arena, policy, entry->to)));
    add_interfaces(arena, words, "in", &entry->in);
    add_interfaces(arena, words, "out", &entry->out);
    if (entry->local.count) {
        struct buf text = {0};

        buf_text(&text, "from local port ");
        port_set_print(&text, &entry->local);
        text_add(arena, words, text_take(arena, &text));
    }
    if (entry->limit)
        text_add(arena, words, limit_words(arena, entry->limit));
    if (entry->helper)
        text_add(arena, words, arena_printf(arena, "helper %s", entry->helper->name));
    if (entry->verdict != VERDICT_ACCEPT)
        text_add(arena, words, entry->verdict == VERDICT_DROP ? "dropped" : "rejected");
    else if (decides_tracking)
        text_add(arena, words, entry_untracked(policy, entry) ? "not tracked" : "tracked");
    if (entry->log)
        text_add(arena, words, "logged");
}

static struct report_entry entry_in_words(struct arena *arena, const struct policy *policy,
                                          const struct entry *entry, bool decides_tracking)
{
    struct report_entry shown = {
        .name = entry->name && entry->name[0] ? spaced_name(arena, entry->name) : "entry",
        .file = entry->span.source ? entry->span.source->name : "",
        .line = entry->span.line,
        .text = policy_line(arena, &entry->span),
    };

    add_words(arena, policy, entry, decides_tracking, &shown.words);
    return shown;
}

static void add_entries(struct report *report, struct owners *owners, const struct entry_list *list,
                        bool decides_tracking, struct report_entries *entries)
{
    const size_t shown = list->count < REPORT_ENTRIES ? list->count : REPORT_ENTRIES;

    entries->count = list->count;
    for (size_t i = 0; i < shown; i++)
        *vec_push(owners->arena, &entries->shown) =
            entry_in_words(owners->arena, report->policy, &list->items[i], decides_tracking);
    for (size_t i = 0; i < list->count; i++)
        owners->items[owners->count++] =
            (struct owner){&list->items[i], entries, i < shown ? &entries->shown.items[i] : NULL};
}

// Rules.

static void add_rule(struct arena *arena, struct report_rules *rules, const struct chain *chain,
                     const struct rule *rule, enum family family)
{
    struct buf text = {0};

    rules->count++;
    if (rules->lines.count == REPORT_RULES)
        return;
    buf_printf(&text, "-A %s", chain->name);
    restore_rule(&text, rule, family);
    text_add(arena, &rules->lines, text_take(arena, &text));
}

static struct report_rules *part_rules(struct report *report, struct arena *arena, const struct rule *rule,
                                       enum family family)
{
    const char *section = rule->section ? rule->section : "others";

    for (size_t i = 0; i < report->parts.count; i++)
        if (strcmp(report->parts.items[i].name, section) == 0)
            return &report->parts.items[i].rules[family];
    *vec_push(arena, &report->parts) = (struct report_part){.name = section};
    return &vec_last(&report->parts)->rules[family];
}

static void add_rules(struct report *report, const struct owners *owners, const struct ruleset *printed)
{
    const enum family family = printed->family;

    for (size_t i = 0; i < printed->count; i++)
        for (size_t j = 0; j < printed->items[i].count; j++) {
            const struct chain *chain = printed->items[i].items[j];

            report->rule_count[family] += chain->count;
            for (size_t k = 0; k < chain->count; k++) {
                const struct rule *rule = &chain->items[k];
                const struct owner *owner = find_owner(owners, &rule->span);

                if (!owner)
                    add_rule(owners->arena, part_rules(report, owners->arena, rule, family), chain, rule,
                             family);
                else if (owner->shown)
                    add_rule(owners->arena, &owner->shown->rules[family], chain, rule, family);
                else
                    owner->list->hidden_rules[family]++;
            }
        }
}

// Joined rules.

static bool same_kind(const struct rule *a, const struct rule *b)
{
    return a->target.kind == b->target.kind && a->section && b->section &&
           strcmp(a->section, b->section) == 0;
}

struct joining {
    const struct owners *owners;
    const struct table *table; // of the printed rules
    const struct chain *chain; // of the rule as the policy says it
    const struct rule *rule;
    enum family family;
};

static bool stands_in(const struct joining *joining, const struct chain *chain)
{
    return chain->policy == CHAIN_USER || strcmp(chain->name, joining->chain->name) == 0;
}

static bool is_printed(const struct joining *joining)
{
    for (size_t i = 0; i < joining->table->count; i++) {
        const struct chain *chain = joining->table->items[i];

        for (size_t j = 0; j < chain->count && stands_in(joining, chain); j++)
            if (same_kind(&chain->items[j], joining->rule) &&
                compare_places(&chain->items[j].span, &joining->rule->span) == 0)
                return true;
    }
    return false;
}

static void add_joined(const struct joining *joining, struct report_entry *shown)
{
    struct arena *arena = joining->owners->arena;

    for (size_t i = 0; i < joining->table->count; i++) {
        const struct chain *chain = joining->table->items[i];

        for (size_t j = 0; j < chain->count && stands_in(joining, chain); j++) {
            const struct rule *rule = &chain->items[j];
            const struct owner *owner = find_owner(joining->owners, &rule->span);

            if (!owner || !same_kind(rule, joining->rule) ||
                rules_apart(joining->family, rule, joining->rule))
                continue;
            add_rule(arena, &shown->rules[joining->family], chain, rule, joining->family);
            if (owner->entry->name && !text_has(&shown->shared, owner->entry->name))
                text_add(arena, &shown->shared, owner->entry->name);
        }
    }
}

static void find_joined(const struct owners *owners, const struct ruleset *lowered)
{
    for (size_t i = 0; i < lowered->count; i++) {
        const struct table *table = &lowered->items[i],
                           *printed = ruleset_find_table(lowered->printed, table->name);

        if (!printed || table_rule_count(printed) > COMPARED_MAX || table_rule_count(table) > COMPARED_MAX)
            continue;
        for (size_t j = 0; j < table->count; j++)
            for (size_t k = 0; k < table->items[j]->count; k++) {
                const struct joining joining = {owners, printed, table->items[j], &table->items[j]->items[k],
                                                lowered->family};
                const struct owner *owner = find_owner(owners, &joining.rule->span);

                if (owner && owner->shown && !is_printed(&joining))
                    add_joined(&joining, owner->shown);
            }
    }
}

void gather_entries(struct report *report, struct subject *subject)
{
    const struct policy *policy = report->policy;
    struct owners owners = {.arena = &subject->compilation.arena};

    owners.items = arena_calloc(owners.arena,
                                policy->trust.count + policy->deny.count + policy->allow.count +
                                    policy->connect.count + policy->forward.count,
                                sizeof(*owners.items));
    add_entries(report, &owners, &policy->trust, policy->tracking == TRACKING_SELECTIVE, &report->trust);
    add_entries(report, &owners, &policy->deny, false, &report->deny);
    add_entries(report, &owners, &policy->allow, true, &report->allow);
    add_entries(report, &owners, &policy->connect, true, &report->connect);
    add_entries(report, &owners, &policy->forward, false, &report->forward);
    if (owners.count)
        qsort(owners.items, owners.count, sizeof(*owners.items), compare_owners);
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct ruleset *lowered = subject->compilation.rules[family];

        add_rules(report, &owners, lowered->printed);
        find_joined(&owners, lowered);
    }
}
