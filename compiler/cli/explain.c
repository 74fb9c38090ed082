// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc explain: what becomes of packets, and why.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/describe.h"
#include "analysis/explain.h"
#include "analysis/subject.h"
#include "analysis/trace.h"
#include "base/json.h"
#include "base/vec.h"
#include "cli/columns.h"
#include "cli/known_sets.h"
#include "cli/options.h"
#include "cli/reason.h"

struct question {
    const char *text;
    struct packets packets;
    struct explanation answers[FAMILY_COUNT];
    bool asked[FAMILY_COUNT];
};

struct options {
    enum family family; // FAMILY_COUNT: all there are
    bool json;
    const char *sets; // a text of those that a ruleset asks for; NULL: none is known
    const char *subject;
    char **words; // of the packets; one "-": standard input
    int word_count;
};

struct questions {
    struct question *items;
    size_t count, capacity;
};

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    const struct option_row rows[] = {
        OPTIONS_FAMILY(&options->family), option_json(&options->json), option_sets(&options->sets), {0}};
    const enum exit_code code = take_options("explain", argc, argv, rows);

    if (code != EXIT_FINE)
        return code;
    if (optind == argc)
        return usage_error("explain", "no policy or ruleset is named");
    if (optind + 1 == argc)
        return usage_error("explain", "no packets are named: `in any` is all that comes in");
    options->subject = argv[optind];
    options->words = argv + optind + 1;
    options->word_count = argc - optind - 1;
    if ((strcmp(options->subject, "-") == 0) + (options->sets && strcmp(options->sets, "-") == 0) +
            (options->word_count == 1 && strcmp(options->words[0], "-") == 0) >
        1)
        return usage_error("explain",
                           "rules, sets and packets: only one of them can come from standard input");
    return EXIT_FINE;
}

// The set with a caret under the word that does not fit.
static void report_set(struct slice text, size_t line, struct slice bad, const char *problem)
{
    struct buf shown = {0}, carets = {0};
    size_t column = 1;

    for (size_t at = 0; at < text.length;) {
        const size_t bytes = printable_bytes((struct slice){text.at + at, text.length - at});
        const bool inside = text.at + at >= bad.at && text.at + at < bad.at + bad.length;

        buf_append(&shown, bytes ? text.at + at : "?", bytes ? bytes : 1);
        if (text.at + at <= bad.at + (bad.length ? bad.length - 1 : 0))
            buf_char(&carets, inside ? '^' : ' ');
        column += text.at + at < bad.at;
        at += bytes ? bytes : 1;
    }
    if (line)
        fprintf(stderr, "<stdin>:%zu:%zu: error: not a set of packets [packets]\n", line, column);
    else
        fputs("ctc: error: not a set of packets [packets]\n", stderr);
    fprintf(stderr, "  %s\n  %s%s%s\n", shown.length ? shown.bytes : "", carets.length ? carets.bytes : "",
            carets.length ? " " : "", problem);
    buf_clear(&shown);
    buf_clear(&carets);
}

static bool add_question(struct arena *arena, struct questions *questions, struct slice text, size_t line)
{
    struct question *question = vec_push(arena, questions);
    const char *problem;
    struct slice bad;

    question->text = arena_copy(arena, text.at, text.length);
    if (packets_parse(arena, slice_of(question->text), &question->packets, &bad, &problem))
        return true;
    report_set(slice_of(question->text), line, bad, problem);
    return false;
}

static enum exit_code read_questions(struct arena *arena, struct questions *questions)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    bool fine = true;

    while (getline(&line, &size, stdin) >= 0) {
        const struct slice text = slice_trim((struct slice){line, strcspn(line, "\r\n")});

        number++;
        if (text.length && text.at[0] != '#')
            fine = add_question(arena, questions, text, number) && fine;
    }
    free(line);
    if (ferror(stdin))
        return world_error("standard input cannot be read");
    return fine ? EXIT_FINE : EXIT_USAGE;
}

static enum exit_code collect_questions(struct arena *arena, const struct options *options,
                                        struct questions *questions)
{
    struct buf text = {0};
    bool fine;

    if (options->word_count == 1 && strcmp(options->words[0], "-") == 0)
        return read_questions(arena, questions);
    for (int i = 0; i < options->word_count; i++)
        buf_printf(&text, "%s%s", i ? " " : "", options->words[i]);
    fine = add_question(arena, questions, (struct slice){text.bytes, text.length}, 0);
    buf_clear(&text);
    return fine ? EXIT_FINE : EXIT_USAGE;
}

