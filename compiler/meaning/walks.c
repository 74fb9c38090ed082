// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/walks.h"

#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "base/vec.h"

static uint32_t with_ct(struct outcome left, struct outcome right)
{
    if (left.ct) {
        right.ct = left.ct;
        right.template = left.template;
    }
    return outcome_value(right);
}

static uint32_t go_on(uint32_t left, uint32_t right)
{
    const struct outcome first = outcome_of(left);

    return first.walk == WALK_CONTINUE ? with_ct(first, outcome_of(right)) : left;
}

static bool ends(uint32_t left)
{
    return (left & 7) != WALK_CONTINUE;
}

static uint32_t next_table(uint32_t left, uint32_t right)
{
    const struct outcome first = outcome_of(left), second = outcome_of(right);

    // What the filter accepts is its rule's, whatever other tables let pass besides.
    if (first.walk == WALK_ACCEPT && second.walk <= WALK_ACCEPT && !second.rule)
        return left;
    return first.walk <= WALK_ACCEPT ? with_ct(first, outcome_of(right)) : left;
}

static bool refuses(uint32_t left)
{
    return (left & 7) > WALK_ACCEPT;
}

// What becomes of packets in a chain that a rule leads to, a walk of `from` being one of `to` for the rule.
static inline uint32_t lead_on(uint32_t rule, uint32_t chain, enum walk from, enum walk to)
{
    struct outcome inside = outcome_of(chain);

    if ((rule & 7) != WALK_LED_ON)
        return rule;
    if (inside.walk == from)
        inside.walk = to;
    return outcome_value(inside);
}

static uint32_t jump(uint32_t rule, uint32_t chain)
{
    return lead_on(rule, chain, WALK_RETURN, WALK_CONTINUE);
}

// The chain of a goto does not come back to the rule behind it, but to where its own chain was called.
static uint32_t goto_chain(uint32_t rule, uint32_t chain)
{
    return lead_on(rule, chain, WALK_CONTINUE, WALK_RETURN);
}

static uint32_t end_of_hook(uint32_t left, uint32_t policy)
{
    const struct outcome first = outcome_of(left);

    return first.walk == WALK_CONTINUE || first.walk == WALK_RETURN ? with_ct(first, outcome_of(policy))
                                                                    : left;
}

// Numbers beyond those of operations.c, below those of hooks.c.
static const struct diagram_operation op_go_on = {16 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT, go_on, ends},
                                      op_next_table = {17, next_table, refuses}, op_jump = {18, jump, NULL},
                                      op_goto = {19, goto_chain, NULL}, op_end = {20, end_of_hook, NULL};

diagram walks_in_order(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_go_on, left, right);
}

diagram walk_led_on(struct packet_space *space, enum target_kind how, diagram rule, diagram chain)
{
    return diagram_apply(space->diagrams, how == TARGET_GOTO ? &op_goto : &op_jump, rule, chain);
}

diagram walk_to_end(struct packet_space *space, diagram walk, diagram policy)
{
    return diagram_apply_once(space->diagrams, &op_end, walk, policy);
}

diagram tables_in_order(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply_once(space->diagrams, &op_next_table, left, right);
}

// Lists.

void walk_list_add(struct walk_list *list, diagram walk)
{
    *vec_push(&list->arena, list) = (struct walk_item){.walk = walk};
}

void walk_list_add_all(struct walk_list *list, uint32_t outcome)
{
    *vec_push(&list->arena, list) = (struct walk_item){.only = outcome};
}

static struct field_test kept_test(struct walk_list *list, const struct range_list *ranges, uint32_t field)
{
    struct field_test *last = &list->last[field];
    const size_t bytes = ranges->count * sizeof(*ranges->items);

    if (last->count != ranges->count || memcmp(last->ranges, ranges->items, bytes) != 0) {
        struct addr_range *copy = arena_alloc(&list->arena, bytes);

        memcpy(copy, ranges->items, bytes);
        *last = (struct field_test){copy, (uint32_t)ranges->count, field};
    }
    return *last;
}

void walk_list_add_cube(struct walk_list *list, const struct cube *cube, uint32_t inside, uint32_t full)
{
    struct field_test tests[FIELD_COUNT];
    size_t count = 0;

    if (cube->unknowns.count) {
        walk_list_add(list, cube_function(cube, inside, full));
        return;
    }
    if (cube->never)
        return;
    for (uint32_t field = 0; field < FIELD_COUNT; field++)
        if (cube->tests[field].count)
            tests[count++] = kept_test(list, &cube->tests[field], field);

    struct field_test *kept = arena_alloc(&list->arena, count * sizeof(*kept));

    if (count)
        memcpy(kept, tests, count * sizeof(*kept));
    *vec_push(&list->arena, list) = (struct walk_item){.packets = {kept, count}, .only = inside};
}

