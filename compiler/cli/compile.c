// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc compile: a policy to restore files, or to standard output.
#include "compile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/vec.h"
#include "cli/columns.h"
#include "cli/files.h"
#include "cli/options.h"
#include "passes/cost.h"

struct options {
    enum family family;
    bool family_chosen;
    const char *output; // NULL: standard output
    const char *sets;   // a file for sets; NULL: none are made
    struct compile_options compile;
    bool explain_cost; // in place of the rules
    const char *policy;
};

// The pass of that name; PASS_COUNT, and said, where there is none.
static enum pass find_pass(const char *command, struct slice name)
{
    enum pass pass = 0;

    while (pass < PASS_COUNT && !slice_is(name, pass_names[pass]))
        pass++;
    if (pass == PASS_COUNT) {
        struct buf names = {0};

        for (enum pass known = 0; known < PASS_COUNT; known++)
            buf_printf(&names, "%s%s", known ? ", " : "", pass_names[known]);
        usage_error(command, "there is no pass `%.*s`: %s", (int)name.length, name.at, names.bytes);
        buf_clear(&names);
    }
    return pass;
}

// `join,tree`.
static enum exit_code take_without(const char *command, const struct option_row *row)
{
    struct slice names = slice_of(optarg), name;
    unsigned *without = row->into;

    while (slice_item(&names, ',', &name)) {
        const enum pass pass = find_pass(command, name);

        if (pass == PASS_COUNT)
            return EXIT_USAGE;
        *without |= 1U << pass;
    }
    return EXIT_FINE;
}

// `none`, or the name of a pass: what stands behind it does not run.
static enum exit_code take_until(const char *command, const struct option_row *row)
{
    unsigned *without = row->into;
    enum pass pass;

    if (strcmp(optarg, "none") == 0) {
        *without = PASSES_NONE;
        return EXIT_FINE;
    }
    pass = find_pass(command, slice_of(optarg));
    if (pass == PASS_COUNT)
        return EXIT_USAGE;
    *without |= PASSES_NONE & ~((2U << pass) - 1);
    return EXIT_FINE;
}

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    enum family ipv4 = FAMILY_COUNT, ipv6 = FAMILY_COUNT;
    unsigned *without = &options->compile.passes.without;
    const struct option_row rows[] = {option_ipv4(&ipv4),
                                      option_ipv6(&ipv6),
                                      option_output(&options->output),
                                      option_sets(&options->sets),
                                      OPTIONS_COMPILE(&options->compile),
                                      option_value("without", take_without, without),
                                      option_value("until", take_until, without),
                                      option_flag("explain-cost", &options->explain_cost),
                                      {0}};
    enum exit_code code = take_options("compile", argc, argv, rows);

    if (code == EXIT_FINE && ipv4 != FAMILY_COUNT && ipv6 != FAMILY_COUNT)
        return usage_error("compile", "-4 and -6 at once; -o DIR/ writes the rules of both families");
    if (code == EXIT_FINE)
        code = take_policy("compile", argc, argv, &options->policy);
    if (code == EXIT_FINE && options->explain_cost && (options->output || options->sets))
        return usage_error("compile", "--explain-cost prints no rules: leave -o and --sets out");
    if (code == EXIT_FINE && options->output && options->sets && strcmp(options->output, options->sets) == 0)
        return usage_error("compile", "%s cannot hold the rules and the sets at once", options->sets);
    options->family_chosen = ipv4 != FAMILY_COUNT || ipv6 != FAMILY_COUNT;
    options->family = ipv6 != FAMILY_COUNT ? FAMILY_IPV6 : FAMILY_IPV4;
    return code;
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

// What a compilation makes.
struct texts {
    struct buf rules[FAMILY_COUNT], sets;
};

static enum exit_code write_directory(const struct options *options, const struct texts *texts)
{
    const char *directory = options->output;
    char paths[FAMILY_COUNT][PATH_MAX];
    struct output_file files[FAMILY_COUNT + 1];
    size_t count = 0;
    struct stat status;

    if (stat(directory, &status) < 0 && errno == ENOENT)
        return world_error("cannot write to %s: there is no such folder; mkdir -p %s makes it", directory,
                           directory);
    if (stat(directory, &status) < 0)
        return world_error("cannot write to %s: %s", directory, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return world_error("cannot write to %s: %s", directory, strerror(ENOTDIR));
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        if (!path_in(directory, family, paths[family]))
            return world_error("cannot write to %s: %s", directory, strerror(ENAMETOOLONG));
        files[count++] = (struct output_file){.path = paths[family], .text = &texts->rules[family]};
    }
    if (options->sets)
        files[count++] = (struct output_file){.path = options->sets, .text = &texts->sets};
    return write_files(NO_ROOT, files, count);
}

