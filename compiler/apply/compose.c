// SPDX-License-Identifier: GPL-2.0-or-later
//
//   live                                own                            composed
//   -A INPUT -p tcp -j f2b-sshd         -A INPUT -j ctc-INPUT          -A INPUT -p tcp -j f2b-sshd
//   -A INPUT -j REJECT                  -A ctc-INPUT ...               -A INPUT -j ctc-INPUT
//   -A f2b-sshd -j RETURN                                              -A INPUT -j REJECT
//                                                                      -A ctc-INPUT ...
//                                                                      -A f2b-sshd -j RETURN
#include "apply/compose.h"

#include <assert.h>
#include <string.h>

struct composing {
    struct arena *arena;
    const struct table *live, *own; // NULL: there is none
    const struct owned_chain *owned;
    bool *led_to; // by number of the live chain: a rule of others leads there
    struct table *table;
    struct rule_origin ***origins; // by number of the chain
};

static struct rule_origin **origins_of(struct composing *composing, const struct chain *chain, size_t rules)
{
    struct rule_origin **origins = &(*composing->origins)[chain->number];

    *origins = arena_calloc(composing->arena, rules, sizeof(**origins));
    return origins;
}

static void append(struct composing *composing, struct chain *chain, const struct rule *rule, bool own,
                   size_t index)
{
    (*composing->origins)[chain->number][chain->count] = (struct rule_origin){own, index};
    *chain_append(composing->arena, chain) = *rule;
}

static void append_own(struct composing *composing, struct chain *chain, const struct chain *own)
{
    for (size_t i = 0; own && i < own->count; i++)
        append(composing, chain, &own->items[i], true, i);
}

static bool is_log(const struct rule *rule)
{
    struct slice text = slice_of(rule->target.kind == TARGET_OTHER ? rule->target.text : "");
    const struct slice name = slice_word(&text);

    return rule->target.kind == TARGET_LOG || slice_is(name, "LOG") || slice_is(name, "NFLOG") ||
           slice_is(name, "ULOG");
}

static bool takes_all(const struct rule *rule)
{
    return rule_asks_nothing(rule) &&
           (rule->target.kind == TARGET_ACCEPT || rule->target.kind == TARGET_DROP ||
            rule->target.kind == TARGET_REJECT || rule->target.kind == TARGET_RETURN ||
            rule->target.kind == TARGET_GOTO);
}

// Ahead of which rule of a live built-in chain ctc's own stand.
static size_t own_place(const struct chain *live, const struct owned_chain *owned)
{
    size_t place = 0;

    for (size_t i = 0; i < live->count; i++)
        if (owned->rules[i])
            return i;
    while (place < live->count && !takes_all(&live->items[place]))
        place++;
    while (place < live->count && place > 0 && is_log(&live->items[place - 1]))
        place--;
    return place;
}

static void compose_hook(struct composing *composing, const struct chain *live,
                         const struct owned_chain *owned, struct chain *chain)
{
    const struct chain *own = composing->own ? table_find_chain(composing->own, chain->name) : NULL;
    const size_t place = live && owned ? own_place(live, owned) : 0;

    assert(!live == !owned);
    origins_of(composing, chain, (live ? live->count : 0) + (own ? own->count : 0));
    for (size_t i = 0; live && i < live->count; i++) {
        if (i == place)
            append_own(composing, chain, own);
        if (!owned->rules[i])
            append(composing, chain, &live->items[i], false, i);
    }
    if (!live || place == live->count)
        append_own(composing, chain, own);
}

// Whether ctc has a say at a hook, and refuses nothing at its end. Of FORWARD, `leave` says nothing.
static bool lets_all_pass(const struct composing *composing, const char *hook)
{
    const struct table *own = composing->own;
    const struct chain *chain = own ? table_find_chain(own, own_hook(composing->arena, hook)) : NULL;
    const struct rule *last = chain && chain->count ? &chain->items[chain->count - 1] : NULL;

    return own && table_find_chain(own, hook) &&
           (!last || !rule_asks_nothing(last) || last->target.kind == TARGET_ACCEPT);
}

static void compose_hooks(struct composing *composing)
{
    for (const char *const *hook = table_hooks(composing->table->name); *hook; hook++) {
        const struct chain *live = composing->live ? table_find_chain(composing->live, *hook) : NULL;
        const struct owned_chain *owned = live ? &composing->owned[live->number] : NULL;
        struct chain *chain = table_chain(composing->arena, composing->table, *hook, CHAIN_UNWRITTEN);

        if (live)
            chain->policy = live->policy;
        if (owned && owned->policy && lets_all_pass(composing, *hook))
            chain->policy = CHAIN_ACCEPT;
        compose_hook(composing, live, owned, chain);
    }
}

static size_t others_in(const struct chain *live, const struct owned_chain *owned)
{
    size_t count = 0;

    for (size_t i = 0; i < live->count; i++)
        count += !owned->rules[i];
    return count;
}

static void note_ways(struct composing *composing)
{
    composing->led_to = arena_calloc(composing->arena, composing->live->count, sizeof(*composing->led_to));
    for (size_t i = 0; i < composing->live->count; i++) {
        const struct chain *chain = composing->live->items[i];

        for (size_t j = 0; j < chain->count; j++) {
            const struct target *target = &chain->items[j].target;
            const struct chain *next = target->kind == TARGET_JUMP || target->kind == TARGET_GOTO
                                           ? table_find_chain(composing->live, target->text)
                                           : NULL;

            if (next && !composing->owned[chain->number].rules[j])
                composing->led_to[next->number] = true;
        }
    }
}

