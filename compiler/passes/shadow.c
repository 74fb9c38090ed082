// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules without which nothing would change are left out: those that no packet comes to, because rules before them end the walk
// of all their packets; and those whose packets would meet the same end behind them, by later rules or by the chain's policy.
// Of a rule that is needed for some of its addresses alone, the others are left out.
//
//   -A INPUT -p icmp -m icmp --icmp-type 8 -m hashlimit ... -j ACCEPT
//   -A INPUT -p icmp -m icmp --icmp-type 8 -j DROP            what the chain's policy does
//
// May act on: rules that end the walk of their packets or decide about their tracking, and ask for nothing but the packet.
// What becomes of the packets that come to one is decided on the packets themselves; a packet that meets anything on its way
// behind the rule that logs, counts or is not modelled needs the rule. Rules that have an effect by being there stay: they
// switch the tracker on, or have fragments put together. So do those that carry an entry's name as a comment, unless no
// packet comes to them: whoever asks for names wants to see the entries. Long chains and large sets are left as they are: what
// is found there does not pay for the time.
#include <string.h>

#include "meaning/match.h"
#include "passes/cost.h"
#include "passes/pass.h"

#define RULES_MAX  512 // of a chain
#define BEHIND_MAX 160 // of a chain in which also is looked at what stands behind a rule
#define SHORT_CUT  0.5 // a share of packets that is worth a rule of its own
#define PARTS_MAX  64  // of a set whose ranges are looked at one by one
#define NODE_LIMIT ((size_t)1 << 18)

// The hooks at which a chain is walked. What comes in passes raw before it is known whether it is forwarded.
static const struct {
    const char *table, *chain;
    enum hook hook;
} walks[] = {
    {"filter", "INPUT", HOOK_INPUT},   {"filter", "FORWARD", HOOK_FORWARD}, {"filter", "OUTPUT", HOOK_OUTPUT},
    {"raw", "PREROUTING", HOOK_INPUT}, {"raw", "PREROUTING", HOOK_FORWARD}, {"raw", "OUTPUT", HOOK_OUTPUT},
};
#define WALKS_MAX 2 // of one chain

// What becomes of packets.
struct fate {
    struct target target;
    diagram packets;
};

// A walk of packets through a chain.
struct walk {
    struct view view;
    diagram *about; // each rule's packets, at least
    diagram *come;  // of all packets, those that come to each rule
    diagram *told;  // of these, those of which a rule before has decided whether they are tracked
    // Behind the rule that is looked at:
    VEC(struct fate) fates; // what ends there in a known way, and has met nothing else
    diagram quiet;          // what meets nothing but verdicts
};

struct shadowing {
    struct passing *passing;
    struct chain *chain;
    struct arena scratch;
    struct walk walks[WALKS_MAX];
    size_t walk_count;
    // Of the rules that stay behind the one that is looked at:
    size_t kept;
    bool tracking, sockets; // some ask for what the tracker says, or for sockets
};

static bool has_match(const struct rule *rule, enum match_kind kind)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == kind)
            return true;
    return false;
}

static bool decides_tracking(const struct rule *rule)
{
    return rule->target.kind == TARGET_NOTRACK || rule->target.kind == TARGET_HELPER;
}

static bool ends_walk(const struct rule *rule)
{
    return target_is_final(&rule->target) || rule->target.kind == TARGET_GOTO;
}

// Whether it is known what a rule does to all packets that it is about, and to no others.
static bool is_known(const struct rule *rule)
{
    return rule_is_pure(rule) && !rule_is_large(rule) && (ends_walk(rule) || decides_tracking(rule));
}

// The packets that a rule is about; where that is not known, no fewer.
static diagram rule_packets(struct shadowing *shadowing, const struct view *view, const struct rule *rule)
{
    struct rule pure = *rule;
    struct match *matches;
    diagram packets;

    if (rule_is_verbatim(rule) || rule_is_large(rule))
        return set_all(view->space);
    matches = arena_calloc(&shadowing->scratch, rule->match_count, sizeof(*matches));
    pure.match_count = 0;
    for (size_t i = 0; i < rule->match_count; i++)
        if (match_is_pure(&rule->matches[i]))
            matches[pure.match_count++] = rule->matches[i];
    pure.matches = matches;
    packets = rule_function(view, &pure, 1, 1);
    arena_reset(&shadowing->scratch);
    return packets;
}

