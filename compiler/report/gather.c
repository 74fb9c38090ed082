// SPDX-License-Identifier: GPL-2.0-or-later
//
// From a policy that was compiled and proved to the report: asks every stage for what it knows, and decides nothing itself.
#include "report/gather.h"

#include <string.h>

#include "diag/diag.h"
#include "findings/findings.h"
#include "meaning/sets.h"
#include "proof/prove.h"

static void open_meaning(struct report_meaning *meaning, struct arena *arena, const struct policy *policy,
                         enum family family)
{
    struct packet_space *space = &meaning->space;

    packet_space_init(space, arena, family);
    packet_space_add_policy(space, policy);
    if (policy->verbatim[family].rules)
        packet_space_add_ruleset(space, policy->verbatim[family].rules);
    if (packet_space_open(space, PACKET_NODES_MAX))
        meaning->meaning = policy_meaning(space, policy, &meaning->sets);
}

static void gather_meaning(struct report *report, struct arena *arena)
{
    struct report_meaning meanings[FAMILY_COUNT] = {0};

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        open_meaning(&meanings[family], arena, report->policy, family);
    gather_reach(report, arena, meanings);
    gather_output(report, arena, meanings);
    gather_zones(report, arena, meanings);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        packet_space_close(&meanings[family].space);
}

static void gather_files(struct report *report, struct subject *subject)
{
    for (size_t i = 0; i < subject->compilation.sources.count; i++)
        text_add(&subject->compilation.arena, &report->files, subject->compilation.sources.items[i]->name);
}

static const struct {
    const char *table, *chain;
} hooks[REPORT_HOOKS] = {
    [REPORT_PREROUTING] = {"raw", "PREROUTING"}, [REPORT_RAW_OUTPUT] = {"raw", "OUTPUT"},
    [REPORT_INPUT] = {"filter", "INPUT"},        [REPORT_FORWARD] = {"filter", "FORWARD"},
    [REPORT_OUTPUT] = {"filter", "OUTPUT"},
};

static struct report_step *find_step(struct report_hook *hook, struct arena *arena, const char *section)
{
    for (size_t i = 0; i < hook->steps.count; i++)
        if (strcmp(hook->steps.items[i].section, section) == 0)
            return &hook->steps.items[i];
    *vec_push(arena, &hook->steps) = (struct report_step){.section = section};
    return vec_last(&hook->steps);
}

static void note_verdict(struct report_step *step, const struct table *table, const struct rule *rule)
{
    const bool leads = rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO;
    const struct chain *inner = leads ? table_find_chain(table, rule->target.text) : NULL;

    step->accepts = step->accepts || rule->target.kind == TARGET_ACCEPT;
    step->refuses = step->refuses || rule->target.kind == TARGET_DROP || rule->target.kind == TARGET_REJECT;
    for (size_t i = 0; inner && i < inner->count; i++)
        note_verdict(step, table, &inner->items[i]);
}

// What is over a limit goes on to the default, which is no verdict of the entry's own.
static bool is_overflow(const struct rule *rule)
{
    return rule->target.kind == TARGET_GOTO && rule->section && strcmp(rule->section, "default") != 0;
}

// The steps as the policy says them, in their order; the rules that are printed for them are counted apart.
static void find_steps(struct report_hook *hook, struct arena *arena, const struct table *table,
                       const struct chain *lowered)
{
    for (size_t i = 0; i < lowered->count; i++) {
        const struct rule *rule = &lowered->items[i];
        struct report_step *step = find_step(hook, arena, rule->section ? rule->section : "others");

        if (!is_overflow(rule))
            note_verdict(step, table, rule);
    }
}

struct counting {
    struct report_hook *hook;
    struct arena *arena;
    const struct table *table;
    enum family family;
    bool *seen; // chains, by number
};

// Counts the rules of a chain and of those that it leads to, each once.
static void count_rules(const struct counting *counting, const struct chain *chain)
{
    if (counting->seen[chain->number])
        return;
    counting->seen[chain->number] = true;
    counting->hook->rules[counting->family] += chain->count;
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];
        const bool leads = rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO;
        const struct chain *inner = leads ? table_find_chain(counting->table, rule->target.text) : NULL;

        find_step(counting->hook, counting->arena, rule->section ? rule->section : "others")
            ->rules[counting->family]++;
        if (inner)
            count_rules(counting, inner);
    }
}

