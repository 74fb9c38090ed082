// SPDX-License-Identifier: GPL-2.0-or-later
//
// The matches that the packet model does not know, and limits: an unknown for each, the same one for the same text, so that
// two rulesets which ask the same question get the same answer.
#include <stdlib.h>
#include <string.h>

#include "base/kernel.h"
#include "base/vec.h"
#include "emit/restore.h"
#include "meaning/space.h"

// The slot of an unknown in the index, or the empty one where it would stand. FNV-1a.
static size_t *unknown_slot(const struct packet_space *space, const struct unknown *unknown)
{
    uint64_t hash = 0xCBF29CE484222325 ^ (uint64_t)unknown->kind << 32 ^ unknown->number ^
                    limit_settings_hash(&unknown->settings);

    for (const char *at = unknown->text; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001B3;

    size_t slot = (size_t)(hash ^ hash >> 32) & (space->unknown_slots - 1);

    for (; space->unknown_index[slot]; slot = (slot + 1) & (space->unknown_slots - 1)) {
        const struct unknown *known = &space->unknowns.items[space->unknown_index[slot] - 1];

        if (known->kind == unknown->kind && known->number == unknown->number &&
            strcmp(known->text, unknown->text) == 0 &&
            limit_settings_equal(&known->settings, &unknown->settings))
            break;
    }
    return &space->unknown_index[slot];
}

static void grow_index(struct packet_space *space)
{
    space->unknown_slots = space->unknown_slots ? space->unknown_slots * 4 : 64;
    space->unknown_index = arena_calloc(space->arena, space->unknown_slots, sizeof(*space->unknown_index));
    for (size_t i = 0; i < space->unknowns.count; i++)
        *unknown_slot(space, &space->unknowns.items[i]) = i + 1;
}

static struct unknown *add_unknown(struct packet_space *space, struct unknown unknown)
{
    if (space->unknowns.count * 2 >= space->unknown_slots)
        grow_index(space);

    size_t *slot = unknown_slot(space, &unknown);

    if (!*slot) {
        *vec_push(space->arena, &space->unknowns) = unknown;
        *slot = space->unknowns.count;
    }
    return &space->unknowns.items[*slot - 1];
}

static unsigned find_unknown(const struct packet_space *space, struct unknown unknown)
{
    return space->unknown_slots ? (unsigned)*unknown_slot(space, &unknown) - 1 : 0;
}

// One that is told from others by its text and number alone.
static void add_text_unknown(struct packet_space *space, enum unknown_kind kind, const char *text,
                             unsigned number)
{
    add_unknown(space, (struct unknown){.kind = kind, .text = text, .number = number});
}

unsigned packet_space_unknown(const struct packet_space *space, enum unknown_kind kind, const char *text,
                              unsigned number)
{
    return find_unknown(space, (struct unknown){.kind = kind, .text = text, .number = number});
}

static struct unknown named_limit(const struct packet_space *space, const struct limit *limit)
{
    return (struct unknown){.kind = limit->per_source ? UNKNOWN_HASHLIMIT : UNKNOWN_LIMIT,
                            .text = limit->kernel_name,
                            .settings = said_limit(limit->rate, limit->per_source, space->family)};
}

void packet_space_add_limit(struct packet_space *space, const struct limit *limit)
{
    const uint32_t period = limit->rate.period;
    const char *unit = period == 1 ? "second" : period == 60 ? "minute" : period == 3600 ? "hour" : "day";

    add_unknown(space, named_limit(space, limit))->about =
        arena_printf(space->arena, "%u/%s", limit->rate.events, unit);
}

unsigned packet_space_limit(const struct packet_space *space, const struct limit *limit)
{
    return find_unknown(space, named_limit(space, limit));
}

// A match that is an unknown, and what unknown it is.
struct unknown_match {
    const struct match *match;
    struct unknown unknown;
    bool fickle;
    const struct rule *rule;
    unsigned table; // by its number among the kernel's
    size_t order;   // in the text
    size_t met;     // in the order in which a packet meets them
};

struct unknown_matches {
    struct unknown_match *items;
    size_t count, capacity;
};

// The text of a rate stands for the limit: two of one text are two buckets. However a rate is written, it is what the kernel
// makes of it, the time between two packets: 120/min is 2/sec.
static const char *limit_text(struct arena *arena, const struct match *match)
{
    static const uint32_t periods[] = {1, 60, 3600, 86400};
    const uint64_t between = (uint64_t)LIMIT_RESOLUTION * match->limit.period / match->limit.events;

    for (size_t i = 0; i < sizeof(periods) / sizeof(*periods); i++) {
        const uint64_t whole = (uint64_t)LIMIT_RESOLUTION * periods[i], events = whole / between;

        if (events && whole / events == between)
            return arena_printf(arena, "%u in %u s, burst %u", (unsigned)events, periods[i],
                                match->limit.burst);
    }
    return arena_printf(arena, "1 in %u/%d s, burst %u", (unsigned)between, LIMIT_RESOLUTION,
                        match->limit.burst);
}

static const char *set_text(const struct packet_space *space, const struct match *match)
{
    struct buf text = {0};

    restore_match(&text, match, space->family);
    return buf_to_arena(&text, space->arena) + 1; // behind its blank
}

static bool match_unknown(const struct packet_space *space, const struct match *match, bool sets_vary,
                          struct unknown *unknown, bool *fickle)
{
    struct arena *arena = space->arena;

    *fickle = false;
    switch (match->kind) {
    case MATCH_LIMIT:
        *fickle = true;
        *unknown = (struct unknown){.kind = UNKNOWN_LIMIT, .text = limit_text(arena, match)};
        return true;
    case MATCH_HASHLIMIT:
        *unknown = named_limit(space, &(struct limit){
                                          {match->limit.events, match->limit.period, match->limit.burst},
                                          match->limit.per_source,
                                          match->limit.name,
                                      });
        return true;
    case MATCH_HASHLIMIT_TEXT:
        *unknown = (struct unknown){.kind = match->hashlimit.buckets ? UNKNOWN_HASHLIMIT : UNKNOWN_LIMIT,
                                    .text = match->hashlimit.name,
                                    .settings = written_limit(arena, match->hashlimit.text, space->family)};
        return true;
    case MATCH_OPAQUE:
        *fickle = match->opaque.fickle;
        *unknown = (struct unknown){.kind = UNKNOWN_MATCH, .text = match->opaque.text};
        return true;
    case MATCH_SET:
        if (sets_vary)
            *unknown = (struct unknown){.kind = UNKNOWN_MATCH, .text = set_text(space, match)};
        return sets_vary;
    default:
        return false;
    }
}

static int compare_unknown_matches(const void *a, const void *b)
{
    const struct unknown_match *left = a, *right = b;
    const int order = strcmp(left->unknown.text, right->unknown.text);

    if (order)
        return order;
    if (!left->fickle || !right->fickle)
        return (left->order > right->order) - (left->order < right->order);
    if (left->table != right->table)
        return left->table < right->table ? -1 : 1;
    return (left->met > right->met) - (left->met < right->met);
}

static bool same_kind(const struct unknown_match *a, const struct unknown_match *b)
{
    return a->unknown.kind == b->unknown.kind && strcmp(a->unknown.text, b->unknown.text) == 0;
}

static size_t match_slot(const struct packet_space *space, const struct match *match)
{
    size_t slot = (size_t)(((uintptr_t)match * 0x9E3779B97F4A7C15ULL) >> 20) & (space->match_slots - 1);

    while (space->matches[slot].match && space->matches[slot].match != match)
        slot = (slot + 1) & (space->match_slots - 1);
    return slot;
}

static void remember_match(struct packet_space *space, const struct match *match, unsigned unknown)
{
    if (space->match_count * 2 >= space->match_slots) {
        const struct packet_space old = *space;

        space->match_slots = old.match_slots ? old.match_slots * 4 : 64;
        space->matches = arena_calloc(space->arena, space->match_slots, sizeof(*space->matches));
        for (size_t i = 0; i < old.match_slots; i++)
            if (old.matches[i].match)
                space->matches[match_slot(space, old.matches[i].match)] = old.matches[i];
    }

    const size_t slot = match_slot(space, match);

    space->match_count += !space->matches[slot].match;
    space->matches[slot].match = match;
    space->matches[slot].unknown = unknown;
}

unsigned packet_space_match(const struct packet_space *space, const struct match *match)
{
    return space->matches[match_slot(space, match)].unknown;
}

bool packet_space_knows_set(const struct packet_space *space, const struct match *match)
{
    return !space->match_count || !space->matches[match_slot(space, match)].match;
}

void packet_space_identify(struct packet_space *space, unsigned unknown, unsigned as)
{
    for (size_t i = 0; i < space->match_slots; i++)
        if (space->matches[i].match && space->matches[i].unknown == unknown)
            space->matches[i].unknown = as;
}

// A limit with a name in a policy's words, as far as they go: what it is called says little.
static const char *words_of(struct arena *arena, const struct unknown *unknown)
{
    struct buf text = {0};
    const char *words;

    if (!unknown->settings.between)
        return NULL;
    limit_rate_print(&text, &unknown->settings);
    words = arena_copy(arena, text.bytes, text.length);
    buf_clear(&text);
    return words;
}

static int compare_met(const void *a, const void *b)
{
    const struct unknown_match *left = a, *right = b;

    return (left->met > right->met) - (left->met < right->met);
}

#define FICKLE_MAX (1U << 24) // of one text in a table: more rules do not fit one

// Numbers the fickle ones of each text as a packet meets them in their table, so that the first of two rulesets is the first
// of the other, in whatever order tables and chains are written. Limits of one name are one, with the settings of the first,
// which makes the table (net/netfilter/xt_hashlimit.c). Their fields come in the order in which a packet meets them: functions
// of a long row of limits are small then.
static void add_unknown_matches(struct packet_space *space, struct unknown_matches *matches)
{
    struct unknown_match *items = matches->items;
    unsigned number = 0;

    if (!matches->count)
        return;
    qsort(items, matches->count, sizeof(*items), compare_unknown_matches);
    for (size_t i = 0; i < matches->count; i++) {
        const bool again = i && same_kind(&items[i - 1], &items[i]);

        number = again && items[i].fickle && items[i - 1].table == items[i].table ? number + 1
                 : items[i].fickle ? items[i].table * FICKLE_MAX
                                   : 0;
        items[i].unknown.number = number;
        if (again)
            items[i].unknown.settings = items[i - 1].unknown.settings;
    }
    qsort(items, matches->count, sizeof(*items), compare_met);
    for (size_t i = 0; i < matches->count; i++) {
        struct unknown *unknown = &items[i].unknown;

        unknown->about = words_of(space->arena, unknown);
        add_unknown(space, *unknown);
        remember_match(space, items[i].match, find_unknown(space, *unknown));
    }
}

// A hashlimit drops what finds no room in its table, whatever the target.
static bool has_table(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if ((rule->matches[i].kind == MATCH_HASHLIMIT && rule->matches[i].limit.per_source) ||
            (rule->matches[i].kind == MATCH_HASHLIMIT_TEXT && rule->matches[i].hashlimit.buckets))
            return true;
    return false;
}

bool rule_decides(const struct rule *rule)
{
    const bool goes_on =
        rule->target.kind == TARGET_LOG || rule->target.kind == TARGET_NONE ||
        (rule->target.kind == TARGET_OTHER && target_effect(&rule->target) == EFFECT_CONTINUE);

    return !goes_on || has_table(rule);
}

struct collecting {
    struct packet_space *space;
    uint64_t changes; // what rules write that matches read
    bool sets_vary;
    const struct table *table;
    unsigned table_number; // among the kernel's
    size_t *first;         // of the matches of a chain, by the numbers of the table's chains
    bool *seen;            // likewise
    struct unknown_matches matches;
    size_t met;
};

static void collect_rule(struct collecting *collecting, const struct rule *rule)
{
    struct packet_space *space = collecting->space;
    struct unknown_matches *matches = &collecting->matches;

    if (!rule_decides(rule))
        return;
    packet_space_add_rule_names(space, rule);
    for (size_t i = 0; i < rule->match_count; i++) {
        struct unknown unknown;
        bool fickle;

        if (match_unknown(space, &rule->matches[i], collecting->sets_vary, &unknown, &fickle))
            *vec_push(space->arena, matches) = (struct unknown_match){
                .match = &rule->matches[i],
                .unknown = unknown,
                .fickle = fickle || match_is_changed(&rule->matches[i], collecting->changes),
                .rule = rule,
                .table = collecting->table_number,
                .order = matches->count,
            };
    }
}

static bool looks_for_sockets(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_SOCKET ||
            (rule->matches[i].kind == MATCH_OPAQUE &&
             strncmp(rule->matches[i].opaque.text, "-m socket", 9) == 0))
            return true;
    return false;
}

