// SPDX-License-Identifier: GPL-2.0-or-later
//
// `conntrack`: the size and the lifetimes of the tracking table.
#include <string.h>

#include "policy/reader.h"

void read_conntrack(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_CONNTRACK, "`conntrack`");
}

// `auto` or a number of at least 1; 0 stands for auto.
static void read_amount(struct reader *reader, const struct node *value, const char *what, uint64_t *amount)
{
    struct slice text;

    if (!value_scalar(reader, value, what, &text))
        return;
    if (slice_is(text, "auto")) {
        *amount = 0;
        return;
    }
    // Both are 32-bit integers in the kernel (net/netfilter/nf_conntrack_standalone.c).
    if (!value_number(reader, value, what, INT32_MAX, amount))
        return;
    if (!*amount)
        diag_add(reader->diags, DIAG_VALUE, node_span(value), "`%s` is `auto` or at least 1", what);
}

void read_conntrack_max(struct reader *reader, const struct node *value)
{
    read_amount(reader, value, "max", &reader->policy->conntrack.max);
}

void read_conntrack_buckets(struct reader *reader, const struct node *value)
{
    read_amount(reader, value, "buckets", &reader->policy->conntrack.buckets);
}

void read_timeouts(struct reader *reader, const struct node *value)
{
    static const char *const names[] = {
#define TIMEOUT(id, name) name,
#include "policy/timeouts.def"
#undef TIMEOUT
        NULL,
    };

    if (value->kind != NODE_MAPPING) {
        diag_add(reader->diags, DIAG_TYPE, node_span(value),
                 "`timeouts` is a mapping of names to lengths of time");
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        const struct node *key = node_key(value, i);
        int timeout = 0;

        while (names[timeout] && !slice_is(node_text(key), names[timeout]))
            timeout++;
        if (names[timeout])
            value_duration(reader, node_value(value, i), names[timeout],
                           &reader->policy->conntrack.timeouts[timeout]);
        else
            report_word(reader, DIAG_UNKNOWN_KEY, node_span(key), node_text(key),
                        "a timeout of the tracking table", names);
    }
}

void read_modules(struct reader *reader, const struct node *value)
{
    static const char *const words[] = {"keep", "block", NULL};
    int index;

    if (!value_word(reader, value, "modules", words, &index))
        return;
    reader->policy->conntrack.block_modules = index == 1;
    if (index == 1 && reader->policy->tracking != TRACKING_NONE) {
        diag_add(reader->diags, DIAG_MODULES, node_span(value),
                 "modules are blocked only where nothing is tracked");
        diag_hint(reader->diags, "say tracking: none, or leave `modules` out");
    }
}

void read_load(struct reader *reader, const struct node *value)
{
    struct conntrack *conntrack = &reader->policy->conntrack;

    if (value->kind != NODE_MAPPING) {
        diag_add(reader->diags, DIAG_TYPE, node_span(value), "`load` is a mapping of services to rates");
        return;
    }
    // A second `load` has been reported, and is read all the same.
    conntrack->load_count = 0;
    conntrack->loads = arena_calloc(reader->arena, value->count, sizeof(*conntrack->loads));
    for (size_t i = 0; i < value->count; i++) {
        const struct node *key = node_key(value, i), *rate = node_value(value, i);
        struct load load = {.service = key->text};
        struct slice text, rest;

        reader->traffic.count = 0;
        if (!add_service(reader, key, node_text(key), true) || !value_scalar(reader, rate, "load", &text) ||
            !rate_parse(reader, node_span(rate), text, 0, &load.rate, &rest))
            continue;
        if (slice_trim(rest).length || strstr(rate->text, "burst"))
            diag_add(reader->diags, DIAG_LIMIT, node_span(rate), "a load is N/unit: '%s' goes on",
                     rate->text);
        else
            conntrack->loads[conntrack->load_count++] = load;
    }
}
