// SPDX-License-Identifier: GPL-2.0-or-later
//
// Document to policy: the keys of each mapping, in the order of policy/fields.def, and the settings that are no lists of
// entries. Entries are read in read_entry.c.
#include <errno.h>
#include <string.h>

#include "policy/reader.h"
#include "policy/services.h"

const struct field fields[] = {
#define TRUST                                    SCOPE_TRUST
#define ALLOW                                    SCOPE_ALLOW
#define CONNECT                                  SCOPE_CONNECT
#define FORWARD                                  SCOPE_FORWARD
#define POLICY                                   SCOPE_POLICY
#define HOST                                     SCOPE_HOST
#define FILE                                     SCOPE_FILE
#define DEFAULT                                  SCOPE_DEFAULT
#define REJECT_WITH                              SCOPE_REJECT_WITH
#define LOG                                      SCOPE_LOG
#define STATELESS                                SCOPE_STATELESS
#define CONNTRACK                                SCOPE_CONNTRACK
#define VERBATIM                                 SCOPE_VERBATIM
#define EXPECT                                   SCOPE_EXPECT
#define FIELD(key, scopes, reader, merge, about) {key, scopes, read_##reader, MERGE_##merge, about},
#include "policy/fields.def"
#undef FIELD
#undef TRUST
#undef ALLOW
#undef CONNECT
#undef FORWARD
#undef POLICY
#undef HOST
#undef FILE
#undef DEFAULT
#undef REJECT_WITH
#undef LOG
#undef STATELESS
#undef CONNTRACK
#undef VERBATIM
#undef EXPECT
};

const size_t field_count = sizeof(fields) / sizeof(*fields);

const struct field *field_find(unsigned scope, struct slice key)
{
    for (size_t i = 0; i < field_count; i++)
        if ((fields[i].scopes & scope) && fields[i].key[0] == key.at[0] && slice_is(key, fields[i].key))
            return &fields[i];
    return NULL;
}

// The keys of a scope, ended by NULL. Gives how many.
static size_t list_keys(unsigned scope, const char *keys[sizeof(fields) / sizeof(*fields) + 1])
{
    size_t count = 0;

    for (size_t i = 0; i < field_count; i++)
        if (fields[i].scopes & scope)
            keys[count++] = fields[i].key;
    keys[count] = NULL;
    return count;
}

static void hint_keys(struct reader *reader, unsigned scope)
{
    const char *keys[sizeof(fields) / sizeof(*fields) + 1];
    const size_t count = list_keys(scope, keys);
    struct buf all = {0};

    for (size_t i = 0; i < count; i++)
        buf_printf(&all, "%s%s", i ? ", " : "", keys[i]);
    diag_hint(reader->diags, "its keys: %s", all.bytes);
    buf_clear(&all);
}

// What other firewalls have as a key.
static bool is_translation(struct slice key)
{
    return slice_is(key, "masquerade") || slice_is(key, "snat") || slice_is(key, "dnat") ||
           slice_is(key, "redirect");
}

static void hint_key(struct reader *reader, const struct node *key, unsigned scope)
{
    const char *keys[sizeof(fields) / sizeof(*fields) + 1];
    const struct slice text = node_text(key);
    const char *suggested;
    uint64_t number;

    list_keys(scope, keys);
    suggested = suggested_word(text, keys);
    if ((scope & (SCOPE_ALLOW | SCOPE_CONNECT)) && service_find(text))
        diag_hint(reader->diags, "write {service: %s, ...}", key->text);
    else if (memchr(text.at, ':', text.length))
        diag_hint(reader->diags, "put IPv6 addresses that begin or end with a colon in quotes: \"fe80::\"");
    else if (is_translation(text))
        diag_hint(reader->diags, "translation is a rule of the nat table, carried under `verbatim`");
    else if (parse_number(text, UINT64_MAX, &number))
        diag_hint(reader->diags, "a list stands in brackets: [80, 443]");
    else if (suggested)
        diag_hint(reader->diags, "did you mean `%s`?", suggested);
    else
        hint_keys(reader, scope);
}

static void report_unknown_key(struct reader *reader, const struct node *key, unsigned scope,
                               const char *what)
{
    const struct slice text = node_text(key);

    reader->stray_key = true;
    if (scope == SCOPE_POLICY && slice_is(text, "nat")) {
        diag_add(reader->diags, DIAG_RESERVED_KEY, node_span(key), "`nat` is reserved");
        diag_hint(reader->diags, "carry the nat table's rules under `verbatim`");
        return;
    }
    if (key->plain && slice_is(text, "on") && field_find(scope, slice_of("in"))) {
        diag_add(reader->diags, DIAG_UNKNOWN_KEY, node_span(key), "%s has no key `on`", what);
        diag_hint(reader->diags, "an interface is `in:` or `out:`; other YAML readers take `on` for true");
        return;
    }
    diag_add(reader->diags, DIAG_UNKNOWN_KEY, node_span(key), "%s has no key `%.*s`", what,
             (int)(text.length < 60 ? text.length : 60), text.at);
    if (!reader->diags->last_dropped)
        hint_key(reader, key, scope);
}

