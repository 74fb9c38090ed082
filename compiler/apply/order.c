// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each set of tables that may be new while the others are old is a state; an order is a way through states from none to all.
#include "apply/order.h"

#include <limits.h>
#include <string.h>

#include "analysis/witness.h"
#include "kernel/encode.h"
#include "meaning/sets.h"

#define NFT_DEPTH  15 // user chains inside each other that iptables-nft takes
#define TABLES_MAX 5  // that the kernel has of a family
#define STATES_MAX (1u << TABLES_MAX)

struct state {
    enum between between;
    enum hook hook;  // where it is not safe
    diagram packets; // for which it is not
};

// A way from all old tables to all new ones.
struct way {
    enum joint joint;
    size_t tables[TABLES_MAX + 1]; // of those that change; the filter twice where there is a joint one
    size_t count;
    struct state worst;  // of the states on the way
    const char *example; // a packet for which that is not safe; NULL: none
};

struct search {
    struct arena *arena;
    struct packet_space space;
    const struct ruleset *live, *wanted;
    const struct ruleset *joined;                 // the joint filter that is tried
    struct plan_table tables[TABLES_MAX];         // that change
    size_t numbers[TABLES_MAX];                   // in the plan
    unsigned bits[TABLES_MAX];                    // of each, by its number in the wanted ruleset
    size_t count, filter;                         // the number of the filter; `count`: it does not change
    bool tracks_more;                             // packets that were not tracked will be
    diagram both[HOOK_COUNT], either[HOOK_COUNT]; // accepted by the old and the new rules, by one of them
    struct state states[STATES_MAX];
};

// What no rule lets the tracker see at a hook.
static diagram unseen(struct packet_space *space, const struct meaning *meaning, enum hook hook)
{
    const diagram out = meaning->tracking ? taken_out(space, meaning->raws[hook]) : set_all(space);

    return set_minus(space, set_and(space, meaning->domains[hook], out), by_loopback(space));
}

// What is accepted at each hook, with those tables new and perhaps a joint filter.
static struct meaning find_accepted(struct search *search, unsigned state, enum joint joint,
                                    diagram accepted[HOOK_COUNT])
{
    const struct ruleset *live = search->live;
    unsigned chosen = 0;

    for (size_t i = 0; i < search->count; i++)
        chosen |= state >> i & 1 ? search->bits[i] : 0;
    if (joint)
        live = rules_between(search->arena, live, search->joined, 1);

    const struct ruleset *rules = rules_between(search->arena, live, search->wanted, chosen);
    const struct meaning meaning = rules_meaning(&search->space, rules, NULL);

    for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
        accepted[hook] = accepted_set(&search->space,
                                      hook_outcomes(&search->space, &meaning, hook, meaning.domains[hook]));
    return meaning;
}

static void note(struct state *found, enum between between, enum hook hook, diagram packets, diagram none)
{
    if (packets != none && between > found->between)
        *found = (struct state){between, hook, packets};
}

static struct state judge(struct search *search, unsigned number, enum joint joint)
{
    struct packet_space *space = &search->space;
    const diagram none = set_none(space);
    struct state state = {BETWEEN_SAFE, 0, none};
    diagram accepted[HOOK_COUNT];

    find_accepted(search, number, joint, accepted);
    for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
        note(&state, BETWEEN_LOSES, hook, set_minus(space, search->both[hook], accepted[hook]), none);
        note(&state, BETWEEN_OPENS, hook, set_minus(space, accepted[hook], search->either[hook]), none);
    }
    return state;
}

static void find_ends(struct search *search)
{
    const unsigned last = (1u << search->count) - 1;
    diagram before[HOOK_COUNT], after[HOOK_COUNT];

    const struct meaning was = find_accepted(search, 0, JOINT_NONE, before);
    const struct meaning is = find_accepted(search, last, JOINT_NONE, after);

    for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
        search->tracks_more =
            search->tracks_more || set_minus(&search->space, unseen(&search->space, &was, hook),
                                             unseen(&search->space, &is, hook)) != set_none(&search->space);
        search->both[hook] = set_and(&search->space, before[hook], after[hook]);
        search->either[hook] = set_or(&search->space, before[hook], after[hook]);
    }
}

static unsigned cost_of(const struct state *state)
{
    return state->between == BETWEEN_OPENS ? STATES_MAX : state->between == BETWEEN_LOSES;
}

