// SPDX-License-Identifier: GPL-2.0-or-later
//
// The meaning of a policy, clause by clause. Each clause is a set of packets and what becomes of them; of the clauses of a
// hook the first that holds a packet decides. Read beside the manual's chapter on meaning, which has the same order.
#include "meaning/policy.h"

#include "meaning/clauses.h"

static diagram input(struct speaker *speaker, struct policy_sets *sets)
{
    const struct policy *policy = speaker->policy;
    size_t from;

    say_loopback(speaker, FIELD_IN); // 1
    from = speaker->clauses.count;   // 2
    say_neighbours(speaker, false);
    say_function(speaker, sets->neighbours = said_since(speaker, from));
    from = speaker->clauses.count; // 3
    say_trusted(speaker);
    say_function(speaker, sets->trusted = said_since(speaker, from));
    from = speaker->clauses.count; // 4
    say_denied(speaker);
    say_function(speaker, sets->denied = said_since(speaker, from));
    say_icmp_errors(speaker);                               // 5
    say_state(speaker, PACKET_STATE_ESTABLISHED, accepted); // 6
    say_related(speaker, &policy->allow);
    say_related(speaker, &policy->connect);
    from = speaker->clauses.count;
    say_windows(speaker);
    say_function(speaker, sets->windows = said_since(speaker, from));
    say_state(speaker, PACKET_STATE_INVALID, dropped); // 7
    say_verbatim(speaker, "filter", "INPUT");
    say_entries(speaker, &policy->allow, policy->input); // 8
    say_fragments(speaker, policy->input);               // 9
    say_default(speaker, policy->input);                 // 10
    return said_since(speaker, 0);
}

static diagram forward(struct speaker *speaker)
{
    const struct policy *policy = speaker->policy;

    say_denied(speaker);
    if (policy->forward.count || policy_has_rules(speaker, "filter", "FORWARD")) {
        say_forward_replies(speaker);
        say_icmp_errors(speaker);
    }
    say_verbatim(speaker, "filter", "FORWARD");
    say_entries(speaker, &policy->forward, policy->forwarding);
    if (policy->forward.count)
        say_fragments(speaker, policy->forwarding);
    say_default(speaker, policy->forwarding);
    return said_since(speaker, 0);
}

static diagram output(struct speaker *speaker)
{
    const struct policy *policy = speaker->policy;

    if (output_is_open(speaker)) {
        say_default(speaker, policy->output);
        return said_since(speaker, 0);
    }
    say_loopback(speaker, FIELD_OUT);
    say_neighbours(speaker, true);
    say_icmp_errors(speaker);
    say_resets(speaker);
    say_state(speaker, PACKET_STATE_ESTABLISHED, accepted);
    say_state(speaker, PACKET_STATE_RELATED, accepted);
    for (size_t i = 0; i < policy->allow.count; i++)
        if (policy->allow.items[i].verdict == VERDICT_ACCEPT)
            say_answers(speaker, &policy->allow.items[i]);
    for (size_t i = 0; i < policy->trust.count; i++)
        say_to_trusted(speaker, &policy->trust.items[i]);
    say_verbatim(speaker, "filter", "OUTPUT");
    say_entries(speaker, &policy->connect, policy->output);
    say_default(speaker, policy->output);
    return said_since(speaker, 0);
}

static bool is_kept_tracked(const struct entry *entry)
{
    return entry->track == CHOICE_YES || entry->helper;
}

