// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/connections.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "apply/entries.h"
#include "apply/pending.h"
#include "base/protocols.h"
#include "cli/columns.h"

static void warn(const char *trouble)
{
    if (trouble)
        fprintf(stderr, "ctc: warning: connections that are open are not looked at: %s\n", trouble);
}

static bool changes_raw(const struct plan_table *planned)
{
    return strcmp(planned->name, "raw") == 0 && !planned->comparison.same;
}

static void delete_stale(struct arena *arena, const struct ruleset *const raws[FAMILY_COUNT],
                         struct connections *found)
{
    const struct stale stale = stale_delete(arena, raws, found->stage == CONNECTIONS_PLANNED);

    found->stale.entries += stale.entries;
    found->stale.deleted += stale.deleted;
    found->stale.stopped = found->stale.stopped || stale.stopped;
    found->stale.trouble = stale.trouble;
}

void connections_before(struct arena *arena, const struct apply_plan *plan, struct connections *found)
{
    const struct ruleset *raws[FAMILY_COUNT] = {0};

    for (size_t i = 0; i < plan->count; i++)
        if (changes_raw(&plan->items[i]))
            raws[plan->items[i].family] = plan->live[plan->items[i].family];
    delete_stale(arena, raws, found);
}

void connections_after(struct arena *arena, const struct apply_plan *plan, bool cut,
                       struct connections *found)
{
    const struct ruleset *after[FAMILY_COUNT] = {0}, *raws[FAMILY_COUNT] = {0};
    const bool there = entries_are_there();

    for (size_t i = 0; i < plan->count && there; i++) {
        const struct plan_table *planned = &plan->items[i];
        const enum family family = planned->family;

        if (planned->comparison.same && !cut)
            continue;
        if (!after[family])
            after[family] = rules_between(arena, plan->live[family], plan->encoded[family].ruleset, UINT_MAX);
        if (changes_raw(planned))
            raws[family] = after[family];
    }
    found->refused = refused_find(arena, after, cut && found->stage == CONNECTIONS_DONE);
    delete_stale(arena, raws, found);
    warn(found->refused.trouble ? found->refused.trouble : found->stale.trouble);
}

void connections_cut(struct arena *arena)
{
    struct kernel_error error = {.arena = arena};
    struct connections found = {.stage = CONNECTIONS_DONE};
    struct apply_plan plan = {.backend = pending_backend(arena, &error)};
    struct buf text = {0};

    if (!plan.backend || !plan_read_live(arena, &plan, &error)) {
        warn(error.text);
    } else {
        found.refused = refused_find(arena, plan.live, true);
        warn(found.refused.trouble);
        put_connections(&text, arena, &found);
        fwrite(text.bytes, 1, text.length, stderr);
    }
    plan_clear(&plan);
    buf_clear(&text);
}

// Text.

static const char *endpoint(struct arena *arena, const char *word, enum family family, struct addr addr,
                            unsigned port)
{
    struct buf text = {0};

    buf_printf(&text, "%s ", word);
    addr_print(&text, family, addr);
    if (port)
        buf_printf(&text, " port %u", port);
    return buf_to_arena(&text, arena);
}

static const char *protocol_text(struct arena *arena, uint8_t protocol)
{
    const char *name = protocol_name(protocol);

    return name ? name : arena_printf(arena, "protocol %u", protocol);
}

static void put_refused(struct buf *out, struct arena *arena, const struct connections *found)
{
    const struct refused *refused = &found->refused;
    struct rows rows = {0};

    if (!refused->count)
        return;
    buf_printf(out, "\nconnections that are open and %s refused: %zu",
               found->stage == CONNECTIONS_PLANNED ? "would be" : "are", refused->count);
    if (refused->cut)
        buf_printf(out, ", cut: %zu", refused->cut);
    buf_char(out, '\n');
    for (size_t i = 0; i < refused->listed.count; i++) {
        const struct refused_connection *one = &refused->listed.items[i];

        *vec_push(arena, &rows) =
            (struct row){{family_name(one->family),
                          arena_printf(arena, "%s %s", protocol_text(arena, one->protocol),
                                       endpoint(arena, "from", one->family, one->source, one->source_port)),
                          endpoint(arena, "to", one->family, one->target, one->target_port),
                          refused->cut ? ""
                          : one->lives ? "lives on until it ends; --cut ends it"
                                       : "nothing passes any more",
                          ""}};
    }
    put_rows(out, &rows, "  ", terminal_width());
    if (refused->count > refused->listed.count)
        buf_text(out, "  and others\n");
}

void put_connections(struct buf *out, struct arena *arena, const struct connections *found)
{
    const struct stale *stale = &found->stale;

    put_refused(out, arena, found);
    if (stale->entries && found->stage == CONNECTIONS_PLANNED)
        buf_printf(out, "\nentries of the tracking table that no packet would meet any more: %zu\n",
                   stale->entries);
    else if (stale->entries)
        buf_printf(out, "\nentries of the tracking table that no packet meets any more: %zu, deleted: %zu\n",
                   stale->entries, stale->deleted);
    if (stale->stopped || found->refused.stopped)
        buf_text(out, "and more, which was not looked at: the time was over\n");
}

// JSON.

static json_t *refused_json(const struct refused_connection *one)
{
    json_t *object = json_object();
    struct buf source = {0}, target = {0};

    addr_print(&source, one->family, one->source);
    addr_print(&target, one->family, one->target);
    json_set(object, "family", json_family(one->family));
    json_set(object, "protocol", json_integer(one->protocol));
    json_set(object, "source", json_text(source.bytes));
    json_set(object, "source_port", one->source_port ? json_integer(one->source_port) : json_null());
    json_set(object, "target", json_text(target.bytes));
    json_set(object, "target_port", one->target_port ? json_integer(one->target_port) : json_null());
    json_set(object, "lives", json_boolean(one->lives));
    buf_clear(&source);
    buf_clear(&target);
    return object;
}

void set_connections(json_t *object, const struct connections *found)
{
    json_t *connections = json_object(), *listed = json_array();
    const struct refused *refused = &found->refused;
    const struct stale *stale = &found->stale;

    for (size_t i = 0; i < refused->listed.count; i++)
        json_push(listed, refused_json(&refused->listed.items[i]));
    json_set(connections, "refused", json_integer((json_int_t)refused->count));
    json_set(connections, "listed", listed);
    json_set(connections, "cut", json_integer((json_int_t)refused->cut));
    json_set(connections, "stale", json_integer((json_int_t)stale->entries));
    json_set(connections, "deleted", json_integer((json_int_t)stale->deleted));
    json_set(connections, "complete",
             json_boolean(!refused->trouble && !stale->trouble && !refused->stopped && !stale->stopped));
    json_set(object, "connections", connections);
}