// The best way to each state: one that opens nothing, and then one that loses nothing. `fixed`: tables that stay as they are in
// all states, their ends among them.
static struct way choose_way(struct search *search, enum joint joint, unsigned fixed)
{
    const unsigned last = ((1u << search->count) - 1) & ~fixed;
    unsigned costs[STATES_MAX] = {0}, steps[STATES_MAX] = {0};
    struct way way = {.joint = joint};

    for (unsigned number = 0; number <= last; number++) {
        if (number & fixed)
            continue;
        search->states[number] = joint || (number && number != last) ? judge(search, number, joint)
                                                                     : (struct state){BETWEEN_SAFE, 0, 0};
        costs[number] = number ? UINT32_MAX : 0;
        for (unsigned i = 0; i < search->count; i++)
            if ((number >> i & 1) && costs[number & ~(1u << i)] < costs[number]) {
                costs[number] = costs[number & ~(1u << i)];
                steps[number] = i;
            }
        costs[number] += cost_of(&search->states[number]);
    }
    for (unsigned number = last; number; number &= ~(1u << steps[number]))
        way.tables[search->count - ++way.count] = steps[number];
    memmove(way.tables, way.tables + search->count - way.count, way.count * sizeof(*way.tables));
    way.worst = search->states[0];
    for (unsigned number = 0, i = 0; i < way.count; i++) {
        number |= 1u << way.tables[i];
        if (search->states[number].between > way.worst.between)
            way.worst = search->states[number];
    }
    return way;
}

// By way of a joint filter: it comes first and goes last.
static struct way choose_joint_way(struct search *search, enum joint joint)
{
    struct way way = choose_way(search, joint, 1u << search->filter);

    memmove(way.tables + 1, way.tables, way.count * sizeof(*way.tables));
    way.tables[0] = search->filter;
    way.count += 2;
    way.tables[way.count - 1] = search->filter;
    return way;
}

