// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/drift.h"

#include "cli/changes.h"
#include "cli/columns.h"
#include "cli/reason.h"

#define RULES_SHOWN 40

static const char *const kind_words[] = {[DRIFT_MISSING] = "missing",
                                         [DRIFT_FOREIGN] = "foreign",
                                         [DRIFT_POLICY] = "policy",
                                         [DRIFT_TABLE] = "table"};

static const char *reason_text(struct arena *arena, const struct reason *reason)
{
    struct buf text = {0};

    describe_reason(&text, reason);
    if (reason->span.source)
        buf_printf(&text, "%s%s:%u", text.length ? "  " : "", reason->span.source->name, reason->span.line);
    return buf_to_arena(&text, arena);
}

static struct row rule_row(struct arena *arena, const struct rule_drift *rule)
{
    const char *family = family_name(rule->family);

    switch (rule->kind) {
    case DRIFT_TABLE:
        return (struct row){{family, rule->table, "is not there", "", ""}};
    case DRIFT_POLICY:
        return (struct row){{family, arena_printf(arena, "%s %s", rule->table, rule->chain),
                             "has another policy",
                             arena_printf(arena, "%s instead of %s", rule->text, rule->wanted), ""}};
    case DRIFT_MISSING:
        return (struct row){{family, arena_printf(arena, "%s %s", rule->table, rule->chain), "lacks",
                             rule->text, reason_text(arena, &rule->reason)}};
    case DRIFT_FOREIGN:
        break;
    }
    return (struct row){{family, arena_printf(arena, "%s %s %zu", rule->table, rule->chain, rule->number),
                         "has besides", rule->text, ""}};
}

static void put_rules(struct buf *out, struct arena *arena, const struct drift *drift)
{
    struct rows rows = {0};

    for (size_t i = 0; i < drift->rules.count && i < RULES_SHOWN; i++)
        *vec_push(arena, &rows) = rule_row(arena, &drift->rules.items[i]);
    put_rows(out, &rows, "", 0);
    if (drift->rules.count > RULES_SHOWN)
        buf_printf(out, "and %zu rules more\n", drift->rules.count - RULES_SHOWN);
}

static void put_promise(struct buf *out, const struct drift_promise *promise)
{
    struct buf place = {0};

    describe_place(&place, &promise->broken.place);
    buf_printf(out, "%s   %s: %s [%s]\n", family_name(promise->family), promise->broken.problem,
               promise->broken.example, diag_kinds[promise->broken.code].name);
    buf_printf(out, "       %s%s%s\n", place.length ? place.bytes : "no rule decides it",
               promise->text ? "   " : "", promise->text ? promise->text : "");
    buf_clear(&place);
}

void put_drift(struct buf *out, struct arena *arena, const struct drift *drift)
{
    put_rules(out, arena, drift);
    if (drift->difference.count) {
        buf_printf(out, "%swhat the kernel does and the policy does not say:\n", out->length ? "\n" : "");
        put_changes(out, arena, &drift->difference);
    }
    if (drift->promises.count)
        buf_printf(out, "%spromises that the kernel's rules break:\n", out->length ? "\n" : "");
    for (size_t i = 0; i < drift->promises.count; i++)
        put_promise(out, &drift->promises.items[i]);
}

static json_t *rule_json(const struct rule_drift *rule)
{
    json_t *object = json_object();

    json_set(object, "drift", json_text(kind_words[rule->kind]));
    json_set(object, "family", json_family(rule->family));
    json_set(object, "table", json_text(rule->table));
    json_set(object, "chain", json_text_or_null(rule->chain));
    json_set(object, "number", rule->number ? json_integer((json_int_t)rule->number) : json_null());
    json_set(object, "rule", json_text_or_null(rule->kind == DRIFT_POLICY ? NULL : rule->text));
    json_set(object, "policy", json_text_or_null(rule->kind == DRIFT_POLICY ? rule->text : NULL));
    json_set(object, "wanted", json_text_or_null(rule->wanted));
    set_reason(object, &rule->reason);
    return object;
}

static json_t *promise_json(const struct drift_promise *promise)
{
    struct buf place = {0};
    json_t *object = json_object();

    describe_place(&place, &promise->broken.place);
    json_set(object, "promise", json_text(diag_kinds[promise->broken.code].name));
    json_set(object, "family", json_family(promise->family));
    json_set(object, "problem", json_text(promise->broken.problem));
    json_set(object, "example", json_text(promise->broken.example));
    json_set(object, "place", json_text(place.length ? place.bytes : ""));
    json_set(object, "rule", json_text_or_null(promise->text));
    buf_clear(&place);
    return object;
}

json_t *drift_json(const char *command, const char *policy, const struct drift *drift, bool same)
{
    json_t *object = json_document(command), *rules = json_array(), *promises = json_array();

    for (size_t i = 0; i < drift->rules.count; i++)
        json_push(rules, rule_json(&drift->rules.items[i]));
    for (size_t i = 0; i < drift->promises.count; i++)
        json_push(promises, promise_json(&drift->promises.items[i]));
    json_set(object, "policy", json_text(policy));
    json_set(object, "same", json_boolean(same));
    json_set(object, "rules", rules);
    set_changes(object, &drift->difference);
    json_set(object, "promises", promises);
    return object;
}
