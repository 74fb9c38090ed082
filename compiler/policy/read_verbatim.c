// SPDX-License-Identifier: GPL-2.0-or-later
//
// `verbatim`: iptables-save text inside a policy or beside it, taken apart into lines that know their table and chain.
// What the rules say is looked at in check_verbatim.c.
#include <stdlib.h>
#include <string.h>

#include "policy/reader.h"

struct lines {
    struct reader *reader;
    struct verbatim *verbatim;
    const struct node *block; // the scalar that holds the text; NULL for a file
    const char *table;        // NULL outside of one
    bool skipping;            // in a table that is not known
};

// The tables of the kernel and their hooks (iptables(8)).
static const struct {
    const char *name;
    const char *hooks[6];
} tables[] = {
    {"filter", {"INPUT", "FORWARD", "OUTPUT"}},
    {"mangle", {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}},
    {"nat", {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}},
    {"raw", {"PREROUTING", "OUTPUT"}},
    {"security", {"INPUT", "FORWARD", "OUTPUT"}},
};

#define TABLE_COUNT (sizeof(tables) / sizeof(*tables))

static void report(struct lines *lines, struct span span, const char *problem, const char *hint)
{
    diag_add(lines->reader->diags, DIAG_VERBATIM, span, "%s", problem);
    if (hint)
        diag_hint(lines->reader->diags, "%s", hint);
}

static bool is_hook_of(const char *table, struct slice chain)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        for (size_t j = 0; strcmp(tables[i].name, table) == 0 && tables[i].hooks[j]; j++)
            if (slice_is(chain, tables[i].hooks[j]))
                return true;
    return false;
}

// `chain` NULL: a line that is no rule.
static void add_line(struct lines *lines, struct span span, const char *chain, struct slice text)
{
    *vec_push(lines->reader->arena, lines->verbatim) = (struct verbatim_line){
        .span = span,
        .table = lines->table,
        .chain = chain,
        .text = arena_copy(lines->reader->arena, text.at, text.length),
    };
}

static void open_table(struct lines *lines, struct span span, struct slice line)
{
    const char *names[TABLE_COUNT + 1] = {0};
    const struct slice name = {line.at + 1, line.length - 1};

    if (lines->table)
        report(lines, span, "a table begins before the last one ends", "end each table with COMMIT");
    lines->table = NULL;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        names[i] = tables[i].name;
        if (slice_is(name, tables[i].name))
            lines->table = tables[i].name;
    }
    lines->skipping = !lines->table;
    // A table without a line of its own is carried too: loading it empties the kernel's.
    if (lines->table)
        add_line(lines, span, NULL, (struct slice){"", 0});
    if (lines->skipping)
        report_word(lines->reader, DIAG_VERBATIM, span, name, "a table", names);
}

static bool is_own_table(const char *table)
{
    return strcmp(table, "filter") == 0 || strcmp(table, "raw") == 0;
}

static bool chain_fits(struct lines *lines, struct span span, struct slice chain)
{
    if (!chain.length || chain.length > CHAIN_NAME_MAX)
        report(lines, span, "a chain has a name of 1 to 28 bytes", NULL);
    else if (slice_starts(chain, "ctc-"))
        report(lines, span, "chains whose names begin with ctc- are written by ctc", "rename the chain");
    else
        return true;
    return false;
}

// `:CHAIN POLICY [packets:bytes]`. The policies of the tables that ctc writes are the policy's.
static void read_chain(struct lines *lines, struct span span, struct slice line)
{
    struct slice rest = {line.at + 1, line.length - 1};
    const struct slice chain = slice_word(&rest), policy = slice_word(&rest);
    const bool hook = is_hook_of(lines->table, chain);

    if (!chain_fits(lines, span, chain))
        return;
    if (hook ? !slice_is(policy, "ACCEPT") && !slice_is(policy, "DROP") : !slice_is(policy, "-"))
        report(lines, span, "a chain line is :CHAIN POLICY [packets:bytes]",
               hook ? "the policy of a built-in chain is ACCEPT or DROP"
                    : "a chain of your own has the policy -");
    else if (!hook || !is_own_table(lines->table))
        add_line(lines, span, NULL, line);
}

