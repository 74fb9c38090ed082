// SPDX-License-Identifier: GPL-2.0-or-later
//
// Document to policy: what is read in which order, and what is done with the whole.
#include <string.h>

#include "policy/reader.h"

// A name in the output has no directories.
static const char *output_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static struct policy *new_policy(struct arena *arena)
{
    struct policy *policy = arena_alloc(arena, sizeof(*policy));

    *policy = (struct policy){
        .ephemeral = {32768, 60999}, // the kernel's default ip_local_port_range (networking/ip-sysctl.rst)
        .input = VERDICT_REJECT,
        .forwarding = VERDICT_REJECT,
        .output = VERDICT_ACCEPT,
        .reject_with = {"icmp-host-prohibited", "icmp6-adm-prohibited"},
        .log_prefix = "ctc: ",
        .log_rate = {.events = 5, .period = 60, .burst = 5},
    };
    return policy;
}

// iptables-save text begins with a comment or a table.
static bool is_ruleset(const struct source *source)
{
    struct slice rest = {source->bytes, source->length}, line = rest;

    while (slice_split(rest, '\n', &line, &rest) && (!slice_trim(line).length || line.at[0] == '#'))
        ;
    return line.length && line.at[0] == '*' &&
           (slice_starts(line, "*filter") || slice_starts(line, "*raw") || slice_starts(line, "*nat") ||
            slice_starts(line, "*mangle"));
}

static const struct node *read_root(struct reader *reader)
{
    if (is_ruleset(reader->main)) {
        diag_add(reader->diags, DIAG_NOT_A_POLICY, (struct span){reader->main, 1, 1, 1},
                 "this is iptables-save text, not a policy");
        return NULL;
    }

    const struct node *root = document_read(reader->arena, reader->main, reader->diags);

    if (root && root->kind != NODE_MAPPING) {
        diag_add(reader->diags, DIAG_NOT_A_POLICY, node_span(root),
                 "a policy is a mapping that begins with `version: 1`");
        return NULL;
    }
    if (root && !node_find(root, "version")) {
        diag_add(reader->diags, DIAG_MISSING_KEY, node_span(root), "the policy has no `version`");
        diag_hint(reader->diags, "begin it with version: 1");
    }
    return root;
}

// Names before what uses them, and the mode before what depends on it, wherever they stand in the file.
static void read_in_order(struct reader *reader, const struct node *root)
{
    static const char *const first[] = {"define", "services", "tracking", "default", NULL};

    for (size_t i = 0; first[i]; i++) {
        const struct node *value = node_find(root, first[i]);
        const struct field *field = field_find(SCOPE_POLICY, slice_of(first[i]));

        if (value && field)
            field_read(reader, field, value);
    }
    if (reader->incomplete && !node_find(root, "tracking"))
        reader->mode_unknown = true;
    for (size_t i = 0; i < root->count; i++) {
        const struct node *key = node_key(root, i);
        const struct field *field = field_find(SCOPE_POLICY, node_text(key));
        bool done = false;

        for (size_t j = 0; first[j]; j++)
            done = done || slice_is(node_text(key), first[j]);
        if (!field)
            report_unknown_key(reader, key, SCOPE_POLICY, "a policy");
        else if (!done)
            field_read(reader, field, node_value(root, i));
    }
}

static void keep_definitions(struct reader *reader)
{
    const struct definitions *defines = &reader->defines;
    struct defined *kept = arena_calloc(reader->arena, defines->count, sizeof(*kept));
    size_t count = 0;

    for (size_t i = 0; i < defines->count; i++)
        if (defines->items[i].addresses)
            kept[count++] = (struct defined){defines->items[i].key->text, defines->items[i].addresses};
    reader->policy->defined = kept;
    reader->policy->defined_count = count;
}

// Memory that a compile needs for each byte of a policy with an entry on each line; and from where on that is worth a thread.
#define BYTES_A_BYTE 52
#define LONG_BYTES   ((size_t)512 << 10)
#define EXPECTED_MAX ((size_t)256 << 20)

static void expect_memory(struct arena *arena, const struct source *source)
{
    const size_t most = EXPECTED_MAX / BYTES_A_BYTE;

    if (source->length >= LONG_BYTES)
        arena_expect(arena, (source->length < most ? source->length : most) * BYTES_A_BYTE);
}

const struct policy *policy_read(struct arena *arena, const char *path, struct source_set *sources,
                                 struct diag_list *diags)
{
    struct reader reader = {.arena = arena, .diags = diags, .sources = sources, .policy = new_policy(arena)};
    const int error = source_set_open(sources, path, SOURCE_POLICY_MAX, &reader.main);

    reader.policy->name = output_name(reader.main->name);
    if (error) {
        diag_add(diags, DIAG_FILE, source_whole(reader.main), "cannot read it: %s",
                 source_problem(arena, error, SOURCE_POLICY_MAX));
        if (source_hint(arena, path, error))
            diag_hint(diags, "%s", source_hint(arena, path, error));
        return reader.policy;
    }

    expect_memory(arena, reader.main);

    const struct node *root = read_root(&reader);

    if (root) {
        struct source_hashing hashing;

        root = include_files(&reader, root);
        source_hash_begin(&hashing, sources);
        read_in_order(&reader, root);
        for (size_t i = 0; i < reader.defines.count; i++)
            read_definition(&reader, &reader.defines.items[i]);
        keep_definitions(&reader);
        name_limits(&reader);
        policy_check(&reader);
        source_hash_end(&hashing, sources, reader.policy->hash);
    }
    return reader.policy;
}
