// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of the kernel: a rule says their name, and a text of its own what is in them.
#include <string.h>

#include "base/vec.h"
#include "ipset/ipset.h"
#include "rules/matches.h"

// `src,dst`: one side for each part of a member. Those beyond have no meaning. False where they are too few: such a rule
// matches nothing (net/netfilter/ipset/ip_set_core.c, ip_set_test).
static bool read_sides(struct slice list, size_t parts, enum side sides[2], bool *known)
{
    struct slice word;
    size_t count = 0;

    *known = true;
    for (; slice_item(&list, ',', &word); count++) {
        const bool source = slice_is(word, "src");

        *known = *known && (source || slice_is(word, "dst"));
        if (count < parts)
            sides[count] = source ? SIDE_SOURCE : SIDE_DESTINATION;
    }
    return count >= parts;
}

enum reading match_read_set(struct parts *parts, const struct option *option, struct match *match)
{
    const struct ipset *set;
    const struct ipset_type *type;
    bool enough, known;

    if (!option_is(option, "match-set") && !option_is(option, "set"))
        return READ_OPAQUE;
    if (match->set.set)
        return match_refuse(parts, option, "a second set needs a second -m set");
    if (!parts->sets)
        return READ_OPAQUE;
    set = ipset_find(parts->sets, option->values[0]);
    if (!set)
        return match_refuse(parts, option, "no set of that name is among those given");
    match->set.set = set;
    match->set.inverted = option->inverted;
    if (set->kind == IPSET_OTHER)
        return READ_OPAQUE;
    type = &ipset_types[set->kind];
    enough = read_sides(option->values[1], (size_t)type->addresses + type->ports, match->set.sides, &known);
    if (!known)
        return match_refuse(parts, option, "the sides of a set are src and dst");
    return enough ? READ_FINE : READ_OPAQUE;
}

// What the rules themselves put into a set or take out of it, no text tells.

static bool changes_sets(const struct rule *rule)
{
    return rule->target.kind == TARGET_OTHER && strncmp(rule->target.text, "SET ", strlen("SET ")) == 0;
}

static bool names_set(const char *text, const char *name)
{
    struct slice rest = slice_of(text), word;

    while ((word = slice_word(&rest)).length)
        if (slice_is(word, name))
            return true;
    return false;
}

typedef VEC(const char *) text_list;

static void collect_changes(struct arena *arena, const struct chain *chain, text_list *changes)
{
    for (size_t i = 0; i < chain->count; i++)
        if (changes_sets(&chain->items[i]))
            *vec_push(arena, changes) = chain->items[i].target.text;
}

// The match as it was written.
static struct match as_text(struct arena *arena, const struct match *match)
{
    static const char *const sides[] = {"src", "dst"};
    const struct ipset *set = match->set.set;
    const struct ipset_type *type = &ipset_types[set->kind];
    const bool two = type->addresses && type->ports;
    struct match text = {.kind = MATCH_OPAQUE};

    text.opaque.text =
        arena_printf(arena, "-m set %s--match-set %s %s%s%s", match->set.inverted ? "! " : "", set->name,
                     sides[match->set.sides[0]], two ? "," : "", two ? sides[match->set.sides[1]] : "");
    return text;
}

static void forget_changed(struct arena *arena, struct chain *chain, const text_list *changes)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct rule *rule = &chain->items[i];

        for (size_t j = 0; j < rule->match_count; j++)
            for (size_t k = 0; k < changes->count && rule->matches[j].kind == MATCH_SET; k++) {
                struct match *copy;

                if (!names_set(changes->items[k], rule->matches[j].set.set->name))
                    continue;
                copy = arena_calloc(arena, rule->match_count, sizeof(*copy));
                memcpy(copy, rule->matches, rule->match_count * sizeof(*copy));
                copy[j] = as_text(arena, &rule->matches[j]);
                rule->matches = copy;
            }
    }
}

void forget_changed_sets(struct arena *arena, const struct ruleset *ruleset)
{
    text_list changes = {0};

    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            collect_changes(arena, ruleset->items[i].items[j], &changes);
    for (size_t i = 0; i < ruleset->count && changes.count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            forget_changed(arena, ruleset->items[i].items[j], &changes);
}
