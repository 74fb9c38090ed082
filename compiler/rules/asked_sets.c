// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets that become known when the rules that ask for them have been read: the kernel is asked for its sets only where its rules
// ask for any.
#include <string.h>

#include "rules/matches.h"
#include "rules/read.h"

// A match that asks for a set, as text.
static bool asks(const struct match *match)
{
    static const char start[] = "-m set ";

    return match->kind == MATCH_OPAQUE && strncmp(match->opaque.text, start, sizeof(start) - 1) == 0;
}

bool rules_ask_sets(const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++) {
            const struct chain *chain = ruleset->items[i].items[j];

            for (size_t k = 0; k < chain->count; k++)
                for (size_t l = 0; l < chain->items[k].match_count; l++)
                    if (asks(&chain->items[k].matches[l]))
                        return true;
        }
    return false;
}

struct learning {
    struct parts parts; // of the match that is read
    const char *missing;
};

// The value of --match-set; at NULL: it is not there.
static struct slice asked_name(const struct parts *parts)
{
    for (size_t i = 0; i < parts->option_count; i++)
        if (parts->options[i].kind && option_is(&parts->options[i], "match-set"))
            return parts->options[i].values[0];
    return (struct slice){NULL, 0};
}

// Reads the text of a match again, with the sets. False where nothing more is known of it then.
static bool read_again(struct learning *learning, const char *text, struct match *match)
{
    struct parts *parts = &learning->parts;
    struct slice name;

    if (!parts_read(parts, slice_of(text), COMMAND_APPEND) || parts->use_count != 1)
        return false;
    name = asked_name(parts);
    if (name.at && !ipset_find(parts->sets, name) && !learning->missing)
        learning->missing = arena_copy(parts->arena, name.at, name.length);
    return match_read(parts, 0, match) && match->kind == MATCH_SET;
}

static void learn_rule(struct learning *learning, struct rule *rule)
{
    struct match *copy = NULL;

    for (size_t i = 0; i < rule->match_count; i++) {
        struct match match = {0};

        if (!asks(&rule->matches[i]) || !read_again(learning, rule->matches[i].opaque.text, &match))
            continue;
        if (!copy) {
            copy = arena_calloc(learning->parts.arena, rule->match_count, sizeof(*copy));
            memcpy(copy, rule->matches, rule->match_count * sizeof(*copy));
            rule->matches = copy;
        }
        copy[i] = match;
    }
}

static void learn(struct learning *learning, const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++) {
            struct chain *chain = ruleset->items[i].items[j];

            for (size_t k = 0; k < chain->count; k++)
                learn_rule(learning, &chain->items[k]);
        }
}

const char *rules_know_sets(struct arena *arena, const struct ruleset *const *rulesets, size_t count,
                            const struct ipset_list *sets)
{
    struct diag_list ignored = {.arena = arena};
    struct learning *learning = arena_alloc(arena, sizeof(*learning));
    struct slice refused;

    learning->parts.arena = arena;
    learning->parts.diags = &ignored;
    learning->parts.refused = &refused;
    learning->parts.sets = sets;
    learning->parts.place = PLACE_UNKNOWN;
    for (size_t i = 0; i < count; i++) {
        learning->parts.family = rulesets[i]->family;
        learn(learning, rulesets[i]);
    }
    rules_forget_changed_sets(arena, rulesets, count, sets);
    return learning->missing;
}
