// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/apply_options.h"

#include "base/text.h"
#include "cli/way.h"

#define CONFIRM_MAX 86400 // a day

static enum exit_code take_confirm(const char *command, const struct option_row *row)
{
    unsigned *confirm = row->into;
    uint64_t seconds;

    if (!parse_number(slice_of(optarg), CONFIRM_MAX, &seconds) || !seconds)
        return usage_error(command, "'%s' is no number of seconds from 1 to %d", optarg, CONFIRM_MAX);
    *confirm = (unsigned)seconds;
    return EXIT_FINE;
}

static enum exit_code take_own(const char *command, const struct option_row *row)
{
    static const char *const owned[] = {"tables", "chains", NULL};
    enum own *own = row->into;
    int number;
    const enum exit_code code = take_word(command, row->word, owned, &number);

    *own = number == 0 ? OWN_TABLES : OWN_CHAINS;
    return code;
}

static enum exit_code take_boot(const char *command, const struct option_row *row)
{
    static const char *const instead[] = {"last", "closed", NULL};
    enum boot *boot = row->into;
    int number;
    const enum exit_code code = take_word(command, row->word, instead, &number);

    *boot = number == 0 ? BOOT_LAST : BOOT_CLOSED;
    return code;
}

enum exit_code parse_apply_options(int argc, char **argv, struct apply_options *options)
{
    const struct option_row rows[] = {option_flag("dry-run", &options->dry_run),
                                      option_flag("now", &options->now),
                                      option_value("confirm", take_confirm, &options->confirm),
                                      option_flag("force", &options->force),
                                      option_flag("cut", &options->cut),
                                      option_via(&options->via),
                                      option_value("boot", take_boot, &options->boot),
                                      option_json(&options->json),
                                      option_value("own", take_own, &options->own),
                                      option_flag("check", &options->check),
                                      option_fail_on(&options->widen),
                                      {0}};
    enum exit_code code = take_options("apply", argc, argv, rows);

    if (code != EXIT_FINE)
        return code;
    code = take_policy("apply", argc, argv, &options->policy);
    if (code != EXIT_FINE)
        return code;
    if (options->cut && options->confirm)
        return usage_error("apply", "--cut cannot be taken back: leave it to `ctc confirm --cut`");
    if (options->dry_run + options->now + (options->confirm != 0) + (options->boot != BOOT_NOT) +
            options->check >
        1)
        return usage_error("apply", "--check, --dry-run, --now, --confirm and --boot exclude each other");
    if ((options->check && (options->force || options->cut)) || (options->widen && !options->check))
        return usage_error("apply", "--check loads nothing, and --fail-on is about --check alone");
    return EXIT_FINE;
}