static void read_rule(struct lines *lines, struct span span, struct slice line)
{
    struct slice rest = line;

    if (line.at[0] == '[') { // counters
        slice_word(&rest);
        rest = slice_trim(rest);
    }

    const struct slice command = slice_word(&rest), chain = slice_word(&rest);

    if (!slice_is(command, "-A") && !slice_is(command, "--append"))
        report(lines, span, "a rule is written -A CHAIN ...", "as iptables-save prints it");
    else if (chain_fits(lines, span, chain))
        add_line(lines, span, arena_copy(lines->reader->arena, chain.at, chain.length), slice_trim(rest));
}

static bool is_printable(struct slice text)
{
    while (text.length) {
        const size_t bytes = text.at[0] == '\t' ? 1 : printable_bytes(text);

        if (!bytes)
            return false;
        text = (struct slice){text.at + bytes, text.length - bytes};
    }
    return true;
}

static void read_line(struct lines *lines, struct span span, struct slice line)
{
    const bool commit = slice_is(line, "COMMIT");

    if (!is_printable(line)) {
        report(lines, span, "the line holds a character that is not fit to print", NULL);
    } else if (line.at[0] == '*') {
        open_table(lines, span, line);
    } else if (lines->skipping) {
        lines->skipping = !commit;
    } else if (!lines->table) {
        report(lines, span, "a rule stands outside of a table", "begin with *nat, *mangle, *filter or *raw");
    } else if (commit) {
        lines->table = NULL;
    } else if (line.at[0] == ':') {
        read_chain(lines, span, line);
    } else {
        read_rule(lines, span, line);
    }
}

// The line behind `line` of the same source.
static struct slice next_line(const struct source *source, struct slice line)
{
    const char *end = source->bytes + source->length;
    const char *newline =
        memchr(line.at + line.length, '\n', (size_t)(end - line.at - (ptrdiff_t)line.length));
    const char *at = newline ? newline + 1 : end;
    const char *stop = memchr(at, '\n', (size_t)(end - at));

    return (struct slice){at, (size_t)((stop ? stop : end) - at)};
}

// Where `text` stands. YAML has taken the indentation off a block scalar, and a quoted one has its lines elsewhere.
static struct span place(const struct lines *lines, struct span span, struct slice raw, struct slice text)
{
    const char *at = memmem(raw.at, raw.length, text.at, text.length);

    span.length = (uint32_t)text.length;
    if (!at)
        return lines->block ? node_span(lines->block) : span;
    span.column = (uint32_t)(at - raw.at) + 1;
    return span;
}

// `first` is where the text begins in its source.
static void read_lines(struct lines *lines, struct span first, struct slice text)
{
    struct slice raw = source_line(first.source, first.line);

    for (struct slice rest = text; rest.length; first.line++, raw = next_line(first.source, raw)) {
        struct slice piece = rest, after = {rest.at + rest.length, 0};

        slice_split(rest, '\n', &piece, &after);
        rest = after;

        const struct slice trimmed = slice_trim(piece);

        if (trimmed.length && trimmed.at[0] != '#')
            read_line(lines, place(lines, first, raw, trimmed), trimmed);
    }
    if (lines->table)
        report(lines, first, "the last table has no COMMIT", NULL);
}

// Chain lines by table and name.
static int compare_declared(const void *a, const void *b)
{
    const struct verbatim_line *left = *(const struct verbatim_line *const *)a,
                               *right = *(const struct verbatim_line *const *)b;
    const int order = strcmp(left->table, right->table);
    struct slice rest_left = slice_of(left->text), rest_right = slice_of(right->text);
    const struct slice name = slice_word(&rest_left), other = slice_word(&rest_right);
    const int names = memcmp(name.at, other.at, name.length < other.length ? name.length : other.length);

    return order ? order : names ? names : (name.length > other.length) - (name.length < other.length);
}

