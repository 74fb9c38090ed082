// SPDX-License-Identifier: GPL-2.0-or-later
//
// The findings on rules: a table of groups, each in a file of its own.
#include <string.h>

#include "findings/findings.h"
#include "findings/inspection.h"
#include "rules/read.h"

static const struct {
    void (*find)(struct inspection *inspection);
    bool of_rulesets, of_policies; // whose rules can show it
} groups[] = {
    {find_unwritten_policies, true, false},
    {find_tracking, true, false},
    {find_wrong_sides, true, false},
    {find_holes, true, false},
    {find_open_services, true, true},
    {find_losses, true, false},
    {find_limits, true, true},
    {find_windows, false, true},
};

// The packets of IPv4 and those of IPv6, in one text. Where nothing in it tells which is which, it is said.
static const char *join_packets(struct diag_list *diags, const char *message, const char *packets)
{
    const char *first = strstr(message, WINDOW_PACKETS) + strlen(WINDOW_PACKETS);

    return strchr(packets, ':') || strstr(packets, "ipv6-")
               ? arena_printf(diags->arena, "%s; %s", message, packets)
               : arena_printf(diags->arena, "%.*sIPv4: %s; IPv6: %s", (int)(first - message), message, first,
                              packets);
}

// What a window lets in differs from family to family: it is one all the same.
static bool joined(struct diag_list *diags, const struct diag *diag)
{
    const char *packets = strstr(diag->message, WINDOW_PACKETS);

    for (size_t i = 0; i < diags->items.count && packets && diag->code == DIAG_REPLY_WINDOW; i++) {
        struct diag *other = &diags->items.items[i];

        if (other->code != diag->code || other->span.source != diag->span.source ||
            other->span.line != diag->span.line || other->span.column != diag->span.column)
            continue;
        other->message = join_packets(diags, other->message, packets + strlen(WINDOW_PACKETS));
        return true;
    }
    return false;
}

// The rules of both families of a policy show the same.
static void add_new(struct diag_list *diags, const struct diag_list *found)
{
    for (size_t i = 0; i < found->items.count; i++) {
        const struct diag *diag = &found->items.items[i];

        if (diag_has(diags, diag->code, diag->span, diag->message) || joined(diags, diag))
            continue;
        diag_add_as(diags, diag->severity, diag->code, diag->span, "%s", diag->message);
        if (diag->hint)
            diag_hint(diags, "%s", diag->hint);
    }
    for (int severity = 0; severity < SEVERITY_COUNT; severity++) // those that were not kept
        diags->counts[severity] +=
            found->counts[severity] > DIAG_KEPT ? found->counts[severity] - DIAG_KEPT : 0;
}

// Rules of one line differ in their addresses alone.
static void check_spelling(const struct ruleset *rules, struct diag_list *diags)
{
    for (size_t i = 0; i < rules->count; i++)
        for (size_t j = 0; j < rules->items[i].count; j++) {
            const struct chain *chain = rules->items[i].items[j];

            for (size_t k = 0; k < chain->count; k++)
                if (k == 0 || chain->items[k].span.line != chain->items[k - 1].span.line)
                    rule_check_spelling(&chain->items[k], diags);
        }
}

void find_in_rules(struct arena *arena, const struct ruleset *rules, const struct policy *policy,
                   const struct source *source, struct diag_list *diags)
{
    struct diag_list found = {.arena = diags->arena};
    struct inspection inspection;
    bool decided;

    if (!policy)
        check_spelling(rules, diags);
    if (inspection_open(&inspection, arena, rules, policy, source, &found))
        for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
            if (policy ? groups[i].of_policies : groups[i].of_rulesets)
                groups[i].find(&inspection);
    // What was found with half of the sets says nothing.
    decided = !inspection_undecided(&inspection);
    if (!decided) {
        diag_add(diags, DIAG_UNDECIDED, source_whole(source),
                 "%s: nothing can be said of what these rules do", family_name(rules->family));
        if (inspection.space.unknowns.count > PACKET_UNKNOWNS_MAX)
            diag_hint(diags,
                      "they have %zu limits and matches that are not modelled; %d can be reasoned about",
                      inspection.space.unknowns.count, PACKET_UNKNOWNS_MAX);
        else
            diag_hint(diags, "they are too many, and too different from each other");
    } else {
        add_new(diags, &found);
    }
    inspection_close(&inspection);
    if (!policy && decided)
        find_dead_rules(arena, rules, source, diags);
}