// Forward: what comes to each rule.
static void follow(struct shadowing *shadowing, struct walk *walk)
{
    const struct chain *chain = shadowing->chain;
    struct packet_space *space = walk->view.space;
    diagram left = set_all(space), told = set_none(space);

    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];

        walk->about[i] = rule_packets(shadowing, &walk->view, rule);
        walk->come[i] = left;
        walk->told[i] = told;
        if (!is_known(rule))
            continue;
        if (ends_walk(rule))
            left = set_minus(space, left, walk->about[i]);
        else if (chain->count <= BEHIND_MAX)
            told = set_or(space, told, walk->about[i]);
    }
}

static struct fate *fate_of(struct shadowing *shadowing, struct walk *walk, const struct target *target)
{
    for (size_t i = 0; i < walk->fates.count; i++)
        if (targets_same(&walk->fates.items[i].target, target))
            return &walk->fates.items[i];
    struct fate *fate = vec_push(shadowing->passing->arena, &walk->fates);

    *fate = (struct fate){*target, set_none(walk->view.space)};
    return fate;
}

// Backward: adds a rule ahead of those that have been walked.
static void walk_back(struct shadowing *shadowing, struct walk *walk, const struct rule *rule, diagram about)
{
    struct packet_space *space = walk->view.space;

    if (shadowing->chain->count > BEHIND_MAX)
        return;
    for (size_t i = 0; i < walk->fates.count; i++)
        if (!is_known(rule) || !targets_same(&walk->fates.items[i].target, &rule->target))
            walk->fates.items[i].packets = set_minus(space, walk->fates.items[i].packets, about);
    if (!is_known(rule)) {
        walk->quiet = set_minus(space, walk->quiet, about);
        return;
    }

    struct fate *fate = fate_of(shadowing, walk, &rule->target);

    fate->packets = set_or(space, fate->packets, about);
}

// Of the packets that come to a rule and are among `about`, those that would end in another way without it.
static diagram needing(struct shadowing *shadowing, struct walk *walk, size_t place, diagram about)
{
    const struct rule *rule = &shadowing->chain->items[place];
    struct packet_space *space = walk->view.space;
    const diagram come = set_and(space, walk->come[place], about),
                  same = fate_of(shadowing, walk, &rule->target)->packets;
    // Once it is decided, a packet walks on through raw, and no other CT target has a say.
    const diagram told = set_and(space, come, walk->told[place]);
    const diagram untold = set_minus(space, set_minus(space, come, told), same);

    return decides_tracking(rule) ? untold : set_or(space, untold, set_minus(space, told, walk->quiet));
}

// Whether a rule switches the tracker on, or has fragments put together, for being there: at every hook, so that what is forwarded
// has its ports.
static bool has_effect(const struct shadowing *shadowing, const struct rule *rule)
{
    return rule_tracks(rule, shadowing->passing->table->name) || has_match(rule, MATCH_SOCKET);
}

// Whether other rules that stay have the same effect: the tracker needs all fragments.
static bool others_have_effect(const struct shadowing *shadowing, const struct rule *rule)
{
    const struct table *table = shadowing->passing->table;
    const bool tracks = rule_tracks(rule, table->name);

    if (tracks ? shadowing->tracking : shadowing->tracking || shadowing->sockets)
        return true;
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->items[i]->count; j++)
            if (strcmp(table->items[i]->name, shadowing->chain->name) != 0 &&
                (rule_tracks(&table->items[i]->items[j], table->name) ||
                 (!tracks && has_match(&table->items[i]->items[j], MATCH_SOCKET))))
                return true;
    return false;
}

static bool stays_anyhow(const struct shadowing *shadowing, size_t place)
{
    const struct rule *rule = &shadowing->chain->items[place];
    bool asked = false;

    if (rule_is_verbatim(rule) || rule_is_large(rule) ||
        (has_effect(shadowing, rule) && !others_have_effect(shadowing, rule)))
        return true;
    // What asks for something that cannot be at this hook is somebody's wish all the same.
    for (size_t i = 0; i < shadowing->walk_count; i++)
        asked = asked || shadowing->walks[i].about[place] != set_none(shadowing->walks[i].view.space);
    return !asked;
}

