// SPDX-License-Identifier: GPL-2.0-or-later
#include "findings/shares.h"

#include <stdlib.h>

#include "base/vec.h"

// The packets of the set that come to a rule, or to a run of rules; those whose tracking nothing has decided.
struct arrival {
    diagram comes, fresh;
};

struct asking {
    const struct passage *passage;
    size_t limit;
    bool about_tracking;
    bool (*is_meant)(const struct rule *rule); // NULL: those that decide
    diagram **meant;                           // by chain, over its tree: what rules are about that are meant
    struct arrival *arrivals;                  // by chain, as in passage->chains
    struct shares shares;
};

static bool is_asked_for(const struct asking *asking, const struct rule *rule)
{
    const struct outcome outcome = target_outcome(asking->passage->space, &rule->target);

    if (asking->is_meant)
        return asking->is_meant(rule);
    if (asking->about_tracking)
        return outcome.ct == CT_NOTRACK;
    return outcome.walk == WALK_ACCEPT || outcome.walk == WALK_DROP || outcome.walk == WALK_REJECT;
}

static void add_share(struct asking *asking, const struct passage_chain *built, size_t index, diagram packets)
{
    if (packets == set_none(asking->passage->space) || asking->shares.count >= asking->limit)
        return;
    *vec_push(asking->passage->space->arena, &asking->shares) =
        (struct share){{asking->passage->table, built->chain, index}, packets};
}

// Numbers of rules, ascending, each once.
struct numbers {
    uint32_t *items;
    size_t count, capacity;
    struct arena arena;
};

