// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a ruleset asks that the tables of the space alone can answer: rate limits, and matches outside of the model.
#include <stdlib.h>
#include <string.h>

#include "support/passage.h"

bool oracle_text_begins(const char *text, const char *word)
{
    const size_t length = strlen(word);

    return strncmp(text, word, length) == 0 && (!text[length] || text[length] == ' ');
}

// Whether some rule writes what the match reads.
static bool is_written(const struct oracle *oracle, const char *text)
{
    static const char *const pairs[][2] = {
        {"MARK", "-m mark"}, {"CONNMARK", "-m mark"}, {"CONNMARK", "-m connmark"}, {"HMARK", "-m mark"},
        {"SET", "-m set"},   {"TOS", "-m tos"},       {"DSCP", "-m dscp"}};

    for (size_t pair = 0; pair < sizeof(pairs) / sizeof(*pairs); pair++) {
        if (!oracle_text_begins(text, pairs[pair][1]))
            continue;
        for (size_t i = 0; i < oracle->ruleset->count; i++)
            for (size_t j = 0; j < oracle->ruleset->items[i].count; j++)
                for (size_t k = 0; k < oracle->ruleset->items[i].items[j]->count; k++) {
                    const struct target *target = &oracle->ruleset->items[i].items[j]->items[k].target;

                    if (target->kind == TARGET_OTHER && oracle_text_begins(target->text, pairs[pair][0]))
                        return true;
                }
    }
    return false;
}

static bool fickle_opaque(const struct oracle *oracle, const struct match *match)
{
    return match->kind == MATCH_OPAQUE && (match->opaque.fickle || is_written(oracle, match->opaque.text));
}

bool oracle_per_bucket(const struct match *match)
{
    return (match->kind == MATCH_HASHLIMIT && match->limit.per_source) ||
           (match->kind == MATCH_HASHLIMIT_TEXT && match->hashlimit.buckets);
}

static const char *unknown_text(struct arena *arena, const struct match *match)
{
    switch (match->kind) {
    case MATCH_LIMIT:
        return arena_printf(arena, "%u in %u s, burst %u", match->limit.events, match->limit.period,
                            match->limit.burst);
    case MATCH_HASHLIMIT:
        return match->limit.name;
    case MATCH_HASHLIMIT_TEXT:
        return match->hashlimit.name;
    case MATCH_OPAQUE:
        return match->opaque.text;
    default:
        return NULL;
    }
}

static enum unknown_kind unknown_kind(const struct match *match)
{
    if (match->kind == MATCH_OPAQUE)
        return UNKNOWN_MATCH;
    return oracle_per_bucket(match) ? UNKNOWN_HASHLIMIT : UNKNOWN_LIMIT;
}

// The number behind an option of a hashlimit; `otherwise` where it is not there.
static uint64_t number_behind(const char *text, const char *option, uint64_t otherwise)
{
    const char *at = strstr(text, option);

    return at ? strtoull(at + strlen(option), NULL, 10) : otherwise;
}

// Seconds of the unit of a rate.
static uint64_t unit_of(const char *rate)
{
    const size_t digits = strspn(rate, "0123456789");

    if (rate[digits] != '/')
        return 1;
    return rate[digits + 1] == 'd'   ? 86400
           : rate[digits + 1] == 'h' ? 3600
           : rate[digits + 1] == 'm' ? 60
                                     : 1;
}

static bool has_settings(const struct limit_settings *settings, const char *text, uint64_t address_bits)
{
    const char *upto = strstr(text, "--hashlimit-upto "), *above = strstr(text, "--hashlimit-above ");
    const char *rate = upto    ? upto + strlen("--hashlimit-upto ")
                       : above ? above + strlen("--hashlimit-above ")
                               : strstr(text, "--hashlimit ") + strlen("--hashlimit ");
    const char *option = strstr(text, "--hashlimit-mode "),
               *mode = option ? option + strlen("--hashlimit-mode ") : "";
    uint64_t modes = 0;

    for (unsigned i = 0; i < 4; i++) {
        static const char *const names[] = {"dstip", "dstport", "srcip", "srcport"};
        const char *found = strstr(mode, names[i]);

        if (found && found < mode + strcspn(mode, " "))
            modes |= 1U << i;
    }
    return settings->between == 1000000 * unit_of(rate) / strtoull(rate, NULL, 10) &&
           settings->burst == number_behind(text, "--hashlimit-burst ", 5) && settings->modes == modes &&
           settings->masks[0] == number_behind(text, "--hashlimit-srcmask ", address_bits) &&
           settings->masks[1] == number_behind(text, "--hashlimit-dstmask ", address_bits) &&
           settings->size == number_behind(text, "--hashlimit-htable-size ", 0) &&
           settings->max == number_behind(text, "--hashlimit-htable-max ", 0) &&
           settings->gc_interval == number_behind(text, "--hashlimit-htable-gcinterval ", 1000) &&
           settings->expire == number_behind(text, "--hashlimit-htable-expire ", 1000 * unit_of(rate));
}

