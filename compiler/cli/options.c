// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options.h"

#include <assert.h>
#include <string.h>

#include "host/version.h"

#define ROWS_MAX 16

// What a long option that getopt_long() stumbled over lacks, or which one was meant.
static enum exit_code report_word(const char *command, const char *word, const struct option *words)
{
    const struct slice name = {word + 2, strcspn(word + 2, "=")};
    const char *names[ROWS_MAX + 1] = {0}, *nearest;
    size_t count = 0, begun = 0;
    bool whole = false;
    struct buf candidates = {0};

    for (; words[count].name; count++) {
        names[count] = words[count].name;
        if (strncmp(words[count].name, name.at, name.length) == 0)
            buf_printf(&candidates, "%s--%s", begun++ ? ", " : "", words[count].name);
        whole = whole || slice_is(name, words[count].name);
    }
    if (whole || begun == 1)
        usage_error(command, "the option --%.*s takes %s value", (int)name.length, name.at,
                    word[2 + name.length] ? "no" : "a");
    else if (begun)
        usage_error(command, "the option --%.*s could be any of %.*s", (int)name.length, name.at,
                    (int)candidates.length, candidates.bytes);
    else if ((nearest = suggested_word(name, names)))
        usage_error(command, "there is no option --%.*s; did you mean --%s?", (int)name.length, name.at,
                    nearest);
    else
        usage_error(command, "there is no option --%.*s", (int)name.length, name.at);
    buf_clear(&candidates);
    return EXIT_USAGE;
}

// What getopt_long() stumbled over.
static enum exit_code option_error(const char *command, int argc, char **argv, const char *letters,
                                   const struct option *words)
{
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";

    if (strncmp(word, "--", 2) == 0)
        return report_word(command, word, words);
    if (optopt && strchr(letters, optopt))
        return usage_error(command, "the option -%c takes a value", optopt);
    return usage_error(command, "there is no option -%c", optopt);
}

#define FIRST_ROW 256 // behind all letters: what getopt_long() gives for the word of the first row

static const struct option_row *row_of(const struct option_row *rows, int option)
{
    if (option >= FIRST_ROW)
        return &rows[option - FIRST_ROW];
    while (rows->letter != option)
        rows++;
    return rows;
}

enum exit_code take_options(const char *command, int argc, char **argv, const struct option_row *rows)
{
    struct option words[ROWS_MAX + 1] = {0};
    char letters[2 * ROWS_MAX + 1], *end = letters;
    enum exit_code code = EXIT_FINE;

    for (int i = 0; rows[i].word; i++) {
        assert(i < ROWS_MAX);
        words[i] = (struct option){rows[i].word, rows[i].argument, NULL, FIRST_ROW + i};
        if (rows[i].letter)
            *end++ = rows[i].letter;
        if (rows[i].letter && rows[i].argument == required_argument)
            *end++ = ':';
    }
    *end = '\0';
    optind = 1;
    opterr = 0;
    for (int option; code == EXIT_FINE && (option = getopt_long(argc, argv, letters, words, NULL)) != -1;) {
        const struct option_row *row = option == '?' ? NULL : row_of(rows, option);

        code = row ? row->take(command, row) : option_error(command, argc, argv, letters, words);
    }
    return code;
}

enum exit_code take_policy(const char *command, int argc, char **argv, const char **policy)
{
    if (argc == optind)
        return usage_error(command, "no policy is named");
    if (argc - optind == 2 && command_find(argv[optind + 1]))
        return usage_error(command, "a command comes first: ctc %s %s", argv[optind + 1], argv[optind]);
    if (argc - optind != 1)
        return usage_error(command, "more than one policy is named");
    *policy = argv[optind];
    return EXIT_FINE;
}

enum exit_code take_word(const char *command, const char *option, const char *const *words, int *number)
{
    struct buf known = {0};
    const char *suggested;