static void ask(struct subject *subject, const struct options *options, struct questions *questions,
                enum family family)
{
    struct arena *arena = &subject->compilation.arena;
    struct packets *sets = arena_calloc(arena, questions->count, sizeof(*sets));
    struct explainer explainer;

    if (!subject->rules[family] || (options->family != FAMILY_COUNT && options->family != family))
        return;
    for (size_t i = 0; i < questions->count; i++)
        sets[i] = questions->items[i].packets;
    explainer_open(&explainer, arena, subject->rules[family], subject->policy, sets, questions->count);
    explainer.tracking_of_all = options->json;
    for (size_t i = 0; i < questions->count; i++) {
        struct question *question = &questions->items[i];

        if (!packets_in_family(&question->packets, family))
            continue;
        question->answers[family] = explain_packets(&explainer, &question->packets);
        question->asked[family] = true;
    }
    explainer_close(&explainer);
}

// Text: one row a part, in columns.

// A line for each box.
static const char *packets_cell(struct arena *arena, const struct explanation *answer, size_t i)
{
    const struct part *part = &answer->items[i];
    struct buf text = {0};

    for (size_t j = 0; j < part->box_count; j++) {
        const char *box = part->boxes[j];

        buf_text(&text, j ? "\n" : "");
        buf_text(&text, box[0] ? box : answer->count == 1 ? "all of it" : "everything else");
    }
    if (!part->complete)
        buf_text(&text, "\nand more");
    return buf_to_arena(&text, arena);
}

static const char *reason_cell(struct arena *arena, const struct part *part)
{
    struct buf text = {0};

    describe_reason(&text, &part->reason);
    return buf_to_arena(&text, arena);
}

static struct row part_row(struct arena *arena, const struct explanation *answer, size_t i)
{
    const struct part *part = &answer->items[i];
    struct buf place = {0};
    struct row row = {{
        part->outcome.walk == WALK_ACCEPT && part->tracking_told
            ? arena_printf(arena, "%s, %s", part->verdict, part->outcome.tracked ? "tracked" : "untracked")
            : part->verdict,
        packets_cell(arena, answer, i),
        reason_cell(arena, part),
        !part->reason.span.source ? ""
        : part->reason.section
            ? arena_printf(arena, "%s:%u", part->reason.span.source->name, part->reason.span.line)
            : arena_printf(arena, "line %u", part->reason.span.line), // of the ruleset
        "",
    }};

    describe_place(&place, &part->printed);
    if (part->rules > 1 && !part->reason.section)
        buf_printf(&place, " and %zu more", part->rules - 1);
    row.cells[4] = buf_to_arena(&place, arena);
    return row;
}

static struct rows answer_rows(struct arena *arena, const struct explanation *answer)
{
    struct rows rows = {0};

    for (size_t i = 0; i < answer->count; i++)
        *vec_push(arena, &rows) = part_row(arena, answer, i);
    return rows;
}

// Both families say the same where they differ in nothing but the numbers of their rules.
static bool same_rows(const struct rows *a, const struct rows *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j + 1 < COLUMNS; j++)
            if (strcmp(a->items[i].cells[j], b->items[i].cells[j]) != 0)
                return false;
    return true;
}

// Where a terminal is too narrow for all columns, what decides stands in one.
static void stack_reasons(struct arena *arena, struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const char **cells = rows->items[i].cells;
        const char *line = cells[2][0] && cells[3][0] ? arena_printf(arena, "%s  %s", cells[2], cells[3])
                           : cells[2][0]              ? cells[2]
                                                      : cells[3];

        cells[2] = line[0] && cells[4][0] ? arena_printf(arena, "%s\n%s", line, cells[4])
                   : line[0]              ? line
                                          : cells[4];
        cells[3] = cells[4] = "";
    }
}

static void put_family(struct buf *out, struct arena *arena, const struct question *question,
                       enum family family, struct rows *rows)
{
    const size_t width = terminal_width();

    if (width && rows_width(rows, "  ") > width)
        stack_reasons(arena, rows);
    if (question->answers[family].undecided)
        buf_text(out, "  not decided: the rules are too many\n");
    else if (!rows->count)
        buf_text(out, "  no packet is of this set\n");
    else
        put_rows(out, rows, "  ", width);
}

