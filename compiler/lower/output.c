// SPDX-License-Identifier: GPL-2.0-or-later
//
// The OUTPUT chain: what leaves this host. Where everything may leave, the chain is empty but for what `connect` refuses.
//
//   -A OUTPUT -o lo -j ACCEPT
//   -A OUTPUT -p tcp -m tcp --tcp-flags RST RST -j ACCEPT
//   -A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
//   -A OUTPUT -p tcp -m tcp --sport 80 ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
//   -A OUTPUT -p udp -m udp --dport 53 -j ACCEPT
#include "lower/flow.h"

// So that rejects arrive: about an untracked packet, REJECT's answers are INVALID to the tracker.
static void accept_resets(struct lowering *lowering, struct chain *output)
{
    struct match reset = match_transport(PROTOCOL_TCP);
    struct flow flow = flow_everything();

    lowering->section = "resets";
    flow.protocol = PROTOCOL_TCP;
    reset.transport.flags_mask = reset.transport.flags = TCP_RST;
    append_flow(lowering, output, &flow, &reset, 1, target_accept());
}

static void accept_tracked(struct lowering *lowering, struct chain *output)
{
    const struct flow everything = flow_everything();
    const struct match states = match_states(STATE_RELATED | STATE_ESTABLISHED);

    lowering->section = "established";
    if (lowering->policy->tracking != TRACKING_NONE)
        append_flow(lowering, output, &everything, &states, 1, target_accept());
}

// To trusted peers that are not tracked all may leave, since nothing tells an answer from another packet there. Of what
// passes between this host and the others, some entry of allow may untrack a part.
static void accept_to_trusted(struct lowering *lowering, struct chain *output)
{
    const struct entry_list *trust = &lowering->policy->trust;
    const struct match untracked = match_states(STATE_UNTRACKED);

    for (size_t i = 0; i < trust->count; i++) {
        const bool whole = entry_untracked(lowering->policy, &trust->items[i]);
        const bool part = lowering->untracked.tcp.count || lowering->untracked.udp.count;
        struct flow flow = flow_everything();

        flow.entry = &trust->items[i];
        flow.addresses[SIDE_DESTINATION] = trust->items[i].from;
        // Answers may leave by another interface than the packets of the peer come in by.
        if (!trust->items[i].from)
            flow.out = interfaces_needed(lowering, &trust->items[i].in);
        if (whole || part)
            append_flow(lowering, output, &flow, &untracked, !whole, target_accept());
    }
}

static void accept_answers(struct lowering *lowering, struct chain *output, const struct flow *flow)
{
    const struct entry *entry = flow->entry;
    const bool untracked = entry_untracked(lowering->policy, entry);
    const struct match state = match_states(STATE_UNTRACKED);
    struct flow answers[2];

    if (!untracked &&
        !untracked_elsewhere(&lowering->unanswered, entry, flow, &flow->ports[SIDE_DESTINATION]))
        return;

    const struct flow request = flow_anywhere(*flow);
    const size_t count = flow_answers(lowering, &request, answers);

    for (size_t i = 0; i < count; i++)
        append_flow(lowering, output, &answers[i], &state, !untracked, target_accept());
}

// The entries up to the last one that refuses or logs; what follows it is what an accepting default does anyway.
static size_t entries_that_matter(const struct policy *policy)
{
    size_t count = policy->connect.count;

    if (policy->output != VERDICT_ACCEPT)
        return count;
    while (count && policy->connect.items[count - 1].verdict == VERDICT_ACCEPT &&
           !policy->connect.items[count - 1].log)
        count--;
    return count;
}

void lower_output(struct lowering *lowering)
{
    const struct policy *policy = lowering->policy;
    const size_t entries = entries_that_matter(policy);
    struct chain *output = table_chain(lowering->arena, lowering->filter, "OUTPUT",
                                       policy->output == VERDICT_ACCEPT ? CHAIN_ACCEPT : CHAIN_DROP);

    if (policy->output == VERDICT_ACCEPT && !entries && !has_verbatim(lowering, "filter", "OUTPUT"))
        return;
    append_loopback(lowering, output, true);
    append_neighbours(lowering, output, true);
    append_icmp_errors(lowering, output);
    accept_resets(lowering, output);
    accept_tracked(lowering, output);
    lowering->section = "answers";
    append_accepted(lowering, output, &lowering->policy->allow, accept_answers);
    lowering->section = "trust";
    accept_to_trusted(lowering, output);
    append_verbatim(lowering, lowering->filter, output);
    lowering->section = "connect";
    for (size_t i = 0; i < entries; i++)
        append_entry(lowering, output, &policy->connect.items[i], policy->output);
    append_default(lowering, output, policy->output, &policy->connect);
}
