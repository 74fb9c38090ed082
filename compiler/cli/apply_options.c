// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/apply_options.h"

#include "base/text.h"
#include "cli/options.h"
#include "cli/way.h"

#define CONFIRM_MAX 86400 // a day

static enum exit_code take_option(void *context, int option)
{
    static const char *const owned[] = {"tables", "chains", NULL}, *const instead[] = {"last", "closed",
                                                                                       NULL};
    struct apply_options *options = context;
    enum exit_code code;
    uint64_t seconds;
    int number;

    switch (option) {
    case 'd':
        options->dry_run = true;
        return EXIT_FINE;
    case 'n':
        options->now = true;
        return EXIT_FINE;
    case 'c':
        if (!parse_number(slice_of(optarg), CONFIRM_MAX, &seconds) || !seconds)
            return usage_error("apply", "'%s' is no number of seconds from 1 to %d", optarg, CONFIRM_MAX);
        options->confirm = (unsigned)seconds;
        return EXIT_FINE;
    case 'o':
        code = take_word("apply", "own", owned, &number);
        options->own = number == 0 ? OWN_TABLES : OWN_CHAINS;
        return code;
    case 'F':
        options->force = true;
        return EXIT_FINE;
    case 'k':
        options->check = true;
        return EXIT_FINE;
    case 'w':
        return take_fail_on("apply", &options->widen);
    case 'C':
        options->cut = true;
        return EXIT_FINE;
    case 'v':
        return take_way("apply", &options->via);
    case 'b':
        code = take_word("apply", "boot", instead, &number);
        options->boot = number == 0 ? BOOT_LAST : BOOT_CLOSED;
        return code;
    case 'f':
        return take_json("apply", &options->json);
    default:
        return EXIT_USAGE;
    }
}

enum exit_code parse_apply_options(int argc, char **argv, struct apply_options *options)
{
    static const struct option words[] = {{"dry-run", no_argument, NULL, 'd'},
                                          {"now", no_argument, NULL, 'n'},
                                          {"confirm", required_argument, NULL, 'c'},
                                          {"force", no_argument, NULL, 'F'},
                                          {"cut", no_argument, NULL, 'C'},
                                          OPTION_VIA,
                                          {"boot", required_argument, NULL, 'b'},
                                          OPTION_FORMAT,
                                          {"own", required_argument, NULL, 'o'},
                                          {"check", no_argument, NULL, 'k'},
                                          OPTION_FAIL_ON,
                                          {0}};

    enum exit_code code = take_options("apply", argc, argv, "", words, take_option, options);

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