static void gather_hook(struct report_hook *hook, struct arena *arena, const struct ruleset *lowered,
                        const struct ruleset *plain)
{
    const enum family family = lowered->family;
    const struct table *said = ruleset_find_table(lowered, hook->table),
                       *table = ruleset_find_table(lowered->printed, hook->table);
    const struct chain *lowered_chain = said ? table_find_chain(said, hook->chain) : NULL,
                       *chain = table ? table_find_chain(table, hook->chain) : NULL;

    if (!lowered_chain || !chain || !chain->count)
        return;

    const struct counting counting = {hook, arena, table, family,
                                      arena_calloc(arena, table->count, sizeof(bool))};

    hook->present[family] = true;
    find_steps(hook, arena, said, lowered_chain);
    count_rules(&counting, chain);
    hook->walked[family] = ruleset_walked(arena, lowered->printed, hook->table, hook->chain);
    hook->plain_known[family] = plain;
    if (plain)
        hook->plain[family] = ruleset_walked(arena, plain, hook->table, hook->chain);
}

static void gather_hooks(struct report *report, struct arena *arena, const struct ruleset *lowered)
{
    struct diag_list too_many = {.arena = arena};
    const struct ruleset *plain =
        passes_run(arena, lowered, (struct pass_options){.without = PASSES_NONE}, &too_many);

    for (size_t i = 0; i < REPORT_HOOKS; i++) {
        report->hooks[i].table = hooks[i].table;
        report->hooks[i].chain = hooks[i].chain;
        gather_hook(&report->hooks[i], arena, lowered, plain);
    }
}

static void gather_promises(struct report *report, struct subject *subject)
{
    struct arena *arena = &subject->compilation.arena;
    const char *words;

    *vec_push(arena, &report->promises) = (struct report_promise){
        "The rules that are emitted, read back, mean what the policy says, for every packet.", {true, true}};
    for (size_t i = 0; (words = promise_words(i)); i++)
        *vec_push(arena, &report->promises) =
            (struct report_promise){words,
                                    {!(subject->compilation.broken[FAMILY_IPV4] >> i & 1),
                                     !(subject->compilation.broken[FAMILY_IPV6] >> i & 1)}};
}

static const char *expected_words(struct arena *arena, const struct expectation *expectation)
{
    struct buf text = {0};

    describe_expected(&text, expectation);
    return text_take(arena, &text);
}

static void gather_expectations(struct report *report, struct arena *arena)
{
    for (size_t i = 0; i < report->policy->expectation_count; i++) {
        const struct expectation *expectation = &report->policy->expectations[i];

        *vec_push(arena, &report->expectations) = (struct report_expectation){
            .name = expectation->name,
            .file = expectation->span.source->name,
            .line = expectation->span.line,
            .text = policy_line(arena, &expectation->span),
            .expected = expected_words(arena, expectation),
            .in_family = {packets_in_family(&expectation->packets, FAMILY_IPV4),
                          packets_in_family(&expectation->packets, FAMILY_IPV6)},
        };
    }
}

static struct report_finding finding_of(struct arena *arena, const struct diag *diag)
{
    return (struct report_finding){
        .severity = diag->severity,
        .name = diag_kinds[diag->code].name,
        .message = diag->message,
        .hint = diag->hint,
        .file = diag->span.source ? diag->span.source->name : NULL,
        .line = diag->span.source ? diag->span.line : 0,
        .text = policy_line(arena, &diag->span),
    };
}

// What `ctc check` finds.
static void gather_findings(struct report *report, struct subject *subject)
{
    struct compilation *compilation = &subject->compilation;
    struct diag_list *diags = &compilation->diags;
    const struct source *source = compilation->sources.items[0];

    find_idle_entries(report->policy, true, diags);
    plan_check(report->plan, source_whole(source), diags);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        find_in_rules(&compilation->arena, subject->rules[family], report->policy, source, diags);
    diag_sort(diags);
    for (size_t i = 0; i < diags->items.count; i++) {
        const struct diag *diag = &diags->items.items[i];

        if (diag->code == DIAG_REPLY_WINDOW && report->windows.count < REPORT_FINDINGS)
            *vec_push(&compilation->arena, &report->windows) = finding_of(&compilation->arena, diag);
        else if (diag->code != DIAG_REPLY_WINDOW && report->findings.count < REPORT_FINDINGS)
            *vec_push(&compilation->arena, &report->findings) = finding_of(&compilation->arena, diag);
        else
            report->findings_hidden++;
    }
}

void report_gather(struct report *report, struct subject *subject)
{
    struct compilation *compilation = &subject->compilation;
    struct arena *arena = &compilation->arena;

    *report = (struct report){.policy = subject->policy};
    report->plan = plan_host(arena, subject->policy, &(struct plan_options){0});
    gather_files(report, subject);
    gather_entries(report, subject);
    // IPv6 has the steps that IPv4 has, and some more.
    gather_hooks(report, arena, compilation->rules[FAMILY_IPV6]);
    gather_hooks(report, arena, compilation->rules[FAMILY_IPV4]);
    gather_meaning(report, arena);
    gather_promises(report, subject);
    gather_expectations(report, arena);
    gather_findings(report, subject);
    gather_summary(report, arena);
}
