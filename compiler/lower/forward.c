// SPDX-License-Identifier: GPL-2.0-or-later
//
// The FORWARD chain: what a router passes on. `leave` says that the chain belongs to others: no rule, no policy, no line.
//
//   -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
//   -A FORWARD -p icmp -m icmp --icmp-type 3 -j ACCEPT
//   -A FORWARD -i eth1 -o eth0 -j ACCEPT
//   -A FORWARD -j REJECT --reject-with icmp-host-prohibited
#include "lower/flow.h"

// Ports that no service with a privileged port can hold (RFC 6335, 6): where nothing tracks, a UDP reply looks like any
// packet from the service's port.
static struct port_range high_port_range[] = {{1024, UINT16_MAX}};
static const struct port_set high_ports = {high_port_range, 1, 1};

static void accept_answer(struct lowering *lowering, struct chain *forward, const struct flow *request)
{
    struct flow answers[2];
    const size_t count = flow_answers(lowering, request, answers);

    for (size_t i = 0; i < count; i++) {
        if (answers[i].protocol == PROTOCOL_UDP)
            answers[i].ports[SIDE_DESTINATION] = high_ports;
        append_flow(lowering, forward, &answers[i], NULL, 0, target_accept());
    }
}

static void accept_stateless_replies(struct lowering *lowering, struct chain *forward)
{
    const struct entry_list *entries = &lowering->policy->forward;

    for (size_t i = 0; i < entries->count; i++) {
        for (size_t j = 0; j < entry_flow_count(&entries->items[i]); j++) {
            struct flow flow;

            if (entries->items[i].verdict == VERDICT_ACCEPT &&
                entry_flow(lowering, &entries->items[i], j, &flow))
                accept_answer(lowering, forward, &flow);
        }
    }
}

static void accept_replies(struct lowering *lowering, struct chain *forward)
{
    const struct flow everything = flow_everything();
    const struct match established = match_states(STATE_ESTABLISHED);

    if (lowering->policy->tracking == TRACKING_NONE) {
        accept_stateless_replies(lowering, forward);
        return;
    }
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
    if (policy->forward.count) {
        accept_replies(lowering, forward);
        append_icmp_errors(lowering, forward);
    }
    append_verbatim(lowering, lowering->filter, forward);
    for (size_t i = 0; i < policy->forward.count; i++)
        append_entry(lowering, forward, &policy->forward.items[i], policy->forwarding);
    append_default(lowering, forward, policy->forwarding, &policy->forward);
}
