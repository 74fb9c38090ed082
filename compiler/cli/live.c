// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/live.h"

#include <stdio.h>
#include <string.h>

#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/drift.h"
#include "cli/known_sets.h"
#include "emit/restore.h"

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

static bool make_rules(struct compilation *compilation, struct buf *sets)
{
    bool fine = true;

    for (enum family family = 0; family < FAMILY_COUNT && fine; family++) {
        struct buf text = {0};

        fine = compile_rules(compilation, family, &(struct compile_options){.sets = sets}, &text);
        buf_clear(&text);
    }
    return fine;
}

// Where the rules that were made would have to be put, as things are. To be cleared either way.
static bool plan_rules(struct compilation *compilation, const struct kernel_backend *backend, enum own own,
                       const struct ipset_list *sets, struct apply_plan *plan, struct kernel_error *error)
{
    const struct wanted wanted = {.rules = {wanted_here(compilation->rules[FAMILY_IPV4]->printed),
                                            wanted_here(compilation->rules[FAMILY_IPV6]->printed)},
                                  .sets = sets};
    const bool fine =
        plan_apply(&compilation->arena, backend, compilation->policy, &wanted, own, 0, plan, error);

    // Whose rules stand in whole tables does not mean to move to chains of their own because somebody added one.
    if (!fine || !plan->moves_in)
        return fine;
    plan_clear(plan);
    return plan_apply(&compilation->arena, backend, compilation->policy, &wanted, OWN_TABLES, 0, plan, error);
}

static bool asks_own_set(const struct rule *rule, enum family family)
{
    struct buf text = {0};
    bool asks = false;

    for (size_t i = 0; i < rule->match_count && !asks; i++) {
        if (rule->matches[i].kind != MATCH_SET && rule->matches[i].kind != MATCH_OPAQUE)
            continue;
        text.length = 0;
        restore_match(&text, &rule->matches[i], family);
        asks = strstr(text.bytes, " --match-set " IPSET_OWN) != NULL;
    }
    buf_clear(&text);
    return asks;
}

// Whether the kernel's rules are such as `compile --sets` makes.
static bool ask_own_sets(const struct ruleset *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        for (size_t j = 0; j < rules->items[i].count; j++) {
            const struct chain *chain = rules->items[i].items[j];

            for (size_t k = 0; k < chain->count; k++)
                if (asks_own_set(&chain->items[k], rules->family))
                    return true;
        }
    return false;
}

// Compares with rules that ask for sets, as the kernel's do. Where sets of these rules are not there, the kernel cannot have the
// rules, nor are there bytes to compare with: then with the trees that an apply would load.
static bool plan_with_sets(struct compilation *compilation, const struct live_question *question,
                           const struct kernel_backend *backend, const struct ipset_list *known,
                           struct apply_plan *planned, struct kernel_error *error)
{
    const struct ruleset *trees[] = {compilation->rules[FAMILY_IPV4], compilation->rules[FAMILY_IPV6]};
    struct apply_plan found;
    struct buf sets = {0};
    const bool made = make_rules(compilation, &sets);

    buf_clear(&sets);
    if (made && plan_rules(compilation, backend, question->own, known, &found, error)) {
        plan_clear(planned);
        *planned = found;
        return true;
    }
    if (made)
        plan_clear(&found);
    memcpy(compilation->rules, trees, sizeof(trees));
    return made && error->trouble == KERNEL_RULE;
}

// Whether there were any to forget.
static bool forget_sets(struct arena *arena, struct apply_plan *plan)
{
    bool any = false;

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        any = any || ruleset_knows_sets(plan->live[family]);
        plan->live[family] = ruleset_with_varying_sets(arena, plan->live[family]);
    }
    if (any)
        warn_of_unknown_sets("with all that is in them, the rules are too many to be decided");
    return any;
}

// A bit for each that the kernel has.
static unsigned families_asked(const struct live_question *question)
{
    unsigned families = 0;

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if ((question->family == FAMILY_COUNT || question->family == family) && kernel_has_family(family))
            families |= 1U << family;
    return families;
}

static enum exit_code compare(struct compilation *compilation, const struct live_question *question,
                              const struct ipset_list *known)
{
    struct arena *arena = &compilation->arena;
    struct kernel_error error = {.arena = arena};
    const unsigned families = families_asked(question);
    struct apply_plan plan;
    struct drift drift;
    enum exit_code code;
    bool fine;
    const char *why; // no matter for whoever asks every minute
    const struct kernel_backend *backend = backend_choose(arena, question->via, &why, &error);

    if (!backend)
        return world_error("%s", error.text);
    fine = plan_rules(compilation, backend, question->own, known, &plan, &error);
    if (fine && !question->rules &&
        (ask_own_sets(plan.live[FAMILY_IPV4]) || ask_own_sets(plan.live[FAMILY_IPV6])))
        fine = plan_with_sets(compilation, question, backend, known, &plan, &error);
    if (!fine) {
        code = world_error("%s", error.text);
    } else {
        warn_of_unknown_sets(plan.sets_unknown);
        drift_find(arena, compilation, &plan, families, REGIONS_TOLD, &drift);
        if (drift.undecided && forget_sets(arena, &plan))
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
    struct known_sets known;
    enum exit_code code = known_sets_open(&known, question->sets);
    bool fine;

    compilation_init(&compilation);
    if (code == EXIT_FINE) {
        fine = compile_read(&compilation, question->policy) && make_rules(&compilation, NULL);
        // Warnings are `check`'s: whoever asks every minute is told of the kernel alone.
        report_diags(&compilation.diags, SEVERITY_ERROR);
        code = fine ? compare(&compilation, question, known.list) : compilation.diags.exit;
    }
    compilation_clear(&compilation);
    known_sets_clear(&known);
    return code;
}
