// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc check: all findings on policies and rulesets at once, for people and for continuous integration. The findings are
// what the command makes, so they go to standard output in every format.
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/subject.h"
#include "base/job.h"
#include "cli/known_sets.h"
#include "cli/options.h"
#include "diag/render.h"
#include "findings/findings.h"
#include "host/plan.h"
#include "rules/read.h"

static const char *const formats[] = {"text", "json", "sarif", "github", NULL};
enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF, FORMAT_GITHUB };

struct options {
    bool strict;
    bool live;          // the kernel that runs, in place of files
    int format;         // in `formats`
    enum family family; // of rulesets; FAMILY_COUNT: the one that each one's text shows
    const char *sets;   // a text of the sets that rulesets ask for; NULL: none is known
    const char *expect; // a file of expectations; NULL: none
    char *const *files;
    size_t count;
};

// A file of expectations.
struct expected {
    struct compilation compilation; // holds what was read
    const struct expectation *items;
    size_t count;
};

// One file, what was found in it, and the expectations that fail for it.
struct checked {
    struct subject subject;
    bool read;
    struct diag_list failing; // placed in the file of expectations
    struct diag_list all;
};

static enum exit_code parse_live(int argc, char **argv, struct options *options)
{
    if (options->strict || options->expect || options->family != FAMILY_COUNT ||
        options->format > FORMAT_JSON || argc - optind > 1)
        return usage_error("check", "--live takes --format text or json, --sets, and at most one policy");
    if (argc > optind && options->sets && strcmp(options->sets, "-") == 0 && strcmp(argv[optind], "-") == 0)
        return usage_error("check", "standard input can be read once");
    options->files = argv + optind;
    options->count = (size_t)(argc - optind);
    return EXIT_FINE;
}

static enum exit_code parse_files(int argc, char **argv, struct options *options)
{
    const bool expected = options->expect && strcmp(options->expect, "-") == 0,
               sets = options->sets && strcmp(options->sets, "-") == 0;
    bool standard_input = expected || sets;

    if (options->live)
        return parse_live(argc, argv, options);
    if (argc == optind)
        return usage_error("check", "no policy or ruleset is named");
    if (expected && sets)
        return usage_error("check", "standard input can be read once");
    options->files = argv + optind;
    options->count = (size_t)(argc - optind);
    for (size_t i = 0; i < options->count; i++) {
        if (strcmp(options->files[i], "-") != 0)
            continue;
        if (standard_input)
            return usage_error("check", "standard input can be read once");
        standard_input = true;
    }
    return EXIT_FINE;
}

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    const struct option_row rows[] = {OPTIONS_FAMILY(&options->family),
                                      option_flag("strict", &options->strict),
                                      option_flag("live", &options->live),
                                      option_text("expect", &options->expect),
                                      option_sets(&options->sets),
                                      option_word("format", formats, &options->format),
                                      {0}};
    const enum exit_code code = take_options("check", argc, argv, rows);

    return code == EXIT_FINE ? parse_files(argc, argv, options) : code;
}

static void put_counts(struct buf *out, const struct diag_list *diags, const char *file)
{
    bool any = false;

    buf_printf(out, "%s: ", strcmp(file, "-") == 0 ? "<stdin>" : file);
    for (int severity = SEVERITY_COUNT - 1; severity >= 0; severity--) {
        const size_t count = diags->counts[severity];

        if (!count)
            continue;
        buf_printf(out, "%s%zu %s%s", any ? ", " : "", count, severity_name((enum severity)severity),
                   count == 1 ? "" : "s");
        any = true;
    }
    buf_text(out, any ? "\n" : "fine\n");
}

