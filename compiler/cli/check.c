// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc check: all findings on a policy at once, for people and for continuous integration. The findings are what the
// command makes, so they go to standard output in every format.
#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "compile.h"
#include "diag/render.h"
#include "findings/findings.h"

static const char *const formats[] = {"text", "json", "sarif", "github", NULL};

struct options {
    bool strict;
    int format; // in `formats`
    const char *policy;
};

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    static const struct option words[] = {
        {"strict", no_argument, NULL, 's'}, {"format", required_argument, NULL, 'f'}, {0}};

    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", words, NULL)) != -1;) {
        switch (option) {
        case 's':
            options->strict = true;
            break;
        case 'f':
            options->format = 0;
            while (formats[options->format] && strcmp(formats[options->format], optarg) != 0)
                options->format++;
            if (!formats[options->format])
                return usage_error("check", "'%s' is not a format: text, json, sarif or github", optarg);
            break;
        default:
            return option_error("check", argc, argv);
        }
    }
    if (argc - optind != 1)
        return usage_error("check", argc == optind ? "no policy is named" : "more than one policy is named");
    options->policy = argv[optind];
    return EXIT_FINE;
}

static void put_counts(struct buf *out, const struct diag_list *diags, const char *policy)
{
    bool any = false;

    buf_printf(out, "%s: ", strcmp(policy, "-") == 0 ? "<stdin>" : policy);
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

static void put_findings(struct buf *out, const struct diag_list *diags, const struct options *options)
{
    switch (options->format) {
    case 1:
        render_json(out, diags, options->policy);
        break;
    case 2:
        render_sarif(out, diags);
        break;
    case 3:
        render_github(out, diags);
        break;
    default:
        render_text(out, diags, SEVERITY_NOTE, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
        put_counts(out, diags, options->policy);
    }
}

// Compiles for both families as well: what only the rules show is a finding too.
static void find(struct compilation *compilation, const struct options *options)
{
    struct buf rules = {0};

    if (compile_read(compilation, options->policy)) {
        find_dead_entries(compilation->policy, &compilation->diags);
        for (enum family family = 0; family < FAMILY_COUNT; family++)
            compile_rules(compilation, family, &(struct compile_options){0}, &rules);
    }
    buf_clear(&rules);
    if (options->strict)
        diag_make_strict(&compilation->diags);
    diag_sort(&compilation->diags);
}

enum exit_code run_check(int argc, char **argv)
{
    struct options options = {0};
    struct compilation compilation;
    struct buf findings = {0};
    enum exit_code code = parse(argc, argv, &options);

    if (code != EXIT_FINE)
        return code;
    assert(options.policy);
    compilation_init(&compilation);
    find(&compilation, &options);
    put_findings(&findings, &compilation.diags, &options);
    code = write_output(&findings);
    if (code == EXIT_FINE)
        code = compilation.diags.exit;
    buf_clear(&findings);
    compilation_clear(&compilation);
    return code;
}
