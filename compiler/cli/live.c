// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/live.h"

#include <stdio.h>

#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/drift.h"

static bool is_same(const struct live_question *question, const struct drift *drift)
{
    const struct difference *difference = &drift->difference;
    const bool changed = question->widen ? difference_widens(difference) : difference->count != 0;

    return !changed && (!question->rules || (!drift->rules.count && !drift->promises.count));
}

static enum exit_code report(struct arena *arena, const struct live_question *question,
                             const struct drift *drift)
{
    const bool same = is_same(question, drift);
    struct buf text = {0};
    enum exit_code code;

    if (question->json)
        json_print(&text, drift_json(question->command, question->policy, drift, same));
    else if (!same)
        put_drift(&text, arena, drift);
    code = write_output(&text);
    buf_clear(&text);
    return code == EXIT_FINE && !same ? EXIT_DIFFERENCE : code;
}

static enum exit_code compare(struct compilation *compilation, const struct live_question *question)
{
    struct arena *arena = &compilation->arena;
    struct kernel_error error = {.arena = arena};
    const struct wanted wanted = {
        .rules = {compilation->rules[FAMILY_IPV4]->printed, compilation->rules[FAMILY_IPV6]->printed}};
    const unsigned families =
        question->family == FAMILY_COUNT ? (1U << FAMILY_COUNT) - 1 : 1U << question->family;
    struct apply_plan plan;
    struct drift drift;
    enum exit_code code;
    bool fine;
    const char *why; // no matter for whoever asks every minute
    const struct kernel_backend *backend = backend_choose(arena, question->via, &why, &error);

    if (!backend)
        return world_error("%s", error.text);
    fine = plan_apply(arena, backend, compilation->policy, &wanted, question->own, 0, &plan, &error);
    // Whose rules stand in whole tables does not mean to move to chains of their own because somebody added one.
    if (fine && plan.moves_in) {
        plan_clear(&plan);
        fine = plan_apply(arena, backend, compilation->policy, &wanted, OWN_TABLES, 0, &plan, &error);
    }
    if (!fine) {
        code = world_error("%s", error.text);
    } else {
        drift_find(arena, compilation, &plan, families, REGIONS_TOLD, &drift);
        if (drift.undecided) {
            fputs("ctc: error: not decided: the rules are too many\n", stderr);
            code = EXIT_UNPROVED;
        } else {
            code = report(arena, question, &drift);
        }
    }
    plan_clear(&plan);
    return code;
}

enum exit_code ask_live(const struct live_question *question)
{
    struct compilation compilation;
    enum exit_code code;
    bool fine;

    compilation_init(&compilation);
    fine = compile_read(&compilation, question->policy);
    for (enum family family = 0; family < FAMILY_COUNT && fine; family++) {
        struct buf text = {0};

        fine = compile_rules(&compilation, family, &(struct compile_options){0}, &text);
        buf_clear(&text);
    }
    // Warnings are `check`'s: whoever asks every minute is told of the kernel alone.
    report_diags(&compilation.diags, SEVERITY_ERROR);
    code = fine ? compare(&compilation, question) : compilation.diags.exit;
    compilation_clear(&compilation);
    return code;
}