bool read_mapping(struct reader *reader, const struct node *node, enum scope scope, const char *what)
{
    if (node->kind != NODE_MAPPING) {
        diag_add(reader->diags, DIAG_TYPE, node_span(node), "%s is a mapping of keys", what);
        if (!reader->diags->last_dropped)
            hint_keys(reader, scope);
        return false;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct node *key = node_key(node, i);
        const struct field *field = field_find(scope, node_text(key));

        if (field)
            field->read(reader, node_value(node, i));
        else
            report_unknown_key(reader, key, scope, what);
    }
    return true;
}

void read_version(struct reader *reader, const struct node *value)
{
    struct slice text;

    if (!value_scalar(reader, value, "version", &text) || (value->plain && slice_is(text, "1")))
        return;
    diag_add(reader->diags, DIAG_VERSION, node_span(value),
             "this program knows version 1 of the language, not '%.*s'",
             (int)(text.length < 60 ? text.length : 60), text.at);
    diag_hint(reader->diags, "write version: 1");
}

void read_description(struct reader *reader, const struct node *value)
{
    struct slice text;

    if (value_text(reader, value, "description", &text))
        reader->policy->description = text.at;
}

const char *const tracking_words[] = {"full", "selective", "none", NULL};

void read_tracking(struct reader *reader, const struct node *value)
{
    int mode;

    if (value_word(reader, value, "tracking", tracking_words, &mode))
        reader->policy->tracking = (enum tracking)mode;
    else
        reader->mode_unknown = true;
}

void read_host(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_HOST, "`host`");
}

void read_memory(struct reader *reader, const struct node *value)
{
    static const char units[] = "KMGT";
    struct slice text;
    uint64_t number = 0;

    if (!value_scalar(reader, value, "memory", &text))
        return;

    const char *unit = text.length > 1 ? strchr(units, text.at[text.length - 1]) : NULL;
    const bool fine =
        unit && *unit && parse_number((struct slice){text.at, text.length - 1}, 1 << 20, &number) && number;

    if (fine) {
        reader->policy->memory = number << (10 * (unit - units + 1));
        return;
    }
    diag_add(reader->diags, DIAG_SIZE, node_span(value), "'%.*s' is not an amount of memory",
             (int)(text.length < 60 ? text.length : 60), text.at);
    diag_hint(reader->diags, "write 512M, 64G or 1T");
}

void read_ephemeral(struct reader *reader, const struct node *value)
{
    struct slice text;
    struct port_range range;

    if (!value_scalar(reader, value, "ephemeral", &text))
        return;

    const char *problem = port_range_parse(text, &range);

    if (!problem && !memchr(text.at, '-', text.length))
        problem = "both ends are named: 32768-60999";
    if (!problem) {
        reader->policy->ephemeral = range;
        return;
    }
    diag_add(reader->diags, DIAG_PORT, node_span(value), "'%.*s' is not a range of ports",
             (int)(text.length < 60 ? text.length : 60), text.at);
    diag_hint(reader->diags, "%s", problem);
}

void read_kernel(struct reader *reader, const struct node *value)
{
    struct slice text, major, minor;
    uint64_t number;

    if (!value_text(reader, value, "kernel", &text))
        return;

    bool fine = slice_split(text, '.', &major, &minor) && parse_number(major, 99, &number);
    struct slice patch;

    if (fine && slice_split(minor, '.', &minor, &patch))
        fine = parse_number(patch, 9999, &number);
    if (fine && parse_number(minor, 999, &number)) {
        reader->policy->kernel = text.at;
        return;
    }
    diag_add(reader->diags, DIAG_VALUE, node_span(value), "'%.*s' is not a kernel version",
             (int)(text.length < 60 ? text.length : 60), text.at);
    diag_hint(reader->diags, "write \"5.14\" or \"6.1.90\"");
}

void read_default(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_DEFAULT, "`default`");
}

// In the order of enum verdict.
static const char *const verdict_words[] = {"accept", "reject", "drop", "leave", NULL};

static void read_default_verdict(struct reader *reader, const struct node *value, const char *what,
                                 bool may_leave, enum verdict *verdict, struct span *span)
{
    static const char *const without_leave[] = {"accept", "reject", "drop", NULL};
    int index;

    if (value_word(reader, value, what, may_leave ? verdict_words : without_leave, &index))
        *verdict = (enum verdict)index;
    *span = node_span(value);
}