static void put_question(struct buf *out, struct arena *arena, const struct question *question, bool several)
{
    struct rows rows[FAMILY_COUNT] = {{0}};
    const bool both = question->asked[FAMILY_IPV4] && question->asked[FAMILY_IPV6];

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        rows[family] = answer_rows(arena, &question->answers[family]);
    if (several)
        buf_printf(out, "%s\n", question->text);
    if (!question->asked[FAMILY_IPV4] && !question->asked[FAMILY_IPV6])
        buf_text(out, "  these rules say nothing about packets of that family\n");
    if (both && same_rows(&rows[0], &rows[1])) {
        for (size_t i = 0; i < rows[0].count; i++)
            if (strcmp(rows[0].items[i].cells[4], rows[1].items[i].cells[4]) != 0)
                rows[0].items[i].cells[4] = arena_printf(arena, "%s (IPv6: %s)", rows[0].items[i].cells[4],
                                                         rows[1].items[i].cells[4]);
        put_family(out, arena, question, FAMILY_IPV4, &rows[0]);
        return;
    }
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        if (!question->asked[family])
            continue;
        if (both)
            buf_printf(out, "%s\n", family_name(family));
        put_family(out, arena, question, family, &rows[family]);
    }
}

// JSON.

static json_t *part_json(const struct part *part)
{
    json_t *object = json_object(), *boxes = json_array();
    struct buf place = {0};

    for (size_t i = 0; i < part->box_count; i++)
        json_push(boxes, json_text(part->boxes[i]));
    describe_place(&place, &part->printed);
    json_set(object, "verdict", json_text(walk_name(part->outcome.walk)));
    json_set(object, "text", json_text(part->verdict));
    json_set(object, "tracked", json_boolean(part->outcome.tracked));
    json_set(object, "packets", boxes);
    json_set(object, "complete", json_boolean(part->complete));
    set_reason(object, &part->reason);
    json_set(object, "rule", json_text(place.bytes));
    buf_clear(&place);
    return object;
}

static json_t *answer_json(const struct explanation *answer, enum family family)
{
    json_t *object = json_object(), *parts = json_array();

    for (size_t i = 0; i < answer->count; i++)
        json_push(parts, part_json(&answer->items[i]));
    json_set(object, "family", json_family(family));
    json_set(object, "hook", json_text(hook_names[answer->hook]));
    json_set(object, "decided", json_boolean(!answer->undecided));
    json_set(object, "parts", parts);
    return object;
}

static json_t *document(const struct options *options, const struct questions *questions)
{
    json_t *object = json_document("explain"), *sets = json_array();

    for (size_t i = 0; i < questions->count; i++) {
        json_t *set = json_object(), *answers = json_array();

        for (enum family family = 0; family < FAMILY_COUNT; family++)
            if (questions->items[i].asked[family])
                json_push(answers, answer_json(&questions->items[i].answers[family], family));
        json_set(set, "packets", json_text(questions->items[i].text));
        json_set(set, "answers", answers);
        json_push(sets, set);
    }
    json_set(object, "rules", json_text(options->subject));
    json_set(object, "sets", sets);
    return object;
}

static enum exit_code answer(struct subject *subject, const struct options *options,
                             struct questions *questions)
{
    struct buf text = {0};
    enum exit_code code;

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        ask(subject, options, questions, family);
    if (options->json)
        json_print(&text, document(options, questions));
    for (size_t i = 0; i < questions->count && !options->json; i++)
        put_question(&text, &subject->compilation.arena, &questions->items[i], questions->count > 1);
    code = write_output(&text);
    buf_clear(&text);
    return code;
}

enum exit_code run_explain(int argc, char **argv)
{
    struct options options = {.family = FAMILY_COUNT};
    struct questions questions = {0};
    struct known_sets known = {0};
    struct arena arena = {0};
    struct subject subject;
    enum exit_code code = parse(argc, argv, &options);

    if (code == EXIT_FINE)
        code = collect_questions(&arena, &options, &questions);
    if (code == EXIT_FINE)
        code = known_sets_open(&known, options.sets);
    if (code == EXIT_FINE) {
        const bool fine = subject_read(&subject, options.subject, options.family, known.list);

        report_diags(&subject.compilation.diags, SEVERITY_WARNING);
        code = fine ? answer(&subject, &options, &questions) : subject.compilation.diags.exit;
        subject_clear(&subject);
    }
    known_sets_clear(&known);
    arena_clear(&arena);
    return code;
}
