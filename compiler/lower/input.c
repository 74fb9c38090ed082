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

static void accept_trusted(struct lowering *lowering, struct chain *input)
{
    const struct entry_list *trust = &lowering->policy->trust;

    lowering->section = "trust";
    for (size_t i = 0; i < trust->count; i++) {
        struct flow flow = flow_everything();

        flow.entry = &trust->items[i];
        flow.in = interfaces_needed(lowering, &trust->items[i].in);
        flow.addresses[SIDE_SOURCE] = trust->items[i].from;
        append_flow(lowering, input, &flow, NULL, 0, target_accept());
    }
}

// Replies of one protocol to what this host asked without tracking: from where it asks, to a port that the kernel gives
// to connections, and owned by a socket. TCP openings are no replies. Without any of the three the rule would let the
// world reach every local port from the service's port.
static void accept_window(struct lowering *lowering, struct chain *input, struct flow request, bool untracked)
{
    const bool ports = request.protocol == PROTOCOL_TCP || request.protocol == PROTOCOL_UDP;
    const bool any_socket = request.protocol == PROTOCOL_UDP && request.entry->any_socket;
    const bool socket = ports && lowering->policy->replies == REPLIES_SOCKET && !any_socket;
    const size_t before = input->count;
    struct match matches[2];
    size_t count = 0;

    // Where another entry untracks some of its packets, the others have a state that speaks for them.
    if (!untracked)
        matches[count++] = match_states(STATE_UNTRACKED);
    if (socket)
        matches[count++] = (struct match){.kind = MATCH_SOCKET};
    struct flow answers[2];
    const size_t flows = flow_answers(lowering, &request, answers);

    for (size_t i = 0; i < flows; i++)
        append_flow(lowering, input, &answers[i], matches, count, target_accept());
    lowering->socket_rule = lowering->socket_rule || (socket && input->count > before);
}

static void accept_windows(struct lowering *lowering, struct chain *input, const struct flow *flow)
{
    const struct entry *entry = flow->entry;
    const bool untracked = entry_untracked(lowering->policy, entry);
    struct port_range *ephemeral = arena_alloc(lowering->arena, sizeof(*ephemeral));
    struct flow requests[3];
    const struct flow request = flow_anywhere(*flow);
    const size_t count = flow_answerable(lowering, &request, requests);

    *ephemeral = lowering->policy->ephemeral;
    for (size_t i = 0; i < count; i++) {
        const bool ports = requests[i].protocol == PROTOCOL_TCP || requests[i].protocol == PROTOCOL_UDP;

        if (ports && !requests[i].ports[SIDE_SOURCE].count)
            requests[i].ports[SIDE_SOURCE] = (struct port_set){ephemeral, 1, 1};
        if (untracked ||
            untracked_elsewhere(&lowering->untracked, entry, &requests[i], &requests[i].ports[SIDE_SOURCE]))
            accept_window(lowering, input, requests[i], untracked);
    }
}

static void accept_replies(struct lowering *lowering, struct chain *input)
{
    const struct flow everything = flow_everything();
    const struct match established = match_states(STATE_ESTABLISHED), invalid = match_states(STATE_INVALID);
    const bool tracking = lowering->policy->tracking != TRACKING_NONE;

    lowering->section = "established";
    if (tracking) {
        append_flow(lowering, input, &everything, &established, 1, target_accept());
        append_related(lowering, input, &lowering->policy->allow);
        append_related(lowering, input, &lowering->policy->connect);
    }
    lowering->section = "replies";
    append_accepted(lowering, input, &lowering->policy->connect, accept_windows);
    lowering->section = "invalid";
    if (tracking)
        append_flow(lowering, input, &everything, &invalid, 1, (struct target){.kind = TARGET_DROP});
}

// Room for what stands behind the entries, of which most become one rule: a large chain that outgrows its room is copied.
#define LAST_RULES 64

void lower_input(struct lowering *lowering)
{
    const struct policy *policy = lowering->policy;
    struct chain *input = table_chain(lowering->arena, lowering->filter, "INPUT",
                                      policy->input == VERDICT_ACCEPT ? CHAIN_ACCEPT : CHAIN_DROP);

    append_loopback(lowering, input, false);
    append_neighbours(lowering, input, false);
    accept_trusted(lowering, input);
    append_deny(lowering, input);
    append_icmp_errors(lowering, input);
    accept_replies(lowering, input);
    append_verbatim(lowering, lowering->filter, input);
    lowering->section = "allow";
    chain_reserve(lowering->arena, input, policy->allow.in_family[lowering->family] + LAST_RULES);
    for (size_t i = 0; i < entries_in_family(&policy->allow, lowering->family); i++)
        append_entry(lowering, input, &policy->allow.items[i], policy->input);
    // The kernel puts IPv4 packets for this host together by itself.
    if (lowering->family == FAMILY_IPV6)
        append_fragments(lowering, input, policy->input);
    append_default(lowering, input, policy->input, &policy->allow);
}
