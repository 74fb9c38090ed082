// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/plan.h"

#include <string.h>

#include "cli/changes.h"
#include "cli/columns.h"

static const char *policy_word(enum chain_policy policy)
{
    return policy == CHAIN_DROP ? "DROP" : "ACCEPT";
}

// "+2 -1 rules", where something is added or taken away.
static const char *changed(struct arena *arena, size_t added, size_t removed, const char *noun)
{
    const char *plus = added ? arena_printf(arena, "+%zu ", added) : "";
    const char *minus = removed ? arena_printf(arena, "-%zu ", removed) : "";

    return added || removed
               ? arena_printf(arena, "%s%s%s%s", plus, minus, noun, added + removed > 1 ? "s" : "")
               : "";
}

// Rules of others are told apart.
static size_t own_kept(const struct plan_table *table)
{
    return table->comparison.kept - table->others.rules;
}

static const char *rules_cell(struct arena *arena, const struct plan_table *table)
{
    const struct table_comparison *found = &table->comparison;
    const char *rules = changed(arena, found->added, found->removed, "rule");
    const char *chains = changed(arena, found->chains_added, found->chains_removed, "chain");

    if (found->same)
        return arena_printf(arena, "unchanged, rules: %zu", own_kept(table));
    return arena_printf(arena, "%s%s%s%skept: %zu", rules, *rules ? ", " : "", chains, *chains ? ", " : "",
                        own_kept(table));
}

#define NAMES_MAX 4 // chains that are named

// "others' stay: 12 rules, 5 chains (DOCKER, DOCKER-USER, f2b-sshd, ufw-before-input and 1 more)".
static const char *others_text(struct arena *arena, const struct others *others)
{
    const char *text, *names = "";

    if (!others->rules && !others->chains)
        return "";
    for (size_t i = 0; i < others->chains && i < NAMES_MAX; i++)
        names = arena_printf(arena, "%s%s%s", names, i ? ", " : "", others->names[i]);
    if (others->chains > NAMES_MAX)
        names = arena_printf(arena, "%s and %zu more", names, others->chains - NAMES_MAX);
    text = arena_printf(arena, "others' stay: %zu rule%s", others->rules, others->rules == 1 ? "" : "s");
    return others->chains ? arena_printf(arena, "%s, %zu chain%s (%s)", text, others->chains,
                                         others->chains == 1 ? "" : "s", names)
                          : text;
}

static const char *policies_cell(struct arena *arena, const struct plan_table *table)
{
    const struct table_comparison *found = &table->comparison;
    const char *others = others_text(arena, &table->others);
    const char *text = table->live ? others : "is not there yet";

    for (size_t i = 0; i < found->count; i++)
        if (found->chains[i].policy != CHAIN_UNWRITTEN)
            text = arena_printf(arena, "%s%spolicy of %s: %s", text, *text ? "\n" : "", found->chains[i].name,
                                policy_word(found->chains[i].policy));
    return text;
}

// "filter widened, then raw, then filter", of the tables that change; NULL where not even two do.
static const char *order_text(struct arena *arena, const struct apply_plan *plan, enum family family)
{
    const char *text = NULL;
    size_t count = 0;

    for (size_t i = 0; i < plan->steps.count; i++) {
        const struct plan_table *table = &plan->items[plan->steps.items[i].table];
        const bool joint = plan->steps.items[i].contents == &plan->joint[family];

        if (table->family == family)
            text = arena_printf(arena, "%s%s%s%s%s", text ? text : "", count++ ? ", then " : "", table->name,
                                joint ? " " : "", joint ? joint_words[plan->orders[family].joint] : "");
    }
    return count > 1 ? text : NULL;
}

static const char *const between_names[] = {"safe", "loses", "opens", "undecided"};

static void put_orders(struct buf *out, struct arena *arena, const struct apply_plan *plan)
{
    static const char *const texts[] = {
        "no packet that old and new rules both accept is lost in between (proved)",
        "for the moment in between packets are lost that both accept",
        "for the moment in between packets are accepted that both refuse",
        "too many rules to tell what happens in between",
    };

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct table_order *order = &plan->orders[family];
        const char *tables = order_text(arena, plan, family);

        if (!tables)
            continue;
        buf_printf(out, "%s   %s: %s\n", family_name(family), tables, texts[order->between]);
        if (order->example)
            buf_printf(out, "       e.g. %s\n", order->example);
    }
}

