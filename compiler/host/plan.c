// SPDX-License-Identifier: GPL-2.0-or-later
//
// From a policy to settings and modules.
#include "host/plan.h"

#include <string.h>

#include "host/reasons.h"

static void add_setting(struct arena *arena, struct plan *plan, const char *key, const char *value,
                        const char *why)
{
    *vec_push(arena, &plan->settings) = (struct setting){key, value, why};
}

static const char *number_text(struct arena *arena, uint64_t number)
{
    return arena_printf(arena, "%llu", (unsigned long long)number);
}

// A blocked tracker has no keys, and a line for one would be an error at every boot.
static bool has_table(const struct plan *plan)
{
    return !plan->policy->conntrack.block_modules;
}

static void plan_size(struct arena *arena, struct plan *plan)
{
    const struct sizing *sizing = &plan->sizing;

    // Buckets can be changed at runtime since 4.8 (nf_conntrack_standalone.c); before, the module's option alone sets them.
    if (sizing->buckets && kernel_at_least(plan->version, 4, 8))
        add_setting(arena, plan, "net.netfilter.nf_conntrack_buckets", number_text(arena, sizing->buckets),
                    why_buckets(arena, plan));
    if (sizing->max)
        add_setting(arena, plan, "net.netfilter.nf_conntrack_max", number_text(arena, sizing->max),
                    why_max(arena, plan));
}

static void plan_timeouts(struct arena *arena, struct plan *plan)
{
    for (enum timeout timeout = 0; timeout < TIMEOUT_COUNT; timeout++)
        if (plan->policy->conntrack.timeouts[timeout])
            add_setting(arena, plan, arena_printf(arena, "net.netfilter.%s", timeout_key(timeout)),
                        number_text(arena, plan->policy->conntrack.timeouts[timeout]),
                        why_timeout(arena, plan, timeout));
}

static uint32_t port_count(const struct port_set *ports)
{
    uint32_t count = 0;

    for (size_t i = 0; i < ports->count; i++)
        count += ports->items[i].last - ports->items[i].first + 1u;
    return count;
}

static void add_overlap(struct arena *arena, struct port_set *overlap, const struct port_set *ports,
                        struct port_range range)
{
    for (size_t i = 0; i < ports->count; i++) {
        const struct port_range item = ports->items[i];
        const struct port_range common = {item.first > range.first ? item.first : range.first,
                                          item.last < range.last ? item.last : range.last};

        if (common.first <= common.last)
            port_set_add(arena, overlap, common);
    }
}

// A connection of this host that got such a port for its own end would be untracked on one of its ways.
static void plan_reserved(struct arena *arena, struct plan *plan)
{
    const struct policy *policy = plan->policy;
    const struct port_range range = policy->ephemeral;
    struct port_set overlap = {0};
    struct buf text = {0};

    for (size_t i = 0; i < policy->allow.count && policy->tracking == TRACKING_SELECTIVE; i++) {
        const struct entry *entry = &policy->allow.items[i];

        for (size_t j = 0; j < entry->traffic_count && entry->track == CHOICE_NO; j++)
            if (entry->traffic[j].kind == TRAFFIC_TCP || entry->traffic[j].kind == TRAFFIC_UDP)
                add_overlap(arena, &overlap, &entry->traffic[j].ports, range);
    }
    if (!overlap.count)
        return;
    port_set_print(&text, &overlap);

    const char *ports = arena_copy(arena, text.bytes, text.length);

    buf_clear(&text);
    if (2 * port_count(&overlap) > range.last - range.first + 1u)
        plan->reserved_not = ports;
    else
        add_setting(arena, plan, "net.ipv4.ip_local_reserved_ports", ports, why_reserved(arena, plan));
}

static bool any_nat(const struct policy *policy)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < policy->verbatim[family].count; i++)
            if (strcmp(policy->verbatim[family].items[i].table, "nat") == 0)
                return true;
    return false;
}