static const char *example(struct search *search, const struct state *state)
{
    struct packet_space *space = &search->space;
    field_value *packet = arena_calloc(search->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    struct buf text = {0};

    if (state->between == BETWEEN_SAFE || !find_packet(space, state->hook, state->packets, packet))
        return NULL;
    describe_packet(&text, space, state->hook, packet, state->packets);
    return buf_to_arena(&text, search->arena);
}

// The tables of the family stand beside each other in the plan: those that change go to where such stood, in the order in
// which they become what is wanted.
static void put_in_order(struct apply_plan *plan, const struct search *search, const struct way *way)
{
    for (size_t i = 0; i < search->count; i++) {
        const size_t table = way->tables[way->count - search->count + i];

        plan->items[search->numbers[i]] = search->tables[table];
    }
}

static bool is_named(const struct apply_plan *plan, const struct search *search, size_t table,
                     const char *name)
{
    return strcmp(plan->items[search->numbers[table]].name, name) == 0;
}

// The tracker has to meet connections before a filter goes by what it says: where raw is ahead of the filter, there is time.
static bool is_patient(const struct apply_plan *plan, const struct search *search, size_t table)
{
    return search->tracks_more && table && is_named(plan, search, table, "filter") &&
           is_named(plan, search, table - 1, "raw");
}

static void put_steps(struct arena *arena, struct apply_plan *plan, const struct search *search,
                      const struct way *way)
{
    const enum family family = search->live->family;
    const struct encoded *joint = &plan->joint[family];

    put_in_order(plan, search, way);
    if (way->joint)
        *vec_push(arena, &plan->steps) =
            (struct plan_step){.table = search->numbers[search->count - 1], .contents = joint};
    for (size_t i = 0; i < search->count; i++)
        *vec_push(arena, &plan->steps) =
            (struct plan_step){.table = search->numbers[i],
                               .contents = &plan->encoded[family],
                               .before = way->joint && i == search->count - 1 ? joint : NULL,
                               .patient = is_patient(plan, search, i)};
}

// Whether the kernel takes the joint filter, and whoever loads it.
static bool encode_joint(struct search *search, struct apply_plan *plan)
{
    const enum family family = search->live->family;
    struct kernel_error error = {.arena = search->arena};
    const struct ruleset *rulesets[FAMILY_COUNT] = {0};
    struct encoded encoded[FAMILY_COUNT] = {0};

    if (plan->backend->way == WAY_NFT_RESTORE &&
        table_depth(search->arena, &search->joined->items[0], NFT_DEPTH) > NFT_DEPTH)
        return false;
    rulesets[family] = search->joined;
    if (!encode_rulesets(rulesets, encoded, &error)) {
        encoded_clear(encoded);
        return false;
    }
    buf_clear(&plan->joint[family].bytes);
    plan->joint[family] = encoded[family];
    return true;
}

// Others may change sets while tables are loaded: an order is right whatever is in them.
static void add_rules(struct search *search, const struct ruleset *rules)
{
    packet_space_add_ruleset(&search->space, ruleset_with_varying_sets(search->arena, rules));
}

// The best way there is, with a joint filter or without one; BETWEEN_UNDECIDED where the rules are too many.
static struct way find_way(struct search *search, enum joint joint)
{
    struct packet_space *space = &search->space;
    struct way way = {.count = search->count, .worst.between = BETWEEN_UNDECIDED}, found;

    for (size_t i = 0; i < search->count; i++)
        way.tables[i] = i;
    packet_space_init(space, search->arena, search->live->family);
    add_rules(search, search->live);
    add_rules(search, search->wanted);
    if (joint)
        add_rules(search, search->joined);
    if (!packet_space_open(space, PACKET_NODES_MAX))
        return way;
    find_ends(search);
    found = joint ? choose_joint_way(search, joint) : choose_way(search, JOINT_NONE, 0);
    if (!diagram_overflowed(space->diagrams)) {
        way = found;
        way.example = example(search, &way.worst);
    }
    packet_space_close(space);
    return way;
}

// With the first joint filter that is the best one.
static struct way find_joint_way(struct search *search, struct apply_plan *plan, struct way best)
{
    const struct ruleset *after = rules_between(search->arena, search->live, search->wanted, UINT_MAX);

    for (enum joint joint = JOINT_NONE + 1; joint < JOINT_COUNT && best.worst.between != BETWEEN_SAFE;
         joint++) {
        struct way way;

        search->joined =
            joint_filter(search->arena, search->live->family, ruleset_find_table(search->live, "filter"),
                         ruleset_find_table(after, "filter"), joint);
        if (!search->joined)
            break;
        way = find_way(search, joint);
        if (way.worst.between < best.worst.between && encode_joint(search, plan))
            best = way;
    }
    return best;
}

static void order_family(struct search *search, struct apply_plan *plan, enum family family)
{
    struct way way = find_way(search, JOINT_NONE);

    if (way.worst.between != BETWEEN_SAFE && way.worst.between != BETWEEN_UNDECIDED &&
        search->filter < search->count)
        way = find_joint_way(search, plan, way);
    put_steps(search->arena, plan, search, &way);
    plan->orders[family] = (struct table_order){way.worst.between, way.joint, way.example};
}

// A table that is made, and lets everything pass as it did before it was there.
static bool only_appears(const struct plan_table *planned)
{
    const struct table_comparison *found = &planned->comparison;

    for (size_t i = 0; i < found->count; i++)
        if (found->chains[i].wanted && found->chains[i].wanted->policy == CHAIN_DROP)
            return false;
    return !planned->live && !found->added;
}

void order_tables(struct arena *arena, struct apply_plan *plan)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct search search = {
            .arena = arena, .live = plan->live[family], .wanted = plan->encoded[family].ruleset};

        search.filter = SIZE_MAX;
        for (size_t i = 0; i < plan->count && search.count < TABLES_MAX; i++) {
            const struct plan_table *planned = &plan->items[i];

            if (planned->family != family || planned->comparison.same)
                continue;
            if (only_appears(planned)) {
                *vec_push(arena, &plan->steps) =
                    (struct plan_step){.table = i, .contents = &plan->encoded[family]};
                continue;
            }
            if (strcmp(planned->name, "filter") == 0)
                search.filter = search.count;
            search.bits[search.count] =
                1u << (ruleset_find_table(search.wanted, planned->name) - search.wanted->items);
            search.numbers[search.count] = i;
            search.tables[search.count++] = *planned;
        }
        if (search.count > 1) {
            order_family(&search, plan, family);
            continue;
        }
        // One table alone is replaced at once.
        plan->orders[family] = (struct table_order){.between = BETWEEN_SAFE};
        if (search.count)
            *vec_push(arena, &plan->steps) =
                (struct plan_step){.table = search.numbers[0], .contents = &plan->encoded[family]};
    }
}

void order_unproved(struct arena *arena, struct apply_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!plan->items[i].comparison.same)
            *vec_push(arena, &plan->steps) =
                (struct plan_step){.table = i, .contents = &plan->encoded[plan->items[i].family]};
}
