// SPDX-License-Identifier: GPL-2.0-or-later
//
// Circles of chains that jump to each other. The walk keeps its own stack, for chains may be as many as lines.
#include <stdlib.h>

#include "ruleset/ruleset.h"

enum state { UNSEEN, OPEN, DONE };

struct place {
    const struct chain *chain;
    size_t next; // rule to look at
    size_t from; // place that leads here
    enum state state;
};

static int compare_places(const void *a, const void *b)
{
    const uintptr_t left = (uintptr_t)((const struct place *)a)->chain,
                    right = (uintptr_t)((const struct place *)b)->chain;

    return (left > right) - (left < right);
}

static struct place *find_place(const struct table *table, struct place *places, const char *name)
{
    const struct place wanted = {.chain = table_find_chain(table, name)};

    return wanted.chain ? bsearch(&wanted, places, table->count, sizeof(*places), compare_places) : NULL;
}

static bool is_jump(const struct rule *rule)
{
    return rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO;
}

static const struct rule *walk(const struct table *table, struct place *places, size_t start)
{
    size_t at = start;

    places[at].state = OPEN;
    places[at].from = table->count;
    while (at < table->count) {
        struct place *place = &places[at];
        const struct chain *chain = place->chain;
        const struct rule *rule;
        struct place *inner;

        while (place->next < chain->count && !is_jump(&chain->items[place->next]))
            place->next++;
        if (place->next == chain->count) {
            place->state = DONE;
            at = place->from;
            continue;
        }
        rule = &chain->items[place->next++];
        inner = find_place(table, places, rule->target.text);
        if (!inner || inner->state == DONE)
            continue;
        if (inner->state == OPEN)
            return rule;
        inner->state = OPEN;
        inner->from = at;
        at = (size_t)(inner - places);
    }
    return NULL;
}

const struct rule *table_find_loop(const struct table *table)
{
    struct arena scratch = {0};
    struct place *places;
    const struct rule *loop = NULL;

    // Built-in chains come first, and nothing jumps to them.
    if (!table->count || table->items[table->count - 1]->policy != CHAIN_USER)
        return NULL;
    places = arena_calloc(&scratch, table->count, sizeof(*places));
    for (size_t i = 0; i < table->count; i++)
        places[i].chain = table->items[i];
    qsort(places, table->count, sizeof(*places), compare_places);
    for (size_t i = 0; i < table->count && !loop; i++)
        if (places[i].state == UNSEEN)
            loop = walk(table, places, i);
    arena_clear(&scratch);
    return loop;
}