static void put_text(struct buf *out, const struct diag_list *diags, const struct checked_file *files,
                     size_t count)
{
    render_text(out, diags, SEVERITY_NOTE, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
    for (size_t i = 0; i < count; i++)
        put_counts(out, files[i].diags, files[i].path);
}

static void put_findings(struct buf *out, const struct diag_list *diags, const struct checked *checked,
                         const struct options *options)
{
    struct checked_file *files = arena_calloc(diags->arena, options->count, sizeof(*files));

    for (size_t i = 0; i < options->count; i++)
        files[i] = (struct checked_file){options->files[i], checked[i].subject.is_ruleset, &checked[i].all};
    switch (options->format) {
    case FORMAT_JSON:
        render_json(out, diags, files, options->count);
        break;
    case FORMAT_SARIF:
        render_sarif(out, diags);
        break;
    case FORMAT_GITHUB:
        render_github(out, diags);
        break;
    default:
        put_text(out, diags, files, options->count);
    }
}

static void hold_expectations(struct checked *checked, const struct expected *expected)
{
    const struct subject *subject = &checked->subject;

    for (enum family family = 0; family < FAMILY_COUNT && expected->count; family++) {
        const struct held held = {
            .name = strcmp(subject->path, "-") == 0 ? "<stdin>" : subject->path,
            .rules = subject->rules[family],
            .policy = subject->policy,
            .expectations = expected->items,
            .count = expected->count,
        };

        if (held.rules)
            find_failing_expectations(&held, &checked->failing);
    }
}

// What all files are checked with. Each thread takes the next one that nobody has taken: what is found in one depends on no
// other.
struct checking {
    const struct options *options;
    const struct expected *expected;
    const struct ipset_list *sets; // NULL: none is known
    struct checked *checked;
    void (*work)(const struct checking *checking, size_t file);
    atomic_size_t next;
};

static void read_file(const struct checking *checking, size_t file)
{
    struct checked *checked = &checking->checked[file];

    checked->read = subject_read(&checked->subject, checking->options->files[file], checking->options->family,
                                 checking->sets);
}

// Sets are of one kernel, and so are all the rules that ask for them: those of one file may change what is in a set that those of
// another ask for, of the other family too where it is a set of ports.
static void forget_changed_sets(struct arena *arena, const struct checking *checking)
{
    VEC(const struct ruleset *) rulesets = {0};

    for (size_t i = 0; i < checking->options->count; i++)
        for (enum family family = 0; family < FAMILY_COUNT; family++) {
            const struct subject *subject = &checking->checked[i].subject;

            if (subject->is_ruleset && subject->rules[family])
                *vec_push(arena, &rulesets) = subject->rules[family];
        }
    rules_forget_changed_sets(arena, rulesets.items, rulesets.count, checking->sets);
}

static void find_findings(const struct checking *checking, size_t file)
{
    const struct options *options = checking->options;
    struct checked *checked = &checking->checked[file];
    struct subject *subject = &checked->subject;
    struct compilation *compilation = &subject->compilation;
    // Rules that do not load are looked at as far as they can be read. Of a policy that is wrong there are none.
    const bool fine = checked->read && (subject->is_ruleset || compilation->diags.exit == EXIT_FINE);

    checked->failing.arena = checked->all.arena = &compilation->arena;
    if (subject->policy)
        find_idle_entries(subject->policy, fine, &compilation->diags);
    if (fine && subject->policy)
        plan_check(plan_host(&compilation->arena, subject->policy, &(struct plan_options){0}),
                   source_whole(compilation->sources.items[0]), &compilation->diags);
    for (enum family family = 0; family < FAMILY_COUNT && fine; family++)
        if (subject->rules[family])
            find_in_rules(&compilation->arena, subject->rules[family], subject->policy,
                          compilation->sources.items[0], &compilation->diags);
    if (fine)
        hold_expectations(checked, checking->expected);
    if (options->strict)
        diag_make_strict(&compilation->diags);
    diag_sort(&compilation->diags);
    diag_sort(&checked->failing);
    diag_append(&checked->all, &compilation->diags);
    diag_append(&checked->all, &checked->failing);
}

static void work_some(void *context)
{
    struct checking *checking = context;

    for (size_t i; (i = atomic_fetch_add(&checking->next, 1)) < checking->options->count;)
        checking->work(checking, i);
}

#define THREADS_MAX 16

static void work_through(struct checking *checking,
                         void (*work)(const struct checking *checking, size_t file))
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct job jobs[THREADS_MAX];
    size_t begun = 0;

    checking->work = work;
    checking->next = 0;
    for (; begun < THREADS_MAX && (long)begun + 1 < processors && begun + 1 < checking->options->count;
         begun++)
        job_begin(&jobs[begun], true, work_some, checking);
    work_some(checking);
    while (begun-- > 0)
        job_end(&jobs[begun]);
}

