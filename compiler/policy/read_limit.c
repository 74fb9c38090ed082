// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rates and limits, and what the kernel can store of them.
#include <assert.h>
#include <string.h>

#include "policy/reader.h"

#define BURST_DEFAULT 5     // of both matches, iptables-extensions(8)
#define BURST_MAX     10000 // XT_HASHLIMIT_BURST_MAX of the first revisions (libxt_hashlimit.c)
#define REFILL_MAX \
    86400 // seconds: beyond a day, credits overflow in the kernel (xt_hashlimit.c, user2credits)

static bool report_form(struct reader *reader, struct span span, struct slice text)
{
    diag_add(reader->diags, DIAG_LIMIT, span, "'%.*s' is not a rate", QUOTE(text));
    if (!hint_rate(reader, text) && !hint_slip(reader, text))
        diag_hint(reader->diags, "write N/second, N/minute, N/hour or N/day, and `burst N` behind it");
    return false;
}

// The rate that a time between two events, in parts of a second, comes back as.
static uint64_t rate_back(const struct rate *rate, uint32_t resolution, uint64_t between)
{
    return (uint64_t)resolution * rate->period / (between ? between : 1);
}

// The time between two events once iptables-save has printed it as a rate and a load has read that: the unit is the smallest
// in which the rate is whole but for the rounding (libxt_limit.c and libxt_hashlimit.c, print_rate).
static uint64_t between_reloaded(uint32_t resolution, uint64_t between)
{
    static const uint32_t units[] = {86400, 3600, 60, 1};
    uint64_t unit = (uint64_t)resolution * units[0];

    assert(between && between <= unit);
    for (size_t i = 1; i < sizeof(units) / sizeof(*units); i++) {
        const uint64_t smaller = (uint64_t)resolution * units[i];

        if (between > smaller || smaller / between < smaller % between)
            break;
        unit = smaller;
    }
    return unit / (unit / between);
}

// The kernel stores the time between two events in whole parts of a second: the rate is representable where that time
// gives the same rate back, and is still the same once the rules are saved and loaded again.
static bool check_stored(struct reader *reader, struct span span, const struct rate *rate,
                         uint32_t resolution)
{
    const uint64_t between = (uint64_t)resolution * rate->period / rate->events;
    const uint64_t above = rate_back(rate, resolution, between),
                   below = rate_back(rate, resolution, between + 1);

    if (between && above == rate->events && between_reloaded(resolution, between) == between)
        return true;

    const bool lower = !between || above == rate->events || rate->events - below < above - rate->events;

    diag_add(reader->diags, DIAG_LIMIT, span, "the kernel cannot store %u/%s", rate->events,
             rate_period_name(rate->period));
    diag_hint(reader->diags, "the nearest it can is %llu/%s", (unsigned long long)(lower ? below : above),
              rate_period_name(rate->period));
    return false;
}

static bool check_burst(struct reader *reader, struct span span, const struct rate *rate)
{
    if ((uint64_t)rate->burst * rate->period <= (uint64_t)REFILL_MAX * rate->events)
        return true;

    const uint64_t most = (uint64_t)REFILL_MAX * rate->events / rate->period;

    diag_add(reader->diags, DIAG_LIMIT, span, "the kernel cannot store a burst of %u at %u/%s", rate->burst,
             rate->events, rate_period_name(rate->period));
    diag_hint(reader->diags, "a burst that refills within a day fits: at most %llu",
              (unsigned long long)most);
    return false;
}

bool rate_parse(struct reader *reader, struct span span, struct slice text, uint32_t resolution,
                struct rate *rate, struct slice *rest)
{
    struct slice all = text, number, unit;
    uint64_t events, burst = BURST_DEFAULT;
    const struct slice word = slice_word(&all);

    if (!slice_split(word, '/', &number, &unit) || !parse_number(number, UINT32_MAX, &events) || !events ||
        !rate_period(unit))
        return report_form(reader, span, text);
    *rest = all;
    if (slice_is(slice_word(&all), "burst")) {
        const struct slice count = slice_word(&all);

        if (!parse_number(count, BURST_MAX, &burst) || !burst) {
            diag_add(reader->diags, DIAG_LIMIT, span, "a burst is a number from 1 to %d", BURST_MAX);
            return false;
        }
        *rest = all;
    }
    *rate = (struct rate){(uint32_t)events, rate_period(unit), (uint32_t)burst};
    return !resolution || (check_stored(reader, span, rate, resolution) && check_burst(reader, span, rate));
}

