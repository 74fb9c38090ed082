// SPDX-License-Identifier: GPL-2.0-or-later
//
// The limits of the kernel and of iptables, checked on every ruleset before it is emitted.
#include <string.h>

#include "ruleset/ruleset.h"

// Sizes on a 64-bit kernel, rounded up to 8 bytes as the blobs are: struct ipt_entry and ip6t_entry, xt_standard_target,
// and the largest of the matches that a header (struct xt_entry_match, 32 bytes) precedes.
#define ENTRY_BYTES     168
#define TARGET_BYTES    64
#define MATCH_BYTES     96
#define HASHLIMIT_BYTES 360 // struct xt_hashlimit_mtinfo3 holds a name of NAME_MAX bytes
#define COMMENT_BYTES   288 // struct xt_comment_info holds 256 bytes

static uint64_t rule_bytes(const struct rule *rule)
{
    uint64_t bytes = ENTRY_BYTES + TARGET_BYTES;

    for (size_t i = 0; i < rule->match_count; i++)
        bytes += rule->matches[i].kind == MATCH_HASHLIMIT ? HASHLIMIT_BYTES
                 : rule->matches[i].kind == MATCH_COMMENT ? COMMENT_BYTES
                                                          : MATCH_BYTES;
    return bytes;
}

static bool multiport_fits(const struct match *match)
{
    size_t slots = 0;

    for (size_t i = 0; i < match->multiport.count; i++)
        slots += match->multiport.items[i].first == match->multiport.items[i].last ? 1 : 2;
    return slots > 0 && slots <= MULTIPORT_SLOTS;
}

// How many user chains stand inside each other below `chain`; beyond the limit where a circle makes it endless. `depths` is
// what is known of each chain, by number, and 1 more.
static unsigned depth_below(const struct table *table, const struct chain *chain, unsigned *depths,
                            unsigned limit)
{
    unsigned deepest = 0;

    if (depths[chain->number] || !limit)
        return limit ? depths[chain->number] - 1 : 0;
    for (size_t i = 0; i < chain->count; i++) {
        const struct target *target = &chain->items[i].target;

        if (chain->items[i].verbatim || (target->kind != TARGET_JUMP && target->kind != TARGET_GOTO))
            continue;

        const struct chain *inner = table_find_chain(table, target->text);
        const unsigned depth = inner ? 1 + depth_below(table, inner, depths, limit - 1) : 0;

        if (depth > deepest)
            deepest = depth;
    }
    // What was cut short says nothing of other ways to the same chain.
    if (deepest < limit)
        depths[chain->number] = deepest + 1;
    return deepest;
}

unsigned table_depth(struct arena *arena, const struct table *table, unsigned limit)
{
    unsigned *depths = arena_calloc(arena, table->count, sizeof(*depths)), deepest = 0;

    for (size_t i = 0; i < table->count; i++) {
        const unsigned depth = depth_below(table, table->items[i], depths, limit + 1);

        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static const char *broken_by_rule(const struct table *table, const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_MULTIPORT && !multiport_fits(&rule->matches[i]))
            return "a multiport match has more than 15 slots";
    if ((rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO) && !rule->verbatim &&
        !table_find_chain(table, rule->target.text))
        return "a rule jumps to a chain that is not there";
    return NULL;
}

static const char *broken_by_table(struct arena *arena, const struct table *table)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < table->count; i++) {
        const struct chain *chain = table->items[i];

        if (!chain->name[0] || strlen(chain->name) > CHAIN_NAME_MAX)
            return "the name of a chain is longer than 28 bytes";
        for (size_t j = 0; j < chain->count; j++) {
            const char *broken = broken_by_rule(table, &chain->items[j]);

            if (broken)
                return broken;
            bytes += rule_bytes(&chain->items[j]);
        }
    }
    if (table_depth(arena, table, RULESET_DEPTH_MAX) > RULESET_DEPTH_MAX)
        return "more than 12 chains stand inside each other";
    return bytes > RULESET_TABLE_MAX ? "the table is larger than 400 MiB in the kernel" : NULL;
}

const char *ruleset_broken_limit(struct arena *arena, const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++) {
        const char *broken = broken_by_table(arena, &ruleset->items[i]);

        if (broken)
            return arena_printf(arena, "%s, table %s: %s", family_name(ruleset->family),
                                ruleset->items[i].name, broken);
    }
    return NULL;
}
