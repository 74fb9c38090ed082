// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/changes.h"

#include <string.h>

#include "analysis/describe.h"
#include "base/vec.h"
#include "cli/columns.h"
#include "cli/reason.h"

// Text: one row a region.

static const char *reason(struct arena *arena, const struct decision *decision, const char *was)
{
    struct buf text = {0};

    buf_text(&text, was);
    if (decision->reason.section)
        describe_reason(&text, &decision->reason);
    else
        describe_place(&text, &decision->place);
    if (decision->reason.span.source)
        buf_printf(&text, "  %s:%u", decision->reason.span.source->name, decision->reason.span.line);
    return buf_to_arena(&text, arena);
}

// What is different, where the kind of change does not say it, and what decides.
static const char *what_cell(struct arena *arena, const struct change *change)
{
    const char *now = reason(arena, &change->now, "");

    switch (change->kind) {
    case CHANGE_TRACKED:
        return arena_printf(arena, "same verdict, an entry in the table\n%s", now);
    case CHANGE_UNTRACKED:
        return arena_printf(arena, "same verdict, no table entry\n%s", now);
    case CHANGE_LIMIT:
        return arena_printf(arena, "%s, was %s\n%s", change->now.limit, change->before.limit, now);
    case CHANGE_ANSWER:
    case CHANGE_UNCLEAR:
        return arena_printf(arena, "%s, was %s\n%s", change->now.verdict, change->before.verdict, now);
    case CHANGE_CLOSED:
        return arena_printf(arena, "%s\n%s", reason(arena, &change->before, "was "),
                            reason(arena, &change->now, "now "));
    case CHANGE_OPENED:
    case CHANGE_COUNT:
        break;
    }
    return now;
}

static struct row change_row(struct arena *arena, const struct change *change)
{
    static const char signs[CHANGE_COUNT] = {'+', '-', '~', '~', '~', '~', '?'};

    return (struct row){{
        arena_printf(arena, "%c %s", signs[change->kind], change_words[change->kind]),
        family_name(change->family),
        arena_printf(arena, "%s\ne.g. %s", change->packets, change->example),
        what_cell(arena, change),
        "",
    }};
}

// Alike but for their families and examples. Rules have other numbers in the other family.
static bool same_change(const struct change *a, const struct change *b, const struct row *left,
                        const struct row *right)
{
    return a->kind == b->kind && a->hook == b->hook && strcmp(a->packets, b->packets) == 0 &&
           strcmp(left->cells[3], right->cells[3]) == 0;
}

// A region that changes in both families alike is said once.
static struct rows change_rows(struct arena *arena, const struct difference *difference)
{
    const struct change **told = arena_calloc(arena, difference->count, sizeof(*told));
    struct rows rows = {0};

    for (size_t i = 0; i < difference->count; i++) {
        const struct row row = change_row(arena, &difference->items[i]);
        bool known = false;

        for (size_t j = 0; j < rows.count && !known; j++) {
            known = same_change(told[j], &difference->items[i], &rows.items[j], &row);
            if (known)
                rows.items[j].cells[1] = "";
        }
        if (known)
            continue;
        told[rows.count] = &difference->items[i];
        *vec_push(arena, &rows) = row;
    }
    return rows;
}

void put_changes(struct buf *out, struct arena *arena, const struct difference *difference)
{
    const struct rows rows = change_rows(arena, difference);

    if (!difference->count)
        buf_text(out, "no traffic changes\n");
    put_rows(out, &rows, "", terminal_width());
    if (!difference->complete)
        buf_text(out, "and more regions of these kinds\n");
}

// JSON.

static json_t *decision_json(const struct decision *decision)
{
    json_t *object = json_object();
    struct buf place = {0};

    describe_place(&place, &decision->place);
    json_set(object, "verdict", json_text(walk_name(decision->walk)));
    json_set(object, "text", json_text(decision->verdict));
    if (decision->limit)
        json_set(object, "limit", json_text(decision->limit));
    json_set(object, "tracked", json_boolean(decision->tracked));
    set_reason(object, &decision->reason);
    json_set(object, "rule", json_text(place.bytes));
    buf_clear(&place);
    return object;
}

static json_t *change_json(const struct change *change)
{
    json_t *object = json_object();

    json_set(object, "change", json_text(change_words[change->kind]));
    json_set(object, "family", json_family(change->family));
    json_set(object, "hook", json_text(hook_names[change->hook]));
    json_set(object, "packets", json_text(change->packets));
    json_set(object, "example", json_text(change->example));
    json_set(object, "before", decision_json(&change->before));
    json_set(object, "now", decision_json(&change->now));
    return object;
}

void set_changes(json_t *object, const struct difference *difference)
{
    json_t *changes = json_array();

    for (size_t i = 0; i < difference->count; i++)
        json_push(changes, change_json(&difference->items[i]));
    json_set(object, "changes", changes);
    json_set(object, "complete", json_boolean(difference->complete));
}