// The default at the end is what rules before it may be left to, though all of them together leave nothing to it.
static bool is_default(const struct rule *rule)
{
    return rule->section && strcmp(rule->section, "default") == 0;
}

static bool comes_to_none(struct shadowing *shadowing, size_t place)
{
    for (size_t i = 0; i < shadowing->walk_count; i++) {
        const struct walk *walk = &shadowing->walks[i];

        if (set_and(walk->view.space, walk->come[place], walk->about[place]) != set_none(walk->view.space))
            return false;
    }
    return true;
}

// Whether it saves most packets the rules that stay behind it.
static bool is_short_cut(const struct shadowing *shadowing, const struct rule *rule)
{
    return shadowing->kept && section_share(rule->section) >= SHORT_CUT;
}

static bool is_needless(struct shadowing *shadowing, size_t place)
{
    const struct rule *rule = &shadowing->chain->items[place];

    if (stays_anyhow(shadowing, place))
        return false;
    if (comes_to_none(shadowing, place))
        return !is_default(rule);
    if (!is_known(rule) || has_match(rule, MATCH_COMMENT) || is_short_cut(shadowing, rule) ||
        shadowing->chain->count > BEHIND_MAX)
        return false;
    for (size_t i = 0; i < shadowing->walk_count; i++) {
        struct walk *walk = &shadowing->walks[i];

        if (needing(shadowing, walk, place, walk->about[place]) != set_none(walk->view.space))
            return false;
    }
    return true;
}

static bool needs_part(struct shadowing *shadowing, size_t place, const struct rule *part)
{
    for (size_t i = 0; i < shadowing->walk_count; i++) {
        struct walk *walk = &shadowing->walks[i];
        const diagram about = rule_packets(shadowing, &walk->view, part);
        const diagram need = is_known(part) ? needing(shadowing, walk, place, about)
                                            : set_and(walk->view.space, walk->come[place], about);

        if (need != set_none(walk->view.space))
            return true;
    }
    return false;
}

// Leaves out the ranges of one side that the rule is not needed for. One at least is.
static void cut_addresses(struct shadowing *shadowing, size_t place, enum side side)
{
    struct arena *arena = shadowing->passing->arena;
    struct rule *rule = &shadowing->chain->items[place];
    const struct range_list *all = rule_sets_of(rule)->addresses[side];
    struct range_list *kept;
    struct rule_sets sets;

    if (!all || all->count < 2 || all->count > PARTS_MAX)
        return;
    kept = arena_alloc(arena, sizeof(*kept));
    *kept = (struct range_list){0};
    sets = *rule->sets;
    for (size_t i = 0; i < all->count; i++) {
        const struct range_list one = {&all->items[i], 1, 1};
        struct rule part = *rule;

        sets.addresses[side] = &one;
        part.sets = &sets;
        if (needs_part(shadowing, place, &part))
            *vec_push(arena, kept) = all->items[i];
    }
    if (!kept->count || kept->count == all->count)
        return;
    sets.addresses[side] = kept;
    rule->sets = rule_sets_copy(arena, &sets);
    for (size_t i = 0; i < shadowing->walk_count; i++)
        shadowing->walks[i].about[place] = rule_packets(shadowing, &shadowing->walks[i].view, rule);
}

static void begin_walk(struct shadowing *shadowing, struct packet_space *space, enum hook hook)
{
    struct arena *arena = shadowing->passing->arena;
    const struct chain *chain = shadowing->chain;
    const struct target policy = {.kind = chain->policy == CHAIN_DROP ? TARGET_DROP : TARGET_ACCEPT};
    struct walk *walk = &shadowing->walks[shadowing->walk_count++];

    *walk = (struct walk){.view = {.space = space,
                                   .scratch = &shadowing->scratch,
                                   .hook = hook,
                                   .raw = strcmp(shadowing->passing->table->name, "raw") == 0},
                          .about = arena_calloc(arena, chain->count, sizeof(*walk->about)),
                          .come = arena_calloc(arena, chain->count, sizeof(*walk->come)),
                          .told = arena_calloc(arena, chain->count, sizeof(*walk->told)),
                          .quiet = set_all(space)};
    if (chain->policy == CHAIN_ACCEPT || chain->policy == CHAIN_DROP)
        fate_of(shadowing, walk, &policy)->packets = set_all(space);
    follow(shadowing, walk);
}

