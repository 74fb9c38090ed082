// SPDX-License-Identifier: GPL-2.0-or-later
//
// The INPUT chain: what comes for this host, first match wins.
//
//   -A INPUT -i lo -j ACCEPT
//   -A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT
//   -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
//   -A INPUT -m conntrack --ctstate INVALID -j DROP
//   -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
//   -A INPUT -j REJECT --reject-with icmp-host-prohibited
#include "lower/flow.h"

static void accept_loopback(struct lowering *lowering, struct chain *input)
{
    static const char *const lo[] = {"lo"};
    struct flow flow = flow_everything();

    flow.in = (struct interfaces){lo, 1};
    append_flow(lowering, input, &flow, NULL, 0, target_accept());
}

static void accept_trusted(struct lowering *lowering, struct chain *input)
{
    const struct entry_list *trust = &lowering->policy->trust;

    for (size_t i = 0; i < trust->count; i++) {
        struct flow flow = flow_everything();

        flow.entry = &trust->items[i];
        flow.in = trust->items[i].in;
        flow.addresses[SIDE_SOURCE] = trust->items[i].from;
        append_flow(lowering, input, &flow, NULL, 0, target_accept());
    }
}

// Replies of one protocol to what this host asked without tracking: from where it asks, to a port that the kernel gives
// to connections, and owned by a socket. TCP openings are no replies. Without any of the three the rule would let the
// world reach every local port from the service's port.
static void accept_window(struct lowering *lowering, struct chain *input, struct flow request)
{
    struct port_range *ephemeral = arena_alloc(lowering->arena, sizeof(*ephemeral));
    const bool ports = request.protocol == PROTOCOL_TCP || request.protocol == PROTOCOL_UDP;
    const bool any_socket = request.protocol == PROTOCOL_UDP && request.entry->any_socket;
    const bool socket = ports && lowering->policy->replies == REPLIES_SOCKET && !any_socket;
    const struct match owned = {.kind = MATCH_SOCKET};

    *ephemeral = lowering->policy->ephemeral;
    if (ports && !request.ports[SIDE_SOURCE].count)
        request.ports[SIDE_SOURCE] = (struct port_set){ephemeral, 1, 1};

    // A whole ICMP has one kind of packet that answers what this host sends.
    if (request.protocol == PROTOCOL_ICMP && request.icmp_type < 0)
        request.icmp_type = 8;
    if (request.protocol == PROTOCOL_ICMPV6 && request.icmp_type < 0)
        request.icmp_type = 128;

    struct flow answers[2];
    const size_t count = flow_answers(lowering, &request, answers);

    for (size_t i = 0; i < count; i++)
        append_flow(lowering, input, &answers[i], &owned, socket, target_accept());
    lowering->socket_rule = lowering->socket_rule || socket;
}

// `protocol: any` stands for what answers in a way that can be told: TCP, UDP and ping.
static void accept_any_window(struct lowering *lowering, struct chain *input, struct flow request)
{
    const uint8_t icmp = lowering->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    const uint8_t protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, icmp};

    for (size_t i = 0; i < sizeof(protocols); i++) {
        request.protocol = protocols[i];
        if (protocols[i] == icmp)
            request.ports[SIDE_SOURCE].count = 0;
        accept_window(lowering, input, request);
    }
}

static void accept_windows(struct lowering *lowering, struct chain *input)
{
    const struct entry_list *connect = &lowering->policy->connect;

    for (size_t i = 0; i < connect->count; i++) {
        const struct entry *entry = &connect->items[i];

        for (size_t j = 0; j < entry_flow_count(entry); j++) {
            struct flow flow;

            if (entry->verdict != VERDICT_ACCEPT || !entry_untracked(lowering->policy, entry) ||
                !entry_flow(lowering, entry, j, &flow))
                continue;
            flow = flow_anywhere(flow);
            if (flow.protocol == PROTOCOL_ANY)
                accept_any_window(lowering, input, flow);
            else
                accept_window(lowering, input, flow);
        }
    }
}

static void accept_replies(struct lowering *lowering, struct chain *input)
{
    const struct flow everything = flow_everything();
    const struct match established = match_states(STATE_ESTABLISHED), invalid = match_states(STATE_INVALID);
    const bool tracking = lowering->policy->tracking != TRACKING_NONE;

    if (tracking) {
        append_flow(lowering, input, &everything, &established, 1, target_accept());
        append_related(lowering, input, &lowering->policy->allow);
        append_related(lowering, input, &lowering->policy->connect);
    }
    accept_windows(lowering, input);
    if (tracking)
        append_flow(lowering, input, &everything, &invalid, 1, (struct target){.kind = TARGET_DROP});
}

// Without tracking and without a socket rule, nothing puts IPv6 fragments together: a later one has no ports to look at.
// It is harmless without its first one, and that is dropped unless a rule above accepts it.
static void decide_fragments(struct lowering *lowering, struct chain *input)
{
    struct match fragment = {.kind = MATCH_FRAGMENT, .fragment_first = true};
    const struct flow everything = flow_everything();

    if (lowering->family != FAMILY_IPV6 || lowering->policy->tracking != TRACKING_NONE ||
        lowering->socket_rule || lowering->policy->input == VERDICT_ACCEPT)
        return;
    append_flow(lowering, input, &everything, &fragment, 1, (struct target){.kind = TARGET_DROP});
    fragment.fragment_first = false;
    append_flow(lowering, input, &everything, &fragment, 1, target_accept());
}

void lower_input(struct lowering *lowering)
{
    const struct policy *policy = lowering->policy;
    struct chain *input = table_chain(lowering->arena, lowering->filter, "INPUT",
                                      policy->input == VERDICT_ACCEPT ? CHAIN_ACCEPT : CHAIN_DROP);

    accept_loopback(lowering, input);
    append_neighbours(lowering, input, false);
    accept_trusted(lowering, input);
    append_deny(lowering, input);
    append_icmp_errors(lowering, input);
    accept_replies(lowering, input);
    append_verbatim(lowering, lowering->filter, input);
    for (size_t i = 0; i < policy->allow.count; i++)
        append_entry(lowering, input, &policy->allow.items[i], policy->input);
    decide_fragments(lowering, input);
    append_default(lowering, input, policy->input, &policy->allow);
}
