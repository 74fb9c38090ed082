// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/job.h"
#include "base/vec.h"
#include "source/encoding.h"
#include "source/events.h"
#include "source/seam.h"

#define LONG_BYTES ((size_t)64 << 10) // of a text: from here on its second half is worth a thread

struct reading {
    struct events events; // and the arena of the document
    struct arena scratch;
    VEC(struct node) open; // children of what is being read, the outermost's first
    const struct node *parents[DOCUMENT_DEPTH_MAX];
    struct second_half *second; // to be joined at its seam; NULL: there is none
    bool joined;
};

// What stands behind a seam, read by another thread as a document of its own, below the same keys.
struct second_half {
    struct seam seam;
    struct slice text; // of the whole
    size_t characters; // ahead of the seam
    struct arena arena;
    struct diag_list diags;
    struct reading reading;
    const struct node *root; // NULL: there is something wrong with it
    struct job job;
};

struct span node_span(const struct node *node)
{
    return (struct span){node->source, node->line, node->column, node->length};
}

struct slice node_text(const struct node *scalar)
{
    return (struct slice){scalar->text, scalar->count};
}

const struct node *node_find(const struct node *mapping, const char *key)
{
    for (size_t i = 0; i < mapping->count; i++)
        if (slice_is(node_text(node_key(mapping, i)), key))
            return node_value(mapping, i);
    return NULL;
}

static uint32_t length_of(const yaml_event_t *event)
{
    if (event->start_mark.line != event->end_mark.line || event->end_mark.column <= event->start_mark.column)
        return 1;
    return (uint32_t)(event->end_mark.column - event->start_mark.column);
}

static struct node node_of(const struct reading *reading, enum node_kind kind, const yaml_event_t *event)
{
    return (struct node){
        .kind = kind,
        .line = reading->events.line_from + (uint32_t)event->start_mark.line + 1,
        .column = (uint32_t)event->start_mark.column + 1,
        .length = length_of(event),
        .source = reading->events.source,
    };
}

static int compare_keys(const void *a, const void *b)
{
    const struct node *left = *(const struct node *const *)a, *right = *(const struct node *const *)b;
    const uint32_t shorter = left->count < right->count ? left->count : right->count;
    const int order = memcmp(left->text, right->text, shorter);

    if (order)
        return order;
    if (left->count != right->count)
        return left->count < right->count ? -1 : 1;
    return left < right ? -1 : left > right;
}

static void report_duplicate(struct reading *reading, const struct node *first, const struct node *again)
{
    diag_add(reading->events.diags, DIAG_DUPLICATE_KEY, node_span(again), "the key '%s' stands here twice",
             again->text);
    diag_hint(reading->events.diags, "it stands on line %u already", first->line);
}

static void check_keys(struct reading *reading, const struct node *mapping)
{
    const struct node *few[8], **many = NULL, **keys = few;

    if (mapping->count < 2)
        return;
    if (mapping->count > sizeof(few) / sizeof(*few)) {
        keys = many = calloc(mapping->count, sizeof(*keys));
        if (!many)
            return;
    }
    for (uint32_t i = 0; i < mapping->count; i++)
        keys[i] = node_key(mapping, i);
    qsort(keys, mapping->count, sizeof(*keys), compare_keys);
    for (uint32_t i = 1, first = 0; i < mapping->count; i++) {
        if (keys[first]->count == keys[i]->count &&
            memcmp(keys[first]->text, keys[i]->text, keys[i]->count) == 0)
            report_duplicate(reading, keys[first], keys[i]);
        else
            first = i;
    }
    free(many);
}

static bool read_node(struct reading *reading, yaml_event_t *event, unsigned depth, struct node *node);

static bool key_fits(struct reading *reading, const struct node *key)
{
    if (key->kind != NODE_SCALAR) {
        events_report(&reading->events, "a key is a word, not a list or a mapping", key->line,
                      node_span(key));
        return false;
    }
    if (key->plain && slice_is(node_text(key), "<<")) {
        diag_add(reading->events.diags, DIAG_YAML, node_span(key), "policies have no YAML merge keys");
        diag_hint(reading->events.diags, "write the keys out, or `include` a file of defaults");
        return false;
    }
    return true;
}

// Whether the second half was read as what stands at that place. What a parser does with the rest of a text depends on the lists
// and mappings that are open, and how far in they stand: here those of the one, in the second half those of its keys.
static bool continues(const struct reading *reading, const struct second_half *second, unsigned depth)
{
    const struct node *node = second->root;

    if (!node || depth != second->seam.key_count)
        return false;
    for (unsigned i = 0; i <= depth; i++) {
        const struct node *parent = reading->parents[i];

        if (node->kind != parent->kind || node->column != parent->column || !node->count)
            return false;
        if (i < depth)
            node = node_value(node, 0);
    }
    return node->kind == NODE_SEQUENCE && node->items[0].line == second->seam.line;
}

