// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is over a limit is refused first, so that what is left of the entry is one rule, which joins those of others:
//
//   -A INPUT -p udp -m udp --dport 53 -m hashlimit --hashlimit-upto 50/sec ... -j ACCEPT
//   -A INPUT -p udp -m udp --dport 53 -j DROP
// becomes
//   -A INPUT -p udp -m udp --dport 53 -m hashlimit --hashlimit-above 50/sec ... -j DROP
//   -A INPUT -p udp -m udp --dport 53 -j ACCEPT
//
// May act on: two neighbours that ask for the same but for the limit, which the first one asks last. No other rule with the
// limit takes a packet of theirs, which would be counted twice so.
#include <string.h>

#include "passes/limited.h"

#define RULES_MAX 512 // of a chain

static bool counted_elsewhere(const struct passing *passing, const struct chain *chain, size_t place)
{
    const struct match *limit = limit_of(&chain->items[place]);

    for (size_t i = 0; i < chain->count; i++) {
        const struct match *other = limit_of(&chain->items[i]);

        if (i != place && other && strcmp(other->limit.name, limit->limit.name) == 0 &&
            !rules_apart(passing->family, &chain->items[i], &chain->items[place]))
            return true;
    }
    return false;
}

static bool limit_pair(struct passing *passing, struct chain *chain, size_t place)
{
    const struct rule *pair = &chain->items[place];
    const struct match *limit = limit_of(&pair[0]);
    struct rule *rules, rest;

    if (!limit || limit->limit.above || pair[0].target.kind != TARGET_ACCEPT || rule_is_verbatim(&pair[0]) ||
        rule_is_verbatim(&pair[1]))
        return false;
    rest = without_limit(passing, &pair[0], pair[1].target);
    if (!rules_same_but_sets(&rest, &pair[1]) || !rule_sets_same(&rest, &pair[1]) ||
        counted_elsewhere(passing, chain, place))
        return false;
    rest.target = pair[0].target;
    rules = own_rules(passing, chain);
    rules[place] = with_limit(passing, &rules[place], true, rules[place + 1].target);
    rules[place + 1] = rest;
    return true;
}

void pass_limit(struct passing *passing)
{
    bool any = false;

    for (size_t i = 0; i < passing->table->count; i++) {
        struct chain *chain = passing->table->items[i];

        for (size_t j = 0; j + 1 < chain->count && chain->count <= RULES_MAX; j++)
            any = limit_pair(passing, chain, j) || any;
    }
    // What is left of an entry may be what rules behind it accept as well.
    if (any && !(passing->without >> PASS_SHADOW & 1))
        pass_shadow(passing);
}
