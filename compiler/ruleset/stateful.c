// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "ruleset/ruleset.h"

static const char *const stateful_matches[] = {
#define STATEFUL_MATCH(name) name,
#define STATEFUL_TARGET(name)
#include "ruleset/stateful.def"
#undef STATEFUL_MATCH
#undef STATEFUL_TARGET
    NULL,
};

static const char *const stateful_targets[] = {
#define STATEFUL_MATCH(name)
#define STATEFUL_TARGET(name) name,
#include "ruleset/stateful.def"
#undef STATEFUL_MATCH
#undef STATEFUL_TARGET
    NULL,
};

static const char *find_word(struct slice word, const char *const *words)
{
    while (*words && !slice_is(word, *words))
        words++;
    return *words;
}

// The name of a match: the word behind -m where it is kept as text.
static const char *match_tracks(const struct match *match)
{
    struct slice text;

    if (match->kind != MATCH_OPAQUE)
        return find_word(slice_of(match_names[match->kind]), stateful_matches);
    text = slice_of(match->opaque.text);
    return slice_is(slice_word(&text), "-m") ? find_word(slice_word(&text), stateful_matches) : NULL;
}

static const char *target_tracks(const struct target *target)
{
    struct slice text, name;

    if (target->kind == TARGET_HELPER)
        return "CT";
    if (target->kind != TARGET_OTHER)
        return NULL;
    text = slice_of(target->text);
    name = slice_word(&text);
    if (!slice_is(name, "CT"))
        return find_word(name, stateful_targets);
    for (struct slice word = slice_word(&text); word.length; word = slice_word(&text))
        if (slice_is(word, "--notrack"))
            return NULL;
    return "CT";
}

bool extension_tracks(const char *name, bool target)
{
    return find_word(slice_of(name), target ? stateful_targets : stateful_matches);
}

const char *rule_tracks(const struct rule *rule, const char *table)
{
    const char *what = target_tracks(&rule->target);

    for (size_t i = 0; i < rule->match_count && !what; i++)
        what = match_tracks(&rule->matches[i]);
    return what ? what : strcmp(table, "nat") == 0 ? "nat" : NULL;
}
