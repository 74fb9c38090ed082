// SPDX-License-Identifier: GPL-2.0-or-later
//
// `expect`: what must hold for sets of packets.
#include "policy/reader.h"

void read_expect_packets(struct reader *reader, const struct node *value)
{
    struct slice text, bad;
    const char *problem;

    if (!value_scalar(reader, value, "packets", &text))
        return;
    if (packets_parse(reader->arena, text, &reader->expectation->packets, &bad, &problem))
        return;

    struct span span = node_span(value);

    // The word itself, where the scalar stands on one line as it is.
    if (value->plain && bad.at >= text.at && span.length == text.length) {
        span.column += (uint32_t)(bad.at - text.at);
        span.length = (uint32_t)bad.length;
    }
    diag_add(reader->diags, DIAG_PACKETS, span, "'%.*s' is not a set of packets here",
             (int)(bad.length < 60 ? bad.length : 60), bad.at);
    diag_hint(reader->diags, "%s", problem);
}

void read_expect_verdict(struct reader *reader, const struct node *value)
{
    static const char *const words[] = {"accept", "reject", "drop", "refuse", NULL}; // from EXPECT_ACCEPT on
    int index;

    if (value_word(reader, value, "verdict", words, &index))
        reader->expectation->verdict = EXPECT_ACCEPT + (unsigned)index;
}

void read_expect_tracked(struct reader *reader, const struct node *value)
{
    bool tracked;

    if (value_bool(reader, value, "tracked", &tracked))
        reader->expectation->tracked = tracked ? CHOICE_YES : CHOICE_NO;
}

void read_expect_name(struct reader *reader, const struct node *value)
{
    struct slice text;

    if (value_text(reader, value, "name", &text))
        reader->expectation->name = text.at;
}

static void read_expectation(struct reader *reader, const struct node *item)
{
    if (!read_mapping(reader, item, SCOPE_EXPECT, "an entry of `expect`"))
        return;
    if (!node_find(item, "packets"))
        diag_add(reader->diags, DIAG_MISSING_KEY, node_span(item), "the expectation names no `packets`");
    if (!node_find(item, "verdict") && !node_find(item, "tracked")) {
        diag_add(reader->diags, DIAG_MISSING_KEY, node_span(item), "the expectation expects nothing");
        diag_hint(reader->diags, "say `verdict`, `tracked` or both");
    }
}

void read_expect(struct reader *reader, const struct node *value)
{
    struct policy *policy = reader->policy;
    size_t count;
    const struct node *items = value_items(value, &count);

    // A second `expect` has been reported, and is read all the same.
    policy->expectation_count = 0;
    policy->expectations = arena_calloc(reader->arena, count, sizeof(*policy->expectations));
    for (size_t i = 0; i < count; i++) {
        reader->expectation = &policy->expectations[policy->expectation_count++];
        reader->expectation->span = node_span(&items[i]);
        read_expectation(reader, &items[i]);
    }
}
