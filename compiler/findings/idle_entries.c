// SPDX-License-Identifier: GPL-2.0-or-later
//
// Entries that decide nothing, and entries that decide what those below them would decide alike. Each entry becomes the set of
// its packets; the first entry that matches decides. For example
//
//   - {tcp: 80-89}
//   - {tcp: 90-99, from: 10.0.0.0/8}
//   - {tcp: 85-95, from: 10.1.0.0/16}     # dead: the first two decide all its packets together
//   - {service: ssh, from: 192.0.2.7}     # redundant: the next one accepts them too
//   - ssh
//
// The entries are the leaves of a tree, whose nodes know what becomes of packets in them. From the top down each node is told
// which packets come to it and what would become of them behind it, so that all entries are judged in one pass. What only the
// default repeats is not redundant: the entry says it.
#include "findings/entry_sets.h"
#include "findings/findings.h"
#include "meaning/policy.h"

#define BLAMED    4     // lines that a finding names
#define NOTED     20    // redundant entries that are worth a line each
#define TRIED_MAX 50000 // entries in all policies that are tried without one of them

// What is told of an entry by both families and all hooks that it stands at.
struct idle_fate {
    const struct entry *entry;
    bool meant;   // it has packets
    bool reached; // some come to it
    bool missed;  // some would fare in another way without it
    bool kept;    // as it turned out
};

struct idle_search {
    struct arena *arena;
    const struct policy *policy;
    struct diag_list *diags;
    struct idle_fate *fates;
    size_t count;
    size_t told; // redundant ones
    bool undecided;
};

struct tree {
    struct idle_search *search;
    struct entry_sets *sets;
    struct idle_fate **fates; // by number of an entry
    size_t leaves;            // a power of two; the children of i are 2i and 2i + 1
    diagram *walks;           // to what an entry does
};

// An empty list has no items, not even an address of them.
static bool is_in(const struct entry_list *list, const struct entry *entry)
{
    return list->count && entry >= list->items && entry < list->items + list->count;
}

static struct idle_fate *fate_of(struct idle_search *search, const struct entry *entry)
{
    const struct entry_list *lists[] = {&search->policy->trust, &search->policy->deny, &search->policy->allow,
                                        &search->policy->connect, &search->policy->forward};
    struct idle_fate *fates = search->fates;

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        if (is_in(lists[i], entry))
            return &fates[entry - lists[i]->items];
        fates += lists[i]->count;
    }
    return NULL; // there is no other list
}

// What an entry does, as a number. Logs, limits and helpers are an entry's own.
static uint32_t deed(const struct entry_sets *sets, size_t number)
{
    const struct entry *entry = sets->entries[number];

    if (entry->log || entry->limit || entry->helper)
        return VERDICT_LEAVE + 1 + (uint32_t)number;
    if (is_in(&sets->policy->deny, entry))
        return VERDICT_DROP + 1;
    return (uint32_t)entry->verdict + 1;
}

// The first of the `size` entries below a node is number `first`.
static void descend(struct tree *tree, size_t node, size_t first, size_t size, diagram comes, diagram behind)
{
    struct packet_space *space = &tree->sets->space;

    comes = only_where(space, tree->walks[node], comes);
    behind = only_where(space, comes, behind);
    if (size == 1 && first < tree->sets->count) {
        struct idle_fate *fate = tree->fates[first];

        fate->meant = fate->meant || tree->walks[node] != set_none(space);
        fate->reached = fate->reached || comes != set_none(space);
        fate->missed = fate->missed || only_where(space, comes, tree->walks[node]) != behind;
    }
    if (size == 1 || tree->walks[node] == set_none(space))
        return;
    descend(tree, 2 * node, first, size / 2, comes, first_of(space, tree->walks[2 * node + 1], behind));
    descend(tree, 2 * node + 1, first + size / 2, size / 2, set_minus(space, comes, tree->walks[2 * node]),
            behind);
}

static void judge_family(struct idle_search *search, struct entry_sets *sets, enum family family)
{
    struct packet_space *space = &sets->space;
    struct tree tree = {.search = search, .sets = sets, .leaves = 1};

    if (!entry_sets_of(sets, family)) {
        search->undecided = true;
        return;
    }
    while (tree.leaves < sets->count)
        tree.leaves *= 2;
    tree.walks = arena_calloc(search->arena, 2 * tree.leaves, sizeof(*tree.walks));
    tree.fates = arena_calloc(search->arena, sets->count, sizeof(struct idle_fate *));
    for (size_t i = 0; i < sets->count; i++) {
        tree.walks[tree.leaves + i] = entry_sets_packets(sets, i, deed(sets, i));
        tree.fates[i] = fate_of(search, sets->entries[i]);
        tree.fates[i]->entry = sets->entries[i];
    }
    for (size_t i = tree.leaves; --i > 0;)
        tree.walks[i] = first_of(space, tree.walks[2 * i], tree.walks[2 * i + 1]);
    descend(&tree, 1, 0, tree.leaves, set_all(space), set_none(space));
    search->undecided = search->undecided || diagram_overflowed(space->diagrams);
    packet_space_close(space);
}

