// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "ruleset/ruleset.h"

static const struct {
    const char *target, *match;
} changes[] = {
#define CHANGE(target, match) {target, match},
#include "ruleset/changes.def"
#undef CHANGE
};

// The word behind -m; empty where the text is no extension's.
static struct slice opaque_name(const struct match *match)
{
    struct slice text = slice_of(match->opaque.text);

    return slice_is(slice_word(&text), "-m") ? slice_word(&text) : (struct slice){"", 0};
}

#define CHANGES (sizeof(changes) / sizeof(*changes))

_Static_assert(CHANGES <= 62, "a bit for each, and two for what matches write themselves");

#define CHANGE_SKMARK ((uint64_t)1 << 62) // -m socket --restore-skmark
#define CHANGE_LABEL  ((uint64_t)1 << 63) // -m connlabel --set

static uint64_t rule_changes(const struct rule *rule)
{
    uint64_t seen = 0;

    if (rule->target.kind == TARGET_OTHER) {
        struct slice text = slice_of(rule->target.text);
        const struct slice target = slice_word(&text);

        for (size_t i = 0; i < CHANGES; i++)
            if (slice_is(target, changes[i].target))
                seen |= (uint64_t)1 << i;
    }
    for (size_t i = 0; i < rule->match_count; i++) {
        const struct match *match = &rule->matches[i];

        if (match->kind != MATCH_OPAQUE)
            continue;
        if (strstr(match->opaque.text, "--restore-skmark"))
            seen |= CHANGE_SKMARK;
        if (slice_is(opaque_name(match), "connlabel") && strstr(match->opaque.text, "--set"))
            seen |= CHANGE_LABEL;
    }
    return seen;
}

uint64_t ruleset_changes(const struct ruleset *ruleset)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            for (size_t k = 0; k < ruleset->items[i].items[j]->count; k++)
                seen |= rule_changes(&ruleset->items[i].items[j]->items[k]);
    return seen;
}

bool match_is_changed(const struct match *match, uint64_t by)
{
    const struct slice name = match->kind == MATCH_OPAQUE && by ? opaque_name(match) : (struct slice){"", 0};

    if (!name.length)
        return false;
    for (size_t i = 0; i < CHANGES; i++)
        if (by >> i & 1 && slice_is(name, changes[i].match))
            return true;
    return (by & CHANGE_SKMARK && slice_is(name, "mark")) ||
           (by & CHANGE_LABEL && slice_is(name, "connlabel"));
}
