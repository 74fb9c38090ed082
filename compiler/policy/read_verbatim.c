// SPDX-License-Identifier: GPL-2.0-or-later
//
// `verbatim`: iptables-save text inside a policy or beside it, taken apart into lines that know their table and chain.
// What the rules say is looked at in check_verbatim.c.
#include <string.h>

#include "policy/reader.h"
#include "rules/read.h"

struct lines {
    struct reader *reader;
    struct verbatim *verbatim;
    enum family family;
    const struct node *block; // the scalar that holds the text; NULL for a file
    const char *table;        // NULL outside of one
    bool skipping;            // in a table that is not known
};

static void report(struct lines *lines, struct span span, const char *problem, const char *hint)
{
    diag_add(lines->reader->diags, DIAG_VERBATIM, span, "%s", problem);
    if (hint)
        diag_hint(lines->reader->diags, "%s", hint);
}

// `chain` NULL: a line that is no rule.
static struct verbatim_line *add_line(struct lines *lines, struct span span, const char *chain,
                                      struct slice text)
{
    struct verbatim_line *line = vec_push(lines->reader->arena, lines->verbatim);

    *line = (struct verbatim_line){
        .span = span,
        .table = lines->table,
        .chain = chain,
        .text = arena_copy(lines->reader->arena, text.at, text.length),
    };
    return line;
}

static void open_table(struct lines *lines, struct span span, struct slice line)
{
    const char **names = arena_calloc(lines->reader->arena, table_kind_count + 1, sizeof(*names));
    const struct slice name = {line.at + 1, line.length - 1};

    if (lines->table)
        report(lines, span, "a table begins before the last one ends", "end each table with COMMIT");
    lines->table = NULL;
    for (size_t i = 0; i < table_kind_count; i++) {
        names[i] = table_kinds[i].name;
        if (slice_is(name, table_kinds[i].name))
            lines->table = table_kinds[i].name;
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
    else if (memchr(chain.at, '"', chain.length))
        report(lines, span, "no rule can name a chain with a quote in its name", "rename the chain");
    else
        return true;
    return false;
}

// `:CHAIN POLICY [packets:bytes]`. The policies of the tables that ctc writes are the policy's.
static void read_chain(struct lines *lines, struct span span, struct slice line)
{
    struct slice rest = {line.at + 1, line.length - 1};
    const struct slice chain = slice_word(&rest), policy = slice_word(&rest);
    const bool hook = table_has_hook(lines->table, chain);

    if (!chain_fits(lines, span, chain))
        return;
    if (rules_target_name(chain)) {
        report(lines, span, "a chain cannot have the name of a target", "rename the chain");
        return;
    }
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

    const struct slice command = slice_word(&rest), chain = slice_word(&rest), text = slice_trim(rest);

    if (!slice_is(command, "-A") && !slice_is(command, "--append")) {
        report(lines, span, "a rule is written -A CHAIN ...", "as iptables-save prints it");
        return;
    }
    if (!chain_fits(lines, span, chain))
        return;

    size_t count = 0;
    const struct rule *rules =
        rule_read(lines->reader->arena, text, lines->family, span, lines->reader->diags, &count);

    if (rules) {
        struct verbatim_line *rule =
            add_line(lines, span, arena_copy(lines->reader->arena, chain.at, chain.length), text);

        rule->rules = rules;
        rule->rule_count = count;
    }
}

static void read_line(struct lines *lines, struct span span, struct slice line)
{
    const bool commit = slice_is(line, "COMMIT");

    if (!slice_is_printable(line)) {
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

// Every hook is there where its table is. The policies of the tables that ctc writes are none of the text's business; those
// of the others stay as the kernel has them, unless a line says otherwise.
static struct table *add_table(struct arena *arena, struct ruleset *ruleset, const char *name)
{
    struct table *table = ruleset_table(arena, ruleset, name);

    if (table->count)
        return table;
    for (const char *const *hook = table_hooks(name); *hook; hook++)
        table_chain(arena, table, *hook, is_own_table(name) ? CHAIN_ACCEPT : CHAIN_UNWRITTEN);
    return table;
}

// `:CHAIN POLICY ...`, which read_chain() has checked.
static void add_chain(struct arena *arena, struct table *table, const struct verbatim_line *line)
{
    struct slice rest = slice_of(line->text + 1);
    const struct slice name = slice_word(&rest), policy = slice_word(&rest);
    struct chain *chain = table_chain(arena, table, arena_copy(arena, name.at, name.length), CHAIN_USER);

    if (chain->policy != CHAIN_USER)
        chain->policy = slice_is(policy, "DROP") ? CHAIN_DROP : CHAIN_ACCEPT;
    chain->span = line->span;
}

// A rule of a chain that is nowhere would be lost, and so would one that jumps to a chain that is nowhere.
static void add_rules(struct reader *reader, struct table *table, const struct verbatim_line *line)
{
    struct chain *chain = table_find_chain(table, line->chain);

    if (strcmp(line->table, "filter") == 0 && strcmp(line->chain, "FORWARD") == 0 &&
        reader->policy->forwarding == VERDICT_LEAVE) {
        diag_add(reader->diags, DIAG_VERBATIM, line->span,
                 "`forward: leave` says that FORWARD belongs to others");
    } else if (!chain) {
        diag_add(reader->diags, DIAG_VERBATIM, line->span, "the table %s has no chain %s here", line->table,
                 line->chain);
        diag_hint(reader->diags, "declare it above its rules: \":%s - [0:0]\"", line->chain);
    }
    for (size_t i = 0; i < line->rule_count && chain; i++) {
        const struct rule *rule = &line->rules[i];
        const char *misplaced = rule_misplaced(rule, line->table, line->chain);

        *chain_append(reader->arena, chain) = *rule;
        vec_last(chain)->section = "verbatim";
        if (misplaced && i == 0)
            diag_add(reader->diags, DIAG_VERBATIM, line->span, "%s", misplaced);
    }
}

static void hint_target(struct reader *reader, const char *name)
{
    const char *nearest = reader->diags->last_dropped ? NULL : rules_target_nearest(slice_of(name));

    if (nearest)
        diag_hint(reader->diags, "did you mean %s?", nearest);
    else
        diag_hint(reader->diags, "declare a chain with \":%s - [0:0]\"", name);
}

static void check_jumps(struct reader *reader, const struct table *table, const struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];
        const struct chain *to = rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO
                                     ? table_find_chain(table, rule->target.text)
                                     : NULL;

        if (rule->target.kind != TARGET_JUMP && rule->target.kind != TARGET_GOTO)
            continue;
        if (!to) {
            diag_add(reader->diags, DIAG_VERBATIM, rule->span,
                     "`%s` is neither a chain of the table %s here nor a target that ctc knows",
                     rule->target.text, table->name);
            hint_target(reader, rule->target.text);
        } else if (to->policy != CHAIN_USER) {
            diag_add(reader->diags, DIAG_VERBATIM, rule->span, "a rule cannot jump to the built-in chain %s",
                     to->name);
        }
    }
}

static void check_tables(struct reader *reader, const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++) {
        const struct table *table = &ruleset->items[i];
        const struct rule *loop = table_find_loop(table);

        for (size_t j = 0; j < table->count; j++)
            check_jumps(reader, table, table->items[j]);
        if (loop)
            diag_add(reader->diags, DIAG_VERBATIM, loop->span,
                     "this jump goes back to a chain that leads here: the kernel refuses it");
    }
}

