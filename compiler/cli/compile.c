// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc compile: a policy to restore files, or to standard output.
#include "compile.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

struct options {
    enum family family;
    bool family_chosen;
    const char *output; // NULL: standard output
    struct compile_options compile;
    const char *policy;
};

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    static const struct option words[] = {
        {"ipv4", no_argument, NULL, '4'},           {"ipv6", no_argument, NULL, '6'},
        {"output", required_argument, NULL, 'o'},   {"comments", no_argument, NULL, 'c'},
        {"allow-unproved", no_argument, NULL, 'u'}, {0}};

    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "46o:", words, NULL)) != -1;) {
        switch (option) {
        case '4':
        case '6':
            if (options->family_chosen && options->family != (option == '6'))
                return usage_error("compile", "-4 and -6 at once; -o DIR/ writes the rules of both families");
            options->family = option == '4' ? FAMILY_IPV4 : FAMILY_IPV6;
            options->family_chosen = true;
            break;
        case 'o':
            if (!optarg[0])
                return usage_error("compile", "-o names no file");
            options->output = optarg;
            break;
        case 'c':
            options->compile.lower.comments = true;
            break;
        case 'u':
            options->compile.allow_unproved = true;
            break;
        default:
            return option_error("compile", argc, argv);
        }
    }
    if (argc - optind != 1)
        return usage_error("compile",
                           argc == optind ? "no policy is named" : "more than one policy is named");
    options->policy = argv[optind];
    return EXIT_FINE;
}

static bool is_directory(const char *path)
{
    struct stat status;

    return path[0] &&
           (path[strlen(path) - 1] == '/' || (stat(path, &status) == 0 && S_ISDIR(status.st_mode)));
}

static const char *const rule_files[FAMILY_COUNT] = {"rules.v4", "rules.v6"};

// The path of a family's file in a directory. False where it is too long.
static bool path_in(const char *directory, enum family family, char path[PATH_MAX])
{
    const char *slash = directory[strlen(directory) - 1] == '/' ? "" : "/";

    return snprintf(path, PATH_MAX, "%s%s%s", directory, slash, rule_files[family]) < PATH_MAX;
}

static enum exit_code write_directory(const char *directory, struct buf texts[FAMILY_COUNT])
{
    char paths[FAMILY_COUNT][PATH_MAX];
    struct output_file files[FAMILY_COUNT];
    struct stat status;

    if (stat(directory, &status) < 0 || !S_ISDIR(status.st_mode)) {
        fprintf(stderr, "ctc: error: cannot write to %s: %s\n", directory, strerror(errno ? errno : ENOTDIR));
        return EXIT_WORLD;
    }
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        if (!path_in(directory, family, paths[family])) {
            fprintf(stderr, "ctc: error: cannot write to %s: %s\n", directory, strerror(ENAMETOOLONG));
            return EXIT_WORLD;
        }
        files[family] = (struct output_file){paths[family], &texts[family]};
    }
    return write_files(files, FAMILY_COUNT);
}

// A policy that is named as the output by mistake would be gone.
static bool is_source(const struct compilation *compilation, const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return false;
    for (size_t i = 0; i < compilation->sources.count; i++)
        if (compilation->sources.items[i]->device == status.st_dev &&
            compilation->sources.items[i]->inode == status.st_ino)
            return S_ISREG(status.st_mode);
    return false;
}

static bool would_replace_source(const struct compilation *compilation, const char *output)
{
    char path[PATH_MAX];

    if (!is_directory(output))
        return is_source(compilation, output);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (path_in(output, family, path) && is_source(compilation, path))
            return true;
    return false;
}

static enum exit_code write_rules(const struct options *options, struct buf texts[FAMILY_COUNT])
{
    const struct output_file file = {options->output, &texts[options->family]};
    enum exit_code code;

    if (options->output && is_directory(options->output))
        return write_directory(options->output, texts);
    code = options->output ? write_files(&file, 1) : write_output(&texts[options->family]);
    if (code == EXIT_FINE)
        fprintf(stderr, "ctc: note: these are the rules of %s alone; those of %s: ctc -%d %s\n",
                family_name(options->family), family_name(!options->family),
                options->family == FAMILY_IPV4 ? 6 : 4, options->policy);
    return code;
}

static enum exit_code compile(struct compilation *compilation, const struct options *options)
{
    struct buf texts[FAMILY_COUNT] = {{0}};
    bool fine = compile_read(compilation, options->policy);

    // Both are proved, whichever is printed: a policy is right or wrong as a whole.
    for (enum family family = 0; family < FAMILY_COUNT && fine; family++)
        fine = compile_rules(compilation, family, &options->compile, &texts[family]);
    report_diags(&compilation->diags, SEVERITY_WARNING);

    enum exit_code code = compilation->diags.exit;

    if (fine && options->output && would_replace_source(compilation, options->output))
        code = usage_error("compile", "%s would replace a file of the policy itself", options->output);
    else if (fine)
        code = write_rules(options, texts);

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        buf_clear(&texts[family]);
    return code;
}

enum exit_code run_compile(int argc, char **argv)
{
    struct options options = {.family = FAMILY_IPV4};
    struct compilation compilation;
    enum exit_code code = parse(argc, argv, &options);

    if (code != EXIT_FINE)
        return code;
    if (options.family_chosen && options.output && is_directory(options.output))
        return usage_error("compile", "-o DIR/ writes the rules of both families: leave -4 and -6 out");
    compilation_init(&compilation);
    code = compile(&compilation, &options);
    compilation_clear(&compilation);
    return code;
}
