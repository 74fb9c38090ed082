// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rules of pseudo-random policies, one family of one policy at a time, for checks of what must hold for any.
#pragma once

#include "unit/fixture.h"

#include "lower/lower.h"
#include "unit/policy_generator.h"

#define POLICIES 500

struct trial {
    struct fixture f;
    struct buf text; // of the policy
    const struct ruleset *ruleset;
    enum family family;
};

static struct trial *trial; // the one that is being tried

// As assert_true, with the policy in the message.
static inline void must(bool condition, const char *what)
{
    if (condition)
        return;
    fail_msg("%s, %s, in\n%s", what, family_name(trial->family), trial->text.bytes);
    abort(); // the compiler does not know that fail_msg() never comes back
}

static inline const struct table *table_of(const char *name)
{
    for (size_t i = 0; i < trial->ruleset->count; i++)
        if (strcmp(trial->ruleset->items[i].name, name) == 0)
            return &trial->ruleset->items[i];
    return NULL;
}

// NULL where there is none.
static inline const struct chain *find_chain(const char *table, const char *name)
{
    const struct table *found = table_of(table);

    for (size_t i = 0; found && i < found->count; i++)
        if (strcmp(found->items[i]->name, name) == 0)
            return found->items[i];
    return NULL;
}

static inline const struct chain *chain_of(const char *table, const char *name)
{
    const struct chain *chain = find_chain(table, name);

    must(chain != NULL, name);
    return chain;
}

static inline const struct match *match_of(const struct rule *rule, enum match_kind kind)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == kind)
            return &rule->matches[i];
    return NULL;
}

typedef void rule_check(const struct table *table, const struct chain *chain, const struct rule *rule);

static inline void each_rule(rule_check *check)
{
    for (size_t i = 0; i < trial->ruleset->count; i++) {
        const struct table *table = &trial->ruleset->items[i];

        for (size_t j = 0; j < table->count; j++)
            for (size_t k = 0; k < table->items[j]->count; k++)
                if (!table->items[j]->items[k].verbatim)
                    check(table, table->items[j], &table->items[j]->items[k]);
    }
}

// Runs `check` on the rules of both families of every policy that is right.
static inline void try_policies(void (*check)(void))
{
    size_t tried = 0;

    srandom(4711);
    for (int i = 0; i < POLICIES; i++) {
        struct trial one = {0};

        trial = &one;
        generate_policy(&one.text);
        fixture_open(&one.f);
        fixture_read(&one.f, one.text.bytes);
        for (one.family = 0; one.f.fine && one.family < FAMILY_COUNT; one.family++) {
            const struct ruleset *lowered =
                policy_to_ruleset(&one.f.compilation.arena, one.f.policy, one.family,
                                  (struct lower_options){0}, &one.f.compilation.diags);

            // As the lowering means them, a rule for each entry at least.
            one.ruleset = passes_run(&one.f.compilation.arena, lowered,
                                     (struct pass_options){.without = PASSES_NONE}, &one.f.compilation.diags);
            check();
        }
        tried += one.f.fine;
        fixture_close(&one.f);
        buf_clear(&one.text);
    }
    // The generator would be of no use if most of its policies were wrong.
    assert_true(tried > POLICIES / 2);
}

// Ports of one side, with a blank before each range; nothing where the rule names none.
static inline void put_ports(struct buf *out, const struct rule *rule, enum side side)
{
    for (size_t i = 0; i < rule->match_count; i++) {
        const struct match *match = &rule->matches[i];

        if ((match->kind == MATCH_TCP || match->kind == MATCH_UDP) && match->transport.ports[side].last)
            buf_printf(out, " %u:%u", match->transport.ports[side].first, match->transport.ports[side].last);
        for (size_t j = 0;
             match->kind == MATCH_MULTIPORT && match->multiport.side == side && j < match->multiport.count;
             j++)
            buf_printf(out, " %u:%u", match->multiport.items[j].first, match->multiport.items[j].last);
    }
}

static inline bool has_ports(const struct rule *rule, enum side side)
{
    struct buf text = {0};

    buf_text(&text, "");
    put_ports(&text, rule, side);

    const bool has = text.length > 0;

    buf_clear(&text);
    return has;
}