static void say_selective(struct speaker *speaker, enum way way)
{
    const struct policy *policy = speaker->policy;
    const struct entry_list *trust = &policy->trust, *allow = &policy->allow, *connect = &policy->connect;

    // Entries that take their packets back come before all that gives packets away.
    for (size_t i = 0; i < trust->count; i++)
        if (trust->items[i].track == CHOICE_YES && trust->items[i].from)
            say_peer_tracking(speaker, way, &trust->items[i], kept_tracked);
    for (size_t i = 0; i < allow->count; i++) {
        if (is_kept_tracked(&allow->items[i]))
            say_tracking(speaker, way, &allow->items[i], false, kept_tracked);
        say_data_tracking(speaker, way, &allow->items[i]);
    }
    for (size_t i = 0; i < connect->count; i++)
        if (is_kept_tracked(&connect->items[i]))
            say_tracking(speaker, way, &connect->items[i], true, kept_tracked);
    for (size_t i = 0; i < trust->count; i++)
        if (trust->items[i].track == CHOICE_NO)
            say_peer_tracking(speaker, way, &trust->items[i], untracked);
    for (size_t i = 0; i < allow->count; i++)
        if (allow->items[i].track == CHOICE_NO) {
            say_tracking(speaker, way, &allow->items[i], false, untracked);
            if (way == LEAVES)
                say_own_tracking(speaker, &allow->items[i]);
        }
    for (size_t i = 0; i < connect->count; i++)
        if (connect->items[i].track == CHOICE_NO)
            say_tracking(speaker, way, &connect->items[i], true, untracked);
}

static diagram tracking(struct speaker *speaker, enum way way)
{
    const enum tracking mode = speaker->policy->tracking;
    const struct cube all = every_packet(speaker);
    const struct ruleset *verbatim = speaker->policy->verbatim[speaker->space->family].rules;
    diagram walk;

    speaker->clauses.staged = verbatim && raw_asks_state(verbatim);
    if (mode == TRACKING_SELECTIVE && way == LEAVES)
        say_loopback_tracking(speaker);
    say_verbatim(speaker, "raw", way == LEAVES ? "OUTPUT" : "PREROUTING");
    if (way == COMES_IN)
        say_helpers(speaker, &speaker->policy->allow, true);
    else
        say_helpers(speaker, &speaker->policy->connect, false);
    if (mode == TRACKING_SELECTIVE)
        say_selective(speaker, way);
    if (way == COMES_IN) // forwarded, or published by DNAT
        say_helpers(speaker, &speaker->policy->forward, false);
    // Even where another tool switches the tracker on; where its modules are kept out, there is no one to be told.
    if (mode == TRACKING_NONE && !speaker->policy->conntrack.block_modules)
        say(speaker, &all, untracked);
    walk = said_since(speaker, 0);
    return speaker->clauses.staged ? staged_walk(&speaker->view, walk) : walk;
}

// Verbatim tables beside the filter refuse what they refuse.
static diagram carried(struct speaker *speaker, diagram filter)
{
    const struct ruleset *rules = speaker->policy->verbatim[speaker->space->family].rules;

    return rules ? beside_filter(&speaker->view, rules, filter) : filter;
}

struct meaning policy_meaning(struct packet_space *space, const struct policy *policy,
                              struct policy_sets *sets)
{
    struct speaker speaker = {.space = space, .policy = policy};
    struct policy_sets unused;
    struct meaning meaning = {.tracking = tracks(&speaker)};

    if (!sets)
        sets = &unused;
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++) {
        diagram filter;

        speaker.view = (struct view){.space = space, .scratch = &speaker.scratch, .hook = hook};
        filter = hook == HOOK_INPUT    ? input(&speaker, sets)
                 : hook == HOOK_OUTPUT ? output(&speaker)
                                       : forward(&speaker);
        meaning.filters[hook] = carried(&speaker, filter);
        speaker.view.raw = true;
        meaning.raws[hook] = tracking(&speaker, hook == HOOK_OUTPUT ? LEAVES : COMES_IN);
        meaning.domains[hook] = hook_domain(space, hook);
        walk_list_clear(&speaker.clauses);
    }
    arena_clear(&speaker.scratch);
    return meaning;
}

diagram policy_answers(struct packet_space *space, const struct policy *policy)
{
    struct speaker speaker = {.space = space, .policy = policy};
    diagram walk;

    speaker.view = (struct view){
        .space = space, .scratch = &speaker.scratch, .hook = HOOK_OUTPUT, .raw = true, .mirrored = true};
    walk = tracking(&speaker, LEAVES);
    walk_list_clear(&speaker.clauses);
    arena_clear(&speaker.scratch);
    return walk;
}
