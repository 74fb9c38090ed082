// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag/render.h"

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

enum exit_code usage_error(const char *name, const char *problem, ...)
{
    const struct command *command = find_command(name);

    if (problem) {
        va_list args;

        va_start(args, problem);
        fputs("ctc: error: ", stderr);
        vfprintf(stderr, problem, args);
        fputc('\n', stderr);
        va_end(args);
    }
    if (command)
        fprintf(stderr, "usage: ctc %s %s\n", command->name, command->usage);
    else
        fputs("usage: ctc POLICY, or ctc COMMAND ...; `ctc help` lists the commands\n", stderr);
    return EXIT_USAGE;
}

bool one_policy(const char *command, int argc, char **argv, const char **policy)
{
    if (argc - optind != 1)
        usage_error(command, argc == optind ? "no policy is named" : "more than one policy is named");
    else
        *policy = argv[optind];
    return argc - optind == 1;
}

// What getopt_long() stumbled over.
static enum exit_code option_error(const char *command, int argc, char **argv)
{
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";

    if (optopt && strncmp(word, "--", 2) != 0)
        return usage_error(command, "the option -%c is unknown or lacks its value", optopt);
    return usage_error(command, "the option %s is unknown, or its value does not fit", word);
}

enum exit_code take_options(const char *command, int argc, char **argv, const char *letters,
                            const struct option *words, enum exit_code (*take)(void *options, int option),
                            void *options)
{
    enum exit_code code = EXIT_FINE;

    optind = 1;
    opterr = 0;
    for (int option; code == EXIT_FINE && (option = getopt_long(argc, argv, letters, words, NULL)) != -1;)
        code = option == '?' ? option_error(command, argc, argv) : take(options, option);
    return code;
}

bool choose_word(const char *command, const char *option, const char *word, const char *const *words,
                 int *number)
{
    struct buf known = {0};

    for (*number = 0; words[*number]; ++*number)
        if (strcmp(words[*number], word) == 0)
            return true;
    for (size_t i = 0; words[i]; i++)
        buf_printf(&known, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    usage_error(command, "--%s takes %.*s, not '%s'", option, (int)known.length, known.bytes, word);
    buf_clear(&known);
    return false;
}

enum exit_code take_either(const char *command, const char *option, const char *one, const char *other,
                           bool *is_other)
{
    const char *const words[] = {one, other, NULL};
    int number;

    if (!choose_word(command, option, optarg, words, &number))
        return EXIT_USAGE;
    *is_other = number == 1;
    return EXIT_FINE;
}

void report_diags(struct diag_list *diags, enum severity least)
{
    const bool colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    struct buf text = {0};

    diag_sort(diags);
    render_text(&text, diags, least, colour);
    if (text.length)
        fwrite(text.bytes, 1, text.length, stderr);
    buf_clear(&text);
}
