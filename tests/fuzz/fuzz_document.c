// SPDX-License-Identifier: GPL-2.0-or-later
//
// The YAML reader: any bytes, and a tree whose every node knows its place, or a diagnostic.
#include <string.h>

#include "diag/render.h"
#include "fuzz/fuzz.h"
#include "source/document.h"

struct walk {
    const struct source *source;
    uint32_t lines;
    uint32_t line, column; // of the node before, in the order of the text
    bool duplicates;
};

static uint32_t count_lines(const struct source *source)
{
    uint32_t lines = 1;

    // Line ends of YAML 1.1: LF, CR, NEL, LS, PS.
    for (size_t i = 0; i < source->length; i++) {
        const char *at = source->bytes + i;

        lines += *at == '\n' || *at == '\r' || strncmp(at, "\xC2\x85", 2) == 0 ||
                 strncmp(at, "\xE2\x80\xA8", 3) == 0 || strncmp(at, "\xE2\x80\xA9", 3) == 0;
    }
    return lines;
}

static void require_place(struct walk *walk, const struct node *node)
{
    REQUIRE(node->source == walk->source);
    REQUIRE(node->line >= 1 && node->column >= 1 && node->length >= 1);
    // What is left out at the end of the text stands, to libyaml, on a line behind it.
    REQUIRE(node->line <= walk->lines + 1);
    REQUIRE(node->line > walk->line || (node->line == walk->line && node->column >= walk->column));
    walk->line = node->line;
    walk->column = node->column;
}

static void require_node(struct walk *walk, const struct node *node, unsigned depth);

static void require_pairs(struct walk *walk, const struct node *mapping, unsigned depth)
{
    for (size_t i = 0; i < mapping->count; i++) {
        const struct node *key = node_key(mapping, i);

        REQUIRE(key->kind == NODE_SCALAR);
        require_node(walk, key, depth);
        require_node(walk, node_value(mapping, i), depth);
        for (size_t j = 0; j < i && j < 64; j++) {
            const struct node *other = node_key(mapping, j);

            if (other->count == key->count && memcmp(other->text, key->text, key->count) == 0)
                walk->duplicates = true;
        }
        if (strlen(key->text) == key->count)
            REQUIRE(node_find(mapping, key->text));
    }
}

static void require_node(struct walk *walk, const struct node *node, unsigned depth)
{
    require_place(walk, node);
    switch (node->kind) {
    case NODE_SCALAR:
        REQUIRE(node->text[node->count] == '\0');
        break;
    case NODE_SEQUENCE:
        REQUIRE(depth < DOCUMENT_DEPTH_MAX && !node->plain);
        for (size_t i = 0; i < node->count; i++)
            require_node(walk, &node->items[i], depth + 1);
        break;
    case NODE_MAPPING:
        REQUIRE(depth < DOCUMENT_DEPTH_MAX && !node->plain);
        require_pairs(walk, node, depth + 1);
        break;
    default:
        promise_broken("a kind of node", __FILE__, __LINE__);
    }
}

static void require_same(const struct node *a, const struct node *b)
{
    REQUIRE(a->kind == b->kind && a->plain == b->plain && a->count == b->count);
    REQUIRE(a->line == b->line && a->column == b->column && a->length == b->length);
    if (a->kind == NODE_SCALAR)
        REQUIRE(memcmp(a->text, b->text, a->count) == 0);
    else
        for (uint32_t i = 0; i < (a->kind == NODE_MAPPING ? 2 * a->count : a->count); i++)
            require_same(&a->items[i], &b->items[i]);
}

// Read in two, it is the same.
static void require_same_in_two(const struct source *source, const struct node *root,
                                const struct diag_list *diags, size_t middle)
{
    struct arena arena = {0};
    struct diag_list again = {.arena = &arena};
    const struct node *in_two = document_read_in_two(&arena, source, &again, &middle);

    REQUIRE((in_two != NULL) == (root != NULL));
    if (root)
        require_same(root, in_two);
    REQUIRE(again.items.count == diags->items.count);
    for (size_t i = 0; i < again.items.count; i++)
        REQUIRE(strcmp(again.items.items[i].message, diags->items.items[i].message) == 0 &&
                again.items.items[i].span.line == diags->items.items[i].span.line);
    arena_clear(&arena);
}

static void require_findings(const struct diag_list *diags)
{
    struct buf text = {0};

    render_text(&text, diags, SEVERITY_NOTE, false);

    const char *rest = text.bytes, *line;
    size_t left = text.length, length;

    while (next_line(&rest, &left, &line, &length))
        REQUIRE(is_printable(line, length, true));
    buf_clear(&text);
}

static bool has_duplicate_key(const struct diag_list *diags)
{
    for (size_t i = 0; i < diags->items.count; i++)
        if (diags->items.items[i].code == DIAG_DUPLICATE_KEY)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    const struct source source = {.name = "policy.yaml",
                                  .path = "policy.yaml",
                                  .bytes = arena_copy(&arena, (const char *)bytes, size),
                                  .length = size,
                                  .order = 1};
    const struct node *root = document_read(&arena, &source, &diags);

    if (root) {
        struct walk walk = {.source = &source, .lines = count_lines(&source)};

        require_node(&walk, root, 0);
        REQUIRE(!walk.duplicates || has_duplicate_key(&diags));
        REQUIRE(diags.counts[SEVERITY_ERROR] == 0 || has_duplicate_key(&diags));
    } else {
        REQUIRE(diags.counts[SEVERITY_ERROR] > 0);
    }
    REQUIRE((diags.counts[SEVERITY_ERROR] == 0) == (diags.exit == EXIT_FINE));
    for (size_t part = 0; part < 4; part++)
        require_same_in_two(&source, root, &diags, size / 4 * part);
    diag_sort(&diags);
    require_findings(&diags);
    arena_clear(&arena);
    return 0;
}