static bool would_replace_source(const struct compilation *compilation, const char *output)
{
    char path[PATH_MAX];

    if (!is_directory(output))
        return compile_has_read_path(compilation, output);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (path_in(output, family, path) && compile_has_read_path(compilation, path))
            return true;
    return false;
}

// A policy that is named as an output by mistake would be gone. The name of that output; NULL: none is one.
static const char *replaced_source(const struct compilation *compilation, const struct options *options)
{
    if (options->output && would_replace_source(compilation, options->output))
        return options->output;
    return options->sets && would_replace_source(compilation, options->sets) ? options->sets : NULL;
}

static enum exit_code write_texts(const struct options *options, const struct texts *texts)
{
    const struct buf *rules = &texts->rules[options->family];
    struct output_file files[2];
    size_t count = 0;
    enum exit_code code = EXIT_FINE;

    if (options->output && is_directory(options->output))
        return write_directory(options, texts);
    if (options->output)
        files[count++] = (struct output_file){.path = options->output, .text = rules};
    if (options->sets)
        files[count++] = (struct output_file){.path = options->sets, .text = &texts->sets};
    if (count)
        code = write_files(NO_ROOT, files, count);
    if (code == EXIT_FINE && !options->output)
        code = write_output(rules);
    if (code == EXIT_FINE)
        fprintf(stderr, "ctc: note: these are the rules of %s alone; those of %s: ctc -%d %s\n",
                family_name(options->family), family_name(!options->family),
                options->family == FAMILY_IPV4 ? 6 : 4, options->policy);
    return code;
}

static const struct {
    const char *table, *chain;
} hooks[] = {
    {"raw", "PREROUTING"}, {"raw", "OUTPUT"},    {"filter", "INPUT"},
    {"filter", "FORWARD"}, {"filter", "OUTPUT"},
};

// How many rules a packet walks, in the rules as they are and as they would be without the passes.
static struct row walked_row(struct arena *arena, const struct ruleset *rules, const struct ruleset *plain,
                             size_t hook)
{
    const struct walked now = ruleset_walked(arena, rules, hooks[hook].table, hooks[hook].chain);
    struct row row = {{
        arena_printf(arena, "%s %s %s", family_name(rules->family), hooks[hook].table, hooks[hook].chain),
        arena_printf(arena, "%zu", now.worst),
        arena_printf(arena, "%.1f", now.expected),
        "more than a table holds",
        "",
    }};

    if (plain) {
        const struct walked then = ruleset_walked(arena, plain, hooks[hook].table, hooks[hook].chain);

        row.cells[3] = arena_printf(arena, "%zu", then.worst);
        row.cells[4] = arena_printf(arena, "%.1f", then.expected);
    }
    return row;
}

static enum exit_code explain_cost(struct compilation *compilation, const struct options *options)
{
    struct arena *arena = &compilation->arena;
    struct rows rows = {0};
    struct buf text = {0};
    enum exit_code code;

    *vec_push(arena, &rows) =
        (struct row){{"rules that a packet walks", "at most", "expected", "without passes", "expected"}};
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct ruleset *lowered = compilation->rules[family], *rules = lowered->printed;
        struct diag_list too_many = {.arena = arena};
        const struct ruleset *plain =
            passes_run(arena, lowered, (struct pass_options){.without = PASSES_NONE}, &too_many);

        for (size_t hook = 0; hook < sizeof(hooks) / sizeof(*hooks); hook++) {
            const struct table *table = ruleset_find_table(rules, hooks[hook].table);
            const struct chain *chain = table ? table_find_chain(table, hooks[hook].chain) : NULL;

            if (chain && chain->count && (!options->family_chosen || options->family == family))
                *vec_push(arena, &rows) = walked_row(arena, rules, plain, hook);
        }
    }
    put_rows(&text, &rows, "", 0);
    code = write_output(&text);
    buf_clear(&text);
    return code;
}

static enum exit_code compile(struct compilation *compilation, const struct options *options)
{
    struct texts texts = {{{0}}, {0}};
    struct compile_options how = options->compile;
    bool fine = compile_read(compilation, options->policy);

    how.sets = options->sets ? &texts.sets : NULL;
    // Both are proved, whichever is printed: a policy is right or wrong as a whole.
    for (enum family family = 0; family < FAMILY_COUNT && fine; family++)
        fine = compile_rules(compilation, family, &how, &texts.rules[family]);
    report_diags(&compilation->diags, SEVERITY_WARNING);

    enum exit_code code = compilation->diags.exit;
    const char *replaced = fine ? replaced_source(compilation, options) : NULL;

    if (fine && replaced)
        code = usage_error("compile", "%s would replace a file of the policy itself", replaced);
    else if (fine && options->explain_cost)
        code = explain_cost(compilation, options);
    else if (fine)
        code = write_texts(options, &texts);

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        buf_clear(&texts.rules[family]);
    buf_clear(&texts.sets);
    return code;
}

enum exit_code run_compile(int argc, char **argv)
{
    struct options options = {0};
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
