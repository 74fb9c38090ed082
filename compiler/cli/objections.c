// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/objections.h"

#include <stdio.h>

// Whether an objection keeps the rules from being loaded. While the machine starts nobody is there to insist, and rules that are
// loaded beside others' are better than none: but for whoever would rather have nothing pass than what the policy refuses.
static bool stops(const struct apply_options *options, const struct objection *objection)
{
    if (objection->severity != SEVERITY_ERROR || options->force || options->dry_run)
        return false;
    return !options->boot || (options->boot == BOOT_CLOSED && objection->opens);
}

bool report_objections(const struct apply_options *options, const struct apply_plan *plan)
{
    bool refused = false;

    for (size_t i = 0; i < plan->objections.count; i++) {
        const struct objection *each = &plan->objections.items[i];
        const bool error = each->severity == SEVERITY_ERROR, stopped = stops(options, each);

        refused = refused || stopped;
        if (each->severity == SEVERITY_NOTE && !options->dry_run)
            continue;
        fprintf(stderr, "ctc: %s: %s%s%s [%s]%s\n",
                severity_name(error && !stopped ? SEVERITY_WARNING : each->severity),
                each->family < FAMILY_COUNT ? family_name(each->family) : "",
                each->family < FAMILY_COUNT ? ": " : "", each->text, each->name,
                !error || options->force || options->boot ? "" : "; --force loads it");
        if (each->hint)
            fprintf(stderr, "     %s\n", each->hint);
    }
    return refused;
}

enum exit_code report_dangers(const struct apply_options *options, const struct session *session,
                              const char *trouble, const struct apply_plan *plan)
{
    const bool heeded = !options->force && !options->dry_run;
    const char *kind = heeded ? "error" : "warning", *hint = options->force ? "" : "; --force loads it";
    enum exit_code code = report_objections(options, plan) ? EXIT_WORLD : EXIT_FINE;

    if (trouble) {
        fprintf(stderr, "ctc: %s: your SSH connection from %s %s%s\n", kind, session->client, trouble, hint);
        code = EXIT_WORLD;
    }
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct table_order *order = &plan->orders[family];

        if (order->between == BETWEEN_LOSES)
            fprintf(
                stderr,
                "ctc: warning: %s: for a moment packets are lost that old and new rules accept, such as %s\n",
                family_name(family), order->example ? order->example : "some");
        if (order->between == BETWEEN_SAFE || order->between == BETWEEN_LOSES)
            continue;
        fprintf(stderr, "ctc: %s: %s: for a moment packets %s accepted that old and new rules refuse%s%s%s\n",
                kind, family_name(family), order->between == BETWEEN_OPENS ? "are" : "may be",
                order->example ? ", such as " : "", order->example ? order->example : "", hint);
        code = EXIT_UNPROVED;
    }
    return heeded ? code : EXIT_FINE;
}
