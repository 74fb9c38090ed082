// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc diff: what traffic changes from one policy or ruleset to another.
#include <stdio.h>
#include <string.h>

#include "analysis/diff.h"
#include "analysis/subject.h"
#include "base/json.h"
#include "cli/changes.h"
#include "cli/known_sets.h"
#include "cli/live.h"
#include "cli/options.h"
#include "cli/way.h"

struct options {
    enum family family; // FAMILY_COUNT: all there are
    bool json, widen, live;
    enum kernel_choice via;   // `live`
    const char *sets;         // a text of those that rulesets ask for; NULL: none is known
    const char *before, *now; // `live`: the policy alone is `now`
};

static enum exit_code take_live(int argc, char **argv, struct options *options)
{
    const enum exit_code code = take_policy("diff", argc, argv, &options->now);

    if (code == EXIT_FINE && options->sets && strcmp(options->sets, "-") == 0 &&
        strcmp(options->now, "-") == 0)
        return usage_error("diff", "standard input can be read once");
    return code;
}

static enum exit_code parse(int argc, char **argv, struct options *options)
{
    const struct option_row rows[] = {OPTIONS_FAMILY(&options->family),
                                      option_json(&options->json),
                                      option_fail_on(&options->widen),
                                      option_flag("live", &options->live),
                                      option_via(&options->via),
                                      option_sets(&options->sets),
                                      {0}};
    const enum exit_code code = take_options("diff", argc, argv, rows);

    if (code != EXIT_FINE)
        return code;
    if (options->via != CHOICE_FITTING && !options->live)
        return usage_error("diff", "--via is about --live alone");
    if (options->live)
        return take_live(argc, argv, options);
    if (argc - optind != 2)
        return usage_error("diff", "two policies or rulesets are to be named: the old one and the new one");
    options->before = argv[optind];
    options->now = argv[optind + 1];
    if ((strcmp(options->before, "-") == 0) + (strcmp(options->now, "-") == 0) +
            (options->sets && strcmp(options->sets, "-") == 0) >
        1)
        return usage_error("diff", "only one of them can come from standard input");
    return EXIT_FINE;
}

static json_t *document(const struct options *options, const struct difference *difference)
{
    json_t *object = json_document("diff");

    json_set(object, "before", json_text(options->before));
    json_set(object, "now", json_text(options->now));
    set_changes(object, difference);
    return object;
}

static bool leaves_forwarding(const struct subject *subject)
{
    return subject->policy && subject->policy->forwarding == VERDICT_LEAVE;
}

// A table of a text has its built-in chains, whether or not the text says anything of them.
static bool has_forwarding(const struct subject *subject)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct table *filter =
            subject->rules[family] ? ruleset_find_table(subject->rules[family], "filter") : NULL;
        const struct chain *forward = filter ? table_find_chain(filter, "FORWARD") : NULL;

        if (forward && (forward->count || forward->policy != CHAIN_UNWRITTEN))
            return true;
    }
    return false;
}

// Beside a policy that leaves forwarded traffic to others, what a ruleset does with it is these others': they have it still when
// the policy is applied.
static unsigned hooks_of_others(const struct subject *policy, const char *name, const struct subject *rules)
{
    if (!leaves_forwarding(policy) || rules->policy)
        return 0;
    if (has_forwarding(rules))
        fprintf(stderr, "ctc: note: forwarded traffic is not compared: %s leaves it to others\n", name);
    return 1U << HOOK_FORWARD;
}

static enum exit_code compare(const struct options *options, const struct subject *before,
                              const struct subject *now)
{
    struct arena arena = {0};
    struct difference difference = {.complete = true};
    struct buf text = {0};
    bool compared = false;
    enum exit_code code;

    difference.left_out =
        hooks_of_others(before, options->before, now) | hooks_of_others(now, options->now, before);
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        if (!before->rules[family] || !now->rules[family] ||
            (options->family != FAMILY_COUNT && options->family != family))
            continue;
        find_changes(&arena, before->rules[family], before->policy, now->rules[family], now->policy,
                     REGIONS_TOLD, &difference);
        compared = true;
    }
    if (!compared) {
        fputs("ctc: error: the two have no family in common: -4 or -6 says what a ruleset is for\n", stderr);
        code = EXIT_USAGE;
    } else if (difference.undecided) {
        fputs("ctc: error: not decided: the rules are too many\n", stderr);
        code = EXIT_UNPROVED;
    } else {
        if (options->json)
            json_print(&text, document(options, &difference));
        else
            put_changes(&text, &arena, &difference);
        code = write_output(&text);
        if (code == EXIT_FINE && (options->widen ? difference_widens(&difference) : difference.count != 0))
            code = EXIT_DIFFERENCE;
    }
    buf_clear(&text);
    arena_clear(&arena);
    return code;
}

static enum exit_code read_and_compare(const struct options *options, const struct ipset_list *sets)
{
    struct subject before, now;
    const bool read_before = subject_read(&before, options->before, options->family, sets);
    const bool read_now = subject_read(&now, options->now, options->family, sets);
    enum exit_code code;

    report_diags(&before.compilation.diags, SEVERITY_WARNING);
    report_diags(&now.compilation.diags, SEVERITY_WARNING);
    code = !read_before ? before.compilation.diags.exit
           : !read_now  ? now.compilation.diags.exit
                        : compare(options, &before, &now);
    subject_clear(&before);
    subject_clear(&now);
    return code;
}

enum exit_code run_diff(int argc, char **argv)
{
    struct options options = {.family = FAMILY_COUNT};
    struct known_sets known;
    enum exit_code code = parse(argc, argv, &options);

    if (code != EXIT_FINE)
        return code;

    if (options.live)
        return ask_live(&(struct live_question){.command = "diff --live",
                                                .policy = options.now,
                                                .via = options.via,
                                                .family = options.family,
                                                .sets = options.sets,
                                                .json = options.json,
                                                .widen = options.widen});

    code = known_sets_open(&known, options.sets);
    if (code == EXIT_FINE)
        code = read_and_compare(&options, known.list);
    known_sets_clear(&known);
    return code;
}
