// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is changed is found by the place of its node; everything else is copied. Nearly all is put beside what stands there, so
// that several changes of one node nest, the outer one's opening before the inner one's and its closing behind it:
//
//   connect: dns
//   connect: [{service: dns, track: false}, {service: ntp, to: 192.0.2.54, track: false}]
#include "advice/edit.h"

#include <stdlib.h>
#include <string.h>

#include "source/document.h"

// At `offset`, `removed` bytes give way to `text`.
struct change {
    size_t offset, removed;
    const char *text;
};

struct edit {
    struct arena *arena;
    const struct source *source;
    const struct node *root;
    const struct node *deeper; // a mapping whose lines become those of an item; NULL: none
    VEC(struct change) changes;
};

static void add_change(struct edit *edit, size_t offset, size_t removed, const char *text)
{
    *vec_push(edit->arena, &edit->changes) = (struct change){offset, removed, text};
}

// The byte where a node begins.
static size_t offset_of(const struct edit *edit, const struct node *node)
{
    const struct slice line = source_line(edit->source, node->line);
    size_t offset = (size_t)(line.at - edit->source->bytes), end = offset + line.length;

    for (uint32_t column = 1; column < node->column && offset < end; column++)
        do
            offset++;
        while (offset < end && ((unsigned char)edit->source->bytes[offset] & 0xC0) == 0x80);
    return offset;
}

static size_t scalar_bytes(const struct edit *edit, const struct node *node)
{
    const size_t begin = offset_of(edit, node);
    size_t bytes = 0;

    for (uint32_t i = 0; i < node->length; i++)
        do
            bytes++;
        while (((unsigned char)edit->source->bytes[begin + bytes] & 0xC0) == 0x80);
    return bytes;
}

static bool is_flow(const struct edit *edit, const struct node *node)
{
    const char first = edit->source->bytes[offset_of(edit, node)];

    return node->kind != NODE_SCALAR && (first == '{' || first == '[');
}

// Where the bracket that closes a flow collection stands. Quotes and comments may hold brackets that are none.
static size_t flow_end(const struct edit *edit, const struct node *node)
{
    const char *bytes = edit->source->bytes;
    size_t depth = 0;
    char quote = '\0';

    for (size_t at = offset_of(edit, node); at < edit->source->length; at++) {
        const char c = bytes[at];

        if (quote) {
            if (c == '\\' && quote == '"')
                at++;
            else if (c == quote)
                quote = '\0';
        } else if ((c == '"' || c == '\'') && strchr(" [{,:\n", bytes[at - 1])) {
            quote = c;
        } else if (c == '#' && strchr(" \n", bytes[at - 1])) {
            at += strcspn(bytes + at, "\n");
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ']' || c == '}') && !--depth) {
            return at;
        }
    }
    return edit->source->length;
}

// Behind the last byte of the line that a node ends on, its line break included; of the longest text if it has none.
static size_t line_end(const struct edit *edit, const struct node *node)
{
    size_t at = offset_of(edit, node);

    if (is_flow(edit, node))
        at = flow_end(edit, node);
    else if (node->kind == NODE_SEQUENCE && node->count)
        return line_end(edit, &node->items[node->count - 1]);
    else if (node->kind == NODE_MAPPING && node->count)
        return line_end(edit, node_value(node, node->count - 1));
    while (at < edit->source->length && edit->source->bytes[at] != '\n')
        at++;
    return at < edit->source->length ? at + 1 : at;
}

// A line of its own behind a node; one that lacks its end gets it.
static void add_line(struct edit *edit, size_t offset, const char *text)
{
    bool ended = !offset || edit->source->bytes[offset - 1] == '\n';

    for (size_t i = 0; i < edit->changes.count && !ended; i++)
        ended = edit->changes.items[i].offset == offset && strchr(edit->changes.items[i].text, '\n');
    add_change(edit, offset, 0, arena_printf(edit->arena, "%s%s\n", ended ? "" : "\n", text));
}

// Behind the last byte of what stands in a flow collection.
static size_t flow_item_end(const struct edit *edit, const struct node *item)
{
    return is_flow(edit, item) ? flow_end(edit, item) + 1 : offset_of(edit, item) + scalar_bytes(edit, item);
}

