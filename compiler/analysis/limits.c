// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/limits.h"

#include <string.h>

#include "base/vec.h"

#define PAIRS_MAX   100 // each costs a walk over what becomes of all packets
#define HASH_DIGITS 8   // of a name, behind its dash

// What a name of ctc's begins with: the entry, as far as it fits. Empty for the names of others.
static struct slice entry_part(const char *name)
{
    const size_t length = strlen(name), tail = HASH_DIGITS + 1;
    const bool ours = length >= tail && name[length - tail] == '-' &&
                      strspn(name + length - HASH_DIGITS, "0123456789abcdef") == HASH_DIGITS;

    return (struct slice){name, ours ? length - tail : 0};
}

static const char *name_of(const struct match *match)
{
    switch (match->kind) {
    case MATCH_HASHLIMIT:
        return match->limit.name;
    case MATCH_HASHLIMIT_TEXT:
        return match->hashlimit.name;
    default:
        return NULL;
    }
}

// Marks the named limits of a ruleset.
static void mark_limits(const struct packet_space *space, const struct rule *rule, bool *marks)
{
    for (size_t i = 0; i < rule->match_count; i++) {
        const char *name = name_of(&rule->matches[i]);
        const unsigned unknown =
            name && rule_decides(rule) ? packet_space_match(space, &rule->matches[i]) : 0;

        // Matches of tables that are not looked at are no unknowns.
        if (name && unknown < space->unknowns.count && strcmp(space->unknowns.items[unknown].text, name) == 0)
            marks[unknown] = true;
    }
}

static bool *limits_of(const struct packet_space *space, const struct ruleset *ruleset)
{
    bool *marks = arena_calloc(space->arena, space->unknowns.count, sizeof(*marks));

    for (size_t table = 0; table < ruleset->count; table++)
        for (size_t chain = 0; chain < ruleset->items[table].count; chain++)
            for (size_t rule = 0; rule < ruleset->items[table].items[chain]->count; rule++)
                mark_limits(space, &ruleset->items[table].items[chain]->items[rule], marks);
    return marks;
}

static bool same_entry(const struct unknown *a, const struct unknown *b)
{
    const struct slice left = entry_part(a->text), right = entry_part(b->text);

    return left.length && left.length == right.length && memcmp(left.at, right.at, left.length) == 0;
}

// A budget for each source instead of one for all lets more pass; so does a higher rate, or a longer burst.
static bool lets_more_pass(const struct limit_settings *before, const struct limit_settings *now)
{
    return now->between < before->between || now->burst > before->burst ||
           (now->modes != before->modes && now->modes) || strcmp(now->others, before->others) != 0;
}

static void join(struct packet_space *space, struct limit_pairs *pairs, unsigned before, unsigned now)
{
    struct unknown *old = &space->unknowns.items[before], *new = &space->unknowns.items[now];
    const unsigned kept = new->kind == UNKNOWN_HASHLIMIT ? now : before;

    *vec_push(space->arena, pairs) =
        (struct limit_pair){.before = before,
                            .now = now,
                            .kept = kept,
                            .mixed = old->kind != new->kind,
                            .widens = lets_more_pass(&old->settings, &new->settings)};
    packet_space_identify(space, kept == now ? before : now, kept);
    space->unknowns.items[kept].about = new->about ? new->about : old->about;
}

struct limit_pairs limits_join(struct packet_space *space, const struct ruleset *before,
                               const struct ruleset *now)
{
    const bool *old = limits_of(space, before);
    bool *new = limits_of(space, now),
         *once = arena_calloc(space->arena, space->unknowns.count, sizeof(*once));
    struct limit_pairs pairs = {0};

    for (unsigned i = 0; i < space->unknowns.count; i++)
        once[i] = old[i] != new[i];
    for (unsigned i = 0; i < space->unknowns.count; i++)
        for (unsigned j = 0; j < space->unknowns.count && once[i] && old[i] && pairs.count < PAIRS_MAX; j++)
            if (once[j] && new[j] && same_entry(&space->unknowns.items[i], &space->unknowns.items[j])) {
                once[i] = once[j] = false;
                join(space, &pairs, i, j);
            }
    return pairs;
}
