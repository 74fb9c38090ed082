// SPDX-License-Identifier: GPL-2.0-or-later
//
// What becomes of a flow: verdicts, limits, logs, and the defaults at the end of a hook.
#include "lower/flow.h"

#include <string.h>

static struct target reject(const struct lowering *lowering, const struct flow *flow)
{
    const struct policy *policy = lowering->policy;
    const bool reset = flow->protocol == PROTOCOL_TCP && !flow->protocol_inverted && policy->reject_tcp;

    return (struct target){TARGET_REJECT, reset ? policy->reject_tcp : policy->reject_with[lowering->family]};
}

static void append_reject(struct lowering *lowering, struct chain *chain, const struct flow *flow)
{
    if (flow->protocol == PROTOCOL_ANY && lowering->policy->reject_tcp) {
        struct flow tcp = *flow;

        tcp.protocol = PROTOCOL_TCP;
        append_flow(lowering, chain, &tcp, NULL, 0, reject(lowering, &tcp));
    }
    append_flow(lowering, chain, flow, NULL, 0, reject(lowering, flow));
}

void append_verdict(struct lowering *lowering, struct chain *chain, const struct flow *flow,
                    enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_ACCEPT:
        append_flow(lowering, chain, flow, NULL, 0, target_accept());
        break;
    case VERDICT_REJECT:
        append_reject(lowering, chain, flow);
        break;
    case VERDICT_DROP:
        append_flow(lowering, chain, flow, NULL, 0, (struct target){.kind = TARGET_DROP});
        break;
    case VERDICT_LEAVE:
        break;
    }
}

// Of a TCP connection, the segment that opens it.
static struct flow openings(struct flow flow)
{
    if (flow.protocol == PROTOCOL_TCP && !flow.protocol_inverted && flow.syn == SYN_ANY)
        flow.syn = SYN_ALONE;
    return flow;
}

// Logs the openings of a flow at the policy's rate.
static void append_log(struct lowering *lowering, struct chain *chain, const struct flow *flow)
{
    const struct policy *policy = lowering->policy;
    const struct flow opening = openings(*flow);
    struct match limit = {.kind = MATCH_LIMIT};

    limit.limit.events = policy->log_rate.events;
    limit.limit.period = policy->log_rate.period;
    limit.limit.burst = policy->log_rate.burst;
    append_flow(lowering, chain, &opening, &limit, 1, (struct target){TARGET_LOG, policy->log_prefix});
}

static bool has_limit(const struct entry_list *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        if (entries->items[i].limit)
            return true;
    return false;
}

// The chain that holds log and default, where several places go to it: a log has one budget.
static struct chain *default_chain(struct lowering *lowering, const struct chain *hook)
{
    const char *name = strcmp(hook->name, "INPUT") == 0 ? "ctc-default-input" : "ctc-default-forward";

    return table_chain(lowering->arena, lowering->filter, name, CHAIN_USER);
}

static bool needs_default_chain(const struct lowering *lowering, enum verdict fallback,
                                const struct entry_list *entries)
{
    return lowering->policy->log_default && fallback != VERDICT_ACCEPT && has_limit(entries);
}

// What a flow meets beyond its limit: the default, and no later entry. `above` asks for what is beyond it; NULL: the rest has
// been decided.
static void append_beyond(struct lowering *lowering, struct chain *chain, const struct flow *flow,
                          const struct match *above, enum verdict fallback)
{
    struct target target = {.kind = TARGET_DROP};

    if (lowering->policy->log_default)
        target = (struct target){TARGET_GOTO, default_chain(lowering, chain)->name};
    else if (fallback == VERDICT_REJECT)
        target = reject(lowering, flow);
    append_flow(lowering, chain, flow, above, above ? 1 : 0, target);
}

// Whether what is over a limit of TCP can be sent away first, so that what is left of the entry is one rule, which joins those
// of others. Of a flow without ports that rule would take later fragments too, which show no flags.
static bool limits_first(const struct flow *flow)
{
    return flow->ports[SIDE_SOURCE].count || flow->ports[SIDE_DESTINATION].count;
}

// A limit counts openings: of TCP the SYN, of what is tracked the first packet of a flow, else every packet. Packets of
// tracked connections that live and those that fit none have been decided before, so that what comes here is the first
// of its flow or untracked, and no state needs to be asked for.
static void append_limited(struct lowering *lowering, struct chain *chain, const struct flow *flow,
                           enum verdict fallback)
{
    const struct limit *limit = flow->entry->limit;
    const struct flow opening = openings(*flow);
    struct match match = {.kind = MATCH_HASHLIMIT};

    match.limit.events = limit->rate.events;
    match.limit.period = limit->rate.period;
    match.limit.burst = limit->rate.burst;
    match.limit.per_source = limit->per_source;
    match.limit.name = limit->kernel_name;
    if (opening.syn == SYN_ALONE && limits_first(flow)) {
        match.limit.above = true;
        append_beyond(lowering, chain, &opening, &match, fallback);
        append_flow(lowering, chain, flow, NULL, 0, target_accept());
        return;
    }
    if (opening.syn == SYN_ALONE) {
        struct flow others = *flow;

        others.syn = SYN_NOT;
        append_flow(lowering, chain, &others, NULL, 0, target_accept());
    }
    append_flow(lowering, chain, &opening, &match, 1, target_accept());
    append_beyond(lowering, chain, &opening, NULL, fallback);
}

// `protocol: any` with a limit: TCP apart from the others, since only TCP has openings that can be told.
static void append_any_limited(struct lowering *lowering, struct chain *chain, const struct flow *flow,
                               enum verdict fallback)
{
    struct flow part = *flow;

    part.protocol = PROTOCOL_TCP;
    append_limited(lowering, chain, &part, fallback);
    part.protocol_inverted = true;
    append_limited(lowering, chain, &part, fallback);
}

void append_entry(struct lowering *lowering, struct chain *chain, const struct entry *entry,
                  enum verdict fallback)
{
    for (size_t i = 0; i < entry_flow_count(entry) && entry_in_family(entry, lowering->family); i++) {
        struct flow flow;

        if (!entry_flow(lowering, entry, i, &flow))
            continue;
        if (entry->log)
            append_log(lowering, chain, &flow);
        // Where the default accepts what is over a limit, nothing is limited.
        if (!entry->limit || fallback == VERDICT_ACCEPT)
            append_verdict(lowering, chain, &flow, entry->verdict);
        else if (flow.protocol == PROTOCOL_ANY)
            append_any_limited(lowering, chain, &flow, fallback);
        else
            append_limited(lowering, chain, &flow, fallback);
    }
}

void append_default(struct lowering *lowering, struct chain *chain, enum verdict fallback,
                    const struct entry_list *entries)
{
    const bool apart = needs_default_chain(lowering, fallback, entries);
    const struct flow everything = flow_everything();
    struct chain *end = apart ? default_chain(lowering, chain) : chain;

    lowering->section = "default";
    lowering->span = lowering->policy->default_spans[strcmp(chain->name, "INPUT") == 0     ? 0
                                                     : strcmp(chain->name, "FORWARD") == 0 ? 1
                                                                                           : 2];

    if (apart)
        append_flow(lowering, chain, &everything, NULL, 0, (struct target){TARGET_GOTO, end->name});
    if (lowering->policy->log_default && fallback != VERDICT_ACCEPT)
        append_log(lowering, end, &everything);
    // Behind the last rule of a hook the chain's policy decides, which drops or accepts.
    if (fallback == VERDICT_REJECT || apart)
        append_verdict(lowering, end, &everything, fallback);
    lowering->span = (struct span){0};
}