size_t oracle_unknown_field(const struct packet_space *space, enum unknown_kind kind, const char *text,
                            unsigned number, const char *limit)
{
    const uint64_t address_bits = space->family == FAMILY_IPV4 ? 32 : 128;

    for (size_t i = 0; i < space->unknowns.count; i++) {
        const struct unknown *unknown = &space->unknowns.items[i];

        if (unknown->kind == kind && unknown->number == number && strcmp(unknown->text, text) == 0 &&
            (!limit || has_settings(&unknown->settings, limit, address_bits)))
            return FIELD_COUNT + i;
    }
    return 0;
}

bool oracle_rule_counts(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (oracle_per_bucket(&rule->matches[i]))
            return true;
    if (rule->target.kind == TARGET_OTHER)
        return target_effect(&rule->target) != EFFECT_CONTINUE;
    return rule->target.kind != TARGET_LOG && rule->target.kind != TARGET_NONE;
}

static unsigned number_of_table(const struct table *table)
{
    unsigned number = 0;

    while (number < table_kind_count && strcmp(table_kinds[number].name, table->name) != 0)
        number++;
    return number;
}

// The n-th rate limit of a text in a table, along the way of packets, is another bucket than those before it; so is any
// match that is asked anew each time.
static unsigned number_of(const struct oracle *oracle, struct arena *arena, const struct table *table,
                          const struct match *match)
{
    const bool fickle = match->kind == MATCH_LIMIT || fickle_opaque(oracle, match);
    unsigned number = fickle ? number_of_table(table) << 24 : 0;

    for (size_t i = 0; fickle && i < oracle->unknown_count; i++)
        number += oracle->unknowns[i].table == table && oracle->unknowns[i].match->kind == match->kind &&
                  strcmp(unknown_text(arena, oracle->unknowns[i].match), unknown_text(arena, match)) == 0;
    return number;
}

// The first rule of the text with the name of a limit makes its table, as it says.
static const char *table_of(const struct oracle *oracle, const struct match *match)
{
    const struct ruleset *ruleset = oracle->ruleset;

    if (match->kind != MATCH_HASHLIMIT_TEXT)
        return NULL;
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            for (size_t k = 0; k < ruleset->items[i].items[j]->count; k++) {
                const struct rule *rule = &ruleset->items[i].items[j]->items[k];

                for (size_t m = 0; oracle_rule_counts(rule) && m < rule->match_count; m++) {
                    const struct match *first = &rule->matches[m];

                    if (first->kind == MATCH_HASHLIMIT_TEXT &&
                        oracle_per_bucket(first) == oracle_per_bucket(match) &&
                        strcmp(first->hashlimit.name, match->hashlimit.name) == 0)
                        return first->hashlimit.text;
                }
            }
    return match->hashlimit.text;
}

static void collect_unknowns(struct oracle *oracle, struct arena *arena, const struct table *table,
                             const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++) {
        const struct match *match = &rule->matches[i];
        const char *text = unknown_text(arena, match);

        if (!text)
            continue;

        const unsigned number = number_of(oracle, arena, table, match);
        const size_t field =
            oracle_unknown_field(oracle->space, unknown_kind(match), text, number, table_of(oracle, match));

        oracle->unknowns[oracle->unknown_count++] = (struct oracle_unknown){match, table, field};
        if (!field)
            oracle->lacking = text;
    }
}

// Along the way of packets: a chain, and those that it leads to where it does so first.
static void visit(struct oracle *oracle, struct arena *arena, const struct table *table,
                  const struct chain *chain, bool *visited)
{
    if (!chain || visited[chain->number])
        return;
    visited[chain->number] = true;
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];

        if (oracle_rule_counts(rule))
            collect_unknowns(oracle, arena, table, rule);
        if (rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO)
            visit(oracle, arena, table, table_find_chain(table, rule->target.text), visited);
    }
}

void oracle_visit_table(struct oracle *oracle, struct arena *arena, const struct table *table)
{
    const unsigned number = number_of_table(table);
    size_t chains = 0;
    bool *visited;

    for (size_t i = 0; i < table->count; i++)
        chains = table->items[i]->number >= chains ? table->items[i]->number + 1 : chains;
    visited = arena_calloc(arena, chains, sizeof(*visited));
    for (size_t i = 0; number < table_kind_count && table_kinds[number].hooks[i]; i++)
        visit(oracle, arena, table, table_find_chain(table, table_kinds[number].hooks[i]), visited);
    for (size_t i = 0; i < table->count; i++)
        visit(oracle, arena, table, table->items[i], visited);
}

uint64_t passage_unknown(const struct passage *at, const struct match *match)
{
    for (size_t i = 0; i < at->oracle->unknown_count; i++)
        if (at->oracle->unknowns[i].match == match)
            return at->oracle->unknowns[i].field ? passage_value(at, at->oracle->unknowns[i].field) : 0;
    return 0;
}
