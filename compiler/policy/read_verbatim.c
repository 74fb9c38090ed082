// SPDX-License-Identifier: GPL-2.0-or-later
//
// `verbatim`: iptables-save text inside a policy or beside it, taken apart into lines that know their table and chain.
#include <string.h>

#include "policy/reader.h"

struct lines {
    struct reader *reader;
    struct verbatim *verbatim;
    const char *table; // NULL outside of one
};

static const char *const tables[] = {"filter", "mangle", "nat", "raw", "security", NULL};

static void report(struct lines *lines, struct span span, const char *problem, const char *hint)
{
    diag_add(lines->reader->diags, DIAG_VERBATIM, span, "%s", problem);
    if (hint)
        diag_hint(lines->reader->diags, "%s", hint);
}

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.at[i] < ' ' && text.at[i] != '\t')
            return true;
    return false;
}

static void open_table(struct lines *lines, struct span span, struct slice name)
{
    if (lines->table)
        report(lines, span, "a table begins before the last one ends", "end each table with COMMIT");
    lines->table = NULL;
    for (size_t i = 0; tables[i]; i++)
        if (slice_is(name, tables[i]))
            lines->table = tables[i];
    if (!lines->table)
        report_word(lines->reader, DIAG_VERBATIM, span, name, "a table", tables);
}

static bool is_own_table(const char *table)
{
    return strcmp(table, "filter") == 0 || strcmp(table, "raw") == 0;
}