static void judge_hook(struct idle_search *search, enum hook hook)
{
    struct entry_sets sets;

    entry_sets_open(&sets, search->arena, search->policy, hook);
    for (enum family family = 0; family < FAMILY_COUNT && sets.count; family++)
        judge_family(search, &sets, family);
    entry_sets_close(&sets);
}

// Dead ones.

static void report_dead(struct idle_search *search, const struct entry *entry)
{
    diag_add(search->diags, DIAG_DEAD_ENTRY, entry->span, "entries above decide all packets of `%s`",
             entry->name);
    diag_hint(search->diags, entry->track == CHOICE_UNSET
                                 ? "take it out, or move it up"
                                 : "its `track` holds all the same; its verdict never does");
}

// What is trusted has no verdict but that; its `track` is reason enough.
static bool is_dead(const struct idle_search *search, const struct idle_fate *fate)
{
    const bool trusted = is_in(&search->policy->trust, fate->entry);

    return fate->meant && !fate->reached && !(trusted && fate->entry->track != CHOICE_UNSET);
}

// Redundant ones. That those below do the same to their packets is not all that matters: what an entry untracks, and whose
// answers it lets out, shows in the meaning of the policy without it.

static bool is_candidate(const struct idle_fate *fate)
{
    return fate->reached && !fate->missed;
}

// Dead ones are gone too: nothing is redundant for what they repeat.
static bool is_gone(const struct idle_search *search, const struct idle_fate *fate)
{
    return (is_candidate(fate) && !fate->kept) ||
           (is_dead(search, fate) && fate->entry->track == CHOICE_UNSET && !fate->entry->helper);
}

static struct entry_list list_without(struct idle_search *search, const struct entry_list *list)
{
    struct entry_list rest = {.items = arena_calloc(search->arena, list->count, sizeof(*list->items))};

    for (size_t i = 0; i < list->count; i++)
        if (!is_gone(search, fate_of(search, &list->items[i])))
            rest.items[rest.count++] = list->items[i];
    rest.capacity = rest.count;
    return rest;
}

static bool means_the_same(struct idle_search *search, const struct policy *other, enum family family)
{
    struct packet_space space;
    struct meaning meanings[2];
    bool same = true;

    packet_space_init(&space, search->arena, family);
    packet_space_add_policy(&space, search->policy);
    if (!packet_space_open(&space, PACKET_NODES_MAX))
        return false;
    meanings[0] = policy_meaning(&space, search->policy, NULL);
    meanings[1] = policy_meaning(&space, other, NULL);
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT && same; hook++)
        same = different_outcomes(&space, &meanings[0], &meanings[1], hook) == set_none(&space) &&
               different_templates(&space, &meanings[0], &meanings[1], hook) == set_none(&space);
    same = same && !diagram_overflowed(space.diagrams);
    packet_space_close(&space);
    return same;
}

// Whether all candidates that are not kept can be taken out together.
static bool all_go(struct idle_search *search)
{
    struct policy without = *search->policy;

    without.trust = list_without(search, &search->policy->trust);
    without.deny = list_without(search, &search->policy->deny);
    without.allow = list_without(search, &search->policy->allow);
    without.connect = list_without(search, &search->policy->connect);
    without.forward = list_without(search, &search->policy->forward);
    return means_the_same(search, &without, FAMILY_IPV4) && means_the_same(search, &without, FAMILY_IPV6);
}

// One after the other, so that those which are told can all be taken out together. False where that would take too long: the
// others are kept then.
static bool find_redundant(struct idle_search *search)
{
    size_t candidates = 0, trials = 0;

    for (size_t i = 0; i < search->count; i++)
        candidates += is_candidate(&search->fates[i]);
    if (!candidates || all_go(search))
        return true;
    for (size_t i = 0; i < search->count; i++)
        search->fates[i].kept = true;
    for (size_t i = 0; i < search->count && trials * search->count <= TRIED_MAX; i++) {
        if (!is_candidate(&search->fates[i]))
            continue;
        search->fates[i].kept = false;
        search->fates[i].kept = !all_go(search);
        trials++;
    }
    return trials == candidates;
}

