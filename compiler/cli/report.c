// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc report: what a policy means, as one page.
#include "report/report.h"

#include <getopt.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/files.h"

struct options {
    const char *output; // NULL: standard output
    const char *policy;
};

static enum exit_code take_output(void *context, int option)
{
    struct options *options = context;

    (void)option;
    if (!optarg[0])
        return usage_error("report", "-o names no file");
    options->output = optarg;
    return EXIT_FINE;
}

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    static const struct option words[] = {{"output", required_argument, NULL, 'o'}, {0}};
    const enum exit_code code = take_options("report", argc, argv, "o:", words, take_output, options);

    if (code != EXIT_FINE)
        return code;
    return one_policy("report", argc, argv, &options->policy) ? EXIT_FINE : EXIT_USAGE;
}

// A policy that is named as the output by mistake would be gone.
static bool is_source(const struct compilation *compilation, const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           compile_has_read(compilation, status.st_dev, status.st_ino);
}

static enum exit_code write_page(struct subject *subject, const struct options *options)
{
    struct report *report = arena_alloc(&subject->compilation.arena, sizeof(*report));
    struct buf page = {0};
    const struct output_file file = {.path = options->output, .text = &page};
    enum exit_code code;

    report_gather(report, subject);
    report_page(&page, report);
    code = options->output ? write_files(NO_ROOT, &file, 1) : write_output(&page);
    buf_clear(&page);
    return code;
}

enum exit_code run_report(int argc, char **argv)
{
    struct options options = {0};
    struct subject subject;
    enum exit_code code = parse(argc, argv, &options);

    if (code != EXIT_FINE)
        return code;

    const bool fine = subject_read(&subject, options.policy, FAMILY_COUNT);

    report_diags(&subject.compilation.diags, SEVERITY_WARNING);
    if (fine && subject.is_ruleset)
        code = usage_error(
            "report",
            "%s is a ruleset, and a report is about a policy: ctc check and ctc explain take rulesets",
            options.policy);
    else if (fine && options.output && is_source(&subject.compilation, options.output))
        code = usage_error("report", "%s would replace a file of the policy itself", options.output);
    else if (fine)
        code = write_page(&subject, &options);
    else
        code = subject.compilation.diags.exit;
    subject_clear(&subject);
    return code;
}
