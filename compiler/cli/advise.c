// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc advise: who fills the tracking table, what can go untracked, and the lines of a policy that do it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "advice/edit.h"
#include "advice/report.h"
#include "base/difference.h"
#include "cli/columns.h"
#include "cli/files.h"
#include "cli/options.h"
#include "compile.h"
#include "source/document.h"

static const char *const formats[] = {"text", "json", "prometheus", NULL};
enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_PROMETHEUS };

#define TOP_DEFAULT   10
#define TOP_MOST      10000
#define WATCH_DEFAULT 2 // seconds
#define WATCH_MOST    86400

struct options {
    struct arena *arena; // of `local`
    int format;          // in `formats`
    const char *dump;    // a saved table; NULL: the kernel's
    bool local_given;
    struct addr_set local;
    unsigned top;
    unsigned watch; // seconds between two reports; 0: one report
    bool write;
    const char *policy; // NULL: none
};

// Addresses with commas between them.
static enum exit_code take_local(const char *command, const struct option_row *row)
{
    struct options *options = row->into;
    struct slice rest = slice_of(optarg), item;

    options->local_given = true;
    while (rest.length) {
        struct addr_range range;
        enum family family;

        if (!slice_split(rest, ',', &item, &rest)) {
            item = rest;
            rest.length = 0;
        }
        if (addr_parse(item, &family, &range) != ADDR_FINE)
            return usage_error(command, "'%.*s' is not an address of this host", (int)item.length, item.at);
        addr_set_add(options->arena, &options->local, family, range);
    }
    addr_set_normalise(&options->local);
    return EXIT_FINE;
}

static enum exit_code take_number(const char *command, const struct option_row *row, unsigned most)
{
    unsigned *into = row->into;
    uint64_t number;

    if (!parse_number(slice_of(optarg), most, &number) || !number)
        return usage_error(command, "--%s takes a number from 1 to %u", row->word, most);
    *into = (unsigned)number;
    return EXIT_FINE;
}

static enum exit_code take_top(const char *command, const struct option_row *row)
{
    return take_number(command, row, TOP_MOST);
}

static enum exit_code take_watch(const char *command, const struct option_row *row)
{
    unsigned *watch = row->into;

    if (optarg)
        return take_number(command, row, WATCH_MOST);
    *watch = WATCH_DEFAULT;
    return EXIT_FINE;
}

static enum exit_code check_options(const struct options *options)
{
    const bool policy_read = options->policy && strcmp(options->policy, "-") == 0,
               dump_read = options->dump && strcmp(options->dump, "-") == 0;

    if (options->write && !options->policy)
        return usage_error("advise", "--write names no policy");
    if (options->write && policy_read)
        return usage_error("advise", "--write needs a file: standard input cannot be written");
    if (options->write && options->format != FORMAT_TEXT)
        return usage_error("advise", "--write shows the difference as text");
    if (options->watch && (options->dump || options->write))
        return usage_error("advise",
                           "--watch is about the table of the kernel that runs, and writes nothing");
    if (policy_read && dump_read)
        return usage_error("advise", "standard input can be read once");
    return EXIT_FINE;
}

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    const struct option_row rows[] = {
        option_word("format", formats, &options->format),
        option_choice("json", FORMAT_JSON, &options->format),
        option_choice("prometheus", FORMAT_PROMETHEUS, &options->format),
        option_text("dump", &options->dump),
        option_value("local", take_local, options),
        option_value("top", take_top, &options->top),
        {.word = "watch", .argument = optional_argument, .take = take_watch, .into = &options->watch},
        option_flag("write", &options->write),
        {0}};
    const enum exit_code code = take_options("advise", argc, argv, rows);

    if (code != EXIT_FINE)
        return code;
    if (argc - optind > 1)
        return usage_error("advise", "more than one policy is named");
    options->policy = argc > optind ? argv[optind] : NULL;
    return check_options(options);
}

// All that one report is made of.
struct survey {
    struct arena arena;
    struct dump table;
    struct table_limits limits;
    struct addr_set local;
    struct report report;
};

static const char *read_table(struct survey *survey, const struct options *options)
{
    const char *problem = options->dump ? table_read_text(&survey->arena, options->dump, &survey->table)
                                        : table_read_kernel(&survey->arena, &survey->table);

    if (problem)
        return problem;
    if (!options->dump)
        table_limits_read(&survey->limits);
    survey->local = options->local;
    if (options->local_given)
        return NULL;
    if (!options->dump)
        return table_local_addresses(&survey->arena, &survey->local);
    table_guess_local(&survey->arena, &survey->table, &survey->local);
    survey->report.guessed = true;
    return NULL;
}

static const char *survey_make(struct survey *survey, const struct options *options,
                               const struct policy *policy)
{
    struct report *report = &survey->report;
    const char *problem = read_table(survey, options);

    if (problem)
        return problem;
    report->source = !options->dump ? NULL : strcmp(options->dump, "-") == 0 ? "<stdin>" : options->dump;
    report->policy = options->policy;
    report->limits = options->dump ? NULL : &survey->limits;
    report->local = &survey->local;
    report->tracking = policy ? policy->tracking : TRACKING_FULL;
    report->top = options->top;
    report->census = census_take(&survey->arena, &survey->table, &survey->local, policy, options->top);
    report->advice = advise(&survey->arena, &survey->table, report->census, &survey->local, policy);
    return NULL;
}

