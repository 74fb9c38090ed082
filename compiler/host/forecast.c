// SPDX-License-Identifier: GPL-2.0-or-later
//
// How long entries stay: net/netfilter/nf_conntrack_proto_tcp.c, _udp.c, _icmp.c and _generic.c of the kernel.
#include "host/forecast.h"

// A flow of UDP that is alive after two seconds is a stream (udp_packet(), from 5.0 on).
#define STREAM_SECONDS 2

// The value of udp_stream before 5.0.
#define OLD_UDP_STREAM 180

static const struct {
    const char *name, *key;
    uint32_t seconds;
} timeouts[] = {
#define TIMEOUT(id, name, key, seconds) {name, key, seconds},
#include "policy/timeouts.def"
#undef TIMEOUT
};

const char *timeout_name(enum timeout timeout)
{
    return timeouts[timeout].name;
}

const char *timeout_key(enum timeout timeout)
{
    return timeouts[timeout].key;
}

uint32_t timeout_seconds(const struct policy *policy, enum timeout timeout, struct kernel_version version)
{
    if (policy->conntrack.timeouts[timeout])
        return policy->conntrack.timeouts[timeout];
    if (timeout == TIMEOUT_UDP_STREAM && !kernel_at_least(version, 5, 0))
        return OLD_UDP_STREAM;
    return timeouts[timeout].seconds;
}

// What an entry waits for when the last packet of its connection has passed.
static enum timeout last_timeout(const struct load *load, struct kernel_version version)
{
    switch (load->traffic[0].kind) {
    case TRAFFIC_TCP:
        return TIMEOUT_TIME_WAIT;
    case TRAFFIC_UDP:
        // Before 5.0 an answer alone makes a stream.
        return load->open > STREAM_SECONDS || !kernel_at_least(version, 5, 0) ? TIMEOUT_UDP_STREAM
                                                                              : TIMEOUT_UDP;
    case TRAFFIC_ICMP:
    case TRAFFIC_ECHO:
        return TIMEOUT_ICMP;
    case TRAFFIC_ANY:
    case TRAFFIC_PROTOCOL:
        break;
    }
    return TIMEOUT_GENERIC;
}

static bool set_within(const struct port_set *inner, const struct port_set *outer)
{
    size_t at = 0;

    for (size_t i = 0; i < inner->count; i++) {
        while (at < outer->count && outer->items[at].last < inner->items[i].first)
            at++;
        if (at == outer->count || outer->items[at].first > inner->items[i].first ||
            outer->items[at].last < inner->items[i].last)
            return false;
    }
    return true;
}

static bool same_protocol(const struct traffic *one, const struct traffic *other)
{
    return one->kind == other->kind && one->number == other->number;
}

// Whether the entry is about all of the traffic, and whether about any of it.
static bool covers(const struct entry *entry, const struct traffic *traffic)
{
    for (size_t i = 0; i < entry->traffic_count; i++) {
        const struct traffic *own = &entry->traffic[i];

        if (own->kind == TRAFFIC_ANY || (own->kind == TRAFFIC_ICMP && traffic->kind == TRAFFIC_ECHO) ||
            (same_protocol(own, traffic) && set_within(&traffic->ports, &own->ports)))
            return true;
    }
    return false;
}

static bool meets(const struct entry *entry, const struct traffic *traffic)
{
    for (size_t i = 0; i < entry->traffic_count; i++) {
        const struct traffic *own = &entry->traffic[i];

        if (own->kind == TRAFFIC_ANY || (own->kind == TRAFFIC_ICMP && traffic->kind == TRAFFIC_ECHO) ||
            (same_protocol(own, traffic) &&
             (!traffic->ports.count || port_set_overlap(&own->ports, &traffic->ports))))
            return true;
    }
    return false;
}

static bool about_everyone(const struct entry *entry)
{
    return !entry->from && !entry->to && !entry->local.count;
}

// What `track` of the entries does to a load. An entry that takes packets back leaves all of the load in the table.
static void find_untracking(const struct policy *policy, struct forecast_item *item)
{
    const struct entry_list *lists[] = {&policy->allow, &policy->connect};
    bool taken_back = false;

    for (size_t list = 0; list < 2; list++)
        for (size_t i = 0; i < lists[list]->count; i++) {
            const struct entry *entry = &lists[list]->items[i];
            const struct traffic *traffic = &item->load->traffic[0];

            if (entry->track == CHOICE_YES && meets(entry, traffic))
                taken_back = true;
            if (entry->track != CHOICE_NO || !meets(entry, traffic))
                continue;
            if (about_everyone(entry) && covers(entry, traffic) && !item->untracked_by)
                item->untracked_by = entry;
            else if (!item->part_by)
                item->part_by = entry;
        }
    if (taken_back && item->untracked_by) {
        item->part_by = item->untracked_by;
        item->untracked_by = NULL;
    }
}

// Rounded up; the product of a rate and a lifetime, 32 bits each, fits.
static uint64_t entries_within(const struct forecast_item *item, uint64_t seconds)
{
    const struct rate *rate = &item->load->rate;
    const uint64_t time = seconds < item->lifetime ? seconds : item->lifetime;
    const uint64_t entries = (rate->events * time + rate->period - 1) / rate->period;

    return entries < FORECAST_MOST ? entries : FORECAST_MOST;
}

static bool is_tracked(const struct policy *policy, const struct forecast_item *item)
{
    return policy->tracking != TRACKING_NONE && !item->untracked_by;
}

struct forecast forecast_load(struct arena *arena, const struct policy *policy, struct kernel_version version)
{
    const struct conntrack *conntrack = &policy->conntrack;
    struct forecast_item *items = arena_calloc(arena, conntrack->load_count, sizeof(*items));
    struct forecast forecast = {.items = items, .count = conntrack->load_count};

    for (size_t i = 0; i < forecast.count; i++) {
        struct forecast_item *item = &items[i];

        item->load = &conntrack->loads[i];
        item->timeout = last_timeout(item->load, version);
        item->wait = timeout_seconds(policy, item->timeout, version);
        item->lifetime = item->load->open + item->wait;
        if (policy->tracking == TRACKING_SELECTIVE)
            find_untracking(policy, item);
        if (!is_tracked(policy, item))
            continue;
        item->entries = entries_within(item, item->lifetime);
        forecast.entries += item->entries;
        if (item->lifetime > forecast.longest)
            forecast.longest = item->lifetime;
    }
    return forecast;
}

uint64_t forecast_entries(const struct forecast *forecast, uint64_t seconds)
{
    uint64_t entries = 0;

    for (size_t i = 0; i < forecast->count; i++)
        if (forecast->items[i].entries)
            entries += entries_within(&forecast->items[i], seconds);
    return entries;
}

uint64_t forecast_time_to_full(const struct forecast *forecast, uint64_t max)
{
    uint64_t before = 0, full = forecast->longest;

    if (forecast->entries < max)
        return FORECAST_NEVER;
    // It only grows: the first second at which it is full lies between the two.
    while (before < full) {
        const uint64_t middle = before + (full - before) / 2;

        if (forecast_entries(forecast, middle) >= max)
            full = middle;
        else
            before = middle + 1;
    }
    return full;
}
