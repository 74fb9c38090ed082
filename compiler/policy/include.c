// SPDX-License-Identifier: GPL-2.0-or-later
//
// `include`: the documents of several files in, one document out. The including file wins: its scalars and names stand,
// its lists come first and those of the included files are appended in order.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/reader.h"
#include "source/encoding.h"

#define INCLUDE_DEPTH_MAX 16
#define INCLUDE_FILES_MAX 256

struct inclusion {
    struct reader *reader;
    const struct source *stack[INCLUDE_DEPTH_MAX]; // the files that are being included, outermost first
    unsigned depth;
    VEC(const struct source *) seen;
};

// Whether the first `length` bytes of a path are a folder whose `..` is the folder above it in the path: a symbolic link's is not.
static bool is_plain_folder(struct arena *arena, const char *path, size_t length)
{
    struct stat status;

    return lstat(arena_copy(arena, path, length), &status) == 0 && S_ISDIR(status.st_mode);
}

// `hosts/../site.yaml` as site.yaml: what is said about a file names it as version control and annotations of a pull request do.
static const char *shorten_path(struct arena *arena, const char *path)
{
    char *shorter = arena_copy(arena, path, strlen(path)), *up = shorter;

    while ((up = strstr(up, "/../"))) {
        char *folder = up;

        while (folder > shorter && folder[-1] != '/')
            folder--;
        if (up == folder || strncmp(folder, ".", (size_t)(up - folder)) == 0 ||
            strncmp(folder, "..", (size_t)(up - folder)) == 0 ||
            !is_plain_folder(arena, shorter, (size_t)(up - shorter))) {
            up++;
            continue;
        }
        memmove(folder, up + 4, strlen(up + 4) + 1);
        up = folder > shorter ? folder - 1 : shorter;
    }
    return shorter;
}

static void hint_file(struct reader *reader, const struct node *node, const char *path, int error)
{
    const char *hint = source_hint(reader->arena, path, error);

    if (hint)
        diag_hint(reader->diags, "%s", hint);
    else if (error == -ENOENT && path[0] != '/' && !node->source->path[0])
        diag_hint(reader->diags,
                  "of a policy from standard input, paths begin in the working directory; `git "
                  "worktree add` has all files of a commit");
}

const struct source *open_named_file(struct reader *reader, const struct node *node, struct slice name,
                                     size_t limit)
{
    const char *path = shorten_path(reader->arena, source_relative(reader->arena, node->source, name));
    const struct source *source;

    if (slice_is(name, "-") || !name.length) {
        diag_add(reader->diags, DIAG_VALUE, node_span(node), "'%s' is not the path of a file", path);
        return NULL;
    }

    const int error = source_set_open(reader->sources, path, limit, &source);

    if (error) {
        diag_add(reader->diags, DIAG_FILE, node_span(node), "cannot read %s: %s", path,
                 source_problem(reader->arena, error, limit));
        hint_file(reader, node, path, error);
        return NULL;
    }
    return encoding_fits(source, reader->diags) ? source : NULL;
}

static bool same_file(const struct source *a, const struct source *b)
{
    return a->device == b->device && a->inode == b->inode;
}

static struct node *mutable_copy(struct arena *arena, const struct node *node)
{
    struct node *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *node;
    return copy;
}

// `into` and `from` one behind the other, where a scalar or a mapping stands for a list of one.
static void append_items(struct arena *arena, struct node *into, const struct node *from)
{
    size_t own, more;
    const struct node *first = value_items(into, &own), *second = value_items(from, &more);
    struct node *items = arena_calloc(arena, own + more, sizeof(*items));

    memcpy(items, first, own * sizeof(*items));
    if (more)
        memcpy(items + own, second, more * sizeof(*items));
    into->kind = NODE_SEQUENCE;
    into->items = items;
    into->count = (uint32_t)(own + more);
}

// Keys of a mapping, sorted, with their place in it.
struct key_index {
    struct slice key;
    uint32_t at;
};

static int compare_keys(const void *a, const void *b)
{
    const struct slice *left = &((const struct key_index *)a)->key,
                       *right = &((const struct key_index *)b)->key;
    const int order =
        memcmp(left->at, right->at, left->length < right->length ? left->length : right->length);

    return order ? order : (left->length > right->length) - (left->length < right->length);
}

static struct key_index *index_keys(struct arena *arena, const struct node *mapping)
{
    struct key_index *index = arena_calloc(arena, mapping->count, sizeof(*index));

    for (uint32_t i = 0; i < mapping->count; i++)
        index[i] = (struct key_index){node_text(node_key(mapping, i)), i};
    if (mapping->count)
        qsort(index, mapping->count, sizeof(*index), compare_keys);
    return index;
}

static void merge_mapping(struct reader *reader, struct node *into, const struct node *from, unsigned scope);

