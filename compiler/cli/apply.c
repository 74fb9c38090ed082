// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc apply: what a load of a policy's rules would change in the kernel that runs here.
#include "apply/plan.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "compile.h"

#define REGIONS 40 // of one kind at one hook

struct options {
    bool dry_run, json;
    const char *policy;
};

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    static const struct option words[] = {
        {"dry-run", no_argument, NULL, 'd'}, {"format", required_argument, NULL, 'f'}, {0}};

    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", words, NULL)) != -1;) {
        switch (option) {
        case 'd':
            options->dry_run = true;
            break;
        case 'f':
            if (strcmp(optarg, "text") != 0 && strcmp(optarg, "json") != 0)
                return usage_error("apply", "'%s' is not a format: text or json", optarg);
            options->json = strcmp(optarg, "json") == 0;
            break;
        default:
            return option_error("apply", argc, argv);
        }
    }
    if (argc - optind != 1)
        return usage_error("apply", argc == optind ? "no policy is named" : "more than one policy is named");
    if (!options->dry_run)
        return usage_error("apply",
                           "this version plans a load and does not perform it: say --dry-run, and load "
                           "with iptables-restore");
    options->policy = argv[optind];
    return EXIT_FINE;
}

static const char *policy_word(enum chain_policy policy)
{
    return policy == CHAIN_DROP ? "DROP" : "ACCEPT";
}

// "+2 -1 rules", where something is added or taken away.
static const char *changed(struct arena *arena, size_t added, size_t removed, const char *noun)
{
    const char *plus = added ? arena_printf(arena, "+%zu ", added) : "";
    const char *minus = removed ? arena_printf(arena, "-%zu ", removed) : "";

    return added || removed
               ? arena_printf(arena, "%s%s%s%s", plus, minus, noun, added + removed > 1 ? "s" : "")
               : "";
}

static const char *rules_cell(struct arena *arena, const struct plan_table *table)
{
    const struct table_comparison *found = &table->comparison;
    const char *rules = changed(arena, found->added, found->removed, "rule");
    const char *chains = changed(arena, found->chains_added, found->chains_removed, "chain");

    if (found->same)
        return arena_printf(arena, "unchanged, rules: %zu", found->kept);
    return arena_printf(arena, "%s%s%s%skept: %zu", rules, *rules ? ", " : "", chains, *chains ? ", " : "",
                        found->kept);
}

static const char *policies_cell(struct arena *arena, const struct plan_table *table)
{
    const struct table_comparison *found = &table->comparison;
    const char *text = table->there ? "" : "is not there yet";

    for (size_t i = 0; i < found->count; i++)
        if (found->chains[i].policy != CHAIN_UNWRITTEN)
            text = arena_printf(arena, "%s%spolicy of %s: %s", text, *text ? "\n" : "", found->chains[i].name,
                                policy_word(found->chains[i].policy));
    return text;
}

static void put_plan(struct buf *out, struct arena *arena, const struct apply_plan *plan)
{
    struct rows rows = {0};

    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_table *table = &plan->items[i];

        *vec_push(arena, &rows) = (struct row){{family_name(table->family), table->name,
                                                rules_cell(arena, table), policies_cell(arena, table), ""}};
    }
    put_rows(out, &rows, "", terminal_width());
    buf_char(out, '\n');
    put_changes(out, arena, &plan->difference);
}

static json_t *chain_json(const struct chain_comparison *chain)
{
    json_t *object = json_object();

    json_set(object, "chain", json_text(chain->name));
    json_set(object, "there", json_boolean(chain->live != NULL));
    json_set(object, "wanted", json_boolean(chain->wanted != NULL));
    json_set(object, "added", json_integer((json_int_t)chain->added));
    json_set(object, "removed", json_integer((json_int_t)chain->removed));
    json_set(object, "kept", json_integer((json_int_t)chain->kept));
    json_set(object, "policy",
             chain->policy == CHAIN_UNWRITTEN ? json_null() : json_text(policy_word(chain->policy)));
    return object;
}

static json_t *table_json(const struct plan_table *table)
{
    const struct table_comparison *found = &table->comparison;
    json_t *object = json_object(), *chains = json_array();

    for (size_t i = 0; i < found->count; i++)
        json_push(chains, chain_json(&found->chains[i]));
    json_set(object, "family", json_text(table->family == FAMILY_IPV4 ? "ipv4" : "ipv6"));
    json_set(object, "table", json_text(table->name));
    json_set(object, "there", json_boolean(table->there));
    json_set(object, "same", json_boolean(found->same));
    json_set(object, "added", json_integer((json_int_t)found->added));
    json_set(object, "removed", json_integer((json_int_t)found->removed));
    json_set(object, "kept", json_integer((json_int_t)found->kept));
    json_set(object, "chains", chains);
    return object;
}

static json_t *document(const struct options *options, const struct apply_plan *plan)
{
    json_t *object = json_object(), *tables = json_array();

    for (size_t i = 0; i < plan->count; i++)
        json_push(tables, table_json(&plan->items[i]));
    json_set(object, "version", json_integer(1));
    json_set(object, "tool", json_text("ctc"));
    json_set(object, "command", json_text("apply"));
    json_set(object, "ctc", json_text(CTC_VERSION));
    json_set(object, "policy", json_text(options->policy));
    json_set(object, "applied", json_boolean(false));
    json_set(object, "same", json_boolean(plan->same));
    json_set(object, "tables", tables);
    set_changes(object, &plan->difference);
    return object;
}

static enum exit_code print_plan(struct arena *arena, const struct options *options,
                                 const struct apply_plan *plan)
{
    struct buf text = {0};
    enum exit_code code = EXIT_UNPROVED;

    if (plan->difference.undecided) {
        fputs("ctc: error: not decided: the rules are too many\n", stderr);
    } else {
        if (options->json)
            json_print(&text, document(options, plan));
        else
            put_plan(&text, arena, plan);
        code = write_output(&text);
    }
    buf_clear(&text);
    return code;
}

static enum exit_code apply(struct compilation *compilation, const struct options *options)
{
    struct kernel_error error = {.arena = &compilation->arena};
    bool fine = compile_read(compilation, options->policy);
    struct apply_plan plan;

    for (enum family family = 0; family < FAMILY_COUNT && fine; family++) {
        struct buf text = {0};

        fine = compile_rules(compilation, family, &(struct compile_options){0}, &text);
        buf_clear(&text);
    }
    report_diags(&compilation->diags, SEVERITY_WARNING);
    if (!fine)
        return compilation->diags.exit;
    if (!plan_apply(&compilation->arena, compilation->policy, compilation->rules, REGIONS, &plan, &error)) {
        fprintf(stderr, "ctc: error: %s\n", error.text);
        return EXIT_WORLD;
    }
    return print_plan(&compilation->arena, options, &plan);
}

enum exit_code run_apply(int argc, char **argv)
{
    struct options options = {0};
    struct compilation compilation;
    enum exit_code code = parse(argc, argv, &options);

    if (code != EXIT_FINE)
        return code;
    compilation_init(&compilation);
    code = apply(&compilation, &options);
    compilation_clear(&compilation);
    return code;
}