const char *policy_unknown(struct packet_space *space, const struct table *table, const char *chain)
{
    return arena_printf(space->arena, "%s %s", table->name, chain);
}

static void collect_chain(struct collecting *collecting, const struct chain *chain)
{
    struct packet_space *space = collecting->space;

    collecting->first[chain->number] = collecting->matches.count;
    if (chain->policy == CHAIN_UNWRITTEN)
        add_text_unknown(space, UNKNOWN_POLICY, policy_unknown(space, collecting->table, chain->name), 0);
    for (size_t i = 0; i < chain->count; i++) {
        collect_rule(collecting, &chain->items[i]);
        space->defragments = space->defragments || looks_for_sockets(&chain->items[i]) ||
                             rule_tracks(&chain->items[i], collecting->table->name);
    }
}

// Along the way of a packet: the rules of a chain, and of the chains that it leads to where it does.
static void meet_chain(struct collecting *collecting, const struct chain *chain)
{
    struct unknown_matches *matches = &collecting->matches;
    size_t at = collecting->first[chain->number];

    if (collecting->seen[chain->number])
        return;
    collecting->seen[chain->number] = true;
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];
        const bool jumps = rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO;
        const struct chain *inner = jumps ? table_find_chain(collecting->table, rule->target.text) : NULL;

        for (; at < matches->count && matches->items[at].rule == rule; at++)
            matches->items[at].met = collecting->met++;
        if (inner)
            meet_chain(collecting, inner);
    }
}