static bool is_built_in_chain(struct slice chain)
{
    static const char *const chains[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

    for (size_t i = 0; i < sizeof(chains) / sizeof(*chains); i++)
        if (slice_is(chain, chains[i]))
            return true;
    return false;
}

#define CHAIN_NAME_MAX 28 // XT_EXTENSION_MAXNAMELEN (linux/netfilter/x_tables.h) less the NUL

static void add_line(struct lines *lines, struct span span, struct slice chain, struct slice text)
{
    struct arena *arena = lines->reader->arena;

    if (!chain.length || chain.length > CHAIN_NAME_MAX)
        report(lines, span, "a chain has a name of 1 to 28 bytes", NULL);
    else if (slice_starts(chain, "ctc-"))
        report(lines, span, "chains whose names begin with ctc- are written by ctc", "rename the chain");
    *vec_push(arena, lines->verbatim) = (struct verbatim_line){
        .span = span,
        .table = lines->table,
        .chain = arena_copy(arena, chain.at, chain.length),
        .text = arena_copy(arena, text.at, text.length),
    };
}

// `:CHAIN POLICY [packets:bytes]`. The policies of the tables that ctc writes are the policy's.
static void read_chain(struct lines *lines, struct span span, struct slice line)
{
    struct slice rest = {line.at + 1, line.length - 1};
    const struct slice chain = slice_word(&rest), policy = slice_word(&rest);

    if (!policy.length)
        report(lines, span, "a chain line is :CHAIN POLICY [packets:bytes]", NULL);
    if (is_own_table(lines->table) && is_built_in_chain(chain))
        return;
    add_line(lines, span, chain, line);
    vec_last(lines->verbatim)->chain = NULL;
}

// What makes a rule stateful, so that the kernel tracks as soon as it is loaded, from whatever chain: a match or target
// that registers for connection tracking (those whose xt_*.c calls nf_ct_netns_get), CT unless it says --notrack, and any
// rule of the nat table. NULL where there is nothing of the kind.
static const char *stateful_word(const char *table, struct slice rule)
{
    static const char *const words[] = {"state",     "conntrack", "connlimit",  "connmark", "connbytes",
                                        "connlabel", "helper",    "CONNMARK",   "SYNPROXY", "CONNSECMARK",
                                        "DNAT",      "SNAT",      "MASQUERADE", "REDIRECT", "NETMAP",
                                        "cluster",   NULL};
    bool after_option = false, ct = false, notrack = false;

    if (strcmp(table, "nat") == 0)
        return "nat";
    for (struct slice word = slice_word(&rule); word.length; word = slice_word(&rule)) {
        for (size_t i = 0; after_option && words[i]; i++)
            if (slice_is(word, words[i]))
                return words[i];
        ct = ct || (after_option && slice_is(word, "CT"));
        notrack = notrack || slice_is(word, "--notrack");
        after_option = slice_is(word, "-m") || slice_is(word, "--match") || slice_is(word, "-j") ||
                       slice_is(word, "--jump");
    }
    return ct && !notrack ? "CT" : NULL;
}

static void read_rule(struct lines *lines, struct span span, struct slice line)
{
    struct slice rest = line;

    if (line.at[0] == '[') { // counters
        slice_word(&rest);
        rest = slice_trim(rest);
    }

    const struct slice command = slice_word(&rest), chain = slice_word(&rest);

    if (!slice_is(command, "-A") && !slice_is(command, "--append")) {
        report(lines, span, "a rule is written -A CHAIN ...", "as iptables-save prints it");
        return;
    }
    add_line(lines, span, chain, slice_trim(rest));

    const char *word = stateful_word(lines->table, rest);

    if (word && lines->reader->policy->tracking == TRACKING_NONE) {
        diag_add(lines->reader->diags, DIAG_VERBATIM_TRACKS, span,
                 "`%s` would start tracking in a policy without it", word);
        diag_hint(lines->reader->diags, "take the rule out, or say tracking: selective");
    }
}

static void read_line(struct lines *lines, struct span span, struct slice line)
{
    if (has_control(line)) {
        report(lines, span, "the line holds a control character", NULL);
    } else if (line.at[0] == '*') {
        open_table(lines, span, (struct slice){line.at + 1, line.length - 1});
    } else if (!lines->table) {
        report(lines, span, "a rule stands outside of a table", "begin with *nat, *mangle, *filter or *raw");
    } else if (slice_is(line, "COMMIT")) {
        lines->table = NULL;
    } else if (line.at[0] == ':') {
        read_chain(lines, span, line);
    } else {
        read_rule(lines, span, line);
    }
}

void read_verbatim_text(struct reader *reader, const struct source *source, uint32_t line, struct slice text,
                        struct verbatim *verbatim)
{
    struct lines lines = {.reader = reader, .verbatim = verbatim};
    struct span span = {.source = source, .line = line, .column = 1, .length = 1};

    for (struct slice rest = text; rest.length; span.line++) {
        struct slice piece = rest, after = {rest.at + rest.length, 0};

        slice_split(rest, '\n', &piece, &after);
        rest = after;

        const struct slice trimmed = slice_trim(piece);

        if (!trimmed.length || trimmed.at[0] == '#')
            continue;
        span.length = (uint32_t)trimmed.length;
        read_line(&lines, span, trimmed);
    }
    if (lines.table)
        report(&lines, span, "the last table has no COMMIT", NULL);
}

// The hooks that a policy's own tables have; INPUT of raw, say, is a typing error.
static bool is_hook_of(const char *table, struct slice chain)
{
    if (strcmp(table, "filter") == 0)
        return slice_is(chain, "INPUT") || slice_is(chain, "FORWARD") || slice_is(chain, "OUTPUT");
    if (strcmp(table, "raw") == 0)
        return slice_is(chain, "PREROUTING") || slice_is(chain, "OUTPUT");
    return is_built_in_chain(chain);
}

static bool is_declared(const struct verbatim *verbatim, const struct verbatim_line *rule)
{
    for (size_t i = 0; i < verbatim->count; i++) {
        const struct verbatim_line *line = &verbatim->items[i];
        struct slice rest = slice_of(line->text);
        const struct slice name = line->chain ? (struct slice){0} : slice_word(&rest);

        if (name.length && strcmp(line->table, rule->table) == 0 &&
            slice_is((struct slice){name.at + 1, name.length - 1}, rule->chain))
            return true;
    }
    return false;
}

// A rule of a chain that is nowhere would be lost.
static void check_chains(struct reader *reader, const struct verbatim *verbatim)
{
    for (size_t i = 0; i < verbatim->count; i++) {
        const struct verbatim_line *rule = &verbatim->items[i];

        if (!rule->chain)
            continue;
        if (strcmp(rule->table, "filter") == 0 && strcmp(rule->chain, "FORWARD") == 0 &&
            reader->policy->forwarding == VERDICT_LEAVE) {
            diag_add(reader->diags, DIAG_VERBATIM, rule->span,
                     "`forward: leave` says that FORWARD belongs to others");
        } else if (!is_hook_of(rule->table, slice_of(rule->chain)) && !is_declared(verbatim, rule)) {
            diag_add(reader->diags, DIAG_VERBATIM, rule->span, "the table %s has no chain %s here",
                     rule->table, rule->chain);
            diag_hint(reader->diags, "declare it above its rules: \":%s - [0:0]\"", rule->chain);
        }
    }
}

static void read_family(struct reader *reader, const struct node *value, enum family family)
{
    struct verbatim *verbatim = &reader->policy->verbatim[family];
    struct slice text;

    if (value->kind != NODE_MAPPING) {
        // A block scalar begins on the line behind its indicator.
        if (value_scalar(reader, value, "verbatim", &text))
            read_verbatim_text(reader, value->source, value->line + 1, text, verbatim);
        check_chains(reader, verbatim);
        return;
    }
    reader->file = NULL;
    if (!read_mapping(reader, value, SCOPE_FILE, "a file of rules"))
        return;
    if (!reader->file) {
        diag_add(reader->diags, DIAG_MISSING_KEY, node_span(value), "a mapping among rules names a `file`");
        return;
    }
    if (!value_text(reader, reader->file, "file", &text))
        return;

    const struct source *source = open_named_file(reader, reader->file, text, SOURCE_POLICY_MAX);

    if (source)
        read_verbatim_text(reader, source, 1, (struct slice){source->bytes, source->length}, verbatim);
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
