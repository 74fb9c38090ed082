// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a ruleset means: for each hook a function from packets to outcomes.
#pragma once

#include "meaning/cube.h"
#include "meaning/outcome.h"

// A rule and where it stands, for outcomes that remember it.
struct rule_place {
    const struct table *table;
    const struct chain *chain;
    size_t index; // in the chain, from 0
};

struct rule_places {
    struct rule_place *items; // of outcome.rule 1, 2, ...
    size_t count;
    size_t capacity;
    bool (*wanted)(const struct rule_place *place); // which are remembered; NULL: all
};

// What a ruleset, or a policy, does at each hook, in the two parts between which the tracker stands.
struct meaning {
    diagram raws[HOOK_COUNT]; // walks through raw: CT targets, and drops
    diagram
        filters[HOOK_COUNT]; // verdicts of what stands behind the tracker, which sees UNTRACKED as a state
    diagram domains[HOOK_COUNT]; // the packets that there are
    bool tracking;               // some rule of the family switches the tracker on
};

// Both parts put together, for the packets of a set within the hook's domain: each has a verdict, and is tracked or not.
// Outside of the set the value is 0.
diagram hook_outcomes(struct packet_space *space, const struct meaning *meaning, enum hook hook, diagram set);

// The same for all packets, whether there are such or not: smaller where rules by the thousand have outcomes of their own,
// each of which would be cut to the domain.
diagram hook_outcomes_anywhere(struct packet_space *space, const struct meaning *meaning, enum hook hook);

// The same for one packet.
struct outcome packet_outcome(struct packet_space *space, const struct meaning *meaning, enum hook hook,
                              const field_value *packet);

// The packets of the hook's domain that two meanings treat differently.
diagram different_outcomes(struct packet_space *space, const struct meaning *a, const struct meaning *b,
                           enum hook hook);

// The tracked packets of the hook's domain that would open a connection with another template: CT targets that give it
// another helper.
diagram different_templates(struct packet_space *space, const struct meaning *a, const struct meaning *b,
                            enum hook hook);

// A chain that a packet passes at a hook, behind the tracker.
struct station {
    const char *table, *chain;
};
extern const struct station stations[HOOK_COUNT][7]; // each hook's ended by one without a table

// The view of a packet that it has there, of its hook's.
struct view station_view(const struct view *view, const struct station *station);

// What a rule's target does to the packets that the rule is about. A jump is none of enum walk.
struct outcome target_outcome(struct packet_space *space, const struct target *target);

// What a ruleset means. It has been added to the space, and the space is open. `places`, unless it is NULL, is filled with the rules and
// chains that decide, and outcomes remember them: the last rule's index + 1 stands for the policy of a chain.
struct meaning rules_meaning(struct packet_space *space, const struct ruleset *ruleset,
                             struct rule_places *places);

// The same for one hook alone; of the others the parts are 0.
struct meaning rules_meaning_at(struct packet_space *space, const struct ruleset *ruleset, enum hook hook,
                                struct rule_places *places);

// One chain, with the chains that it leads to, as the walk through it: WALK_CONTINUE at its end. For rules that a policy
// carries verbatim. An empty function where the ruleset has no such chain.
diagram chain_walk(const struct view *view, const struct ruleset *ruleset, const char *table,
                   const char *chain);

// Whether rules of raw ask for what the tracker says: walks through it are `staged` then. No tracker has looked at a packet
// there, which is INVALID to the conntrack match; behind a CT target it is UNTRACKED or, with a template, NEW
// (net/netfilter/xt_conntrack.c, xt_CT.c). What comes by lo has the state that it left with.
bool raw_asks_state(const struct ruleset *ruleset);

// A staged walk for packets as they come to raw. Of those that come by lo it still tests the state, UNTRACKED among them.
diagram staged_walk(const struct view *view, diagram walk);

// The same function for packets that the tracker says this of; nothing is a helper's.
diagram seen_with_state(struct packet_space *space, diagram function, unsigned state);

// What the tracker leaves alone: neighbour discovery, multicast listeners and routers.
diagram never_tracked(struct packet_space *space);

// What raw does at a hook: CT targets, and drops.
diagram walk_through_raw(const struct view *view, const struct ruleset *ruleset);

// What raw decides about tracking at a hook, as the set of packets that it takes out of tracking.
diagram untracked_by_rules(const struct view *view, const struct ruleset *ruleset);

// What the tables behind the tracker do, with `filter` in place of the ruleset's own filter.
diagram beside_filter(const struct view *view, const struct ruleset *ruleset, diagram filter);

// The packets that a walk through raw takes out of tracking.
diagram taken_out(struct packet_space *space, diagram raw);

// Walks in their order, to be joined. Of neighbours with one and the same outcome the order does not matter, which saves
// most of the work where there are many. A zeroed one is empty.
struct walk_list {
    struct arena arena; // holds all that the list needs
    struct walk_item {
        struct conjunction packets; // where they are a conjunction
        diagram walk;               // else
        uint32_t only; // the one outcome of the conjunction's packets; 0: it is a walk, of any outcomes
    } * items;
    size_t count, capacity;
    bool staged; // of raw, where rules ask for a state: a CT target is seen by those behind it
    struct field_test last[FIELD_COUNT]; // the newest conjunction's tests, since most are the same again
};
void walk_list_add(struct walk_list *list, diagram walk);
void walk_list_add_cube(struct walk_list *list, const struct cube *cube, uint32_t inside, uint32_t full);

// The items from number `from` on as one walk, which are taken off the list.
diagram walk_list_join(struct packet_space *space, struct walk_list *list, size_t from);
void walk_list_clear(struct walk_list *list);

// Outcomes behind each other: the walk goes on with `right` where `left` has not ended it. An ACCEPT of `left` ends only
// its own table: `tables_in_order` goes on there as well.
diagram walks_in_order(struct packet_space *space, diagram left, diagram right);
diagram tables_in_order(struct packet_space *space, diagram left, diagram right);