static unsigned kernel_number(const char *table)
{
    unsigned number = 0;

    while (number < table_kind_count && strcmp(table_kinds[number].name, table) != 0)
        number++;
    return number;
}

// The chains where packets begin, in the kernel's order.
static void meet_hooks(struct collecting *collecting)
{
    if (collecting->table_number == table_kind_count)
        return;
    for (const char *const *hook = table_kinds[collecting->table_number].hooks; *hook; hook++) {
        const struct chain *chain = table_find_chain(collecting->table, *hook);

        if (chain)
            meet_chain(collecting, chain);
    }
}

static size_t numbers_of(const struct table *table)
{
    size_t numbers = 0;

    for (size_t i = 0; i < table->count; i++)
        numbers = table->items[i]->number >= numbers ? table->items[i]->number + 1 : numbers;
    return numbers;
}

void packet_space_add_ruleset(struct packet_space *space, const struct ruleset *ruleset)
{
    struct collecting collecting = {
        .space = space, .changes = ruleset_changes(ruleset), .sets_vary = ruleset->sets_vary};

    for (size_t i = 0; i < ruleset->count; i++) {
        const struct table *table = &ruleset->items[i];

        collecting.table = table;
        collecting.table_number = kernel_number(table->name);
        collecting.first = arena_calloc(space->arena, numbers_of(table), sizeof(*collecting.first));
        collecting.seen = arena_calloc(space->arena, numbers_of(table), sizeof(*collecting.seen));
        for (size_t j = 0; j < table->count; j++)
            collect_chain(&collecting, table->items[j]);
        meet_hooks(&collecting);
        for (size_t j = 0; j < table->count; j++)
            meet_chain(&collecting, table->items[j]);
    }
    add_unknown_matches(space, &collecting.matches);
}

void packet_space_add_unwritten(struct packet_space *space, const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++) {
        const struct table *table = &ruleset->items[i];
        const unsigned number = kernel_number(table->name);

        for (size_t j = 0; number < table_kind_count && table_kinds[number].hooks[j]; j++)
            if (!table_find_chain(table, table_kinds[number].hooks[j]))
                add_text_unknown(space, UNKNOWN_POLICY,
                                 policy_unknown(space, table, table_kinds[number].hooks[j]), 0);
    }
}