// Whether an event begins an item at the seam from which on the second half stands for the rest of the text. Of a list whose
// dash that line begins with, nothing but an item begins there.
static bool joins(struct reading *reading, unsigned depth, const yaml_event_t *event)
{
    struct second_half *second = reading->second;
    const yaml_mark_t *at = &event->start_mark;

    if (!second || reading->parents[depth]->kind != NODE_SEQUENCE || at->line + 1 != second->seam.line ||
        at->index - at->column != second->characters)
        return false;
    job_end(&second->job);
    reading->joined = continues(reading, second, depth);
    if (!reading->joined)
        reading->second = NULL;
    return reading->joined;
}

// The children that the second half has for a parent that is open at the seam.
static void take_second_half(struct reading *reading, unsigned depth)
{
    const struct node *more = reading->second->root;
    uint32_t from = 0, count;

    for (unsigned i = 0; i < depth; i++)
        more = node_value(more, 0);
    count = more->count;
    if (more->kind == NODE_MAPPING) {
        count *= 2;
        from = 2; // the pair that was begun ahead of the seam
    }
    vec_reserve(&reading->scratch, &reading->open, count - from);
    for (uint32_t i = from; i < count; i++)
        *vec_push(&reading->scratch, &reading->open) = more->items[i];
}

// The nodes up to the end event, keys and values alike.
static bool read_children(struct reading *reading, unsigned depth, struct node *parent)
{
    const yaml_event_type_t end =
        parent->kind == NODE_MAPPING ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    const size_t first = reading->open.count;
    size_t count;

    reading->parents[depth] = parent;
    for (;;) {
        yaml_event_t event;
        struct node child;

        if (reading->joined) {
            take_second_half(reading, depth);
            break;
        }
        if (!events_next(&reading->events, &event))
            return false;
        if (event.type == end) {
            yaml_event_delete(&event);
            break;
        }
        if (joins(reading, depth, &event)) {
            yaml_event_delete(&event);
            continue;
        }

        const bool is_key = parent->kind == NODE_MAPPING && (reading->open.count - first) % 2 == 0;

        if (!read_node(reading, &event, depth + 1, &child) || (is_key && !key_fits(reading, &child)))
            return false;
        *vec_push(&reading->scratch, &reading->open) = child;
    }
    count = reading->open.count - first;
    parent->items = arena_calloc(reading->events.arena, count, sizeof(*parent->items));
    if (count)
        memcpy(parent->items, reading->open.items + first, count * sizeof(*parent->items));
    parent->count = (uint32_t)(parent->kind == NODE_MAPPING ? count / 2 : count);
    reading->open.count = first;
    if (parent->kind == NODE_MAPPING)
        check_keys(reading, parent);
    return true;
}

// Consumes the event. Recursion is bounded by DOCUMENT_DEPTH_MAX.
static bool read_node(struct reading *reading, yaml_event_t *event, unsigned depth, struct node *node)
{
    bool fine = !events_decorated(&reading->events, event);

    if (fine && event->type == YAML_SCALAR_EVENT) {
        *node = node_of(reading, NODE_SCALAR, event);
        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        node->count = (uint32_t)event->data.scalar.length;
        node->text = arena_copy(reading->events.arena, (const char *)event->data.scalar.value,
                                event->data.scalar.length);
    } else if (fine && depth == DOCUMENT_DEPTH_MAX) {
        diag_add(reading->events.diags, DIAG_TOO_LARGE, events_span(&reading->events, event->start_mark),
                 "lists and mappings stand more than %d deep inside each other", DOCUMENT_DEPTH_MAX);
        fine = false;
    } else if (fine) {
        *node =
            node_of(reading, event->type == YAML_MAPPING_START_EVENT ? NODE_MAPPING : NODE_SEQUENCE, event);
        yaml_event_delete(event);
        return read_children(reading, depth, node);
    }
    yaml_event_delete(event);
    return fine;
}