static void merge_value(struct reader *reader, struct node *into, const struct node *from,
                        const struct field *field)
{
    const bool conntrack = slice_is(slice_of(field->key), "conntrack");

    if (field->merge == MERGE_APPEND)
        append_items(reader->arena, into, from);
    else if (field->merge == MERGE_KEYS && into->kind == NODE_MAPPING && from->kind == NODE_MAPPING)
        merge_mapping(reader, into, from, conntrack ? SCOPE_CONNTRACK : 0);
    else if (field->scopes == SCOPE_POLICY &&
             (slice_is(slice_of(field->key), "version") || slice_is(slice_of(field->key), "tracking")))
        field_read(reader, field, from); // for its mistakes: the value that stands is read later
}

// Adds the pairs of `from` whose keys are not there yet, and merges the others.
static void merge_mapping(struct reader *reader, struct node *into, const struct node *from, unsigned scope)
{
    struct node *items = arena_calloc(reader->arena, (size_t)into->count + from->count, 2 * sizeof(*items));
    const struct key_index *index = index_keys(reader->arena, into);
    const size_t own = into->count;

    if (into->count)
        memcpy(items, into->items, 2 * (size_t)into->count * sizeof(*items));
    into->items = items;
    for (size_t i = 0; i < from->count; i++) {
        const struct key_index wanted = {node_text(node_key(from, i)), 0};
        const struct key_index *found =
            own ? bsearch(&wanted, index, own, sizeof(*index), compare_keys) : NULL;
        const struct field *field = scope ? field_find(scope, wanted.key) : NULL;

        if (found && field) {
            merge_value(reader, &items[2 * found->at + 1], node_value(from, i), field);
        } else if (!found) {
            items[2 * (size_t)into->count] = *node_key(from, i);
            items[2 * (size_t)into->count + 1] = *node_value(from, i);
            into->count++;
        }
    }
}

static const struct node *include_into(struct inclusion *inclusion, const struct node *root);

static bool enter(struct inclusion *inclusion, const struct node *item, const struct source *source)
{
    struct diag_list *diags = inclusion->reader->diags;

    for (unsigned i = 0; i < inclusion->depth; i++) {
        if (same_file(inclusion->stack[i], source)) {
            diag_add(diags, DIAG_INCLUDE, node_span(item), "%s includes itself", source->name);
            return false;
        }
    }
    if (inclusion->depth == INCLUDE_DEPTH_MAX || inclusion->seen.count == INCLUDE_FILES_MAX) {
        diag_add(diags, DIAG_INCLUDE, node_span(item),
                 "files include each other more than %d deep, or %d files in all", INCLUDE_DEPTH_MAX,
                 INCLUDE_FILES_MAX);
        return false;
    }
    for (size_t i = 0; i < inclusion->seen.count; i++)
        if (same_file(inclusion->seen.items[i], source))
            return false; // its lists stand in the policy already
    *vec_push(inclusion->reader->arena, &inclusion->seen) = source;
    return true;
}

// The document of an included file; NULL where it is none, or stands in the policy already.
static const struct node *included_document(struct inclusion *inclusion, const struct node *item)
{
    struct reader *reader = inclusion->reader;
    struct slice name;
    const struct source *source = value_text(reader, item, "include", &name)
                                      ? open_named_file(reader, item, name, SOURCE_POLICY_MAX)
                                      : NULL;

    if (source && !enter(inclusion, item, source))
        return NULL;

    const struct node *included = source ? document_read(reader->arena, source, reader->diags) : NULL;

    if (included && included->kind != NODE_MAPPING) {
        diag_add(reader->diags, DIAG_NOT_A_POLICY, node_span(included),
                 "an included file is a mapping of policy keys");
        included = NULL;
    }
    reader->incomplete = reader->incomplete || !included;
    return included;
}

static void include_item(struct inclusion *inclusion, struct node *root, const struct node *item)
{
    struct reader *reader = inclusion->reader;
    const struct node *included = included_document(inclusion, item);

    if (!included)
        return;

    const struct source *source = included->source;

    inclusion->stack[inclusion->depth++] = source;
    included = include_into(inclusion, included);
    inclusion->depth--;
    merge_mapping(reader, root, included, SCOPE_POLICY);
}

static const struct node *include_into(struct inclusion *inclusion, const struct node *root)
{
    const struct node *list = node_find(root, "include");
    struct node *joined = mutable_copy(inclusion->reader->arena, root);
    size_t count;

    if (!list)
        return root;

    const struct node *items = value_items(list, &count);

    for (size_t i = 0; i < count; i++)
        include_item(inclusion, joined, &items[i]);
    return joined;
}

const struct node *include_files(struct reader *reader, const struct node *root)
{
    struct inclusion inclusion = {.reader = reader, .stack = {root->source}, .depth = 1};

    return include_into(&inclusion, root);
}

void read_include(struct reader *reader, const struct node *value)
{
    // include_files() has read it; what is left to say is said there.
    (void)reader;
    (void)value;
}
