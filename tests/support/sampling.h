// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files that make packets share. Not for others: they see sample.h.
#pragma once

#include "support/sample.h"

uint64_t sampler_number(struct sampler *sampler); // any
bool once_in(struct sampler *sampler, unsigned odds);

// Edges that no rule needs to name.
void sampler_add_usual(struct sampler *sampler);

// Changes a packet so that it fits the rule as far as the rule asks for something, most of the time.
void sampler_aim(struct sampler *sampler, const struct rule *rule, field_value *packet);

// Changes a packet into one that there is at the hook.
void sampler_settle(struct sampler *sampler, enum hook hook, field_value *packet);