static void add_number(uint32_t value, void *context)
{
    struct numbers *numbers = context;

    if (value)
        *vec_push(&numbers->arena, numbers) = value & ~RUN_SEVERAL;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static void numbers_open(struct numbers *numbers, struct packet_space *space, diagram function)
{
    size_t kept = 0;

    *numbers = (struct numbers){0};
    diagram_each_value(space->diagrams, function, add_number, numbers);
    if (numbers->count)
        qsort(numbers->items, numbers->count, sizeof(*numbers->items), compare_numbers);
    for (size_t i = 0; i < numbers->count; i++)
        if (!kept || numbers->items[kept - 1] != numbers->items[i])
            numbers->items[kept++] = numbers->items[i];
    numbers->count = kept;
}

struct between {
    uint32_t first, last;
};

static uint32_t keep_between(uint32_t value, void *context)
{
    const struct between *between = context;
    const uint32_t number = value & ~RUN_SEVERAL;

    return number >= between->first && number <= between->last ? value : 0;
}

static diagram numbered_between(struct packet_space *space, diagram function, uint32_t first, uint32_t last)
{
    return diagram_map(space->diagrams, function, keep_between, &(struct between){first, last});
}

// By halves, so that a long run costs its length as often as it can be halved.
static void share_out(struct asking *asking, const struct passage_chain *built, const struct run *run,
                      diagram function, const uint32_t *numbers, size_t count)
{
    struct packet_space *space = asking->passage->space;

    if (!count)
        return;
    function = numbered_between(space, function, numbers[0], numbers[count - 1]);
    if (count == 1) {
        add_share(asking, built, run_rule(run, numbers[0]), differences(space, function, set_none(space)));
        return;
    }
    share_out(asking, built, run, function, numbers, count / 2);
    share_out(asking, built, run, function, numbers + count / 2, count - count / 2);
}

static void ask_run(struct asking *asking, const struct passage_chain *built, const struct run *run,
                    struct arrival arrival)
{
    struct packet_space *space = asking->passage->space;
    struct numbers numbers;
    size_t kept = 0;
    diagram function;

    if (asking->about_tracking)
        return;
    function = only_where(space, arrival.comes, passage_numbers(asking->passage, built, run));
    numbers_open(&numbers, space, function);
    for (size_t i = 0; i < numbers.count && kept < asking->limit - asking->shares.count; i++)
        if (is_asked_for(asking, &built->chain->items[run_rule(run, numbers.items[i])]))
            numbers.items[kept++] = numbers.items[i];
    share_out(asking, built, run, function, numbers.items, kept);
    arena_clear(&numbers.arena);
}

static void ask_rule(struct asking *asking, const struct passage_chain *built, size_t index,
                     struct arrival arrival)
{
    const struct passage *passage = asking->passage;
    const struct rule *rule = &built->chain->items[index];
    const struct chain *inner =
        rule_leads_on(rule) ? table_find_chain(passage->table, rule->target.text) : NULL;

    if (inner) {
        struct arrival *inside = &asking->arrivals[passage_chain_of(passage, inner) - passage->chains];

        inside->comes = set_or(passage->space, inside->comes, arrival.comes);
        inside->fresh = set_or(passage->space, inside->fresh, arrival.fresh);
    }
    if (is_asked_for(asking, rule))
        add_share(asking, built, index, asking->about_tracking ? arrival.fresh : arrival.comes);
}

static void ask_node(struct asking *asking, const struct passage_chain *built, size_t node,
                     struct arrival arrival)
{
    struct packet_space *space = asking->passage->space;

    arrival.comes =
        set_and(space, arrival.comes,
                asking->meant ? asking->meant[built - asking->passage->chains][node] : built->wants[node]);
    if (arrival.comes == set_none(space) || asking->shares.count >= asking->limit)
        return;
    arrival.fresh = set_and(space, arrival.fresh, arrival.comes);
    if (node >= built->leaves) {
        const struct run *run = &built->runs[node - built->leaves];

        if (run->end - run->first > 1)
            ask_run(asking, built, run, arrival);
        else
            ask_rule(asking, built, run->first, arrival);
        return;
    }
    ask_node(asking, built, 2 * node, arrival);
    arrival.fresh = still_fresh(space, arrival.fresh, built->walks[2 * node]);
    arrival.comes = still_walking(space, arrival.comes, built->walks[2 * node]);
    ask_node(asking, built, 2 * node + 1, arrival);
}

static diagram leaf_meant(const struct asking *asking, const struct passage_chain *built, size_t index)
{
    const struct passage *passage = asking->passage;
    const struct run *run = &built->runs[index];
    const struct rule *rule = &built->chain->items[run->first];
    const struct chain *inner =
        rule_leads_on(rule) ? table_find_chain(passage->table, rule->target.text) : NULL;
    const struct passage_chain *inside = inner ? passage_find(passage, inner) : NULL;

    for (size_t i = run->first; i < run->end; i++)
        if (asking->is_meant(&built->chain->items[i]))
            return built->wants[built->leaves + index];
    return inside ? set_and(passage->space, built->wants[built->leaves + index],
                            asking->meant[inside - passage->chains][1])
                  : set_none(passage->space);
}

// So that packets of which no rule that is meant knows anything are left out early.
static void find_meant(struct asking *asking)
{
    const struct passage *passage = asking->passage;
    struct packet_space *space = passage->space;

    asking->meant = arena_calloc(space->arena, passage->count, sizeof(*asking->meant));
    for (size_t i = passage->order_count; i-- > 0;) {
        const struct passage_chain *built = passage->order[i];
        diagram *meant = arena_calloc(space->arena, 2 * built->leaves, sizeof(*meant));

        asking->meant[built - passage->chains] = meant;
        for (size_t j = 0; j < built->run_count; j++)
            meant[built->leaves + j] = leaf_meant(asking, built, j);
        for (size_t j = built->leaves; --j > 0;)
            meant[j] = set_or(space, meant[2 * j], meant[2 * j + 1]);
    }
}

static struct shares ask(struct asking asking, diagram set)
{
    struct arena arrivals = {0};
    const struct passage *passage = asking.passage;
    struct packet_space *space = passage->space;
    const struct passage_chain *top = passage_find(passage, passage->hook_chain);

    if (!top)
        return (struct shares){0};
    asking.arrivals = arena_calloc(&arrivals, passage->count, sizeof(*asking.arrivals));
    if (asking.is_meant)
        find_meant(&asking);
    set = set_and(space, set, passage->domain);
    asking.arrivals[top - passage->chains] = (struct arrival){set, passage->view.raw ? set : set_none(space)};
    for (size_t i = 0; i < passage->order_count; i++)
        ask_node(&asking, passage->order[i], 1, asking.arrivals[passage->order[i] - passage->chains]);
    if (!asking.about_tracking && !asking.is_meant)
        add_share(&asking, top, top->chain->count, still_walking(space, set, top->walks[1]));
    arena_clear(&arrivals);
    return asking.shares;
}

struct shares passage_deciders(const struct passage *passage, diagram set, size_t limit)
{
    return ask((struct asking){.passage = passage, .limit = limit}, set);
}

struct shares passage_untrackers(const struct passage *passage, diagram set, size_t limit)
{
    return ask((struct asking){.passage = passage, .limit = limit, .about_tracking = true}, set);
}

struct shares passage_comers(const struct passage *passage, bool (*is_meant)(const struct rule *rule))
{
    return ask((struct asking){.passage = passage, .limit = SIZE_MAX, .is_meant = is_meant},
               set_all(passage->space));
}

struct blaming {
    const struct passage *passage;
    const struct passage_chain *built;
    size_t index; // rules before it
    diagram left;
    size_t *blamed;
    size_t count, limit;
};

static void blame_run(struct blaming *blaming, const struct run *run)
{
    struct packet_space *space = blaming->passage->space;
    const diagram function =
        only_where(space, blaming->left, passage_numbers(blaming->passage, blaming->built, run));
    struct numbers numbers;
    size_t last = 0;

    numbers_open(&numbers, space, function);
    for (size_t i = 0; i < numbers.count && blaming->count < blaming->limit; i++) {
        if (run_rule(run, numbers.items[i]) >= blaming->index)
            break;
        blaming->blamed[blaming->count++] = run_rule(run, numbers.items[i]);
        last = i + 1;
    }
    if (last)
        blaming->left = set_minus(
            space, blaming->left,
            differences(space, set_none(space),
                        numbered_between(space, function, numbers.items[0], numbers.items[last - 1])));
    arena_clear(&numbers.arena);
}

// `first` and `size`: the leaves below the node.
static void blame_node(struct blaming *blaming, size_t node, size_t first, size_t size)
{
    const struct passage_chain *built = blaming->built;
    diagram left;

    if (first >= built->run_count || built->runs[first].first >= blaming->index ||
        blaming->count == blaming->limit)
        return;
    left = still_walking(blaming->passage->space, blaming->left, built->walks[node]);
    if (left == blaming->left)
        return;
    if (size > 1) {
        blame_node(blaming, 2 * node, first, size / 2);
        blame_node(blaming, 2 * node + 1, first + size / 2, size / 2);
    } else if (built->runs[first].end - built->runs[first].first > 1) {
        blame_run(blaming, &built->runs[first]);
    } else {
        blaming->blamed[blaming->count++] = built->runs[first].first;
        blaming->left = left;
    }
}

size_t passage_blame(const struct passage *passage, const struct passage_chain *built, diagram set,
                     size_t index, size_t *blamed, size_t limit, diagram *left)
{
    struct blaming blaming = {
        .passage = passage, .built = built, .index = index, .left = set, .blamed = blamed, .limit = limit};

    blame_node(&blaming, 1, 0, built->leaves);
    *left = blaming.left;
    return blaming.count;
}
