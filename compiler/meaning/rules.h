// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a ruleset means: for each hook a function from packets to outcomes.
#pragma once

#include "meaning/chains.h"

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

// What a ruleset means. It has been added to the space, and the space is open. `places`, unless it is NULL, is filled with the
// rules and chains that decide, and outcomes remember them: the last rule's index + 1 stands for the policy of a chain.
struct meaning rules_meaning(struct packet_space *space, const struct ruleset *ruleset,
                             struct rule_places *places);

// The same for one hook alone; of the others the parts are 0.
struct meaning rules_meaning_at(struct packet_space *space, const struct ruleset *ruleset, enum hook hook,
                                struct rule_places *places);

// What the tracker leaves alone: neighbour discovery, multicast listeners and routers.
diagram never_tracked(struct packet_space *space);

// What it does with what leaves, in the mirror: with the answers to what comes in.
diagram rules_answers(struct packet_space *space, const struct ruleset *ruleset);

// What raw decides about tracking at a hook, as the set of packets that it takes out of tracking.
diagram untracked_by_rules(const struct view *view, const struct ruleset *ruleset);

// What the tables behind the tracker do, with `filter` in place of the ruleset's own filter.
diagram beside_filter(const struct view *view, const struct ruleset *ruleset, diagram filter);
