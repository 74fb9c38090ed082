// SPDX-License-Identifier: GPL-2.0-or-later
//
// The named lists of a policy: `define` and `services`.
#include <stdlib.h>
#include <string.h>

#include "policy/reader.h"

static int compare_text(struct slice a, struct slice b)
{
    const int order = memcmp(a.at, b.at, a.length < b.length ? a.length : b.length);

    return order ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare(const void *a, const void *b)
{
    const struct definition *left = a, *right = b;
    const int order = compare_text(node_text(left->key), node_text(right->key));

    // Equal keys were reported as duplicates; the first one stands first.
    return order ? order : (left->key > right->key) - (left->key < right->key);
}

struct definition *definition_find(const struct definitions *definitions, struct slice name)
{
    size_t low = 0, high = definitions->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (compare_text(node_text(definitions->items[middle].key), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < definitions->count && compare_text(node_text(definitions->items[low].key), name) == 0)
        return &definitions->items[low];
    return NULL;
}

const char *definition_nearest(const struct definitions *definitions, struct slice name)
{
    const char *best = NULL;
    size_t least = name.length < 4 ? 2 : name.length / 3 + 1;

    for (size_t i = 0; i < definitions->count && i < 1000; i++) {
        const size_t distance = edit_distance(name, node_text(definitions->items[i].key), least);

        if (distance < least) {
            least = distance;
            best = definitions->items[i].key->text;
        }
    }
    return best;
}

static bool name_fits(struct slice name, bool capitals)
{
    for (size_t i = 0; i < name.length; i++) {
        const char c = name.at[i];
        const bool letter = (c >= 'a' && c <= 'z') || (capitals && ((c >= 'A' && c <= 'Z') || c == '_'));

        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-')))
            return false;
    }
    return name.length > 0 && name.length <= 64;
}

static void index_names(struct reader *reader, const struct node *mapping, const char *what, bool capitals,
                        struct definitions *definitions)
{
    if (mapping->kind != NODE_MAPPING) {
        diag_add(reader->diags, DIAG_TYPE, node_span(mapping), "`%s` is a mapping of names", what);
        return;
    }
    definitions->items = arena_calloc(reader->arena, mapping->count, sizeof(*definitions->items));
    for (size_t i = 0; i < mapping->count; i++) {
        const struct node *key = node_key(mapping, i);

        definitions->items[definitions->count++] =
            (struct definition){.key = key, .value = node_value(mapping, i)};
        if (name_fits(node_text(key), capitals))
            continue;
        diag_add(reader->diags, DIAG_VALUE, node_span(key), "'%s' is not a name for `%s`", key->text, what);
        diag_hint(reader->diags, "names are %sletters, digits and dashes, and begin with a letter",
                  capitals ? "" : "small ");
    }
    qsort(definitions->items, definitions->count, sizeof(*definitions->items), compare);
}

void read_define(struct reader *reader, const struct node *value)
{
    index_names(reader, value, "define", true, &reader->defines);
}

void read_services(struct reader *reader, const struct node *value)
{
    index_names(reader, value, "services", false, &reader->services);
}
