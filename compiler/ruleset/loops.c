// SPDX-License-Identifier: GPL-2.0-or-later
//
// Circles of chains that jump to each other. The walk keeps its own stack, for chains may be as many as lines.
#include "ruleset/ruleset.h"

enum state { UNSEEN, OPEN, DONE };

struct place {
    const struct chain *chain;
    size_t next; // rule to look at
    size_t from; // place that leads here
    enum state state;
};

// Places stand by the number of their chain.
static const struct rule *walk(const struct table *table, struct place *places, size_t start)
{
    size_t at = start;

    places[at].state = OPEN;
    places[at].from = table->count;
    while (at < table->count) {
        struct place *place = &places[at];
        const struct chain *chain = place->chain;
        const struct chain *leads_to;
        const struct rule *rule;
        struct place *inner;

        while (place->next < chain->count && !rule_leads_on(&chain->items[place->next]))
            place->next++;
        if (place->next == chain->count) {
            place->state = DONE;
            at = place->from;
            continue;
        }
        rule = &chain->items[place->next++];
        leads_to = table_find_chain(table, rule->target.text);
        if (!leads_to || places[leads_to->number].state == DONE)
            continue;
        inner = &places[leads_to->number];
        if (inner->state == OPEN)
            return rule;
        inner->state = OPEN;
        inner->from = at;
        at = leads_to->number;
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
        places[table->items[i]->number].chain = table->items[i];
    for (size_t i = 0; i < table->count && !loop; i++)
        if (places[i].state == UNSEEN)
            loop = walk(table, places, i);
    arena_clear(&scratch);
    return loop;
}
