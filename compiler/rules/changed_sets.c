// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets that rules put members into or take them out of (-j SET).
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "emit/restore.h"
#include "rules/read.h"
#include "rules/words.h"

// By rules of one family.
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

static void collect_chain(struct arena *arena, const struct chain *chain, const struct ipset_list *list,
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

static void collect_changes(struct arena *arena, const struct ruleset *ruleset, const struct ipset_list *list,
                            struct changes *changes)
{
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            collect_chain(arena, ruleset->items[i].items[j], list, changes);
}

static bool is_among(const struct changes *changes, const struct ipset *set)
{
    return changes->all || (changes->sets.count && bsearch(&set, changes->sets.items, changes->sets.count,
                                                           sizeof(struct ipset *), compare_places));
}

// What a rule of another family puts into a set is passed over (ip_set_core.c, ip_set_add()), unless that is of none: ports alone.
static bool is_changed(const struct changes changes[FAMILY_COUNT], const struct ipset *set)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if ((!ipset_types[set->kind].addresses || set->family == family) && is_among(&changes[family], set))
            return true;
    return false;
}

// The match as it is printed.
static struct match as_text(struct arena *arena, const struct match *match, enum family family)
{
    struct match text = {.kind = MATCH_OPAQUE};
    struct buf out = {0};

    restore_match(&out, match, family);
    text.opaque.text = buf_to_arena(&out, arena) + 1; // behind its blank
    return text;
}

static void forget_changed(struct arena *arena, struct chain *chain, enum family family,
                           const struct changes changes[FAMILY_COUNT])
{
    for (size_t i = 0; i < chain->count; i++) {
        struct rule *rule = &chain->items[i];

        for (size_t j = 0; j < rule->match_count; j++) {
            struct match *copy;

            if (rule->matches[j].kind != MATCH_SET || !is_changed(changes, rule->matches[j].set.set))
                continue;
            copy = arena_calloc(arena, rule->match_count, sizeof(*copy));
            memcpy(copy, rule->matches, rule->match_count * sizeof(*copy));
            copy[j] = as_text(arena, &rule->matches[j], family);
            rule->matches = copy;
        }
    }
}

void rules_forget_changed_sets(struct arena *arena, const struct ruleset *const *rulesets, size_t count,
                               const struct ipset_list *sets)
{
    struct changes changes[FAMILY_COUNT] = {0};
    bool any = false;

    for (size_t i = 0; i < count; i++)
        collect_changes(arena, rulesets[i], sets, &changes[rulesets[i]->family]);
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        any = any || changes[family].sets.count;
        if (changes[family].sets.count)
            qsort(changes[family].sets.items, changes[family].sets.count, sizeof(struct ipset *),
                  compare_places);
    }
    for (size_t i = 0; i < count && any; i++)
        for (size_t j = 0; j < rulesets[i]->count; j++)
            for (size_t k = 0; k < rulesets[i]->items[j].count; k++)
                forget_changed(arena, rulesets[i]->items[j].items[k], rulesets[i]->family, changes);
}