static void add_module(struct arena *arena, struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->modules.count; i++)
        if (strcmp(plan->modules.items[i], name) == 0)
            return;
    *vec_push(arena, &plan->modules) = name;
}

static void add_helper(struct arena *arena, struct plan *plan, const struct helper *helper)
{
    add_module(arena, plan, arena_printf(arena, "nf_conntrack_%s", helper->name));
    // net/netfilter/Kconfig has no address translation for sane.
    if (any_nat(plan->policy) && strcmp(helper->name, "sane") != 0)
        add_module(arena, plan, arena_printf(arena, "nf_nat_%s", helper->name));
}

static void plan_modules(struct arena *arena, struct plan *plan)
{
    const struct policy *policy = plan->policy;
    const struct entry_list *lists[] = {&policy->allow, &policy->connect, &policy->forward};

    // Where nothing is tracked, the tracker is loaded only if the policy sets it all the same.
    if (policy->tracking == TRACKING_NONE && (!has_table(plan) || !plan->settings.count))
        return;
    add_module(arena, plan, "nf_conntrack");
    if (!kernel_at_least(plan->version, 4, 19)) {
        add_module(arena, plan, "nf_conntrack_ipv4");
        add_module(arena, plan, "nf_conntrack_ipv6");
    }
    for (size_t list = 0; list < 3; list++)
        for (size_t i = 0; i < lists[list]->count; i++)
            if (lists[list]->items[i].helper)
                add_helper(arena, plan, lists[list]->items[i].helper);
}

struct plan *plan_host(struct arena *arena, const struct policy *policy, const struct plan_options *options)
{
    struct plan *plan = arena_alloc(arena, sizeof(*plan));

    plan->policy = policy;
    plan->version = options->version;
    if (!kernel_known(plan->version) && policy->kernel)
        kernel_version_parse(policy->kernel, &plan->version);
    plan->forecast = forecast_load(arena, policy, plan->version);
    plan->sizing = size_table(policy, &plan->forecast, options->formula, plan->version);
    if (has_table(plan)) {
        plan_size(arena, plan);
        plan_timeouts(arena, plan);
    }
    plan_reserved(arena, plan);
    plan_modules(arena, plan);
    return plan;
}

// RFC 5382, REQ-5: idle connections are to be kept for at least 2 hours 4 minutes.
#define ESTABLISHED_LEAST 7440

void plan_check(const struct plan *plan, struct span whole, struct diag_list *diags)
{
    const struct conntrack *conntrack = &plan->policy->conntrack;
    const uint32_t established = conntrack->timeouts[TIMEOUT_ESTABLISHED];

    if (established && established < ESTABLISHED_LEAST) {
        diag_add(diags, DIAG_SHORT_TIMEOUT, conntrack->established_span,
                 "connections that are idle for %u seconds are forgotten", established);
        diag_hint(diags, "RFC 5382 asks for 2h4m: TCP's own keepalive comes after two hours");
    }
    if (plan->sizing.max && plan->forecast.entries > plan->sizing.max) {
        diag_add(diags, DIAG_TABLE_SMALL,
                 conntrack->max_span.source ? conntrack->max_span : conntrack->loads[0].span,
                 "the load fills a table of %llu entries within %llu seconds: it needs %llu",
                 (unsigned long long)plan->sizing.max,
                 (unsigned long long)forecast_time_to_full(&plan->forecast, plan->sizing.max),
                 (unsigned long long)plan->forecast.entries);
        diag_hint(diags, "untrack the busiest services, or shorten their timeouts%s",
                  plan->sizing.max_reason == SIZE_CAPPED ? "; the memory holds no more" : ", or raise max");
    }
    if (plan->reserved_not) {
        diag_add(diags, DIAG_UNTRACKED_EPHEMERAL, whole,
                 "untracked ports take more than half of the ephemeral range: %s", plan->reserved_not);
        diag_hint(diags, "untrack fewer ports, or move ip_local_port_range and say so with host.ephemeral");
    }
}