void read_default_input(struct reader *reader, const struct node *value)
{
    read_default_verdict(reader, value, "input", false, &reader->policy->input,
                         &reader->policy->default_spans[0]);
}

void read_default_forward(struct reader *reader, const struct node *value)
{
    read_default_verdict(reader, value, "forward", true, &reader->policy->forwarding,
                         &reader->policy->default_spans[1]);
}

void read_default_output(struct reader *reader, const struct node *value)
{
    read_default_verdict(reader, value, "output", false, &reader->policy->output,
                         &reader->policy->default_spans[2]);
}

void read_reject_with(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_REJECT_WITH, "`reject_with`");
}

// Names from the REJECT target's manual, iptables-extensions(8).
static const char *const reject_ipv4[] = {
    "icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-port-unreachable",
    "icmp-net-prohibited",  "icmp-host-prohibited",  "icmp-admin-prohibited",  NULL};
static const char *const reject_ipv6[] = {"icmp6-no-route", "icmp6-adm-prohibited", "icmp6-addr-unreachable",
                                          "icmp6-port-unreachable", NULL};
static const char *const reject_tcp[] = {"tcp-reset", NULL};

static void read_reject(struct reader *reader, const struct node *value, const char *const *words,
                        const char *what, const char **into)
{
    struct slice text;

    if (!value_scalar(reader, value, what, &text))
        return;
    for (size_t i = 0; words[i]; i++) {
        if (slice_is(text, words[i])) {
            *into = words[i];
            return;
        }
    }
    report_word(reader, DIAG_REJECT_WITH, node_span(value), text, "an answer of reject_with here", words);
}

void read_reject_ipv4(struct reader *reader, const struct node *value)
{
    read_reject(reader, value, reject_ipv4, "ipv4", &reader->policy->reject_with[FAMILY_IPV4]);
}

void read_reject_ipv6(struct reader *reader, const struct node *value)
{
    read_reject(reader, value, reject_ipv6, "ipv6", &reader->policy->reject_with[FAMILY_IPV6]);
}

void read_reject_tcp(struct reader *reader, const struct node *value)
{
    read_reject(reader, value, reject_tcp, "tcp", &reader->policy->reject_tcp);
}

void read_log(struct reader *reader, const struct node *value)
{
    reader->policy->log_default = true;
    if (value->kind == NODE_SCALAR)
        value_bool(reader, value, "log", &reader->policy->log_default);
    else
        read_mapping(reader, value, SCOPE_LOG, "`log`");
}

void read_log_prefix(struct reader *reader, const struct node *value)
{
    struct slice text;

    if (!value_text(reader, value, "prefix", &text))
        return;
    if (text.length > LOG_PREFIX_MAX) {
        diag_add(reader->diags, DIAG_TEXT, node_span(value), "the prefix has %zu bytes", text.length);
        diag_hint(reader->diags, "the kernel keeps %d", LOG_PREFIX_MAX);
        return;
    }
    reader->policy->log_prefix = text.at;
}

void read_log_limit(struct reader *reader, const struct node *value)
{
    struct slice text, rest;
    struct rate rate;

    if (!value_scalar(reader, value, "limit", &text) ||
        !rate_parse(reader, node_span(value), text, LIMIT_RESOLUTION, &rate, &rest))
        return;
    if (slice_trim(rest).length) {
        diag_add(reader->diags, DIAG_LIMIT, node_span(value), "'%s' goes on after the rate", value->text);
        diag_hint(reader->diags, "the limit of a log is N/unit or N/unit burst N");
        return;
    }
    reader->policy->log_rate = rate;
}

void read_stateless(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_STATELESS, "`stateless`");
}

void read_replies(struct reader *reader, const struct node *value)
{
    static const char *const words[] = {"socket", "portable", NULL};
    int index;

    if (value_word(reader, value, "replies", words, &index))
        reader->policy->replies = (enum replies)index;
}

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

static void report_unreadable(struct diag_list *diags, const struct source *source, int error)
{
    diag_add(diags, DIAG_FILE, source_whole(source), "cannot read it: %s",
             error == -EFBIG    ? "it is larger than 32 MiB"
             : error == -ENODEV ? "it is a device"
                                : strerror(-error));
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
            field->read(reader, value);
    }
    for (size_t i = 0; i < root->count; i++) {
        const struct node *key = node_key(root, i);
        const struct field *field = field_find(SCOPE_POLICY, node_text(key));
        bool done = false;

        for (size_t j = 0; first[j]; j++)
            done = done || slice_is(node_text(key), first[j]);
        if (!field)
            report_unknown_key(reader, key, SCOPE_POLICY, "a policy");
        else if (!done)
            field->read(reader, node_value(root, i));
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
#define BYTES_A_BYTE 64
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
        report_unreadable(diags, reader.main, error);
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
