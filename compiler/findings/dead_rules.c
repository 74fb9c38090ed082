// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that decide nothing: no packet comes to them, or every packet would fare the same without them. Judged against all
// that stands before and behind together, over every way that leads to the chain.
//
//   -A INPUT -p tcp --dport 80 -j ACCEPT
//   -A INPUT -j DROP
//   -A INPUT -p tcp --dport 443 -j ACCEPT     dead
#include <string.h>

#include "analysis/trace.h"
#include "base/vec.h"
#include "findings/inspection.h"

#define BLAMED 4  // lines that a finding names
#define NOTED  20 // redundant rules that are worth a line each

struct verdicts {
    bool reached; // its chain is, at a hook that has packets which it is about
    bool matched; // it decides some
    bool missed;  // some would fare in another way without it
    bool ahead;   // what it takes out of tracking, something has decided already
    const struct passage *passage; // of one where it is reached
};

static struct verdicts judge(struct inspection *inspection, const struct table *table, const struct chain *chain, size_t index)
{
    struct packet_space *space = &inspection->space;
    struct verdicts verdicts = {.ahead = true};

    for (size_t i = 0; i < inspection->passage_count; i++) {
        const struct passage *passage = &inspection->passages[i];
        const struct passage_chain *built = passage->table == table ? passage_find(passage, chain) : NULL;

        if (!built || built->comes_to == set_none(space))
            continue;
        if (built->comes[index] != set_none(space)) {
            verdicts.matched = verdicts.reached = true;
            verdicts.missed = verdicts.missed || !built->idle[index];
            verdicts.ahead = verdicts.ahead && built->fresh && built->fresh[index] == set_none(space);
            verdicts.passage = passage;
        } else if (!verdicts.matched && set_and(space, passage->domain, built->wants[built->leaves + index]) != set_none(space)) {
            verdicts.reached = true;
            verdicts.passage = passage;
        }
    }
    return verdicts;
}

// "the rules on lines 5, 7 and 9 decide", for a hint.
static const char *lines_of(struct inspection *inspection, const struct chain *chain, const size_t *rules, size_t count)
{
    struct buf text = {0};
    const char *words;

    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s%u", !i ? "" : i + 1 == count ? " and " : ", ", chain->items[rules[i]].span.line);
    words = arena_copy(inspection->arena, text.bytes ? text.bytes : "", text.length);
    buf_clear(&text);
    return words;
}

static void report_dead(struct inspection *inspection, const struct table *table, const struct chain *chain, size_t index,
                        const struct verdicts *verdicts)
{
    struct packet_space *space = &inspection->space;
    const struct passage_chain *built = passage_find(verdicts->passage, chain);
    size_t rules[BLAMED];
    diagram left;
    const size_t count = passage_blame(verdicts->passage, built, index, rules, BLAMED, &left);

    if (!report_at(inspection, DIAG_DEAD_RULE, SEVERITY_WARNING, &(struct rule_place){table, chain, index},
                   "no packet comes to this rule"))
        return;
    if (!count)
        diag_hint(inspection->diags, "no jump to %s leads its packets here", chain->name);
    else if (left != set_none(space))
        diag_hint(inspection->diags, "the rules before it decide all of its packets together, first that on line %u",
                  chain->items[rules[0]].span.line);
    else if (count == 1)
        diag_hint(inspection->diags, "the rule on line %u decides all of its packets", chain->items[rules[0]].span.line);
    else
        diag_hint(inspection->diags, "the rules on lines %s decide all of its packets together",
                  lines_of(inspection, chain, rules, count));
}

static void report_redundant(struct inspection *inspection, const struct table *table, const struct chain *chain,
                             size_t index, bool ahead)
{
    if (!report_at(inspection, DIAG_REDUNDANT_RULE, SEVERITY_NOTE, &(struct rule_place){table, chain, index},
                   "without this rule every packet would fare the same"))
        return;
    diag_hint(inspection->diags, ahead ? "rules before it have decided whether its packets are tracked"
                                       : "what stands behind it does the same");
}

// Rules that one line made, from a list of addresses, live and die together.
static size_t same_line(const struct chain *chain, size_t index)
{
    size_t end = index + 1;

    while (end < chain->count && chain->items[index].span.source &&
           chain->items[end].span.source == chain->items[index].span.source &&
           chain->items[end].span.line == chain->items[index].span.line)
        end++;
    return end;
}

static void judge_line(struct inspection *inspection, const struct table *table, const struct chain *chain, size_t index,
                       size_t end, size_t *redundant)
{
    bool dead = true, idle = true, ahead = true;
    struct verdicts verdicts = {0};

    for (size_t i = index; i < end; i++) {
        verdicts = judge(inspection, table, chain, i);
        dead = dead && verdicts.reached && !verdicts.matched;
        idle = idle && rule_may_be_idle(&chain->items[i]) && verdicts.matched && !verdicts.missed;
        ahead = ahead && verdicts.ahead;
    }
    if (dead)
        report_dead(inspection, table, chain, end - 1, &verdicts);
    else if (idle && (*redundant)++ < NOTED)
        report_redundant(inspection, table, chain, index, ahead);
}

void find_dead_rules(struct inspection *inspection)
{
    size_t redundant = 0;

    for (size_t i = 0; i < inspection->rules->count; i++)
        for (size_t j = 0; j < inspection->rules->items[i].count; j++) {
            const struct chain *chain = inspection->rules->items[i].items[j];

            for (size_t k = 0, end; k < chain->count; k = end) {
                end = same_line(chain, k);
                judge_line(inspection, &inspection->rules->items[i], chain, k, end, &redundant);
            }
        }
}
