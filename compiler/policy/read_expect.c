// SPDX-License-Identifier: GPL-2.0-or-later
//
// `expect`: what must hold for sets of packets.
#include <string.h>

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
    diag_add(reader->diags, DIAG_PACKETS, span, "'%.*s' is not a set of packets here", QUOTE(bad));
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

// The keys of a file of expectations: `expect`, and the version of the language.
static void read_expect_file(struct reader *reader, const struct node *root)
{
    for (size_t i = 0; i < root->count; i++) {
        const struct node *key = node_key(root, i);
        const struct slice text = node_text(key);

        if (slice_is(text, "expect")) {
            read_expect(reader, node_value(root, i));
        } else if (slice_is(text, "version")) {
            read_version(reader, node_value(root, i));
        } else {
            diag_add(reader->diags, DIAG_UNKNOWN_KEY, node_span(key),
                     "a file of expectations has no key `%.*s`", QUOTE(text));
            diag_hint(reader->diags, "its keys: version, expect");
        }
    }
}

const struct expectation *expectations_read(struct arena *arena, const char *path, struct source_set *sources,
                                            struct diag_list *diags, size_t *count)
{
    struct policy *policy = arena_calloc(arena, 1, sizeof(*policy));
    struct reader reader = {.arena = arena, .diags = diags, .sources = sources, .policy = policy};
    const int error = source_set_open(sources, path, SOURCE_POLICY_MAX, &reader.main);
    const struct node *root = error ? NULL : document_read(arena, reader.main, diags);

    if (error)
        diag_add(diags, DIAG_FILE, source_whole(reader.main), "cannot read it: %s",
                 source_problem(arena, error, SOURCE_POLICY_MAX));
    if (!error && !root && diags->items.count && vec_last(&diags->items)->code == DIAG_NOT_A_POLICY)
        diag_hint(diags, "write expect: and a list of {packets: ..., verdict: ...}"); // it is empty
    if (root && root->kind != NODE_MAPPING) {
        diag_add(diags, DIAG_TYPE, node_span(root),
                 "a file of expectations is a mapping with the key `expect`");
        diag_hint(diags, "write expect: and the list below it");
    } else if (root) {
        read_expect_file(&reader, root);
        if (!policy->expectation_count) {
            diag_add(diags, DIAG_MISSING_KEY, node_span(root), "the file expects nothing");
            diag_hint(diags, "write expect: and a list of {packets: ..., verdict: ...}");
        }
    }
    *count = policy->expectation_count;
    return policy->expectations;
}
