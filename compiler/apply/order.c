// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each set of tables that may be new while the others are old is a state; an order is a way through states from none to all.
#include "apply/order.h"

#include <string.h>

#include "analysis/witness.h"

#define NODE_LIMIT ((size_t)8 << 20)
#define TABLES_MAX 5 // that the kernel has of a family
#define STATES_MAX (1u << TABLES_MAX)

struct state {
    enum between between;
    enum hook hook;  // where it is not safe
    diagram packets; // for which it is not
};

struct search {
    struct arena *arena;
    struct packet_space space;
    const struct ruleset *live, *wanted;
    struct plan_table tables[TABLES_MAX]; // that change
    unsigned bits[TABLES_MAX];            // of each, by its number in the wanted ruleset
    size_t count;
    diagram both[HOOK_COUNT], either[HOOK_COUNT]; // accepted by the old and the new rules, by one of them
    struct state states[STATES_MAX];
};

static uint32_t is_accepted(uint32_t value, void *ignored)
{
    (void)ignored;
    return outcome_of(value).walk == WALK_ACCEPT;
}

// What is accepted at each hook, with those tables new.
static void find_accepted(struct search *search, unsigned state, diagram accepted[HOOK_COUNT])
{
    unsigned chosen = 0;

    for (size_t i = 0; i < search->count; i++)
        chosen |= state >> i & 1 ? search->bits[i] : 0;

    const struct ruleset *rules = rules_between(search->arena, search->live, search->wanted, chosen);
    const struct meaning meaning = rules_meaning(&search->space, rules, NULL);

    for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
        accepted[hook] = diagram_map(search->space.diagrams,
                                     hook_outcomes(&search->space, &meaning, hook, meaning.domains[hook]),
                                     is_accepted, NULL);
}

static void note(struct state *found, enum between between, enum hook hook, diagram packets, diagram none)
{
    if (packets != none && between > found->between)
        *found = (struct state){between, hook, packets};
}

static void judge(struct search *search, unsigned number)
{
    struct packet_space *space = &search->space;
    const diagram none = set_none(space);
    diagram accepted[HOOK_COUNT];

    find_accepted(search, number, accepted);
    for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
        note(&search->states[number], BETWEEN_LOSES, hook,
             set_minus(space, search->both[hook], accepted[hook]), none);
        note(&search->states[number], BETWEEN_OPENS, hook,
             set_minus(space, accepted[hook], search->either[hook]), none);
    }
}

static void judge_all(struct search *search)
{
    const unsigned last = (1u << search->count) - 1;
    diagram before[HOOK_COUNT], after[HOOK_COUNT];

    find_accepted(search, 0, before);
    find_accepted(search, last, after);
    for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
        search->both[hook] = set_and(&search->space, before[hook], after[hook]);
        search->either[hook] = set_or(&search->space, before[hook], after[hook]);
    }
    for (unsigned number = 1; number < last; number++)
        judge(search, number);
}

// The best way to each state: one that opens nothing, and then one that loses nothing. Gives the worst state on the way to
// the last one, and puts the tables in its order.
static struct state choose_way(struct search *search, size_t ordered[TABLES_MAX])
{
    const unsigned last = (1u << search->count) - 1;
    unsigned costs[STATES_MAX] = {0}, steps[STATES_MAX] = {0};
    struct state worst = {BETWEEN_SAFE, 0, 0};

    for (unsigned number = 1; number <= last; number++) {
        const enum between between = search->states[number].between;

        costs[number] = UINT32_MAX;
        for (unsigned i = 0; i < search->count; i++)
            if ((number >> i & 1) && costs[number & ~(1u << i)] < costs[number]) {
                costs[number] = costs[number & ~(1u << i)];
                steps[number] = i;
            }
        costs[number] += between == BETWEEN_OPENS ? STATES_MAX : between == BETWEEN_LOSES;
    }
    for (unsigned number = last, at = (unsigned)search->count; number; number &= ~(1u << steps[number])) {
        ordered[--at] = steps[number];
        if (search->states[number].between > worst.between)
            worst = search->states[number];
    }
    return worst;
}

static const char *example(struct search *search, const struct state *state)
{
    struct packet_space *space = &search->space;
    field_value *packet = arena_calloc(search->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    struct buf text = {0};
    const char *copy = NULL;

    if (state->between != BETWEEN_SAFE && find_packet(space, state->hook, state->packets, packet)) {
        describe_packet(&text, space, state->hook, packet, state->packets);
        copy = arena_copy(search->arena, text.bytes, text.length);
    }
    buf_clear(&text);
    return copy;
}

// The tables of the family stand beside each other in the plan: those that change go to where such stood, in their order.
static void put_in_order(struct apply_plan *plan, const struct search *search, const size_t *ordered)
{
    size_t next = 0;

    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].family == search->space.family && !plan->items[i].comparison.same)
            plan->items[i] = search->tables[ordered[next++]];
}

static struct table_order order_family(struct search *search, struct apply_plan *plan, enum family family)
{
    size_t ordered[TABLES_MAX] = {0};
    struct table_order order = {BETWEEN_UNDECIDED, NULL};
    struct state worst;

    packet_space_init(&search->space, search->arena, family);
    packet_space_add_ruleset(&search->space, search->live);
    packet_space_add_ruleset(&search->space, search->wanted);
    if (!packet_space_open(&search->space, NODE_LIMIT))
        return order;
    judge_all(search);
    if (!diagram_overflowed(search->space.diagrams)) {
        worst = choose_way(search, ordered);
        order = (struct table_order){worst.between, example(search, &worst)};
        put_in_order(plan, search, ordered);
    }
    packet_space_close(&search->space);
    return order;
}

void order_tables(struct arena *arena, struct apply_plan *plan)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct search search = {
            .arena = arena, .live = plan->live[family], .wanted = plan->encoded[family].ruleset};

        for (size_t i = 0; i < plan->count && search.count < TABLES_MAX; i++) {
            const struct plan_table *planned = &plan->items[i];

            if (planned->family != family || planned->comparison.same)
                continue;
            search.bits[search.count] =
                1u << (ruleset_find_table(search.wanted, planned->name) - search.wanted->items);
            search.tables[search.count++] = *planned;
        }
        // One table alone is replaced at once.
        plan->orders[family] =
            search.count > 1 ? order_family(&search, plan, family) : (struct table_order){BETWEEN_SAFE, NULL};
    }
}