// Where an entry stands: by its line, in another file by its name as well.
static void put_place(struct buf *text, const struct entry *entry, const struct span *from)
{
    if (entry->span.source != from->source && entry->span.source)
        buf_printf(text, "%s:", entry->span.source->name);
    buf_printf(text, "%u", entry->span.line);
}

// The entries below `number` that decide its packets without it.
static size_t put_repeaters(struct idle_search *search, struct entry_sets *sets, size_t number,
                            struct buf *text)
{
    struct packet_space *space = &sets->space;
    diagram left = entry_sets_packets(sets, number, 1);
    size_t told = 0;

    for (size_t i = 0; i < number; i++)
        left = set_minus(space, left, entry_sets_packets(sets, i, 1));
    for (size_t i = number + 1; i < sets->count && left != set_none(space) && told < BLAMED; i++) {
        const diagram packets = entry_sets_packets(sets, i, 1);

        if (is_gone(search, fate_of(search, sets->entries[i])) ||
            set_and(space, left, packets) == set_none(space))
            continue;
        buf_text(text, told ? ", " : "");
        put_place(text, sets->entries[i], &sets->entries[number]->span);
        left = set_minus(space, left, packets);
        told++;
    }
    if (left != set_none(space))
        buf_text(text, " and more");
    return told + (left != set_none(space));
}

static void report_redundant(struct idle_search *search, const struct entry *entry, enum hook hook)
{
    struct entry_sets sets;
    struct buf text = {0};
    size_t number = 0, count = 0;

    diag_add(search->diags, DIAG_REDUNDANT_ENTRY, entry->span,
             "without `%s` every packet would fare the same", entry->name);
    entry_sets_open(&sets, search->arena, search->policy, hook);
    while (number < sets.count && sets.entries[number] != entry)
        number++;
    for (enum family family = 0; family < FAMILY_COUNT && !text.length; family++) {
        if (number == sets.count || !entry_in_family(entry, family) || !entry_sets_of(&sets, family))
            continue;
        count = put_repeaters(search, &sets, number, &text);
        packet_space_close(&sets.space);
    }
    if (count)
        diag_hint(search->diags,
                  count == 1 ? "line %s below does the same" : "lines %s below do the same together",
                  text.bytes);
    entry_sets_close(&sets);
    buf_clear(&text);
}

static void report_list(struct idle_search *search, const struct entry_list *list, enum hook hook)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct idle_fate *fate = fate_of(search, &list->items[i]);

        if (is_dead(search, fate))
            report_dead(search, fate->entry);
        else if (is_candidate(fate) && !fate->kept && search->told++ < NOTED)
            report_redundant(search, fate->entry, hook);
    }
}

static struct span first_span(const struct policy *policy)
{
    const struct entry_list *lists[] = {&policy->allow, &policy->connect, &policy->forward, &policy->deny};

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        if (lists[i]->count)
            return lists[i]->items[0].span;
    return policy->trust.count ? policy->trust.items[0].span : (struct span){0};
}

void find_idle_entries(const struct policy *policy, bool sound, struct diag_list *diags)
{
    struct arena arena = {0};
    struct idle_search search = {.arena = &arena, .policy = policy, .diags = diags};

    search.count = policy->trust.count + policy->deny.count + policy->allow.count + policy->connect.count +
                   policy->forward.count;
    search.fates = arena_calloc(&arena, search.count, sizeof(*search.fates));
    judge_hook(&search, HOOK_INPUT);
    judge_hook(&search, HOOK_OUTPUT);
    if (policy->forward.count) // else what is forwarded meets the default behind `deny`
        judge_hook(&search, HOOK_FORWARD);
    for (size_t i = 0; i < search.count; i++)
        search.fates[i].kept = !sound;
    if (search.undecided) {
        diag_add(diags, DIAG_UNDECIDED, first_span(policy),
                 "the lists are too large to find their dead and redundant entries");
    } else {
        if (sound && !find_redundant(&search))
            diag_add(diags, DIAG_UNDECIDED, first_span(policy),
                     "the lists are too large to find all of their redundant entries");
        report_list(&search, &policy->trust, HOOK_INPUT);
        report_list(&search, &policy->deny, HOOK_INPUT);
        report_list(&search, &policy->allow, HOOK_INPUT);
        report_list(&search, &policy->connect, HOOK_OUTPUT);
        report_list(&search, &policy->forward, HOOK_FORWARD);
    }
    arena_clear(&arena);
}
