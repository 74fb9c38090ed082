// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/sample.h"

#include "support/sampling.h"

// xorshift64* (Vigna, 2014).
uint64_t sampler_number(struct sampler *sampler)
{
    sampler->random ^= sampler->random >> 12;
    sampler->random ^= sampler->random << 25;
    sampler->random ^= sampler->random >> 27;
    return sampler->random * 0x2545F4914F6CDD1D;
}

uint64_t sampler_below(struct sampler *sampler, uint64_t limit)
{
    return (sampler_number(sampler) >> 11) % limit;
}

bool once_in(struct sampler *sampler, unsigned odds)
{
    return sampler_below(sampler, odds) == 0;
}

void sampler_init(struct sampler *sampler, struct arena *arena, const struct packet_space *space,
                  uint64_t seed)
{
    *sampler = (struct sampler){.space = space, .arena = arena, .random = seed * 2 + 1};
    sampler_add_usual(sampler);
}

const struct rule *sampler_rule(struct sampler *sampler)
{
    return sampler->rules.count ? sampler->rules.items[sampler_below(sampler, sampler->rules.count)] : NULL;
}

// Values by chance: mostly edges.

static field_value any_value(struct sampler *sampler, enum field field)
{
    const size_t count = sampler->edges[field].count;

    if (count && !once_in(sampler, 8))
        return sampler->edges[field].items[sampler_below(sampler, count)];
    if (field != FIELD_SOURCE && field != FIELD_DESTINATION)
        return (field_value){0, sampler_number(sampler) & field_last(sampler->space->family, field).low};
    if (sampler->space->family == FAMILY_IPV4)
        return (field_value){0, sampler_number(sampler) & UINT32_MAX};
    return (field_value){sampler_number(sampler), sampler_number(sampler)};
}

static void set_any(struct sampler *sampler, enum field field, field_value *packet)
{
    packet[field] = any_value(sampler, field);
    if (field == FIELD_STATE)
        packet[field].low = sampler_below(sampler, PACKET_STATE_UNTRACKED);
    if (field == FIELD_IN || field == FIELD_OUT)
        packet[field].low = INTERFACE_OTHER + sampler_below(sampler, 1 + sampler->space->interfaces.count);
    if (field == FIELD_HELPER)
        packet[field].low = sampler_below(sampler, 1 + sampler->space->helpers.count);
    if (field == FIELD_FRAGMENT)
        packet[field].low = sampler_below(sampler, FRAGMENT_LATER + 1);
}

void sampler_packet(struct sampler *sampler, enum hook hook, const struct rule *aim, field_value *packet)
{
    for (enum field field = 0; field < FIELD_COUNT; field++)
        set_any(sampler, field, packet);
    for (size_t i = 0; i < sampler->space->unknowns.count; i++) {
        const bool full = sampler->space->unknowns.items[i].kind == UNKNOWN_HASHLIMIT;

        packet[FIELD_COUNT + i] = (field_value){0, sampler_below(sampler, full ? 3 : 2)};
    }
    if (aim) {
        sampler_aim(sampler, aim, packet);
        if (once_in(sampler, 4))
            set_any(sampler, (enum field)sampler_below(sampler, FIELD_COUNT), packet);
    }
    sampler_settle(sampler, hook, packet);
}
