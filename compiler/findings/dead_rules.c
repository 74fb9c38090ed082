// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that decide nothing: no packet comes to them, or every packet would fare the same without them. Judged against all
// that stands before and behind together, over every way that leads to the chain.
//
//   -A INPUT -p tcp --dport 80 -j ACCEPT
//   -A INPUT -j DROP
//   -A INPUT -p tcp --dport 443 -j ACCEPT     dead
#include <string.h>

#include "base/vec.h"
#include "findings/fates.h"
#include "findings/findings.h"
#include "findings/shares.h"

#define BLAMED       4  // lines that a finding names
#define NOTED        20 // redundant rules that are worth a line each
#define PASSAGES     9  // at one hook
#define BASE_NODES   ((size_t)64 << 10)
#define NODES_A_RULE 32 // at all hooks together; rules that need more need hundreds

// A hook, in a space of its own, so that one that cannot be decided leaves the others alone.
struct station_passages {
    struct packet_space space;
    struct passage items[PASSAGES];
    struct fates fates[PASSAGES];
    size_t count;
    bool undecided;
};

struct search {
    struct arena *arena;
    struct arena scratch;
    const struct ruleset *rules;
    struct diag_list *diags;
    struct station_passages hooks[HOOK_COUNT];
    size_t redundant;
    size_t budget; // nodes beyond BASE_NODES
};

static const char *const chains_of[HOOK_COUNT][5] = {
    [HOOK_INPUT] = {"PREROUTING", "INPUT", NULL},
    [HOOK_FORWARD] = {"PREROUTING", "FORWARD", "POSTROUTING", NULL},
    [HOOK_OUTPUT] = {"OUTPUT", "POSTROUTING", NULL},
};

static void open_hook(struct search *search, enum hook hook)
{
    struct station_passages *passages = &search->hooks[hook];
    size_t used;

    packet_space_init(&passages->space, search->arena, search->rules->family);
    packet_space_add_ruleset(&passages->space, search->rules);
    if (!packet_space_open(&passages->space, BASE_NODES + search->budget)) {
        passages->undecided = true;
        return;
    }
    for (size_t i = 0; i < search->rules->count; i++)
        for (const char *const *chain = chains_of[hook]; *chain && passages->count < PASSAGES; chain++)
            if (table_find_chain(&search->rules->items[i], *chain)) {
                passage_open(&passages->items[passages->count], &passages->space, &search->scratch,
                             &search->rules->items[i], *chain, hook, false);
                fates_open(&passages->fates[passages->count], &passages->items[passages->count]);
                passages->count++;
            }
    passages->undecided = diagram_overflowed(passages->space.diagrams);
    used = diagram_node_count(passages->space.diagrams);
    search->budget -= passages->undecided || used > search->budget ? search->budget : used;
}

struct verdicts {
    bool reached;              // its chain is, at a hook that has packets which it is about
    bool matched;              // it decides some
    bool missed;               // some would fare in another way without it
    bool ahead;                // what it takes out of tracking, something has decided already
    bool undecided;            // a way leads to it of which nothing is known
    const struct fates *fates; // of a passage where it is reached
    diagram comes_to;          // to its chain there
};

static void judge_at(const struct fates *fates, const struct chain_fates *found, const struct chain *chain,
                     size_t index, struct verdicts *verdicts)
{
    const struct passage *passage = fates->passage;
    const struct fate *fate = &found->rules[index];

    if (fate->matched) {
        verdicts->matched = verdicts->reached = true;
        verdicts->missed = verdicts->missed || fate->missed;
        verdicts->ahead =
            verdicts->ahead && chain->items[index].target.kind == TARGET_NOTRACK && !fate->fresh;
        verdicts->fates = fates;
        verdicts->comes_to = found->comes_to;
    } else if (!rule_changes_nothing(&chain->items[index]) &&
               set_and(passage->space, passage->domain, passage_match(passage, &chain->items[index])) !=
                   set_none(passage->space)) {
        verdicts->reached = true;
        if (!verdicts->matched) {
            verdicts->fates = fates;
            verdicts->comes_to = found->comes_to;
        }
    }
}

