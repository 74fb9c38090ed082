// SPDX-License-Identifier: GPL-2.0-or-later
//
// Text to tables, chains and rules, line by line as iptables-restore does it.
#include "rules/read.h"

#include <string.h>

#include "rules/matches.h"
#include "rules/reader.h"

bool reader_refuse(struct reader *reader, struct slice at, const char *hint, const char *problem)
{
    return parts_refuse(reader->parts, at, hint, "%s", problem);
}

void reader_warn(struct reader *reader, const char *hint, const char *problem)
{
    diag_add_as(reader->diags, SEVERITY_WARNING, DIAG_RULES, reader->span, "%s", problem);
    diag_hint(reader->diags, "%s", hint);
}

static bool read_command_line(struct reader *reader, struct slice line)
{
    struct counters counters = {0};

    if (line.at[0] == '[') {
        const char *end = memchr(line.at, ']', line.length);
        const size_t length = end ? (size_t)(end + 1 - line.at) : line.length;

        if (!tables_read_counters((struct slice){line.at, length}, &counters))
            return reader_refuse(reader, (struct slice){line.at, length}, NULL,
                                 "counters are [packets:bytes]");
        line = slice_trim((struct slice){line.at + length, line.length - length});
    }
    // From here on `line` is what parts tells columns in.
    reader->span.column += (uint32_t)(line.at - reader->line.at);
    reader->parts->span = reader->span;
    reader->span.column -= (uint32_t)(line.at - reader->line.at);
    return (parts_read(reader->parts, line, COMMAND_NONE) && command_run(reader, &counters)) ||
           (reader->anyway && mistaken_keep(reader, line));
}

// Blanks that no reader but iptables-restore minds. It is said once.
static void check_blanks(struct reader *reader, struct slice raw, struct slice line)
{
    const char first = line.length ? line.at[0] : '\0', last = raw.length ? raw.at[raw.length - 1] : '\0';
    const bool commit = slice_is(line, "COMMIT");
    const char *problem = NULL;

    if (last == '\r')
        problem = "the line ends in CR LF, and iptables-restore takes the CR for a part of it";
    else if (raw.length && !line.length)
        problem = "iptables-restore takes no line of blanks alone";
    else if (line.at != raw.at && (commit || first == '*' || first == ':' || first == '#'))
        problem = "iptables-restore takes no blanks in front of this line";
    else if (commit && line.length != raw.length)
        problem = "iptables-restore takes no blanks behind COMMIT";
    if (problem)
        reader_warn(reader, "ctc reads on as if they were not there", problem);
    reader->spaced = problem != NULL;
}

// Whether a text is ASCII without a control character; eight bytes at a time, for it is asked of every line.
static bool is_plain(struct slice text)
{
    const uint64_t ones = UINT64_MAX / UINT8_MAX, highs = ones * 0x80;
    uint64_t odd = 0, bytes;

    for (; text.length >= sizeof(bytes); text.at += sizeof(bytes), text.length -= sizeof(bytes)) {
        memcpy(&bytes, text.at, sizeof(bytes));
        // A high bit says: not ASCII, below a blank, or DEL. The sums stay within their bytes.
        odd |= bytes | ~((bytes & ~highs) + ones * (0x80 - ' ')) | ((bytes & ~highs) + ones);
    }
    for (; text.length; text.at++, text.length--)
        odd |= text.at[0] >= ' ' && text.at[0] < 0x7F ? 0 : highs;
    return !(odd & highs);
}

static void read_line(struct reader *reader, struct slice line, bool plain)
{
    const bool commit = slice_is(line, "COMMIT");

    if (!plain && !slice_is_printable(line)) {
        reader_refuse(reader, line, NULL, "the line holds a character that is not fit to print");
    } else if (line.at[0] == '*') {
        tables_open(reader, line);
    } else if (reader->skipping) {
        reader->skipping = !commit;
    } else if (!reader->table) {
        reader_refuse(
            reader, line,
            slice_starts(line, "\xEF\xBB\xBF")
                ? "an invisible byte order mark (U+FEFF) begins it, which iptables-restore does not take"
                : "begin with *nat, *mangle, *filter or *raw",
            commit ? "COMMIT stands outside of a table" : "a rule stands outside of a table");
    } else if (commit) {
        tables_close(reader);
    } else if (line.at[0] == ':') {
        tables_read_chain(reader, line);
    } else {
        read_command_line(reader, line);
    }
}

static void read_raw_line(struct reader *reader, struct slice raw)
{
    const struct slice line = slice_trim(raw);
    const bool plain = is_plain(line);

    reader->span.line++;
    reader->span.column = 1 + (uint32_t)(line.at - raw.at);
    reader->span.length = (uint32_t)(plain ? line.length : slice_characters(line));
    reader->span.length += reader->span.length == 0;
    reader->line = line;
    reader->parts->span = reader->span;
    reader->parts->text = line;
    if (!reader->spaced)
        check_blanks(reader, raw, line);
    if (raw.length > RULE_LINE_MAX)
        reader_refuse(reader, line, NULL,
                      "a line is longer than the 10238 bytes that iptables-restore reads");
    else if (line.length && line.at[0] != '#')
        read_line(reader, line, plain);
}

static void read_text(struct reader *reader)
{
    const char *at = reader->source->bytes, *end = at + reader->source->length;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;

        read_raw_line(reader, (struct slice){at, (size_t)(stop - at)});
        if (!newline && slice_is(reader->line, "COMMIT") && !reader->spaced)
            reader_warn(reader, "end it with a newline",
                        "iptables-legacy-restore does not take a last line without an end");
        at = stop + 1;
    }
    if (reader->table || reader->skipping)
        reader_refuse(reader, reader->line, "iptables-restore loads a table at its COMMIT",
                      "the last table has no COMMIT");
    else if (!reader->ruleset->count && !reader->diags->counts[SEVERITY_ERROR])
        diag_add(reader->diags, DIAG_RULES, source_whole(reader->source), "there is no table in this text");
}

static const struct ruleset *read_rules(struct arena *arena, const struct source *source, enum family family,
                                        const struct ipset_list *sets, struct diag_list *diags, bool anyway)
{
    const size_t errors = diags->counts[SEVERITY_ERROR];
    struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
    struct parts parts;
    struct reader reader = {.arena = arena,
                            .diags = diags,
                            .source = source,
                            .ruleset = ruleset,
                            .parts = &parts,
                            .anyway = anyway,
                            .span = {.source = source}};

    ruleset->family = family;
    parts.arena = arena;
    parts.diags = diags;
    parts.refused = &reader.refused;
    parts.family = family;
    parts.sets = sets;
    parts.place = PLACE_KNOWN;
    read_text(&reader);
    if (sets)
        rules_forget_changed_sets(arena, &(const struct ruleset *){ruleset}, 1, sets);
    if (anyway)
        return ruleset->count ? ruleset : NULL;
    return diags->counts[SEVERITY_ERROR] == errors ? ruleset : NULL;
}

const struct ruleset *rules_read(struct arena *arena, const struct source *source, enum family family,
                                 const struct ipset_list *sets, struct diag_list *diags)
{
    return read_rules(arena, source, family, sets, diags, false);
}

const struct ruleset *rules_read_anyway(struct arena *arena, const struct source *source, enum family family,
                                        const struct ipset_list *sets, struct diag_list *diags)
{
    return read_rules(arena, source, family, sets, diags, true);
}
