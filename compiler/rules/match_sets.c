// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of the kernel: a rule says their name, and a text of its own what is in them.
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "ipset/ipset.h"
#include "rules/matches.h"
#include "rules/words.h"

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
    if (!set && parts->sets->partial)
        return READ_OPAQUE;
    if (!set)
        return match_refuse(parts, option, "no set of that name is among those given");
    match->set.set = set;
    match->set.inverted = option->inverted;
    if (set->kind == IPSET_OTHER)
        return READ_OPAQUE;
    type = &ipset_types[set->kind];
    if (type->addresses && set->family != parts->family)
        return match_refuse(parts, option,
                            parts->family == FAMILY_IPV4 ? "the set holds addresses of IPv6"
                                                         : "the set holds addresses of IPv4");
    enough = read_sides(option->values[1], (size_t)type->addresses + type->ports, match->set.sides, &known);
    if (!known)
        return match_refuse(parts, option, "the sides of a set are src and dst");
    return enough ? READ_FINE : READ_OPAQUE;
}

// What the rules themselves put into a set or take out of it, no text tells.

struct changes {
    VEC(const struct ipset *) sets; // in the order of their addresses, once all are there
    bool all;                       // a list of sets is changed: each of them may be in it
};

static int compare_places(const void *a, const void *b)
{
    const uintptr_t left = (uintptr_t) * (const struct ipset *const *)a,
                    right = (uintptr_t) * (const struct ipset *const *)b;

    return (left > right) - (left < right);
}

static bool changes_sets(const struct rule *rule)
{
    return rule->target.kind == TARGET_OTHER && strncmp(rule->target.text, "SET ", strlen("SET ")) == 0;
}

// Of `SET --add-set NAME src` and the like, whichever words are names.
static void collect_named(struct arena *arena, const char *text, const struct ipset_list *list,
                          struct words *words, struct changes *changes)
{
    struct slice at;

    words_split(arena, slice_of(text), words, &at);
    for (size_t i = 0; i < words->count; i++) {
        const struct ipset *set = ipset_find(list, words->items[i].text);

        if (!set)
            continue;
        changes->all = changes->all || set->holds_sets;
        *vec_push(arena, &changes->sets) = set;
    }
}

static void collect_changes(struct arena *arena, const struct chain *chain, const struct ipset_list *list,
                            struct changes *changes)
{
    struct words *words = NULL;

    for (size_t i = 0; i < chain->count; i++) {
        if (!changes_sets(&chain->items[i]))
            continue;
        if (!words)
            words = arena_alloc(arena, sizeof(*words));
        collect_named(arena, chain->items[i].target.text, list, words, changes);
    }
}

static bool is_changed(const struct changes *changes, const struct ipset *set)
{
    return changes->all ||
           bsearch(&set, changes->sets.items, changes->sets.count, sizeof(struct ipset *), compare_places);
}

// The match as it was written.
static struct match as_text(struct arena *arena, const struct match *match)
{
    static const char *const sides[] = {"src", "dst"};
    const struct ipset *set = match->set.set;
    const struct ipset_type *type = &ipset_types[set->kind];
    const char *quote = strpbrk(set->name, " \t") ? "\"" : "", *sign = match->set.inverted ? "! " : "";
    struct match text = {.kind = MATCH_OPAQUE};

    text.opaque.text = arena_printf(arena, "-m set %s--match-set %s%s%s %s", sign, quote, set->name, quote,
                                    sides[match->set.sides[0]]);
    if (type->addresses && type->ports)
        text.opaque.text = arena_printf(arena, "%s,%s", text.opaque.text, sides[match->set.sides[1]]);
    return text;
}

static void forget_changed(struct arena *arena, struct chain *chain, const struct changes *changes)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct rule *rule = &chain->items[i];

        for (size_t j = 0; j < rule->match_count; j++) {
            struct match *copy;

            if (rule->matches[j].kind != MATCH_SET || !is_changed(changes, rule->matches[j].set.set))
                continue;
            copy = arena_calloc(arena, rule->match_count, sizeof(*copy));
            memcpy(copy, rule->matches, rule->match_count * sizeof(*copy));
            copy[j] = as_text(arena, &rule->matches[j]);
            rule->matches = copy;
        }
    }
}

void forget_changed_sets(struct arena *arena, const struct ruleset *ruleset, const struct ipset_list *list)
{
    struct changes changes = {0};

    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            collect_changes(arena, ruleset->items[i].items[j], list, &changes);
    if (!changes.sets.count)
        return;
    qsort(changes.sets.items, changes.sets.count, sizeof(struct ipset *), compare_places);
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            forget_changed(arena, ruleset->items[i].items[j], &changes);
}
