// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc tune: the files that size a host's tracking table, and the kernel that runs here against them.
#include <stdio.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/options.h"
#include "compile.h"
#include "host/plan.h"
#include "host/running.h"

enum task { TASK_PRINT, TASK_LIVE, TASK_APPLY };

struct options {
    enum task task;
    enum host_file file; // HOST_FILE_COUNT: all
    bool task_chosen;
    struct plan_options plan;
    const char *policy;
};

static enum exit_code choose(const char *command, struct options *options, enum task task,
                             enum host_file file)
{
    if (options->task_chosen && (options->task != task || options->file != file))
        return usage_error(command, "--sysctl, --modprobe, --modules, --live and --apply exclude each other");
    options->task_chosen = true;
    options->task = task;
    options->file = file;
    return EXIT_FINE;
}

static enum exit_code take_file(const char *command, const struct option_row *row)
{
    return choose(command, row->into, TASK_PRINT, (enum host_file)row->choice);
}

static enum exit_code take_task(const char *command, const struct option_row *row)
{
    return choose(command, row->into, (enum task)row->choice, HOST_FILE_COUNT);
}

static enum exit_code take_formula(const char *command, const struct option_row *row)
{
    enum formula *formula = row->into;
    int number;
    const enum exit_code code = take_word(command, row->word, formula_names, &number);

    *formula = (enum formula)number;
    return code;
}

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    const struct option_row rows[] = {
        {.word = "sysctl", .take = take_file, .into = options, .choice = HOST_SYSCTL},
        {.word = "modprobe", .take = take_file, .into = options, .choice = HOST_MODPROBE},
        {.word = "modules", .take = take_file, .into = options, .choice = HOST_MODULES},
        {.word = "live", .take = take_task, .into = options, .choice = TASK_LIVE},
        {.word = "apply", .take = take_task, .into = options, .choice = TASK_APPLY},
        option_kernel(&options->plan.version),
        option_value("formula", take_formula, &options->plan.formula),
        {0}};
    enum exit_code code = take_options("tune", argc, argv, rows);

    if (code == EXIT_FINE)
        code = take_policy("tune", argc, argv, &options->policy);
    if (code == EXIT_FINE && options->task != TASK_PRINT && kernel_known(options->plan.version))
        return usage_error("tune", "--live and --apply are about the kernel that runs: leave --kernel out");
    return code;
}

static void put_files(struct buf *out, const struct plan *plan, enum host_file chosen)
{
    if (chosen != HOST_FILE_COUNT) {
        put_host_file(out, plan, chosen);
        return;
    }
    for (enum host_file file = 0; file < HOST_FILE_COUNT; file++) {
        buf_printf(out, "%s### %s\n\n", file ? "\n" : "", host_file_paths[file]);
        put_host_file(out, plan, file);
    }
}

static const char *state_text(struct arena *arena, const struct running_setting *setting)
{
    switch (setting->state) {
    case SETTING_HOLDS:
        return "holds";
    case SETTING_WRITTEN:
        return arena_printf(arena, "written, and read back; it was %s",
                            *setting->before ? setting->before : "empty");
    case SETTING_DIFFERS:
        return arena_printf(arena, "the plan says %s", setting->wanted);
    case SETTING_READ_ONLY:
        return arena_printf(arena, "the plan says %s; it cannot be written from here: %s", setting->wanted,
                            setting->problem);
    case SETTING_FACT:
        return arena_printf(arena, "the policy takes it for %s", setting->wanted);
    case SETTING_ABSENT:
        return arena_printf(arena, "no such key: %s", setting->problem);
    case SETTING_REFUSED:
        return arena_printf(arena, "the plan says %s: %s", setting->wanted, setting->problem);
    case SETTING_STATE_COUNT:
        break;
    }
    return "";
}

static void put_running(struct arena *arena, struct buf *out, const struct running *running)
{
    struct rows rows = {0};

    for (size_t i = 0; i < running->settings.count; i++) {
        const struct running_setting *setting = &running->settings.items[i];

        *vec_push(arena, &rows) =
            (struct row){{setting->key, setting->now && *setting->now ? setting->now : "-",
                          state_text(arena, setting), "", ""}};
    }
    put_rows(out, &rows, "", 0);
}

static enum exit_code explain_failure(const struct running *running, const struct buf *report)
{
    fwrite(report->bytes, 1, report->length, stderr);
    if (running->counts[SETTING_ABSENT])
        fputs("ctc: error: this kernel lacks keys of the plan; for those of the tracker: modprobe "
              "nf_conntrack\n",
              stderr);
    else if (running->counts[SETTING_READ_ONLY])
        fputs(
            "ctc: error: not all of this can be set from here: it takes root, and the size of the table the "
            "first network namespace\n",
            stderr);
    else if (running->counts[SETTING_FACT])
        fputs("ctc: error: this host is not as the policy says, and that is nothing to be set here\n",
              stderr);
    else
        fputs("ctc: error: the kernel does not take all of the plan\n", stderr);
    return EXIT_WORLD;
}

// A report of what holds goes to standard output, one of what failed does not.
static enum exit_code compare(struct arena *arena, const struct plan *plan, enum task task, struct buf *out)
{
    struct running *running = running_read(arena, plan);
    const bool written = task == TASK_APPLY && running_write(arena, plan, running);
    const bool holds = running->counts[SETTING_HOLDS] == running->settings.count;

    put_running(arena, out, running);
    if (running->counts[SETTING_ABSENT] || (task == TASK_APPLY && !written)) {
        const enum exit_code code = explain_failure(running, out);

        if (task == TASK_APPLY && !running->counts[SETTING_WRITTEN])
            fputs("ctc: note: nothing was changed\n", stderr);
        return code;
    }

    const enum exit_code code = write_output(out);

    return code == EXIT_FINE && task == TASK_LIVE && !holds ? EXIT_DIFFERENCE : code;
}

static enum exit_code run(struct compilation *compilation, const struct options *options, struct buf *out)
{
    const struct plan *plan = plan_host(&compilation->arena, compilation->policy, &options->plan);

    plan_check(plan, source_whole(compilation->sources.items[0]), &compilation->diags);
    report_diags(&compilation->diags, SEVERITY_WARNING);
    if (options->task != TASK_PRINT)
        return compare(&compilation->arena, plan, options->task, out);
    put_files(out, plan, options->file);
    return write_output(out);
}

enum exit_code run_tune(int argc, char **argv)
{
    struct options options = {.file = HOST_FILE_COUNT};
    struct compilation compilation;
    struct buf out = {0};
    enum exit_code code = parse(argc, argv, &options);

    if (code != EXIT_FINE)
        return code;
    if (options.task != TASK_PRINT)
        options.plan.version = running_version();
    compilation_init(&compilation);
    if (!compile_read(&compilation, options.policy)) {
        report_diags(&compilation.diags, SEVERITY_WARNING);
        code = compilation.diags.exit;
    } else if (options.plan.formula != FORMULA_AUTO && !compilation.policy->memory) {
        code = usage_error(
            "tune", "--formula %s computes with the host's memory; say host: {memory: 64G} in the policy",
            formula_names[options.plan.formula]);
    } else {
        code = run(&compilation, &options, &out);
    }
    buf_clear(&out);
    compilation_clear(&compilation);
    return code;
}
