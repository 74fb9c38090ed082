// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of addresses by what a policy calls them: `$lan` is easier to know again than four prefixes.
#include <string.h>

#include "report/gather.h"

#define RANGES_SHOWN 4      // of a set of addresses
#define LISTS_MAX    64     // definitions that are looked at
#define COMPARED_MAX 200000 // ranges of a set; larger ones are compared as a whole alone
#define NAMES_OF_ONE 3      // names that one set is told by

static void put_range(struct buf *out, enum family family, const struct addr_range *range)
{
    const struct prefix prefix = range_first_prefix(family, range);
    const struct addr_range whole = prefix_range(family, prefix);

    if (addr_compare(range->first, range->last) == 0) {
        addr_print(out, family, range->first);
    } else if (addr_compare(whole.last, range->last) == 0) {
        prefix_print(out, family, prefix);
    } else {
        addr_print(out, family, range->first);
        buf_char(out, '-');
        addr_print(out, family, range->last);
    }
}

static const char *plain_words(struct arena *arena, const struct addr_set *set)
{
    const size_t count = addr_set_count(set);
    size_t shown = 0;
    struct buf text = {0};

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < set->families[family].count && shown < RANGES_SHOWN; i++) {
            buf_text(&text, shown++ ? ", " : "");
            put_range(&text, family, &set->families[family].items[i]);
        }
    if (count > shown)
        buf_printf(&text, " and %zu more", count - shown);
    if (!count)
        buf_text(&text, "nobody");
    return text_take(arena, &text);
}

// What is in a list and not in another one, of one family.
static struct range_list list_minus(struct arena *arena, enum family family, const struct range_list *a,
                                    const struct range_list *b)
{
    struct addr_set left = {0}, right = {0};

    left.families[family] = *a;
    right.families[family] = *b;
    return addr_set_minus(arena, &left, &right).families[family];
}

static void remember(struct arena *arena, struct named_lists *used, const struct defined *defined)
{
    for (size_t i = 0; i < used->count; i++)
        if (strcmp(used->items[i].name, defined->name) == 0)
            return;
    *vec_push(arena, used) = (struct named_list){defined->name, plain_words(arena, defined->addresses)};
}

// The definitions that a list is made up of; NULL where they are not all of it.
static const char *names_of(struct arena *arena, const struct policy *policy, enum family family,
                            const struct range_list *list, struct named_lists *used)
{
    const struct defined *found[NAMES_OF_ONE];
    struct range_list left = *list;
    size_t count = 0;
    struct buf text = {0};

    for (size_t i = 0; i < policy->defined_count && i < LISTS_MAX && left.count && count < NAMES_OF_ONE;
         i++) {
        const struct range_list *defined = &policy->defined[i].addresses->families[family];

        if (!defined->count || defined->count > COMPARED_MAX ||
            list_minus(arena, family, defined, list).count || !range_list_overlap(defined, &left))
            continue;
        left = list_minus(arena, family, &left, defined);
        found[count++] = &policy->defined[i];
    }
    if (left.count || !count)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s%s", i ? ", " : "", found[i]->name);
        remember(arena, used, found[i]);
    }
    return text_take(arena, &text);
}

const char *list_names(struct arena *arena, const struct policy *policy, enum family family,
                       const struct range_list *list, struct named_lists *used)
{
    const struct addr_set all = addr_set_all(arena);
    const char *names;
    struct range_list others;

    if (!list->count || list->count > COMPARED_MAX)
        return NULL;
    names = names_of(arena, policy, family, list, used);
    if (names)
        return names;
    others = list_minus(arena, family, &all.families[family], list);
    names = names_of(arena, policy, family, &others, used);
    return names ? arena_printf(arena, "not %s", names) : NULL;
}

const char *address_words(struct arena *arena, const struct policy *policy, const struct addr_set *set)
{
    struct named_lists used = {0};
    const char *names[FAMILY_COUNT];

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        names[family] = list_names(arena, policy, family, &set->families[family], &used);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (names[family] &&
            (!set->families[!family].count || (names[!family] && strcmp(names[family], names[!family]) == 0)))
            return names[family];
    return plain_words(arena, set);
}

const char *spaced_name(struct arena *arena, const char *name)
{
    struct buf text = {0};

    for (; name && *name; name++) {
        buf_char(&text, *name);
        if (*name == ',' && name[1] && name[1] != ' ')
            buf_char(&text, ' ');
    }
    return text_take(arena, &text);
}
