// SPDX-License-Identifier: GPL-2.0-or-later
//
// The FORWARD chain: what a router passes on. `leave` says that the chain belongs to others: no rule, no policy, no line.
//
//   -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
//   -A FORWARD -p icmp -m icmp --icmp-type 3 -j ACCEPT
//   -A FORWARD -i eth1 -o eth0 -j ACCEPT
//   -A FORWARD -j REJECT --reject-with icmp-host-prohibited
#include "lower/flow.h"

// Where nothing tracks, a UDP reply looks like any packet from the service's port: it must go to a port that no service
// with a privileged port holds.
static void accept_answers(struct lowering *lowering, struct chain *forward, const struct flow *request)
{
    struct flow parts[3], answers[2];
    const size_t count = flow_answerable(lowering, request, parts);

    for (size_t i = 0; i < count; i++) {
        flow_answers(lowering, &parts[i], answers);
        if (answers[0].protocol == PROTOCOL_UDP)
            answers[0].ports[SIDE_DESTINATION] = port_set_high;
        append_flow(lowering, forward, &answers[0], NULL, 0, target_accept());
    }
}

static void accept_replies(struct lowering *lowering, struct chain *forward)
{
    const struct flow everything = flow_everything();
    const struct match established = match_states(STATE_ESTABLISHED);

    lowering->section = "replies";
    if (lowering->policy->tracking == TRACKING_NONE) {
        append_accepted(lowering, forward, &lowering->policy->forward, accept_answers);
        return;
    }
    lowering->section = "established";
    append_flow(lowering, forward, &everything, &established, 1, target_accept());
    append_related(lowering, forward, &lowering->policy->forward);
}

void lower_forward(struct lowering *lowering)
{
    const struct policy *policy = lowering->policy;

    if (policy->forwarding == VERDICT_LEAVE)
        return;

    struct chain *forward = table_chain(lowering->arena, lowering->filter, "FORWARD",
                                        policy->forwarding == VERDICT_ACCEPT ? CHAIN_ACCEPT : CHAIN_DROP);

    append_deny(lowering, forward);
    if (policy->forward.count || has_verbatim(lowering, "filter", "FORWARD")) {
        accept_replies(lowering, forward);
        append_icmp_errors(lowering, forward);
    }
    append_verbatim(lowering, lowering->filter, forward);
    lowering->section = "forward";
    for (size_t i = 0; i < policy->forward.count; i++)
        append_entry(lowering, forward, &policy->forward.items[i], policy->forwarding);
    if (policy->forward.count)
        append_fragments(lowering, forward, policy->forwarding);
    append_default(lowering, forward, policy->forwarding, &policy->forward);
}