// Where the conjunctions end that have the outcome of the one at `from`; of a walk by itself, behind it.
static size_t end_of_same(const struct walk_list *list, size_t from)
{
    const uint32_t only = list->items[from].only;
    size_t end = from + 1;

    while (only && end < list->count && list->items[end].only == only)
        end++;
    return end;
}

static diagram any_of(struct packet_space *space, const struct walk_list *list, size_t from, size_t end,
                      uint32_t inside, uint32_t otherwise)
{
    struct conjunction *packets = calloc(end - from, sizeof(*packets));
    diagram result;

    if (!packets)
        fatal_no_memory();
    for (size_t i = from; i < end; i++)
        packets[i - from] = list->items[i].packets;
    result = diagram_any_of(space->diagrams, packets, end - from, inside, otherwise);
    free(packets);
    return result;
}

static diagram join_same(struct packet_space *space, const struct walk_list *list, size_t from, size_t end)
{
    const struct walk_item *item = &list->items[from];

    return item->only ? any_of(space, list, from, end, item->only, 0) : item->walk;
}

diagram seen_with_state(struct packet_space *space, diagram function, unsigned state)
{
    return diagram_restrict(space->diagrams,
                            diagram_restrict(space->diagrams, function, FIELD_STATE, (field_value){0, state}),
                            FIELD_HELPER, (field_value){0, 0});
}

static uint32_t takes_out(uint32_t raw, uint32_t ignored)
{
    (void)ignored;
    return outcome_of(raw).ct == CT_NOTRACK;
}

static uint32_t attaches(uint32_t raw, uint32_t ignored)
{
    (void)ignored;
    return outcome_of(raw).ct == CT_TRACK;
}

static const struct diagram_operation op_takes_out = {21, takes_out, NULL},
                                      op_attaches = {22, attaches, NULL};

diagram taken_out(struct packet_space *space, diagram raw)
{
    return diagram_apply(space->diagrams, &op_takes_out, raw, set_all(space));
}

// What the rules behind `left` see of packets that it has decided about.
static diagram staged_order(struct packet_space *space, diagram left, diagram right)
{
    const diagram fresh = field_between(space, FIELD_STATE, PACKET_STATE_INVALID, PACKET_STATE_INVALID);
    const diagram out = set_and(space, fresh, taken_out(space, left));
    const diagram with =
        set_and(space, fresh, diagram_apply(space->diagrams, &op_attaches, left, set_all(space)));
    const diagram seen = choose(space, out, seen_with_state(space, right, PACKET_STATE_UNTRACKED),
                                choose(space, with, seen_with_state(space, right, PACKET_STATE_NEW), right));

    return walks_in_order(space, left, seen);
}

static diagram join_staged(struct packet_space *space, const diagram *walks, size_t count)
{
    diagram joined = set_none(space);

    while (count-- > 0)
        joined = staged_order(space, walks[count], joined);
    return joined;
}

static bool is_all(const struct walk_item *item)
{
    return item->only && !item->packets.count;
}

// Where the list ends that some packet comes to the end of.
static size_t end_of_list(const struct walk_list *list, size_t from)
{
    for (size_t i = from; i < list->count; i++)
        if (is_all(&list->items[i]) && ends(list->items[i].only))
            return i + 1;
    return list->count;
}

// Whether the items from there to the end have one outcome, for all packets.
static bool is_rest(const struct walk_list *list, size_t from)
{
    return !list->staged && end_of_same(list, from) == list->count && is_all(&list->items[list->count - 1]);
}

diagram walk_list_join(struct packet_space *space, struct walk_list *list, size_t from)
{
    diagram *walks = calloc(list->count - from + 1, sizeof(*walks));
    size_t count = 0;
    diagram joined;

    if (!walks)
        fatal_no_memory();
    if (!list->staged)
        list->count = end_of_list(list, from);
    for (size_t i = from, end; i < list->count; i = end) {
        const struct walk_item *item = &list->items[i];

        end = end_of_same(list, i);
        // What becomes of all at the end stands in the function of those ahead of it, which saves to make that twice.
        if (item->only && end < list->count && is_rest(list, end)) {
            const uint32_t rest = list->items[end].only;

            walks[count++] = any_of(space, list, i, end, go_on(item->only, rest), rest);
            break;
        }
        walks[count++] = join_same(space, list, i, end);
    }
    joined = list->staged ? join_staged(space, walks, count)
                          : diagram_combine(space->diagrams, &op_go_on, walks, count);
    free(walks);
    list->count = from;
    return joined;
}

void walk_list_clear(struct walk_list *list)
{
    arena_clear(&list->arena);
    *list = (struct walk_list){0};
}

diagram staged_walk(const struct view *view, diagram walk)
{
    struct packet_space *space = view->space;
    const uint64_t lo = packet_space_interface(space, "lo");
    const diagram begun = seen_with_state(space, walk, PACKET_STATE_INVALID);

    return view->hook == HOOK_INPUT ? choose(space, field_between(space, FIELD_IN, lo, lo), walk, begun)
                                    : begun;
}