// Behind its last item, so that commas and comments which follow stay where they are.
static void add_to_flow(struct edit *edit, const struct node *node, const char *text)
{
    const struct node *last;

    if (!node->count) {
        add_change(edit, offset_of(edit, node) + 1, 0, text);
        return;
    }
    last = node->kind == NODE_MAPPING ? node_value(node, node->count - 1) : &node->items[node->count - 1];
    add_change(edit, flow_item_end(edit, last), 0, arena_printf(edit->arena, ", %s", text));
}

// --- The entries

#define ITEM_INDENT 2 // of what stands behind "- "

static const struct node *find_at(const struct node *list, struct span span)
{
    const bool one = list && list->kind != NODE_SEQUENCE;

    for (size_t i = 0; list && i < (one ? 1 : list->count); i++) {
        const struct node *item = one ? list : &list->items[i];

        if (item->line == span.line && item->column == span.column)
            return item;
    }
    return NULL;
}

// Adds `track: false` to an entry that stands in the policy.
static void untrack_node(struct edit *edit, const struct node *item, const char *key)
{
    if (item->kind == NODE_SCALAR) {
        const size_t offset = offset_of(edit, item);

        add_change(edit, offset, 0, arena_printf(edit->arena, "{%s: ", key));
        add_change(edit, offset + scalar_bytes(edit, item), 0, ", track: false}");
    } else if (is_flow(edit, item)) {
        add_to_flow(edit, item, "track: false");
    } else {
        add_line(edit, line_end(edit, item),
                 arena_printf(edit->arena, "%*strack: false",
                              (int)item->column - 1 + (item == edit->deeper ? ITEM_INDENT : 0), ""));
    }
}

static const char *untrack_entry(struct edit *edit, const struct suggestion *suggestion)
{
    const struct group *group = suggestion->group;
    const struct node *item;

    if (group->entry->span.source != edit->source)
        return arena_printf(edit->arena, "the entry %s stands in %s: add `track: false` there", group->name,
                            group->entry->span.source->name);
    item = find_at(node_find(edit->root, suggestion_list(suggestion)), group->entry->span);
    if (!item)
        return arena_printf(edit->arena, "the entry %s is not where it was read", group->name);
    untrack_node(edit, item, group->is_trust ? "from" : "service");
    return NULL;
}

// What a list's items have before them on their line; NULL where it is more than a dash.
static const char *item_prefix(struct edit *edit, const struct node *list)
{
    const struct node *first = &list->items[0];
    const struct slice line = source_line(edit->source, first->line);
    const size_t length = offset_of(edit, first) - (size_t)(line.at - edit->source->bytes);
    const struct slice before = slice_trim((struct slice){line.at, length});

    return slice_is(before, "-") ? arena_copy(edit->arena, line.at, length) : NULL;
}

// The lines of a mapping become an item of a list.
static void make_item(struct edit *edit, const struct node *mapping)
{
    const size_t end = line_end(edit, mapping);
    size_t at = offset_of(edit, mapping);

    add_change(edit, at, 0, "- ");
    for (; at < end; at++)
        if (edit->source->bytes[at] == '\n' && at + 1 < end && edit->source->bytes[at + 1] != '\n')
            add_change(edit, at + 1, 0, "  ");
    edit->deeper = mapping;
}

// One entry stands where a list can: the list begins before it. Where it ends, new entries are added.
static void open_list(struct edit *edit, const struct node *entry)
{
    if (entry->kind == NODE_MAPPING && !is_flow(edit, entry))
        make_item(edit, entry);
    else if (entry->kind != NODE_SEQUENCE)
        add_change(edit, offset_of(edit, entry), 0, "[");
}

struct texts {
    VEC(const char *) list;
};

// The texts with `before` in front of each and `between` between them.
static const char *join(struct edit *edit, const struct texts *texts, const char *before, const char *between)
{
    struct buf text = {0};

    for (size_t i = 0; i < texts->list.count; i++)
        buf_printf(&text, "%s%s%s", i ? between : "", before, texts->list.items[i]);
    return buf_to_arena(&text, edit->arena);
}

static const char *add_to_list(struct edit *edit, const struct node *list, const struct texts *texts)
{
    const char *prefix;

    if (list->kind == NODE_SEQUENCE && is_flow(edit, list)) {
        add_to_flow(edit, list, join(edit, texts, "", ", "));
    } else if (list->kind == NODE_SCALAR || is_flow(edit, list)) {
        add_change(edit, flow_item_end(edit, list), 0,
                   arena_printf(edit->arena, "%s]", join(edit, texts, ", ", "")));
    } else {
        prefix = list->kind == NODE_SEQUENCE ? item_prefix(edit, list)
                                             : arena_printf(edit->arena, "%*s- ", (int)list->column - 1, "");
        if (!prefix)
            return "`connect` is a list of a layout of its own: add the lines by hand";
        add_line(edit, line_end(edit, list), join(edit, texts, prefix, "\n"));
    }
    return NULL;
}

