// SPDX-License-Identifier: GPL-2.0-or-later
//
// Walks: functions from packets to what becomes of them (meaning/outcome.h), and what it means that one stands behind another.
#pragma once

#include "meaning/cube.h"
#include "meaning/outcome.h"

// Outcomes behind each other: the walk goes on with `right` where `left` has not ended it. An ACCEPT of `left` ends only
// its own table: `tables_in_order` goes on there as well.
diagram walks_in_order(struct packet_space *space, diagram left, diagram right);
diagram tables_in_order(struct packet_space *space, diagram left, diagram right);

// What a rule that leads to another chain does to its packets by itself: walk_led_on() puts the walk through that chain in its
// place. In no other function. A jump comes back to the rule behind it, a goto (`how`) to where its own chain was called.
#define WALK_LED_ON ((enum walk)7)
diagram walk_led_on(struct packet_space *space, enum target_kind how, diagram rule, diagram chain);

// A walk through a built-in chain, whose policy decides what comes to the end of it or returns there.
diagram walk_to_end(struct packet_space *space, diagram walk, diagram policy);

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
void walk_list_add_all(struct walk_list *list, uint32_t outcome); // not 0
void walk_list_add_cube(struct walk_list *list, const struct cube *cube, uint32_t inside, uint32_t full);

// The items from number `from` on as one walk, which are taken off the list.
diagram walk_list_join(struct packet_space *space, struct walk_list *list, size_t from);
void walk_list_clear(struct walk_list *list);

// The packets that a walk through raw takes out of tracking.
diagram taken_out(struct packet_space *space, diagram raw);

// The same function for packets that the tracker says this of; nothing is a helper's.
diagram seen_with_state(struct packet_space *space, diagram function, unsigned state);

// A walk through raw whose rules ask for what the tracker says is `staged`. No tracker has looked at a packet there, which is
// INVALID to the conntrack match; behind a CT target it is UNTRACKED or, with a template, NEW (net/netfilter/xt_conntrack.c,
// xt_CT.c). What comes by lo has the state that it left with. This is such a walk for packets as they come to raw; of those
// that come by lo it still tests the state, UNTRACKED among them.
diagram staged_walk(const struct view *view, diagram walk);