struct declared {
    const struct verbatim_line **items;
    size_t count;
};

static struct declared find_declared(struct arena *arena, const struct verbatim *verbatim)
{
    struct declared declared = {.items = arena_calloc(arena, verbatim->count, sizeof(*declared.items))};

    for (size_t i = 0; i < verbatim->count; i++)
        if (!verbatim->items[i].chain)
            declared.items[declared.count++] = &verbatim->items[i];
    if (declared.count)
        qsort(declared.items, declared.count, sizeof(*declared.items), compare_declared);
    return declared;
}

static bool is_declared(const struct declared *declared, const char *table, const char *chain)
{
    char text[CHAIN_NAME_MAX + 2] = ":";
    const struct verbatim_line line = {.table = table, .text = text};
    const struct verbatim_line *wanted = &line;

    strncat(text, chain, CHAIN_NAME_MAX);
    return declared->count &&
           bsearch(&wanted, declared->items, declared->count, sizeof(*declared->items), compare_declared);
}

// A rule of a chain that is nowhere would be lost.
static void check_chains(struct reader *reader, const struct verbatim *verbatim)
{
    const struct declared declared = find_declared(reader->arena, verbatim);

    for (size_t i = 0; i < verbatim->count; i++) {
        const struct verbatim_line *rule = &verbatim->items[i];

        if (!rule->chain)
            continue;
        if (strcmp(rule->table, "filter") == 0 && strcmp(rule->chain, "FORWARD") == 0 &&
            reader->policy->forwarding == VERDICT_LEAVE) {
            diag_add(reader->diags, DIAG_VERBATIM, rule->span,
                     "`forward: leave` says that FORWARD belongs to others");
        } else if (!is_hook_of(rule->table, slice_of(rule->chain)) &&
                   !is_declared(&declared, rule->table, rule->chain)) {
            diag_add(reader->diags, DIAG_VERBATIM, rule->span, "the table %s has no chain %s here",
                     rule->table, rule->chain);
            diag_hint(reader->diags, "declare it above its rules: \":%s - [0:0]\"", rule->chain);
        }
    }
}

// The text itself, or the file that is named instead. False where there is none.
static bool find_text(struct reader *reader, const struct node *value, struct lines *lines, struct span *span,
                      struct slice *text)
{
    *span = (struct span){value->source, value->line + 1, 1, 1};
    if (value->kind != NODE_MAPPING) {
        // A block scalar begins on the line behind its indicator.
        lines->block = value;
        return value_scalar(reader, value, "verbatim", text);
    }
    reader->file = NULL;
    if (!read_mapping(reader, value, SCOPE_FILE, "a file of rules"))
        return false;
    if (!reader->file) {
        diag_add(reader->diags, DIAG_MISSING_KEY, node_span(value), "a mapping among rules names a `file`");
        return false;
    }
    if (!value_text(reader, reader->file, "file", text))
        return false;

    const struct source *source = open_named_file(reader, reader->file, *text, SOURCE_POLICY_MAX);

    if (!source)
        return false;
    *span = (struct span){source, 1, 1, 1};
    *text = (struct slice){source->bytes, source->length};
    return true;
}

static void read_family(struct reader *reader, const struct node *value, enum family family)
{
    struct verbatim *verbatim = &reader->policy->verbatim[family];
    struct lines lines = {.reader = reader, .verbatim = verbatim};
    struct span span;
    struct slice text;

    if (!find_text(reader, value, &lines, &span, &text))
        return;
    read_lines(&lines, span, text);
    check_chains(reader, verbatim);
}

void read_verbatim(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_VERBATIM, "`verbatim`");
}

void read_verbatim_ipv4(struct reader *reader, const struct node *value)
{
    read_family(reader, value, FAMILY_IPV4);
}

void read_verbatim_ipv6(struct reader *reader, const struct node *value)
{
    read_family(reader, value, FAMILY_IPV6);
}
