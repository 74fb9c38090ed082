// SPDX-License-Identifier: GPL-2.0-or-later
#include "passes/limited.h"

#include <string.h>

const struct match *limit_of(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_HASHLIMIT)
            return &rule->matches[i];
    return NULL;
}

struct rule with_limit(struct passing *passing, const struct rule *rule, bool above, struct target target)
{
    struct match *matches = arena_calloc(passing->arena, rule->match_count, sizeof(*matches));
    struct rule made = *rule;

    memcpy(matches, rule->matches, rule->match_count * sizeof(*matches));
    matches[limit_of(rule) - rule->matches].limit.above = above;
    made.matches = matches;
    made.target = target;
    return made;
}

struct rule without_limit(struct passing *passing, const struct rule *rule, struct target target)
{
    const size_t place = (size_t)(limit_of(rule) - rule->matches);
    struct match *matches = arena_calloc(passing->arena, rule->match_count, sizeof(*matches));
    struct rule made = *rule;

    memcpy(matches, rule->matches, place * sizeof(*matches));
    memcpy(&matches[place], &rule->matches[place + 1], (rule->match_count - place - 1) * sizeof(*matches));
    made.matches = matches;
    made.match_count--;
    made.target = target;
    return made;
}