// Decides about the rules from the last one on, each with those behind it that are left: a rule that goes leaves the chain's
// meaning as it was.
static void find_needless(struct shadowing *shadowing, bool *needless)
{
    for (size_t place = shadowing->chain->count; place-- > 0;) {
        const struct rule *rule = &shadowing->chain->items[place];

        needless[place] = is_needless(shadowing, place);
        if (needless[place])
            continue;
        if (shadowing->chain->count <= BEHIND_MAX && !rule_is_verbatim(rule) &&
            !has_match(rule, MATCH_COMMENT))
            for (enum side side = SIDE_SOURCE; side <= SIDE_DESTINATION; side++)
                cut_addresses(shadowing, place, side);
        for (size_t i = 0; i < shadowing->walk_count; i++)
            walk_back(shadowing, &shadowing->walks[i], rule, shadowing->walks[i].about[place]);
        shadowing->kept++;
        shadowing->tracking = shadowing->tracking || rule_tracks(rule, shadowing->passing->table->name);
        shadowing->sockets = shadowing->sockets || has_match(rule, MATCH_SOCKET);
    }
}

// Decides about the default, when it is known which rules stay.
static void find_needless_default(struct shadowing *shadowing, bool *needless)
{
    for (size_t i = 0; i < shadowing->walk_count; i++) {
        struct walk *walk = &shadowing->walks[i];
        diagram left = set_all(walk->view.space);

        for (size_t place = 0; place < shadowing->chain->count; place++) {
            const struct rule *rule = &shadowing->chain->items[place];

            walk->come[place] = left;
            if (!needless[place] && is_known(rule) && ends_walk(rule))
                left = set_minus(walk->view.space, left, walk->about[place]);
        }
    }
    for (size_t place = 0; place < shadowing->chain->count; place++)
        if (is_default(&shadowing->chain->items[place]) && !stays_anyhow(shadowing, place) &&
            comes_to_none(shadowing, place))
            needless[place] = true;
}

static void shadow_chain(struct passing *passing, struct packet_space *space, struct chain *chain)
{
    struct chain made = *chain;
    struct shadowing shadowing = {.passing = passing, .chain = &made};
    bool *needless = arena_calloc(passing->arena, chain->count, sizeof(*needless));
    size_t kept = 0;

    made.borrowed = true;
    own_rules(passing, &made);
    for (size_t i = 0; i < sizeof(walks) / sizeof(*walks); i++)
        if (strcmp(walks[i].table, passing->table->name) == 0 && strcmp(walks[i].chain, chain->name) == 0)
            begin_walk(&shadowing, space, walks[i].hook);
    if (shadowing.walk_count) {
        find_needless(&shadowing, needless);
        find_needless_default(&shadowing, needless);
    }
    arena_clear(&shadowing.scratch);
    if (!shadowing.walk_count || diagram_overflowed(space->diagrams))
        return;
    for (size_t i = 0; i < made.count; i++)
        if (!needless[i])
            made.items[kept++] = made.items[i];
    made.count = kept;
    *chain = made;
}

void pass_shadow(struct passing *passing)
{
    struct ruleset one = {.family = passing->family, .items = passing->table, .count = 1, .capacity = 1};
    struct packet_space space;

    for (size_t i = 0; i < passing->table->count; i++) {
        struct chain *chain = passing->table->items[i];

        if (!chain->count || chain->count > RULES_MAX || chain->policy == CHAIN_USER)
            continue;
        packet_space_init(&space, passing->arena, passing->family);
        packet_space_add_ruleset(&space, &one);
        if (packet_space_open(&space, NODE_LIMIT))
            shadow_chain(passing, &space, chain);
        packet_space_close(&space);
    }
}
