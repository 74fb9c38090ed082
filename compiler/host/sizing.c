// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/sizing.h"

#define GIB ((uint64_t)1 << 30)

#define LOAD_HEADROOM 2  // loads are averages, and closed connections are collected late
#define MEMORY_MOST   8  // a table beyond an eighth of the memory is no cure
#define MEMORY_SHARE  64 // where no load is known
#define USUAL_MEMORY \
    (8 * GIB) // where none is said: servers have more than the 4 GiB where the kernel's own sizes end

const char *const formula_names[] = {"auto", "kernel", "article", NULL};

static uint64_t round_up(uint64_t value, uint64_t step)
{
    return (value + step - 1) / step * step;
}

static uint64_t power_above(uint64_t value)
{
    uint64_t power = 1;

    while (power < value)
        power *= 2;
    return power;
}

static uint64_t power_below(uint64_t value)
{
    uint64_t power = 1;

    while (power <= value / 2)
        power *= 2;
    return power;
}

uint64_t kernel_buckets(uint64_t memory, struct kernel_version version)
{
    const bool newest = kernel_at_least(version, 5, 15);
    const uint64_t least = newest ? 1024 : 32;
    uint64_t buckets = memory / 16384 / BUCKET_BYTES;

    if (memory > 4 * GIB && kernel_at_least(version, 4, 0))
        buckets = newest ? 262144 : 65536;
    else if (memory > GIB)
        buckets = newest ? 65536 : 16384;
    if (buckets < least)
        buckets = least;
    return round_up(buckets, BUCKET_STEP);
}

uint64_t kernel_max(uint64_t memory, struct kernel_version version)
{
    return kernel_buckets(memory, version) * (kernel_at_least(version, 5, 15) ? 1 : 4);
}

uint64_t article_max(uint64_t memory)
{
    return memory / 16384 / (64 / 32);
}

uint64_t table_bytes(uint64_t max, uint64_t buckets, uint64_t entry_bytes)
{
    return max * entry_bytes + buckets * BUCKET_BYTES;
}

// What a part of the memory holds, as a power of two; each entry with a bucket and with all that it can take.
static uint64_t held_by(uint64_t memory)
{
    return power_below(memory / (ENTRY_BYTES + EXTENSION_BYTES + BUCKET_BYTES));
}

static void size_by_load(struct sizing *sizing, const struct policy *policy, const struct forecast *forecast)
{
    sizing->max = power_above(LOAD_HEADROOM * forecast->entries);
    sizing->max_reason = SIZE_LOAD;
    if (policy->memory && sizing->max > held_by(policy->memory / MEMORY_MOST)) {
        sizing->max = held_by(policy->memory / MEMORY_MOST);
        sizing->max_reason = SIZE_CAPPED;
    }
}

static void size_by_itself(struct sizing *sizing, const struct policy *policy,
                           const struct forecast *forecast, struct kernel_version version)
{
    if (policy->tracking == TRACKING_NONE)
        return;
    if (forecast->entries) {
        size_by_load(sizing, policy, forecast);
    } else if (policy->memory) {
        sizing->max = held_by(policy->memory / MEMORY_SHARE);
        sizing->max_reason = SIZE_MEMORY;
    }

    // Nothing asks for less than the kernel takes by itself.
    const uint64_t own = kernel_max(policy->memory ? policy->memory : USUAL_MEMORY, version);

    if (sizing->max && sizing->max < own)
        sizing->max = own;
    if (sizing->max > INT32_MAX)
        sizing->max = INT32_MAX;
}

struct sizing size_table(const struct policy *policy, const struct forecast *forecast, enum formula formula,
                         struct kernel_version version)
{
    const struct conntrack *conntrack = &policy->conntrack;
    struct sizing sizing = {.formula = formula};

    if (formula != FORMULA_AUTO) {
        sizing.max =
            formula == FORMULA_KERNEL ? kernel_max(policy->memory, version) : article_max(policy->memory);
        sizing.buckets =
            round_up(formula == FORMULA_KERNEL ? kernel_buckets(policy->memory, version) : sizing.max / 8,
                     BUCKET_STEP);
        sizing.max_reason = sizing.buckets_reason = SIZE_FORMULA;
        return sizing;
    }
    if (conntrack->max) {
        sizing.max = conntrack->max;
        sizing.max_reason = SIZE_GIVEN;
    } else {
        size_by_itself(&sizing, policy, forecast, version);
    }
    if (conntrack->buckets || sizing.max) {
        sizing.buckets = round_up(conntrack->buckets ? conntrack->buckets : sizing.max, BUCKET_STEP);
        sizing.buckets_reason = conntrack->buckets ? SIZE_GIVEN : SIZE_BY_ENTRY;
    }
    return sizing;
}
