// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options.h"

#include <string.h>

#include "compile.h"
#include "host/version.h"

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

enum exit_code take_policy(const char *command, int argc, char **argv, const char **policy)
{
    if (argc - optind != 1)
        return usage_error(command, argc == optind ? "no policy is named" : "more than one policy is named");
    *policy = argv[optind];
    return EXIT_FINE;
}

enum exit_code take_word(const char *command, const char *option, const char *const *words, int *number)
{
    struct buf known = {0};

    for (*number = 0; words[*number]; ++*number)
        if (strcmp(words[*number], optarg) == 0)
            return EXIT_FINE;
    for (size_t i = 0; words[i]; i++)
        buf_printf(&known, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    usage_error(command, "--%s takes %.*s, not '%s'", option, (int)known.length, known.bytes, optarg);
    buf_clear(&known);
    return EXIT_USAGE;
}

// An option that takes one of two words: whether it is the other one.
static enum exit_code take_either(const char *command, const char *option, const char *one, const char *other,
                                  bool *is_other)
{
    const char *const words[] = {one, other, NULL};
    int number;
    const enum exit_code code = take_word(command, option, words, &number);

    *is_other = code == EXIT_FINE && number == 1;
    return code;
}

enum exit_code take_family(int option, enum family *family)
{
    *family = option == '4' ? FAMILY_IPV4 : FAMILY_IPV6;
    return EXIT_FINE;
}

enum exit_code take_json(const char *command, bool *json)
{
    return take_either(command, "format", "text", "json", json);
}

enum exit_code take_fail_on(const char *command, bool *widen)
{
    return take_either(command, "fail-on", "any", "widen", widen);
}

enum exit_code take_output(const char *command, const char **path)
{
    if (!optarg[0])
        return usage_error(command, "-o names no file");
    *path = optarg;
    return EXIT_FINE;
}

enum exit_code take_kernel(const char *command, struct kernel_version *version)
{
    if (kernel_version_parse(optarg, version))
        return EXIT_FINE;
    return usage_error(command, "'%s' is not a kernel version: write 5.14, or what uname -r prints", optarg);
}

enum exit_code take_compile(int option, struct compile_options *options)
{
    if (option == 'c')
        options->lower.comments = true;
    else
        options->allow_unproved = true;
    return EXIT_FINE;
}
