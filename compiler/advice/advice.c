// SPDX-License-Identifier: GPL-2.0-or-later
#include "advice/advice.h"

#include <string.h>

#include "policy/helpers.h"

#define PEERS_NAMED 8 // more of them are likely to change

const struct obstacle_kind obstacle_kinds[OBSTACLE_COUNT] = {
#define OBSTACLE(id, name, about) [OBSTACLE_##id] = {name, about},
#include "advice/obstacles.def"
#undef OBSTACLE
};

// Without a policy, the port tells that a helper may be at work.
static bool has_helper(const struct group *group, const struct policy *policy)
{
    if (group->helper || (group->entry && group->entry->helper))
        return true;
    return !policy && group->is_word && helper_find(slice_of(group->name)) != NULL;
}

static enum obstacle find_obstacle(const struct group *group, const struct policy *policy)
{
    if (group->direction == DIRECTION_LOOPBACK)
        return OBSTACLE_LOOPBACK;
    if (group->direction == DIRECTION_FORWARDED)
        return OBSTACLE_FORWARDED;
    if (policy && policy->tracking == TRACKING_NONE)
        return OBSTACLE_UNTRACKED;
    if (group->nat)
        return OBSTACLE_NAT;
    if (has_helper(group, policy))
        return OBSTACLE_HELPER;
    if (group->entry && policy && policy->tracking == TRACKING_SELECTIVE && group->entry->track == CHOICE_NO)
        return OBSTACLE_UNTRACKED;
    if (group->entry && group->entry->track == CHOICE_YES)
        return OBSTACLE_TRACKED;
    if (group->entry)
        return OBSTACLE_NONE;
    if (!group->is_word)
        return OBSTACLE_NO_SERVICE;
    // What this host uses elsewhere needs no entry while it is tracked, and gets one.
    return policy && group->direction == DIRECTION_IN ? OBSTACLE_NO_ENTRY : OBSTACLE_NONE;
}

// One entry of a policy, or one word, may stand for several groups: of TCP and of UDP.
static bool same_service(const struct group *one, const struct group *other)
{
    if (one->direction != other->direction || one->entry != other->entry)
        return false;
    return one->entry || strcmp(one->name, other->name) == 0;
}

// What is against one of them is against all.
static void spread_obstacles(struct advice *advice)
{
    for (size_t i = 0; i < advice->items.count; i++)
        for (size_t j = 0; j < advice->items.count && advice->items.items[i].worthwhile; j++) {
            const struct suggestion *other = &advice->items.items[j];

            if (!same_service(advice->items.items[i].group, other->group) ||
                (other->obstacle != OBSTACLE_NAT && other->obstacle != OBSTACLE_HELPER))
                continue;
            advice->items.items[i].obstacle = other->obstacle;
            advice->items.items[i].worthwhile = false;
        }
}

static bool is_repeated(const struct advice *advice, size_t number)
{
    for (size_t i = 0; i < number; i++)
        if (advice->items.items[i].worthwhile &&
            same_service(advice->items.items[i].group, advice->items.items[number].group))
            return true;
    return false;
}

struct advice *advise(struct arena *arena, const struct dump *table, const struct census *census,
                      const struct addr_set *local, const struct policy *policy)
{
    struct advice *advice = arena_alloc(arena, sizeof(*advice));

    for (size_t i = 0; i < census->groups.count; i++) {
        struct suggestion *suggestion = vec_push(arena, &advice->items);
        const struct group *group = &census->groups.items[i];

        suggestion->group = group;
        suggestion->obstacle = find_obstacle(group, policy);
        suggestion->worthwhile = suggestion->obstacle == OBSTACLE_NONE &&
                                 group->entries * 100 >= census->entries * WORTHWHILE_PERCENT;
    }
    spread_obstacles(advice);
    for (size_t i = 0; i < advice->items.count; i++) {
        struct suggestion *suggestion = &advice->items.items[i];
        const struct group *group = suggestion->group;

        if (!suggestion->worthwhile)
            continue;
        advice->saved += group->entries;
        suggestion->repeated = is_repeated(advice, i);
        if (group->direction == DIRECTION_OUT && !group->entry &&
            !census_targets(arena, table, local, group, PEERS_NAMED, &suggestion->peers))
            suggestion->peers = (struct addr_set){0};
    }
    return advice;
}

const char *suggestion_list(const struct suggestion *suggestion)
{
    if (suggestion->group->is_trust)
        return "trust";
    return suggestion->group->direction == DIRECTION_IN ? "allow" : "connect";
}

static void put_peers(struct buf *out, const struct addr_set *peers)
{
    const char *separator = ", to: [";

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < peers->families[family].count; i++) {
            const struct addr_range *range = &peers->families[family].items[i];

            buf_text(out, separator);
            if (family == FAMILY_IPV6)
                buf_char(out, '"');
            addr_print(out, family, range->first);
            if (addr_compare(range->first, range->last) != 0) {
                buf_char(out, '-');
                addr_print(out, family, range->last);
            }
            if (family == FAMILY_IPV6)
                buf_char(out, '"');
            separator = ", ";
        }
    if (!addr_set_empty(peers))
        buf_char(out, ']');
}

void put_new_entry(struct buf *out, const struct suggestion *suggestion)
{
    buf_printf(out, "{service: %s", suggestion->group->name);
    put_peers(out, &suggestion->peers);
    buf_text(out, ", track: false}");
}