bool limit_parse(struct reader *reader, struct span span, struct slice text, struct limit *limit)
{
    struct slice rest;

    if (!rate_parse(reader, span, text, HASHLIMIT_RESOLUTION, &limit->rate, &rest))
        return false;

    struct slice word = slice_word(&rest);
    const bool per = slice_is(word, "per");

    if (per)
        word = slice_word(&rest);
    limit->per_source = !slice_is(word, "total");
    if ((per && slice_is(word, "source")) || slice_is(word, "total") || (!per && !word.length))
        if (!slice_word(&rest).length)
            return true;
    diag_add(reader->diags, DIAG_LIMIT, span, "'%.*s' goes on after the rate with something else",
             (int)(text.length < 80 ? text.length : 80), text.at);
    if (per && (slice_is(word, "ip") || slice_is(word, "host") || slice_is(word, "address")))
        diag_hint(reader->diags, "write `per source`, which goes without saying");
    else
        diag_hint(reader->diags, "a limit is N/unit [burst N] [per source|total]");
    return false;
}

// FNV-1a (draft-eastlake-fnv), for it is short and the names need to differ, not to be secret.
static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 16777619U;
    return hash;
}

static uint32_t hash_limit(const struct entry *entry)
{
    const struct limit *limit = entry->limit;
    uint32_t hash = 2166136261U;

    hash = hash_bytes(hash, entry->name, strlen(entry->name));
    hash = hash_bytes(hash, &limit->rate, sizeof(limit->rate));
    return hash_bytes(hash, &limit->per_source, sizeof(limit->per_source));
}

// Names that are taken: open addressing, a power of two of slots.
struct taken_slot {
    uint32_t hash;
    uint32_t uses; // 0: an empty slot; else how many entries wanted this hash
};

struct taken {
    struct taken_slot *slots;
    size_t mask;
};

static struct taken_slot *find_slot(struct taken *taken, uint32_t hash)
{
    size_t at = hash & taken->mask;

    while (taken->slots[at].uses && taken->slots[at].hash != hash)
        at = (at + 1) & taken->mask;
    taken->slots[at].hash = hash;
    return &taken->slots[at];
}

// Two entries alike have a budget each: the second one's name comes from the first one's and its ordinal.
static uint32_t take_hash(struct taken *taken, uint32_t wanted)
{
    struct taken_slot *first = find_slot(taken, wanted), *slot = first;
    uint32_t hash = wanted;

    while (slot->uses) {
        const uint32_t ordinal = first->uses++;

        hash = hash_bytes(wanted, &ordinal, sizeof(ordinal));
        slot = find_slot(taken, hash);
    }
    slot->uses = 1;
    return hash;
}

static void name_limit(struct reader *reader, struct taken *taken, struct entry *entry)
{
    struct limit *named = arena_alloc(reader->arena, sizeof(*named));
    const uint32_t hash = take_hash(taken, hash_limit(entry));
    char word[7];
    size_t length = 0;

    for (const char *at = entry->name; *at && length < sizeof(word) - 1; at++)
        if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9'))
            word[length++] = *at;
    word[length] = '\0';
    *named = *entry->limit;
    named->kernel_name = arena_printf(reader->arena, "%s-%08x", word, hash);
    entry->limit = named;
}

void name_limits(struct reader *reader)
{
    struct entry_list *lists[] = {&reader->policy->allow, &reader->policy->forward};
    struct taken taken = {.mask = 7};
    size_t limits = 0;

    for (size_t list = 0; list < 2; list++)
        for (size_t i = 0; i < lists[list]->count; i++)
            limits += lists[list]->items[i].limit != NULL;
    while (taken.mask < 4 * limits)
        taken.mask = taken.mask * 2 + 1;
    taken.slots = arena_calloc(reader->arena, taken.mask + 1, sizeof(*taken.slots));
    for (size_t list = 0; list < 2; list++)
        for (size_t i = 0; i < lists[list]->count; i++)
            if (lists[list]->items[i].limit)
                name_limit(reader, &taken, &lists[list]->items[i]);
}