void put_plan(struct buf *out, struct arena *arena, const struct apply_plan *plan)
{
    struct rows rows = {0};

    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_table *table = &plan->items[i];

        *vec_push(arena, &rows) = (struct row){{family_name(table->family), table->name,
                                                rules_cell(arena, table), policies_cell(arena, table), ""}};
    }
    put_rows(out, &rows, "", terminal_width());
    put_orders(out, arena, plan);
    buf_char(out, '\n');
    if (plan->told)
        put_changes(out, arena, &plan->difference);
    else
        buf_text(out, "what traffic changes is left to a dry run: the rules are many\n");
}

static json_t *chain_json(const struct chain_comparison *chain)
{
    json_t *object = json_object();

    json_set(object, "chain", json_text(chain->name));
    json_set(object, "there", json_boolean(chain->live != NULL));
    json_set(object, "wanted", json_boolean(chain->wanted != NULL));
    json_set(object, "added", json_integer((json_int_t)chain->added));
    json_set(object, "removed", json_integer((json_int_t)chain->removed));
    json_set(object, "kept", json_integer((json_int_t)chain->kept));
    json_set(object, "policy",
             chain->policy == CHAIN_UNWRITTEN ? json_null() : json_text(policy_word(chain->policy)));
    return object;
}

static json_t *others_json(const struct others *others)
{
    json_t *object = json_object(), *names = json_array();

    for (size_t i = 0; i < others->chains; i++)
        json_push(names, json_text(others->names[i]));
    json_set(object, "rules", json_integer((json_int_t)others->rules));
    json_set(object, "chains", names);
    return object;
}

static json_t *table_json(const struct plan_table *table)
{
    const struct table_comparison *found = &table->comparison;
    json_t *object = json_object(), *chains = json_array();

    for (size_t i = 0; i < found->count; i++)
        json_push(chains, chain_json(&found->chains[i]));
    json_set(object, "family", json_family(table->family));
    json_set(object, "table", json_text(table->name));
    json_set(object, "there", json_boolean(table->live != NULL));
    json_set(object, "same", json_boolean(found->same));
    json_set(object, "added", json_integer((json_int_t)found->added));
    json_set(object, "removed", json_integer((json_int_t)found->removed));
    json_set(object, "kept", json_integer((json_int_t)own_kept(table)));
    json_set(object, "others", others_json(&table->others));
    json_set(object, "chains", chains);
    return object;
}

static json_t *order_json(const struct apply_plan *plan, enum family family)
{
    const struct table_order *order = &plan->orders[family];
    json_t *object = json_object(), *tables = json_array();

    for (size_t i = 0; i < plan->steps.count; i++)
        if (plan->items[plan->steps.items[i].table].family == family)
            json_push(tables, json_text(plan->items[plan->steps.items[i].table].name));
    json_set(object, "family", json_family(family));
    json_set(object, "tables", tables);
    json_set(object, "joint", json_text_or_null(joint_words[order->joint]));
    json_set(object, "between", json_text(between_names[order->between]));
    json_set(object, "example", json_text_or_null(order->example));
    return object;
}

static json_t *objection_json(const struct objection *objection)
{
    json_t *object = json_object();

    json_set(object, "severity", json_text(severity_name(objection->severity)));
    json_set(object, "name", json_text(objection->name));
    json_set(object, "family", json_family(objection->family));
    json_set(object, "text", json_text(objection->text));
    json_set(object, "hint", json_text_or_null(objection->hint));
    return object;
}

void set_plan(json_t *object, const struct apply_plan *plan)
{
    json_t *objections = json_array();

    json_t *tables = json_array(), *orders = json_array();

    for (size_t i = 0; i < plan->count; i++)
        json_push(tables, table_json(&plan->items[i]));
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        json_push(orders, order_json(plan, family));
    for (size_t i = 0; i < plan->objections.count; i++)
        json_push(objections, objection_json(&plan->objections.items[i]));
    json_set(object, "objections", objections);
    json_set(object, "own", json_text(plan->own == OWN_CHAINS ? "chains" : "tables"));
    json_set(object, "orders", orders);
    json_set(object, "same", json_boolean(plan->same));
    json_set(object, "tables", tables);
    set_changes(object, &plan->difference);
    if (!plan->told)
        json_set(object, "complete", json_boolean(false));
}