static bool has_unicode(void)
{
    const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return strstr(value, "UTF-8") || strstr(value, "utf8");
    }
    return false;
}

static void put_report(struct buf *out, const struct report *report, int format)
{
    const bool terminal = isatty(STDOUT_FILENO);
    const struct style style = {terminal_width(), terminal && !getenv("NO_COLOR"), terminal && has_unicode()};

    if (format == FORMAT_JSON)
        put_report_json(out, report);
    else if (format == FORMAT_PROMETHEUS)
        put_report_prometheus(out, report);
    else
        put_report_text(out, report, &style);
}

// --- The policy with the advice in it

// It must compile, be proved and keep its expectations like any policy. What is wrong with it is said.
static enum exit_code try_policy(const char *path, const struct buf *text)
{
    struct compilation compilation;
    struct source ahead = {.name = path, .path = path, .bytes = text->bytes, .length = text->length};
    bool fine;
    enum exit_code code;

    compilation_init(&compilation);
    compilation.sources.given = &ahead;
    compilation.sources.given_path = path;
    fine = compile_read(&compilation, path);
    for (enum family family = 0; family < FAMILY_COUNT && fine; family++) {
        struct buf rules = {0};

        fine = compile_rules(&compilation, family, &(struct compile_options){0}, &rules);
        buf_clear(&rules);
    }
    code = compilation.diags.exit;
    if (!fine) {
        report_diags(&compilation.diags, SEVERITY_ERROR);
        fputs("ctc: error: with the advice in it the policy would not compile; nothing was written\n",
              stderr);
    }
    compilation_clear(&compilation);
    return fine ? EXIT_FINE : code;
}

static enum exit_code edit(struct survey *survey, const struct options *options,
                           const struct compilation *compilation, struct buf *edited)
{
    const struct source *source = compilation->sources.items[0];
    struct diag_list diags = {.arena = &survey->arena};
    const struct node *root = document_read(&survey->arena, source, &diags);
    const char *problem =
        edit_policy(&survey->arena, edited, source, root, compilation->policy, survey->report.advice);

    if (problem) {
        fprintf(stderr, "ctc: %s: %s\n", options->write ? "error" : "note", problem);
        return options->write ? EXIT_POLICY : EXIT_FINE;
    }
    return EXIT_FINE;
}

static enum exit_code put_policy(struct survey *survey, const struct options *options,
                                 const struct compilation *compilation, struct buf *out)
{
    const struct source *source = compilation->sources.items[0];
    struct buf edited = {0};
    enum exit_code code = edit(survey, options, compilation, &edited);

    if (code == EXIT_FINE && edited.length && options->write)
        code = try_policy(options->policy, &edited);
    if (code == EXIT_FINE && edited.length && options->write)
        code = write_files(NO_ROOT, &(struct output_file){.path = options->policy, .text = &edited}, 1);
    if (code == EXIT_FINE && edited.length) {
        buf_printf(out, "\n%s %s; it takes %llu entries out of the table.\n",
                   options->write ? "Written to" : "What --write would change in", options->policy,
                   (unsigned long long)survey->report.advice->saved);
        put_difference(out, source->name, (struct slice){source->bytes, source->length},
                       (struct slice){edited.bytes, edited.length});
    }
    buf_clear(&edited);
    return code;
}

static enum exit_code report_once(const struct options *options, const struct compilation *compilation)
{
    struct survey survey = {0};
    struct buf out = {0};
    const char *problem = survey_make(&survey, options, compilation->policy);
    enum exit_code code = problem ? world_error("%s", problem) : EXIT_FINE;

    if (!problem && options->watch && isatty(STDOUT_FILENO))
        buf_text(&out, "\033[H\033[2J");
    if (!problem)
        put_report(&out, &survey.report, options->format);
    if (!problem && options->policy && options->format == FORMAT_TEXT && !options->watch &&
        survey.report.advice->saved)
        code = put_policy(&survey, options, compilation, &out);
    else if (!problem && options->write)
        buf_printf(&out, "\nNothing is to be written to %s.\n", options->policy);
    if (code == EXIT_FINE)
        code = write_output(&out);
    buf_clear(&out);
    arena_clear(&survey.arena);
    return code;
}

static enum exit_code run(const struct options *options)
{
    struct compilation compilation;
    enum exit_code code = EXIT_FINE;

    compilation_init(&compilation);
    if (options->policy && !compile_read(&compilation, options->policy)) {
        report_diags(&compilation.diags, SEVERITY_WARNING);
        code = compilation.diags.exit;
    }
    if (code == EXIT_FINE)
        code = report_once(options, &compilation);
    while (code == EXIT_FINE && options->watch) {
        nanosleep(&(struct timespec){.tv_sec = options->watch}, NULL);
        code = report_once(options, &compilation);
    }
    compilation_clear(&compilation);
    return code;
}

enum exit_code run_advise(int argc, char **argv)
{
    struct arena arena = {0};
    struct options options = {.arena = &arena, .top = TOP_DEFAULT};
    enum exit_code code = parse(argc, argv, &options);

    if (code == EXIT_FINE)
        code = run(&options);
    arena_clear(&arena);
    return code;
}
