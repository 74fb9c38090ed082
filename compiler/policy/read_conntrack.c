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
    reader->policy->conntrack.max_span = node_span(value);
}

void read_conntrack_buckets(struct reader *reader, const struct node *value)
{
    read_amount(reader, value, "buckets", &reader->policy->conntrack.buckets);
}

void read_timeouts(struct reader *reader, const struct node *value)
{
    static const char *const names[] = {
#define TIMEOUT(id, name, ...) name,
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
        if (timeout == TIMEOUT_ESTABLISHED)
            reader->policy->conntrack.established_span = node_span(node_value(value, i));
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

// `N/unit`, and `for DURATION` where connections are in use for longer than a question and its answer.
static bool read_one_load(struct reader *reader, const struct node *value, struct load *load)
{
    struct slice text, rest;

    if (!value_scalar(reader, value, "load", &text) ||
        !rate_parse(reader, node_span(value), text, 0, &load->rate, &rest))
        return false;

    const bool burst = strstr(value->text, "burst");
    struct slice word = slice_word(&rest);

    if (!word.length && !burst)
        return true;
    if (slice_is(word, "for") && !burst) {
        word = slice_word(&rest);
        if (!slice_trim(rest).length && duration_parse(word, &load->open))
            return true;
        diag_add(reader->diags, DIAG_DURATION, node_span(value),
                 "'%s' does not say how long a connection is in use", value->text);
        diag_hint(reader->diags, "write 2000/second for 30s");
        return false;
    }
    diag_add(reader->diags, DIAG_LIMIT, node_span(value),
             "a load is N/unit, or N/unit for DURATION: '%s' goes on", value->text);
    return false;
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
        const struct node *key = node_key(value, i);
        struct load load = {.service = key->text, .span = node_span(key)};

        reader->traffic.items = NULL;
        reader->traffic.count = reader->traffic.capacity = 0;
        if (!add_service(reader, key, node_text(key), true) ||
            !read_one_load(reader, node_value(value, i), &load))
            continue;
        load.traffic = reader->traffic.items;
        load.traffic_count = reader->traffic.count;
        if (load.traffic_count)
            conntrack->loads[conntrack->load_count++] = load;
    }
    reader->traffic.items = NULL;
    reader->traffic.count = reader->traffic.capacity = 0;
}
