// SPDX-License-Identifier: GPL-2.0-or-later
//
// The log and the default of a hook stand in a chain of their own where several places lead there, so that the log has one
// budget. Where the hook's end alone does, they stand there. What is over a limit of TCP can be let fall to that end:
//
//   -A INPUT -p tcp -m tcp --dport 22 --syn -m hashlimit --hashlimit-above 6/min ... -g ctc-default-input
//   -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
// becomes
//   -A INPUT -p tcp -m tcp --dport 22 ! --syn -j ACCEPT
//   -A INPUT -p tcp -m tcp --dport 22 --syn -m hashlimit --hashlimit-upto 6/min ... -j ACCEPT
//
// May act on: a chain that one built-in chain alone leads to, in its last rule from everywhere. Each other rule that leads
// there asks for what is above a limit; the rest of what it is about is accepted by one rule behind it, and no other rule up
// to the last one has a packet of both.
#include <string.h>

#include "passes/limited.h"

#define RULES_MAX 512 // of a chain

static bool leads_to(const struct rule *rule, const struct chain *end)
{
    return rule_leads_on(rule) && strcmp(rule->target.text, end->name) == 0;
}

// The one chain that leads to `end`, and does so in its last rule; NULL: there is none, or there are others.
static struct chain *leading_chain(const struct table *table, const struct chain *end)
{
    struct chain *found = NULL;

    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->items[i]->count; j++) {
            if (!leads_to(&table->items[i]->items[j], end))
                continue;
            if (found && found != table->items[i])
                return NULL;
            found = table->items[i];
        }
    if (!found || found->policy == CHAIN_USER || found->count > RULES_MAX)
        return NULL;

    const struct rule *last = &found->items[found->count - 1];

    return leads_to(last, end) && last->target.kind == TARGET_GOTO && rule_asks_nothing(last) ? found : NULL;
}

// The match for openings among those of a rule; NULL: it does not ask for them alone.
static const struct match *opening_of(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_TCP && rule->matches[i].transport.flags_mask)
            return &rule->matches[i];
    return NULL;
}

// The rule about all packets of which `over` is about the openings above a limit.
static struct rule rest_of(struct passing *passing, const struct rule *over)
{
    struct rule rest = without_limit(passing, over, (struct target){.kind = TARGET_ACCEPT});
    struct match *matches = arena_calloc(passing->arena, rest.match_count, sizeof(*matches));
    size_t count = 0;

    for (size_t i = 0; i < rest.match_count; i++)
        if (&rest.matches[i] != opening_of(&rest))
            matches[count++] = rest.matches[i];
    rest.matches = matches;
    rest.match_count = count;
    return rest;
}

// Where the rest of what the rule at `place` is about is accepted; the chain's length where the condition is not met.
static size_t place_of_rest(struct passing *passing, const struct chain *chain, size_t place)
{
    const struct rule *over = &chain->items[place];
    const struct match *limit = limit_of(over);
    size_t found = chain->count;
    struct rule rest;

    if (over->target.kind != TARGET_GOTO || !limit || !limit->limit.above || !opening_of(over))
        return chain->count;
    rest = rest_of(passing, over);
    for (size_t i = place + 1; i + 1 < chain->count; i++) {
        const struct rule *rule = &chain->items[i];

        if (found == chain->count && rules_same_but_sets(&rest, rule) && rule_sets_same(&rest, rule))
            found = i;
        else if (!rules_apart(passing->family, over, rule))
            return chain->count;
    }
    return found;
}

static struct rule other_segments(struct passing *passing, const struct rule *over)
{
    struct rule others = without_limit(passing, over, (struct target){.kind = TARGET_ACCEPT});
    struct match *matches = arena_calloc(passing->arena, others.match_count, sizeof(*matches));

    memcpy(matches, others.matches, others.match_count * sizeof(*matches));
    matches[opening_of(&others) - others.matches].transport.flags_inverted = true;
    others.matches = matches;
    return others;
}

// Moves the rule at `place` to where the rest of it is accepted, for what is within its limit.
static void let_fall(struct passing *passing, struct chain *chain, size_t place)
{
    const struct rule over = chain->items[place];
    const size_t rest = place_of_rest(passing, chain, place);

    memmove(&chain->items[place], &chain->items[place + 1], (rest - place) * sizeof(*chain->items));
    chain->items[rest - 1] = other_segments(passing, &over);
    chain->items[rest] = with_limit(passing, &over, false, (struct target){.kind = TARGET_ACCEPT});
}

static bool all_can_fall(struct passing *passing, const struct chain *chain, const struct chain *end)
{
    for (size_t i = 0; i + 1 < chain->count; i++)
        if (leads_to(&chain->items[i], end) && place_of_rest(passing, chain, i) == chain->count)
            return false;
    return true;
}

// Whether the rules of the chain may stand in another's.
static bool is_plain(const struct chain *end)
{
    for (size_t i = 0; i < end->count; i++)
        if (rule_is_verbatim(&end->items[i]))
            return false;
    return end->policy == CHAIN_USER && end->count;
}

// Whether the end of the chain decides the same without the rule.
static bool does_as_policy(const struct chain *chain, const struct rule *last)
{
    return rule_asks_nothing(last) &&
           last->target.kind == (chain->policy == CHAIN_DROP ? TARGET_DROP : TARGET_ACCEPT);
}

static bool inline_chain(struct passing *passing, struct chain *end)
{
    struct chain *chain = is_plain(end) ? leading_chain(passing->table, end) : NULL;

    if (!chain || !all_can_fall(passing, chain, end))
        return false;
    own_rules(passing, chain);
    for (size_t i = 0; i + 1 < chain->count; i++)
        if (leads_to(&chain->items[i], end))
            let_fall(passing, chain, i--);
    chain->count--;
    chain_reserve(passing->arena, chain, end->count);
    memcpy(&chain->items[chain->count], end->items, end->count * sizeof(*end->items));
    chain->count += end->count;
    while (chain->count && does_as_policy(chain, &chain->items[chain->count - 1]))
        chain->count--;
    return true;
}

void pass_inline(struct passing *passing)
{
    for (size_t i = passing->table->count; i-- > 0;)
        if (inline_chain(passing, passing->table->items[i]))
            table_remove_chain(passing->table, passing->table->items[i]);
}