// What a carried table does not say about its built-in chains is written as ACCEPT.
static void write_policies(struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            if (ruleset->items[i].items[j]->policy == CHAIN_UNWRITTEN)
                ruleset->items[i].items[j]->policy = CHAIN_ACCEPT;
}

// The lines as a ruleset of their own, chains first: they are printed in that order too.
static const struct ruleset *collect_rules(struct reader *reader, const struct verbatim *verbatim,
                                           enum family family)
{
    struct ruleset *ruleset = arena_alloc(reader->arena, sizeof(*ruleset));

    ruleset->family = family;
    for (size_t i = 0; i < verbatim->count; i++) {
        struct table *table = add_table(reader->arena, ruleset, verbatim->items[i].table);

        if (verbatim->items[i].text[0] == ':' && !verbatim->items[i].chain)
            add_chain(reader->arena, table, &verbatim->items[i]);
    }
    for (size_t i = 0; i < verbatim->count; i++)
        if (verbatim->items[i].chain)
            add_rules(reader, ruleset_table(reader->arena, ruleset, verbatim->items[i].table),
                      &verbatim->items[i]);
    write_policies(ruleset);
    check_tables(reader, ruleset);
    return ruleset->count ? ruleset : NULL;
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
    struct lines lines = {.reader = reader, .verbatim = verbatim, .family = family};
    struct span span;
    struct slice text;

    if (!find_text(reader, value, &lines, &span, &text))
        return;
    read_lines(&lines, span, text);
    verbatim->rules = collect_rules(reader, verbatim, family);
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
