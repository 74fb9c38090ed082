// SPDX-License-Identifier: GPL-2.0-or-later
#include "passes/cost.h"

#include <stdint.h>
#include <string.h>

#include "passes/pass.h"

static const struct {
    const char *section;
    double share;
} shares[] = {
#define SHARE(section, share) {section, share},
#include "passes/shares.def"
#undef SHARE
};

#define SHARE_COUNT (sizeof(shares) / sizeof(*shares))

static size_t share_of(const char *section)
{
    for (size_t i = 0; section && i < SHARE_COUNT; i++)
        if (strcmp(shares[i].section, section) == 0)
            return i;
    return SHARE_COUNT;
}

double section_share(const char *section)
{
    const size_t share = share_of(section);

    return share < SHARE_COUNT ? shares[share].share : COST_OTHER_SHARE;
}

// The walks through a chain: the longest, and how far into it the rules that decide stand, all of them together.
struct ways {
    size_t worst, deciding;
    double sum;
    bool known;
};

struct walking {
    enum family family;
    const struct table *table;
    struct ways *chains; // by number
};

// Rules side by side of which a packet passes one: it walks the longest of the chains that they lead to.
#define ONE_OF_MAX 64
struct one_of {
    const struct rule *rules[ONE_OF_MAX];
    size_t count, longest;
};

// Takes a rule among them, or begins anew with it. Gives how much longer the walk has become.
static size_t add_one_of(enum family family, struct one_of *one_of, const struct rule *rule, size_t length)
{
    bool apart = one_of->count < ONE_OF_MAX;
    size_t longer = length;

    for (size_t i = 0; i < one_of->count && apart; i++)
        apart = rules_apart(family, one_of->rules[i], rule);
    if (!apart)
        *one_of = (struct one_of){0};
    longer = length > one_of->longest ? length - one_of->longest : 0;
    one_of->longest += longer;
    one_of->rules[one_of->count++] = rule;
    return longer;
}

static bool leads_on(const struct rule *rule)
{
    return rule_leads_on(rule) && !rule->verbatim;
}

static bool decides(const struct rule *rule)
{
    return rule->target.kind == TARGET_ACCEPT || rule->target.kind == TARGET_DROP ||
           rule->target.kind == TARGET_REJECT || rule->target.kind == TARGET_NOTRACK ||
           rule->target.kind == TARGET_HELPER;
}

static const struct ways *walk_chain(struct walking *walking, const struct chain *chain);

static struct ways walk_rule(struct walking *walking, const struct rule *rule)
{
    const struct chain *inner = leads_on(rule) ? table_find_chain(walking->table, rule->target.text) : NULL;
    struct ways ways = {.worst = 1, .deciding = decides(rule), .sum = decides(rule)};

    if (inner) {
        ways = *walk_chain(walking, inner);
        ways.worst++;
        ways.sum += (double)ways.deciding;
    }
    return ways;
}

static const struct ways *walk_chain(struct walking *walking, const struct chain *chain)
{
    struct ways *ways = &walking->chains[chain->number];
    struct one_of jumps = {0};
    size_t before = 0;

    if (ways->known)
        return ways;
    ways->known = true; // rules that lead in a circle do not load
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];
        const struct ways inner = walk_rule(walking, rule);

        before++;
        if (rule->target.kind == TARGET_JUMP)
            before += add_one_of(walking->family, &jumps, rule, inner.worst - 1);
        else if (before + inner.worst - 1 > ways->worst)
            ways->worst = before + inner.worst - 1;
        // A packet that is decided further behind passes the others in one step.
        ways->sum += inner.sum + (double)(inner.deciding * i);
        ways->deciding += inner.deciding;
    }
    if (before > ways->worst)
        ways->worst = before;
    return ways;
}

struct walked ruleset_walked(struct arena *arena, const struct ruleset *ruleset, const char *table,
                             const char *chain)
{
    struct walking walking = {.family = ruleset->family, .table = ruleset_find_table(ruleset, table)};
    const struct chain *hook = walking.table ? table_find_chain(walking.table, chain) : NULL;
    double sums[SHARE_COUNT + 1] = {0}, counts[SHARE_COUNT + 1] = {0}, weight = 0, sum = 0;
    struct walked walked = {0};

    if (!hook)
        return walked;
    walking.chains = arena_calloc(arena, walking.table->count, sizeof(*walking.chains));
    walked.worst = walk_chain(&walking, hook)->worst;
    for (size_t i = 0; i < hook->count; i++) {
        const struct ways ways = walk_rule(&walking, &hook->items[i]);
        const size_t share = share_of(hook->items[i].section);

        sums[share] += ways.sum + (double)(i * ways.deciding);
        counts[share] += (double)ways.deciding;
    }
    // Behind the last rule the chain's policy decides.
    sums[share_of("default")] += (double)hook->count;
    counts[share_of("default")]++;
    for (size_t i = 0; i <= SHARE_COUNT; i++) {
        const double share = i < SHARE_COUNT ? shares[i].share : COST_OTHER_SHARE;

        if (counts[i] == 0)
            continue;
        weight += share;
        sum += share * sums[i] / counts[i];
    }
    walked.expected = sum / weight;
    return walked;
}