static void compose_chain(struct composing *composing, const char *name, const struct chain *live,
                          const struct chain *own)
{
    const struct owned_chain *owned = live ? &composing->owned[live->number] : NULL;
    const size_t others = live && !own ? others_in(live, owned) : 0;
    struct chain *chain;

    assert(own || owned);
    // One of ctc's that others lead to stays, empty.
    if (!own && owned->whole && !others && !composing->led_to[live->number])
        return;
    chain = table_chain(composing->arena, composing->table, name, CHAIN_USER);
    origins_of(composing, chain, others + (own ? own->count : 0));
    if (own) {
        chain->ours = own->ours;
        chain->span = own->span;
        append_own(composing, chain, own);
    }
    for (size_t i = 0; others && i < live->count; i++)
        if (!owned->rules[i])
            append(composing, chain, &live->items[i], false, i);
}

static void compose_table(struct composing *composing)
{
    const struct table *live = composing->live, *own = composing->own;

    *composing->origins =
        arena_calloc(composing->arena, (live ? live->count : 0) + (own ? own->count : 0) + TABLE_HOOKS_MAX,
                     sizeof(**composing->origins));
    if (live)
        note_ways(composing);
    compose_hooks(composing);
    for (size_t i = 0; live && i < live->count; i++)
        if (live->items[i]->policy == CHAIN_USER)
            compose_chain(composing, live->items[i]->name, live->items[i],
                          own ? table_find_chain(own, live->items[i]->name) : NULL);
    for (size_t i = 0; own && i < own->count; i++)
        if (own->items[i]->policy == CHAIN_USER && !table_find_chain(composing->table, own->items[i]->name))
            compose_chain(composing, own->items[i]->name, NULL, own->items[i]);
}

static bool has_own(const struct table *live, const struct owned_chain *owned)
{
    for (size_t i = 0; i < live->count; i++) {
        if (owned[i].whole)
            return true;
        for (size_t j = 0; j < live->items[i]->count; j++)
            if (owned[live->items[i]->number].rules[j])
                return true;
    }
    return false;
}

struct composition compose(struct arena *arena, const struct live_tables *live,
                           const struct ownership *ownership, const struct ruleset *own)
{
    const struct ruleset *ruleset = live->ruleset;
    const size_t room = own->count + ruleset->count;
    struct ruleset *result = arena_alloc(arena, sizeof(*result));
    struct composition composition = {.ruleset = result,
                                      .origins = arena_calloc(arena, room, sizeof(*composition.origins))};
    const char **names = arena_calloc(arena, room, sizeof(*names));
    size_t count = 0;

    *result = (struct ruleset){.family = ruleset->family,
                               .items = arena_calloc(arena, room, sizeof(*result->items)),
                               .capacity = room};
    for (size_t i = 0; i < own->count; i++)
        names[count++] = own->items[i].name;
    for (size_t i = 0; i < ruleset->count; i++)
        if (!ruleset_find_table(own, ruleset->items[i].name) &&
            has_own(&ruleset->items[i], ownership->chains[i]))
            names[count++] = ruleset->items[i].name;
    for (size_t i = 0; i < count; i++) {
        struct composing composing = {.arena = arena,
                                      .live = ruleset_find_table(ruleset, names[i]),
                                      .own = ruleset_find_table(own, names[i]),
                                      .table = ruleset_table(arena, result, names[i]),
                                      .origins = &composition.origins[i]};

        composing.owned = composing.live ? ownership->chains[composing.live - ruleset->items] : NULL;
        compose_table(&composing);
    }
    ruleset_sort(result);
    return composition;
}

// As bytes.

static const struct live_chain *find_live(const struct live_tables *live, const char *name, const char *chain)
{
    const struct kernel_table *table = kernel_tables_find(live->tables, live->ruleset->family, name);

    for (size_t i = 0; table && i < table->chains.count; i++)
        if (strcmp(table->chains.items[i].name, chain) == 0)
            return &table->chains.items[i];
    return NULL;
}

// Where the rules of each chain of a table begin, by the chain's number.
static size_t *chain_starts(struct arena *arena, const struct encoded *own, const struct table *table)
{
    size_t *starts = arena_calloc(arena, table->count, sizeof(*starts)), at = encoded_table_start(own, table);

    for (size_t i = 0; i < table->count; i++) {
        starts[table->items[i]->number] = at;
        at += table->items[i]->count;
    }
    return starts;
}

struct encoded compose_encoded(struct arena *arena, const struct composition *composition,
                               const struct live_tables *live, struct encoded *own)
{
    const struct ruleset *ruleset = composition->ruleset;
    struct encoded encoded = *own;

    encoded.ruleset = ruleset;
    encoded.count = encoded_table_start(&encoded, ruleset->items + ruleset->count);
    encoded.rules = arena_calloc(arena, encoded.count, sizeof(*encoded.rules));
    encoded.count = 0;
    for (size_t i = 0; i < ruleset->count; i++) {
        const struct table *table = &ruleset->items[i], *from = ruleset_find_table(own->ruleset, table->name);
        const size_t *starts = from ? chain_starts(arena, own, from) : NULL;

        for (size_t j = 0; j < table->count; j++) {
            const struct chain *chain = table->items[j],
                               *own_chain = from ? table_find_chain(from, chain->name) : NULL;
            const struct rule_origin *origins = composition->origins[i][chain->number];
            const struct live_chain *there = find_live(live, table->name, chain->name);

            for (size_t k = 0; k < chain->count; k++) {
                assert(origins[k].own ? own_chain && starts : there != NULL);
                encoded.rules[encoded.count++] =
                    origins[k].own
                        ? own->rules[starts[own_chain->number] + origins[k].index]
                        : encoded_live(arena, ruleset->family, &there->rules.items[origins[k].index]);
            }
        }
    }
    *own = (struct encoded){0};
    return encoded;
}
