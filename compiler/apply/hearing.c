// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/hearing.h"

#include <string.h>

#include "emit/restore.h"

void object(const struct hearing *hearing, enum severity severity, const char *name, const char *text,
            const char *hint)
{
    for (size_t i = 0; i < hearing->plan->objections.count; i++)
        if (hearing->plan->objections.items[i].family == hearing->family &&
            strcmp(hearing->plan->objections.items[i].text, text) == 0)
            return;
    *vec_push(hearing->arena, &hearing->plan->objections) =
        (struct objection){.severity = severity,
                           .name = name,
                           .family = hearing->family,
                           .text = arena_printf(hearing->arena, "%s", text),
                           .hint = hint};
}

void object_to_opening(const struct hearing *hearing, const char *name, const char *text, const char *hint)
{
    const size_t before = hearing->plan->objections.count;

    object(hearing, SEVERITY_ERROR, name, text, hint);
    for (size_t i = before; i < hearing->plan->objections.count; i++)
        hearing->plan->objections.items[i].opens = true;
}

bool is_others(const struct hearing *hearing, const struct table *table, const struct chain *chain,
               const struct rule *rule)
{
    if (!ruleset_find_table(hearing->plan->encoded[hearing->family].ruleset, table->name))
        return true;
    if (hearing->plan->own == OWN_TABLES || own_chain(chain->name))
        return false;
    return chain->policy == CHAIN_USER || !rule || !own_rule(rule);
}

bool place_is_others(const struct hearing *hearing, const struct rule_place *place)
{
    return place->chain && is_others(hearing, place->table, place->chain, place_rule(place));
}

void put_place(struct buf *out, const struct hearing *hearing, const struct rule_place *place)
{
    const struct rule *rule = place_rule(place);
    struct buf text = {0};

    describe_place(out, place);
    if (rule) {
        restore_rule(&text, rule, hearing->family);
        buf_printf(out, " (%s)", text.length ? text.bytes + 1 : "");
    }
    buf_clear(&text);
}
