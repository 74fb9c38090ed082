// SPDX-License-Identifier: GPL-2.0-or-later
#include "advice/report.h"
#include "base/protocols.h"

typedef unsigned long long number;

static void put_metric(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP ctc_conntrack_%s %s\n# TYPE ctc_conntrack_%s %s\n", name, help, name, type);
}

static void put_one(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    put_metric(out, name, type, help);
    buf_printf(out, "ctc_conntrack_%s %llu\n", name, (number)value);
}

// Of a label's value, backslashes, quotes and line breaks are escaped.
static void put_label(struct buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            buf_char(out, '\\');
        if (*value == '\n')
            buf_text(out, "\\n");
        else
            buf_char(out, *value);
    }
}

static void put_limits(struct buf *out, const struct table_limits *limits)
{
    if (limits->has_size) {
        put_one(out, "count", "gauge", "Entries, with those that are over and not collected yet.",
                limits->count);
        put_one(out, "max", "gauge", "Entries that the table holds.", limits->max);
    }
    if (limits->has_buckets)
        put_one(out, "buckets", "gauge", "Buckets of the hash table.", limits->buckets);
    if (limits->has_drops) {
        put_one(out, "drops_total", "counter", "Packets dropped, for want of room among others.",
                limits->drop);
        put_one(out, "early_drops_total", "counter", "Entries pushed out for newcomers.", limits->early_drop);
        put_one(out, "insert_failures_total", "counter", "Entries that could not be put in.",
                limits->insert_failed);
    }
}

static void put_service(struct buf *out, const struct suggestion *suggestion, const char *metric,
                        uint64_t value)
{
    const struct group *group = suggestion->group;
    const char *protocol = group->protocol == PROTOCOL_ANY ? "any" : protocol_name(group->protocol);

    buf_printf(out, "ctc_conntrack_%s{service=\"", metric);
    put_label(out, group->name);
    buf_printf(out, "\",direction=\"%s\",protocol=\"", direction_names[group->direction]);
    if (protocol)
        buf_text(out, protocol);
    else
        buf_printf(out, "%u", group->protocol);
    buf_printf(out, "\",obstacle=\"%s\"", obstacle_kinds[suggestion->obstacle].name);
    // Two entries of a policy may have one name, and a series must not be there twice.
    if (group->entry) {
        buf_text(out, ",place=\"");
        put_label(out, group->entry->span.source->name);
        buf_printf(out, ":%u:%u\"", group->entry->span.line, group->entry->span.column);
    }
    buf_printf(out, "} %llu\n", (number)value);
}

void put_report_prometheus(struct buf *out, const struct report *report)
{
    const struct census *census = report->census;
    const struct advice *advice = report->advice;

    if (report->limits)
        put_limits(out, report->limits);
    put_one(out, "entries", "gauge", "Entries that are alive.", census->entries);
    put_one(out, "assured_entries", "gauge", "Entries that a full table does not push out.", census->assured);
    put_metric(out, "direction_entries", "gauge", "Entries by direction.");
    for (enum direction direction = 0; direction < DIRECTION_COUNT; direction++)
        buf_printf(out, "ctc_conntrack_direction_entries{direction=\"%s\"} %llu\n",
                   direction_names[direction], (number)census->directions[direction]);
    put_metric(out, "state_entries", "gauge", "Entries by state.");
    for (int state = 0; state < CT_STATE_COUNT; state++)
        buf_printf(out, "ctc_conntrack_state_entries{state=\"%s\"} %llu\n", state_names[state],
                   (number)census->states[state]);
    put_metric(out, "service_entries", "gauge", "Entries by service, and what keeps it in the table.");
    for (size_t i = 0; i < advice->items.count; i++)
        put_service(out, &advice->items.items[i], "service_entries", advice->items.items[i].group->entries);
    put_metric(out, "service_assured_entries", "gauge",
               "Of these, entries that a full table does not push out.");
    for (size_t i = 0; i < advice->items.count; i++)
        put_service(out, &advice->items.items[i], "service_assured_entries",
                    advice->items.items[i].group->assured);
    put_one(out, "saving_entries", "gauge", "Entries that the advice would take out of the table.",
            advice->saved);
}