static void check_all(struct arena *arena, struct checking *checking)
{
    work_through(checking, read_file);
    if (checking->sets)
        forget_changed_sets(arena, checking);
    work_through(checking, find_findings);
}

// Whether rules say what a host lets in: a fragment for other rules does not.
static bool guards_input(const struct ruleset *rules)
{
    const struct table *filter = ruleset_find_table(rules, "filter");
    const struct chain *input = filter ? table_find_chain(filter, "INPUT") : NULL;

    return input && (input->count || input->policy == CHAIN_DROP);
}

// Rulesets of IPv4 alone leave open what IPv6 lets in.
static void note_other_family(struct checked *checked, const struct options *options)
{
    struct checked *first = NULL;

    for (size_t i = 0; i < options->count; i++) {
        const struct subject *subject = &checked[i].subject;

        if (!subject->is_ruleset || options->family != FAMILY_COUNT || subject->rules[FAMILY_IPV6] ||
            !subject->rules[FAMILY_IPV4])
            return;
        if (!first && guards_input(subject->rules[FAMILY_IPV4]))
            first = &checked[i];
    }
    if (!first)
        return;
    diag_add(&first->all, DIAG_ONE_FAMILY, source_whole(first->subject.compilation.sources.items[0]),
             "%s IPv4: nothing here says what this host lets in over IPv6",
             options->count == 1 ? "these rules are of" : "all of these rules are of");
    diag_hint(&first->all, "give the rules of ip6tables-save as well; -4 says that none are meant");
}

static void read_expected(struct expected *expected, const char *path)
{
    struct compilation *compilation = &expected->compilation;

    expected->items = expectations_read(&compilation->arena, path, &compilation->sources, &compilation->diags,
                                        &expected->count);
    diag_sort(&compilation->diags);
    if (compilation->diags.exit != EXIT_FINE)
        expected->count = 0;
}

enum exit_code run_check(int argc, char **argv)
{
    struct options options = {.family = FAMILY_COUNT};
    struct expected expected = {0};
    struct known_sets known;
    struct buf findings = {0};
    enum exit_code code = parse(argc, argv, &options);

    if (code != EXIT_FINE)
        return code;
    if (options.live)
        return check_live(options.format == FORMAT_JSON, options.sets,
                          options.count ? options.files[0] : NULL);
    assert(options.count);
    compilation_init(&expected.compilation);
    if (options.expect)
        read_expected(&expected, options.expect);

    struct diag_list all = {.arena = &expected.compilation.arena};
    struct checked *checked = arena_calloc(all.arena, options.count, sizeof(*checked));

    diag_append(&all, &expected.compilation.diags);
    known_sets_read(&known, options.sets);
    diag_append(&all, &known.compilation.diags);
    check_all(all.arena,
              &(struct checking){
                  .options = &options, .expected = &expected, .sets = known.list, .checked = checked});
    note_other_family(checked, &options);
    for (size_t i = 0; i < options.count; i++)
        diag_append_new(&all, &checked[i].all, options.files[i]);
    put_findings(&findings, &all, checked, &options);
    code = write_output(&findings);
    if (code == EXIT_FINE)
        code = all.exit;
    buf_clear(&findings);
    for (size_t i = 0; i < options.count; i++)
        subject_clear(&checked[i].subject);
    known_sets_clear(&known);
    compilation_clear(&expected.compilation);
    return code;
}