static struct verdicts judge(const struct search *search, const struct table *table,
                             const struct chain *chain, size_t index)
{
    struct verdicts verdicts = {.ahead = true};

    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
        for (size_t i = 0; i < search->hooks[hook].count; i++) {
            const struct fates *fates = &search->hooks[hook].fates[i];
            const struct chain_fates *found =
                fates->passage->table == table ? fates_find(fates, chain) : NULL;

            if (found && search->hooks[hook].undecided)
                verdicts.undecided = true;
            else if (found && found->comes_to != set_none(fates->passage->space))
                judge_at(fates, found, chain, index, &verdicts);
        }
    return verdicts;
}

// Once for each line.
static bool report(struct search *search, enum diag_code code, const struct chain *chain, size_t index,
                   const char *text)
{
    const struct span span = chain->items[index].span;

    if (!span.source || diag_has(search->diags, code, span, text))
        return false;
    diag_add(search->diags, code, span, "%s", text);
    return true;
}

// "the rules on lines 5, 7 and 9 decide", for a hint.
static const char *lines_of(struct search *search, const struct chain *chain, const size_t *rules,
                            size_t count)
{
    struct buf text = {0};

    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s%u",
                   !i               ? ""
                   : i + 1 == count ? " and "
                                    : ", ",
                   chain->items[rules[i]].span.line);
    return buf_to_arena(&text, search->arena);
}

static void report_dead(struct search *search, const struct chain *chain, size_t index,
                        const struct verdicts *verdicts)
{
    const struct passage *passage = verdicts->fates ? verdicts->fates->passage : NULL;
    struct diag_list *diags = search->diags;
    size_t rules[BLAMED], count;
    diagram left;

    if (!passage || !report(search, DIAG_DEAD_RULE, chain, index, "no packet comes to this rule"))
        return;
    left = set_and(passage->space, verdicts->comes_to, passage_match(passage, &chain->items[index]));
    count = passage_blame(passage, passage_find(passage, chain), left, index, rules, BLAMED, &left);
    if (!count)
        diag_hint(diags, "no jump to %s leads its packets here", chain->name);
    else if (left != set_none(passage->space))
        diag_hint(diags, "the rules before it decide all of its packets together, first that on line %u",
                  chain->items[rules[0]].span.line);
    else if (count == 1)
        diag_hint(diags, "the rule on line %u decides all of its packets", chain->items[rules[0]].span.line);
    else
        diag_hint(diags, "the rules on lines %s decide all of its packets together",
                  lines_of(search, chain, rules, count));
}

static void report_redundant(struct search *search, const struct chain *chain, size_t index, bool ahead)
{
    if (search->redundant++ < NOTED && report(search, DIAG_REDUNDANT_RULE, chain, index,
                                              "without this rule every packet would fare the same"))
        diag_hint(search->diags, ahead ? "rules before it have decided whether its packets are tracked"
                                       : "rules behind it do the same");
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

static void judge_line(struct search *search, const struct table *table, const struct chain *chain,
                       size_t index, size_t end)
{
    bool dead = true, idle = true, ahead = true;
    struct verdicts verdicts = {0};

    for (size_t i = index; i < end; i++) {
        verdicts = judge(search, table, chain, i);
        dead = dead && verdicts.reached && !verdicts.matched && !verdicts.undecided;
        idle = idle && rule_may_be_idle(&chain->items[i]) && verdicts.matched && !verdicts.missed &&
               !verdicts.undecided;
        ahead = ahead && verdicts.ahead;
    }
    if (dead)
        report_dead(search, chain, end - 1, &verdicts);
    else if (idle)
        report_redundant(search, chain, index, ahead);
}

static void judge_table(struct search *search, const struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0, end; j < table->items[i]->count; j = end) {
            end = same_line(table->items[i], j);
            judge_line(search, table, table->items[i], j, end);
        }
}

void find_dead_rules(struct arena *arena, const struct ruleset *rules, const struct source *source,
                     struct diag_list *diags)
{
    struct search search = {
        .arena = arena, .rules = rules, .diags = diags, .budget = NODES_A_RULE * ruleset_rule_count(rules)};

    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
        open_hook(&search, hook);
    for (size_t i = 0; i < rules->count; i++)
        judge_table(&search, &rules->items[i]);
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++) {
        if (search.hooks[hook].undecided) {
            diag_add(diags, DIAG_UNDECIDED, source_whole(source),
                     "%s: which rules are dead is not decided for %s", family_name(rules->family),
                     hook_names[hook]);
            diag_hint(diags, "the rules there are too many, and too different from each other");
        }
        packet_space_close(&search.hooks[hook].space);
    }
    arena_clear(&search.scratch);
}
