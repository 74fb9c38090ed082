// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that no packet comes to, because those before them end the walk of all their packets, are left out; and so are rules
// that do what the chain's policy would do.
//
// May act on: rules whose packets, all of them, pure rules with a final target before them in the same chain decide. That is
// decided on the packets themselves, against the union of what comes before. Long chains and large sets are left as they
// are: what is found there does not pay for the time.
#include <string.h>

#include "meaning/match.h"
#include "passes/pass.h"

#define RULES_MAX  512  // of a chain
#define RANGES_MAX 1000 // of a rule's sets
#define NODE_LIMIT ((size_t)1 << 18)

// The hooks at which a chain is walked. What comes in passes raw before it is known whether it is forwarded.
static const struct {
    const char *table, *chain;
    enum hook hook;
} walks[] = {
    {"filter", "INPUT", HOOK_INPUT},   {"filter", "FORWARD", HOOK_FORWARD}, {"filter", "OUTPUT", HOOK_OUTPUT},
    {"raw", "PREROUTING", HOOK_INPUT}, {"raw", "PREROUTING", HOOK_FORWARD}, {"raw", "OUTPUT", HOOK_OUTPUT},
};

static bool is_large(const struct rule *rule)
{
    const struct rule_sets *sets = rule_sets_of(rule);
    size_t ranges = sets->ports[SIDE_SOURCE].count + sets->ports[SIDE_DESTINATION].count;

    for (int side = 0; side < 2; side++)
        ranges += sets->addresses[side] ? sets->addresses[side]->count : 0;
    return ranges > RANGES_MAX;
}

static bool has_socket(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_SOCKET)
            return true;
    return false;
}

// Notes the rules that some packet comes to in `reached`.
static void find_reached(const struct view *view, const char *table, const struct chain *chain, bool *reached)
{
    struct packet_space *space = view->space;
    diagram left = set_all(space);

    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];
        diagram function;

        // What switches the tracker or the assembly of fragments on does so though no packet comes to it.
        if (!rule_decides(rule)) { // a log, say
            reached[i] = true;
            continue;
        }
        if (rule->verbatim || is_large(rule) || rule_tracks(rule, table) || has_socket(rule)) {
            reached[i] = true;
            if (!rule_is_pure(rule) || is_large(rule))
                continue;
        }
        function = rule_function(view, rule, 1, 1);
        arena_reset(view->scratch);
        // What asks for something that cannot be at this hook is somebody's wish all the same.
        if (function == set_none(space) || set_and(space, left, function) != set_none(space))
            reached[i] = true;
        if (rule_is_pure(rule) && target_is_final(&rule->target))
            left = set_minus(space, left, function);
    }
}

static void shadow_chain(struct passing *passing, struct packet_space *space, struct chain *chain)
{
    struct arena scratch = {0};
    bool *reached = arena_calloc(passing->arena, chain->count, sizeof(*reached));
    bool walked = false;
    size_t kept = 0;

    for (size_t i = 0; i < sizeof(walks) / sizeof(*walks); i++) {
        const struct view view = {.space = space,
                                  .scratch = &scratch,
                                  .hook = walks[i].hook,
                                  .raw = strcmp(walks[i].table, "raw") == 0};

        if (strcmp(walks[i].table, passing->table->name) != 0 || strcmp(walks[i].chain, chain->name) != 0)
            continue;
        find_reached(&view, walks[i].table, chain, reached);
        walked = true;
    }
    arena_clear(&scratch);
    if (!walked || diagram_overflowed(space->diagrams))
        return;
    own_rules(passing, chain);
    for (size_t i = 0; i < chain->count; i++)
        if (reached[i])
            chain->items[kept++] = chain->items[i];
    chain->count = kept;
}

// Whether the chain's policy decides the rule's packets as the rule does, and nothing on their way there differs. Rules of
// entries stay, so that their packets are told where they are decided.
static bool does_as_policy(const struct passing *passing, const struct chain *chain, size_t place)
{
    const struct rule *rule = &chain->items[place];
    const enum target_kind kind = chain->policy == CHAIN_DROP ? TARGET_DROP : TARGET_ACCEPT;

    if (rule->span.source || rule->target.kind != kind || !rule_is_pure(rule) || has_socket(rule) ||
        rule_tracks(rule, passing->table->name))
        return false;
    for (size_t i = place + 1; i < chain->count; i++) {
        const struct rule *later = &chain->items[i];

        if (!(rule_is_pure(later) && later->target.kind == kind) &&
            !rules_apart(passing->family, rule, later))
            return false;
    }
    return true;
}

static void leave_to_policy(struct passing *passing, struct chain *chain)
{
    for (size_t i = chain->count; i-- > 0;)
        if (does_as_policy(passing, chain, i)) {
            own_rules(passing, chain);
            memmove(&chain->items[i], &chain->items[i + 1], (chain->count - i - 1) * sizeof(*chain->items));
            chain->count--;
        }
}

void pass_shadow(struct passing *passing)
{
    struct ruleset one = {.family = passing->family, .items = passing->table, .count = 1, .capacity = 1};
    struct packet_space space;

    for (size_t i = 0; i < passing->table->count; i++) {
        struct chain *chain = passing->table->items[i];

        if (chain->count < 2 || chain->count > RULES_MAX || chain->policy == CHAIN_USER)
            continue;
        packet_space_init(&space, passing->arena, passing->family);
        packet_space_add_ruleset(&space, &one);
        if (packet_space_open(&space, NODE_LIMIT))
            shadow_chain(passing, &space, chain);
        packet_space_close(&space);
        if (chain->policy != CHAIN_UNWRITTEN && strcmp(passing->table->name, "filter") == 0)
            leave_to_policy(passing, chain);
    }
}