static void make_list(struct edit *edit, const struct texts *texts)
{
    if (is_flow(edit, edit->root))
        add_to_flow(edit, edit->root,
                    arena_printf(edit->arena, "connect: [%s]", join(edit, texts, "", ", ")));
    else
        add_line(edit, edit->source->length,
                 arena_printf(edit->arena, "connect:\n%s", join(edit, texts, "  - ", "\n")));
}

static void choose_mode(struct edit *edit)
{
    const struct node *mode = node_find(edit->root, "tracking"), *version = node_find(edit->root, "version");

    if (mode)
        add_change(edit, offset_of(edit, mode), scalar_bytes(edit, mode), "selective");
    else if (is_flow(edit, edit->root) || !version)
        add_to_flow(edit, edit->root, "tracking: selective");
    else
        add_line(edit, line_end(edit, version), "tracking: selective");
}

// Entries of what this host uses elsewhere, which the policy does not name.
static void collect_new(struct edit *edit, const struct advice *advice, struct texts *texts)
{
    struct buf text = {0};

    for (size_t i = 0; i < advice->items.count; i++) {
        const struct suggestion *suggestion = &advice->items.items[i];

        if (!suggestion->worthwhile || suggestion->repeated || suggestion->group->entry)
            continue;
        text.length = 0;
        put_new_entry(&text, suggestion);
        *vec_push(edit->arena, &texts->list) = arena_copy(edit->arena, text.bytes, text.length);
    }
    buf_clear(&text);
}

static const char *change_entries(struct edit *edit, const struct advice *advice)
{
    const struct node *connect = node_find(edit->root, "connect");
    struct texts texts = {0};
    const char *problem = NULL;

    collect_new(edit, advice, &texts);
    if (texts.list.count && connect)
        open_list(edit, connect);
    for (size_t i = 0; i < advice->items.count && !problem; i++) {
        const struct suggestion *suggestion = &advice->items.items[i];

        if (suggestion->worthwhile && !suggestion->repeated && suggestion->group->entry)
            problem = untrack_entry(edit, suggestion);
    }
    if (!problem && texts.list.count && connect)
        problem = add_to_list(edit, connect, &texts);
    else if (!problem && texts.list.count)
        make_list(edit, &texts);
    return problem;
}

static void apply(const struct edit *edit, struct buf *out)
{
    size_t copied = 0;

    for (size_t i = 0; i < edit->changes.count; i++) {
        const struct change *change = &edit->changes.items[i];

        buf_append(out, edit->source->bytes + copied, change->offset - copied);
        buf_text(out, change->text);
        copied = change->offset + change->removed;
    }
    buf_append(out, edit->source->bytes + copied, edit->source->length - copied);
}

const char *edit_policy(struct arena *arena, struct buf *out, const struct source *source,
                        const struct node *root, const struct policy *policy, const struct advice *advice)
{
    struct edit edit = {.arena = arena, .source = source, .root = root};
    const char *problem;

    if (policy->tracking == TRACKING_FULL && !is_flow(&edit, root))
        choose_mode(&edit);
    problem = change_entries(&edit, advice);
    if (problem)
        return problem;
    // Within braces the mode stands behind all of the last entry.
    if (policy->tracking == TRACKING_FULL && is_flow(&edit, root))
        choose_mode(&edit);
    // Changes at one place stay in their order.
    for (size_t i = 1; i < edit.changes.count; i++)
        for (size_t j = i; j && edit.changes.items[j - 1].offset > edit.changes.items[j].offset; j--) {
            const struct change later = edit.changes.items[j - 1];

            edit.changes.items[j - 1] = edit.changes.items[j];
            edit.changes.items[j] = later;
        }
    for (size_t i = 1; i < edit.changes.count; i++)
        if (edit.changes.items[i].offset <
            edit.changes.items[i - 1].offset + edit.changes.items[i - 1].removed)
            return "two of the changes meet at one place";
    apply(&edit, out);
    return NULL;
}