    for (*number = 0; words[*number]; ++*number)
        if (strcmp(words[*number], optarg) == 0)
            return EXIT_FINE;
    for (size_t i = 0; words[i]; i++)
        buf_printf(&known, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    suggested = suggested_word(slice_of(optarg), words);
    usage_error(command, "--%s takes %.*s, not '%s'%s%s%s", option, (int)known.length, known.bytes, optarg,
                suggested ? "; did you mean " : "", suggested ? suggested : "", suggested ? "?" : "");
    buf_clear(&known);
    return EXIT_USAGE;
}

static enum exit_code set_flag(const char *command, const struct option_row *row)
{
    bool *flag = row->into;

    (void)command;
    *flag = true;
    return EXIT_FINE;
}

static enum exit_code set_choice(const char *command, const struct option_row *row)
{
    int *number = row->into;

    (void)command;
    *number = row->choice;
    return EXIT_FINE;
}

static enum exit_code set_text(const char *command, const struct option_row *row)
{
    const char **text = row->into;

    (void)command;
    *text = optarg;
    return EXIT_FINE;
}

static enum exit_code set_word(const char *command, const struct option_row *row)
{
    return take_word(command, row->word, row->words, row->into);
}

// Of two words: whether it is the other one.
static enum exit_code set_either(const char *command, const struct option_row *row)
{
    bool *is_other = row->into;
    int number;
    const enum exit_code code = take_word(command, row->word, row->words, &number);

    *is_other = code == EXIT_FINE && number == 1;
    return code;
}

static enum exit_code set_family(const char *command, const struct option_row *row)
{
    enum family *family = row->into;

    (void)command;
    *family = (enum family)row->choice;
    return EXIT_FINE;
}

static enum exit_code set_path(const char *command, const struct option_row *row)
{
    if (!optarg[0])
        return usage_error(command, "%s names no file", row->letter ? "-o" : "--sets");
    return set_text(command, row);
}

static enum exit_code set_kernel(const char *command, const struct option_row *row)
{
    if (kernel_version_parse(optarg, row->into))
        return EXIT_FINE;
    return usage_error(command, "'%s' is not a kernel version: write 5.14, or what uname -r prints", optarg);
}

struct option_row option_flag(const char *word, bool *flag)
{
    return (struct option_row){.word = word, .take = set_flag, .into = flag};
}

struct option_row option_choice(const char *word, int choice, int *number)
{
    return (struct option_row){.word = word, .take = set_choice, .into = number, .choice = choice};
}

struct option_row option_value(const char *word,
                               enum exit_code (*take)(const char *command, const struct option_row *row),
                               void *into)
{
    return (struct option_row){.word = word, .argument = required_argument, .take = take, .into = into};
}

struct option_row option_text(const char *word, const char **text)
{
    return option_value(word, set_text, text);
}

struct option_row option_word(const char *word, const char *const *words, int *number)
{
    struct option_row row = option_value(word, set_word, number);

    row.words = words;
    return row;
}

static struct option_row option_either(const char *word, const char *const words[3], bool *is_other)
{
    struct option_row row = option_value(word, set_either, is_other);

    row.words = words;
    return row;
}

struct option_row option_json(bool *json)
{
    static const char *const formats[] = {"text", "json", NULL};

    return option_either("format", formats, json);
}

struct option_row option_fail_on(bool *widen)
{
    static const char *const differences[] = {"any", "widen", NULL};

    return option_either("fail-on", differences, widen);
}

struct option_row option_ipv4(enum family *family)
{
    return (struct option_row){
        .word = "ipv4", .letter = '4', .take = set_family, .into = family, .choice = FAMILY_IPV4};
}

struct option_row option_ipv6(enum family *family)
{
    return (struct option_row){
        .word = "ipv6", .letter = '6', .take = set_family, .into = family, .choice = FAMILY_IPV6};
}

struct option_row option_output(const char **path)
{
    struct option_row row = option_value("output", set_path, path);

    row.letter = 'o';
    return row;
}

struct option_row option_sets(const char **path)
{
    return option_value("sets", set_path, path);
}

struct option_row option_kernel(struct kernel_version *version)
{
    return option_value("kernel", set_kernel, version);
}
