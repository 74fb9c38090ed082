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

#include <string.h>

static void accept_loopback(struct lowering *lowering, struct chain *output)
{
    static const char *const lo[] = {"lo"};
    struct flow flow = flow_everything();

    flow.out = (struct interfaces){lo, 1};
    append_flow(lowering, output, &flow, NULL, 0, target_accept());
}

// So that rejects arrive: about an untracked packet, REJECT's answers are INVALID to the tracker.
static void accept_resets(struct lowering *lowering, struct chain *output)
{
    struct match reset = match_transport(PROTOCOL_TCP);
    struct flow flow = flow_everything();

    flow.protocol = PROTOCOL_TCP;
    reset.transport.flags_mask = reset.transport.flags = TCP_RST;
    append_flow(lowering, output, &flow, &reset, 1, target_accept());
}

static void accept_tracked(struct lowering *lowering, struct chain *output)
{
    const struct flow everything = flow_everything();
    const struct match states = match_states(STATE_RELATED | STATE_ESTABLISHED);

    if (lowering->policy->tracking != TRACKING_NONE)
        append_flow(lowering, output, &everything, &states, 1, target_accept());
}

// Nothing tells an answer to a trusted peer from another packet where nothing tracks, so that all may leave to it.
static void accept_to_trusted(struct lowering *lowering, struct chain *output)
{
    const struct entry_list *trust = &lowering->policy->trust;

    for (size_t i = 0; i < trust->count; i++) {
        struct flow flow = flow_everything();

        flow.entry = &trust->items[i];
        flow.addresses[SIDE_DESTINATION] = trust->items[i].from;
        // Answers may leave by another interface than the packets of the peer come in by.
        if (!trust->items[i].from)
            flow.out = trust->items[i].in;
        append_flow(lowering, output, &flow, NULL, 0, target_accept());
    }
}

static void accept_answers(struct lowering *lowering, struct chain *output)
{
    const struct entry_list *allow = &lowering->policy->allow;

    for (size_t i = 0; i < allow->count; i++) {
        const struct entry *entry = &allow->items[i];

        for (size_t j = 0; j < entry_flow_count(entry); j++) {
            struct flow flow, answers[2];

            if (entry->verdict != VERDICT_ACCEPT || !entry_untracked(lowering->policy, entry) ||
                !entry_flow(lowering, entry, j, &flow))
                continue;
            flow = flow_anywhere(flow);

            const size_t count = flow_answers(lowering, &flow, answers);

            for (size_t k = 0; k < count; k++)
                append_flow(lowering, output, &answers[k], NULL, 0, target_accept());
        }
    }
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

static bool has_verbatim(const struct lowering *lowering)
{
    const struct verbatim *verbatim = &lowering->policy->verbatim[lowering->family];

    for (size_t i = 0; i < verbatim->count; i++)
        if (verbatim->items[i].chain && strcmp(verbatim->items[i].table, "filter") == 0 &&
            strcmp(verbatim->items[i].chain, "OUTPUT") == 0)
            return true;
    return false;
}

void lower_output(struct lowering *lowering)
{
    const struct policy *policy = lowering->policy;
    const size_t entries = entries_that_matter(policy);
    struct chain *output = table_chain(lowering->arena, lowering->filter, "OUTPUT",
                                       policy->output == VERDICT_ACCEPT ? CHAIN_ACCEPT : CHAIN_DROP);

    if (policy->output == VERDICT_ACCEPT && !entries && !has_verbatim(lowering))
        return;
    accept_loopback(lowering, output);
    append_neighbours(lowering, output, true);
    append_icmp_errors(lowering, output);
    accept_resets(lowering, output);
    accept_tracked(lowering, output);
    accept_answers(lowering, output);
    accept_to_trusted(lowering, output);
    append_verbatim(lowering, lowering->filter, output);
    for (size_t i = 0; i < entries; i++)
        append_entry(lowering, output, &policy->connect.items[i], policy->output);
    append_default(lowering, output, policy->output, &policy->connect);
}