static const struct node *read_document(struct reading *reading)
{
    struct node *root = arena_alloc(reading->events.arena, sizeof(*root));
    bool found = false;

    for (;;) {
        yaml_event_t event;

        if (!events_next(&reading->events, &event))
            return NULL;

        const yaml_event_type_t type = event.type;

        switch (type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            yaml_event_delete(&event);
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (found)
                events_refuse(&reading->events, event.start_mark, "second document",
                              "one file is one policy: take the `---` out");
            yaml_event_delete(&event);
            if (found)
                return NULL;
            break;
        case YAML_STREAM_END_EVENT:
            yaml_event_delete(&event);
            if (!found) {
                diag_add(reading->events.diags, DIAG_NOT_A_POLICY, source_whole(reading->events.source),
                         "the file is empty");
                diag_hint(reading->events.diags,
                          "the shortest policy is `version: 1`, which refuses what comes in");
            }
            return found ? root : NULL;
        default:
            if (!read_node(reading, &event, 0, root))
                return NULL;
            if (reading->joined)
                return root;
            found = true;
        }
    }
}

// YAML 1.1 ends a line at U+0085, U+2028 and U+2029, YAML 1.2 does not: a comment for one reader is a rule for another.
static bool refuse_line_breaks(struct reading *reading, struct slice text)
{
    if (reading->events.characters == text.length)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        const struct slice rest = {text.at + i, text.length - i};

        if ((unsigned char)rest.at[0] < 0xC2)
            continue;
        if (!slice_starts(rest, "\xC2\x85") && !slice_starts(rest, "\xE2\x80\xA8") &&
            !slice_starts(rest, "\xE2\x80\xA9"))
            continue;
        diag_add(reading->events.diags, DIAG_YAML,
                 source_at_offset(reading->events.source, (size_t)(rest.at - reading->events.source->bytes)),
                 "a line break that YAML readers disagree about");
        diag_hint(reading->events.diags, "end lines with a newline alone");
        return true;
    }
    return false;
}

static const struct node *read_pieces(struct reading *reading, struct slice *pieces, size_t count)
{
    const struct node *root;

    if (!events_begin(&reading->events, pieces, count))
        return NULL;
    root = read_document(reading);
    events_end(&reading->events);
    arena_clear(&reading->scratch);
    return root;
}

static void read_second_half(void *context)
{
    struct second_half *second = context;
    const struct seam *seam = &second->seam;
    struct slice pieces[SEAM_KEYS_MAX + 1];

    memcpy(pieces, seam->keys, seam->key_count * sizeof(*pieces));
    pieces[seam->key_count] = (struct slice){second->text.at + seam->at, second->text.length - seam->at};
    second->root = read_pieces(&second->reading, pieces, seam->key_count + 1);
    if (second->diags.items.count)
        second->root = NULL; // whoever reads the whole will find it, and say it
}

static void begin_second_half(struct reading *reading, struct second_half *second, struct slice text,
                              size_t middle)
{
    if (middle > text.length || !seam_find(text, middle, &second->seam))
        return;
    second->text = text;
    second->diags.arena = &second->arena;
    second->reading.events = (struct events){.arena = &second->arena,
                                             .source = reading->events.source,
                                             .diags = &second->diags,
                                             .line_from = second->seam.line - 1 - second->seam.key_count};
    reading->second = second;
    job_begin(&second->job, text.length >= LONG_BYTES, read_second_half, second);
    second->characters = slice_characters((struct slice){text.at, second->seam.at});
}

const struct node *document_read_in_two(struct arena *arena, const struct source *source,
                                        struct diag_list *diags, size_t *middle)
{
    struct reading reading = {.events = {.arena = arena, .source = source, .diags = diags}};
    struct second_half second = {0};
    const bool marked = source->length >= 3 && memcmp(source->bytes, "\xEF\xBB\xBF", 3) == 0;
    const struct slice text = {source->bytes + (marked ? 3 : 0), source->length - (marked ? 3 : 0)};
    struct slice whole = text;
    const struct node *root;

    if (!encoding_fits(source, diags))
        return NULL;
    begin_second_half(&reading, &second, text, *middle);
    reading.events.characters = slice_characters(text);
    root = read_pieces(&reading, &whole, 1);
    job_end(&second.job);
    *middle = reading.joined ? (size_t)(text.at - source->bytes) + second.seam.at : SIZE_MAX;
    if (reading.joined)
        arena_join(arena, &second.arena);
    arena_clear(&second.arena);
    return root && !refuse_line_breaks(&reading, text) ? root : NULL;
}

const struct node *document_read(struct arena *arena, const struct source *source, struct diag_list *diags)
{
    // The second half is begun a little later, and what it takes of memory is not made ahead.
    size_t middle = source->length >= LONG_BYTES ? source->length / 100 * 52 : SIZE_MAX;

    return document_read_in_two(arena, source, diags, &middle);
}
