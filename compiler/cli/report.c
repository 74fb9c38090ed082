// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc report: what a policy means, as one page.
#include "report/report.h"

#include "cli/files.h"
#include "cli/options.h"

struct options {
    const char *output; // NULL: standard output
    const char *policy;
};

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    const struct option_row rows[] = {option_output(&options->output), {0}};
    const enum exit_code code = take_options("report", argc, argv, rows);

    return code == EXIT_FINE ? take_policy("report", argc, argv, &options->policy) : code;
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

    const bool fine = subject_read(&subject, options.policy, FAMILY_COUNT, NULL);

    report_diags(&subject.compilation.diags, SEVERITY_WARNING);
    if (fine && subject.is_ruleset)
        code = usage_error(
            "report",
            "%s is a ruleset, and a report is about a policy: ctc check and ctc explain take rulesets",
            options.policy);
    // A policy that is named as the output by mistake would be gone.
    else if (fine && options.output && compile_has_read_path(&subject.compilation, options.output))
        code = usage_error("report", "%s would replace a file of the policy itself", options.output);
    else if (fine)
        code = write_page(&subject, &options);
    else
        code = subject.compilation.diags.exit;
    subject_clear(&subject);
    return code;
}
