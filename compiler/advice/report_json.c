// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "advice/report.h"
#include "base/json.h"
#include "base/protocols.h"

static void set_number(json_t *object, const char *key, uint64_t value)
{
    json_set(object, key, json_integer((json_int_t)value));
}

static json_t *known(bool is_known, uint64_t value)
{
    return is_known ? json_integer((json_int_t)value) : json_null();
}

static json_t *address_json(enum family family, struct addr addr)
{
    struct buf text = {0};
    json_t *value;

    addr_print(&text, family, addr);
    value = json_text(text.bytes);
    buf_clear(&text);
    return value;
}

static json_t *protocol_json(uint8_t protocol)
{
    return protocol == PROTOCOL_ANY  ? json_null()
           : protocol_name(protocol) ? json_text(protocol_name(protocol))
                                     : json_sprintf("%u", protocol);
}

static json_t *states_json(const uint64_t states[CT_STATE_COUNT])
{
    json_t *object = json_object();

    for (int state = 0; state < CT_STATE_COUNT; state++)
        if (states[state])
            set_number(object, state_names[state], states[state]);
    return object;
}

static json_t *table_json(const struct report *report)
{
    const struct table_limits none = {0}, *limits = report->limits ? report->limits : &none;
    const struct census *census = report->census;
    json_t *object = json_object();

    set_number(object, "entries", census->entries);
    set_number(object, "assured", census->assured);
    set_number(object, "unreplied", census->unreplied);
    set_number(object, "translated", census->nat);
    json_set(object, "count", known(limits->has_size, limits->count));
    json_set(object, "max", known(limits->has_size, limits->max));
    json_set(object, "buckets", known(limits->has_buckets, limits->buckets));
    json_set(object, "dropped", known(limits->has_drops, limits->drop));
    json_set(object, "early_dropped", known(limits->has_drops, limits->early_drop));
    json_set(object, "insert_failed", known(limits->has_drops, limits->insert_failed));
    return object;
}

static json_t *service_json(const struct suggestion *suggestion)
{
    const struct group *group = suggestion->group;
    json_t *object = json_object();

    json_set(object, "service", json_text(group->name));
    json_set(object, "direction", json_text(direction_names[group->direction]));
    json_set(object, "protocol", protocol_json(group->protocol));
    json_set(object, "port", known(group->port != 0, group->port));
    json_set(object, "file", group->entry ? json_text(group->entry->span.source->name) : json_null());
    json_set(object, "line", known(group->entry != NULL, group->entry ? group->entry->span.line : 0));
    set_number(object, "entries", group->entries);
    set_number(object, "assured", group->assured);
    set_number(object, "unreplied", group->unreplied);
    set_number(object, "translated", group->nat);
    json_set(object, "states", states_json(group->states));
    set_number(object, "saves", suggestion->obstacle == OBSTACLE_NONE ? group->entries : 0);
    json_set(object, "obstacle", json_text(obstacle_kinds[suggestion->obstacle].name));
    json_set(object, "untrack", json_boolean(suggestion->worthwhile));
    return object;
}

static json_t *local_json(const struct addr_set *local)
{
    json_t *array = json_array();
    struct buf text = {0};

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < local->families[family].count; i++) {
            const struct addr_range *range = &local->families[family].items[i];

            text.length = 0;
            addr_print(&text, family, range->first);
            if (addr_compare(range->first, range->last) != 0) {
                buf_char(&text, '-');
                addr_print(&text, family, range->last);
            }
            json_push(array, json_text(text.bytes));
        }
    buf_clear(&text);
    return array;
}

static json_t *lines_json(const struct report *report)
{
    json_t *array = json_array();
    struct buf text = {0};

    for (size_t i = 0; i < report->advice->items.count; i++) {
        const struct suggestion *suggestion = &report->advice->items.items[i];
        const struct entry *entry;
        json_t *line;

        if (!suggestion->worthwhile || suggestion->repeated)
            continue;
        text.length = 0;
        put_new_entry(&text, suggestion);
        line = json_object();
        entry = suggestion->group->entry;
        json_set(line, "list", json_text(suggestion_list(suggestion)));
        json_set(line, "entry", entry ? json_null() : json_text(text.bytes));
        json_set(line, "file", entry ? json_text(entry->span.source->name) : json_null());
        json_set(line, "line", known(entry != NULL, entry ? entry->span.line : 0));
        json_push(array, line);
    }
    buf_clear(&text);
    return array;
}

void put_report_json(struct buf *out, const struct report *report)
{
    const struct census *census = report->census;
    json_t *document = json_document("advise"), *directions = json_object(), *protocols = json_object(),
           *services = json_array(), *sources = json_array();

    json_set(document, "source", json_text_or_null(report->source));
    json_set(document, "policy", json_text_or_null(report->policy));
    json_set(document, "table", table_json(report));
    json_set(document, "local", local_json(report->local));
    json_set(document, "local_guessed", json_boolean(report->guessed));
    for (enum direction direction = 0; direction < DIRECTION_COUNT; direction++)
        set_number(directions, direction_names[direction], census->directions[direction]);
    for (unsigned protocol = 0; protocol < 256; protocol++)
        if (census->protocols[protocol]) {
            json_t *name = protocol_json((uint8_t)protocol);

            set_number(protocols, json_is_string(name) ? json_string_value(name) : "0",
                       census->protocols[protocol]);
            json_decref(name);
        }
    json_set(document, "directions", directions);
    json_set(document, "protocols", protocols);
    json_set(document, "states", states_json(census->states));
    for (size_t i = 0; i < report->advice->items.count; i++)
        json_push(services, service_json(&report->advice->items.items[i]));
    json_set(document, "services", services);
    for (size_t i = 0; i < census->sources.count; i++) {
        const struct peer *peer = &census->sources.items[i];
        json_t *source = json_object();

        json_set(source, "address", address_json(peer->family, peer->addr));
        set_number(source, "entries", peer->entries);
        json_push(sources, source);
    }
    json_set(document, "sources", sources);
    set_number(document, "source_count", census->source_count);
    set_number(document, "saves", report->advice->saved);
    json_set(document, "lines", lines_json(report));
    json_print(out, document);
}
