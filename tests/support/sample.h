// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets that are worth a try: values at the edges of what rules name, packets made to fit one rule, and
// chance.
#pragma once

#include "meaning/space.h"

struct sampler {
    const struct packet_space *space; // open
    struct arena *arena;
    uint64_t random; // state; the same one gives the same packets
    struct {
        field_value *items;
        size_t count, capacity;
    } edges[FIELD_COUNT];
    struct {
        const struct rule **items; // of the rulesets, and where they stand
        size_t count, capacity;
    } rules;
};

void sampler_init(struct sampler *sampler, struct arena *arena, const struct packet_space *space,
                  uint64_t seed);

// Takes the edges of a ruleset's rules, and the rules to aim at. The ruleset stays.
void sampler_add(struct sampler *sampler, const struct ruleset *ruleset);

// A packet that there is at the hook. `aim`, unless it is NULL, is a rule that it is to fit, or nearly fit.
void sampler_packet(struct sampler *sampler, enum hook hook, const struct rule *aim, field_value *packet);

// Whether there is such a packet at the hook.
bool packet_possible(const struct packet_space *space, enum hook hook, const field_value *packet);

// Any of the rules; NULL where there is none.
const struct rule *sampler_rule(struct sampler *sampler);

uint64_t sampler_below(struct sampler *sampler, uint64_t limit);
