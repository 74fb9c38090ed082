// SPDX-License-Identifier: GPL-2.0-or-later
//
// The raw table: what the tracker never sees. Every rule stands in both chains, for the packet and for its answer, since
// a connection that is untracked one way only fills the table all the same.
//
//   -A PREROUTING -p tcp -m tcp --dport 80 -m addrtype --dst-type LOCAL -j CT --notrack
//   -A OUTPUT -p tcp -m tcp --sport 80 -j CT --notrack
//
// The first CT target that a packet reaches decides; the walk goes on behind it. So the rules that keep packets tracked
// stand first and end the walk with ACCEPT.
#include "lower/flow.h"

struct raw {
    struct lowering *lowering;
    struct chain *prerouting, *output;
};

static const struct target notrack = {.kind = TARGET_NOTRACK};

// Appends rules for packets that come in and are for this host: forwarded ones stay tracked, and NAT lives on them.
// Multicast and broadcast addresses are not LOCAL to the kernel, and of all protocols UDP has services there. For IPv6 the
// kernel knows no broadcast, and a packet must be of all the types that a rule names (net/netfilter/xt_addrtype.c,
// match_type6): one rule each.
static void append_incoming(struct raw *raw, const struct flow *in, struct target target)
{
    const bool ipv4 = raw->lowering->family == FAMILY_IPV4, any = in->protocol == PROTOCOL_ANY;
    const unsigned others = ADDRTYPE_MULTICAST | (ipv4 ? ADDRTYPE_BROADCAST : 0U);
    const bool udp = in->protocol == PROTOCOL_UDP && !in->protocol_inverted;
    struct match match = {.kind = MATCH_ADDRTYPE,
                          .addrtype = {.types = ADDRTYPE_LOCAL | (udp && ipv4 ? others : 0U)}};
    struct flow group = *in;

    append_flow(raw->lowering, raw->prerouting, in, &match, 1, target);
    if (!any && !(udp && !ipv4))
        return;
    group.protocol = PROTOCOL_UDP;
    match.addrtype.types = others;
    append_flow(raw->lowering, raw->prerouting, &group, &match, 1, target);
}

// What this host asks of one of its own addresses leaves by lo, where the output side alone decides, and comes back in.
static void untrack_own(struct raw *raw, struct flow in)
{
    static const char *const lo[] = {"lo"};

    in = flow_anywhere(in);
    in.out = (struct interfaces){lo, 1};
    append_flow(raw->lowering, raw->output, &in, NULL, 0, notrack);
}

// Decides for packets that come in as `in`, and for the answers that leave: one is the reverse of the other. Interfaces
// have no say: replies may leave elsewhere.
static void decide_both_ways(struct raw *raw, struct flow in, struct target target)
{
    in = flow_anywhere(in);

    const struct flow out = flow_reverse(raw->lowering, &in);

    append_incoming(raw, &in, target);
    append_flow(raw->lowering, raw->output, &out, NULL, 0, target);
}

static void untrack(struct raw *raw, struct flow in)
{
    decide_both_ways(raw, in, notrack);
}

// The walk ends before the rules that would untrack the packets.
static void keep_tracked(struct raw *raw, struct flow in)
{
    decide_both_ways(raw, in, target_accept());
}

typedef void action(struct raw *raw, struct flow in);

// Does `act` with every flow of the entry, as it comes in: `connect` entries leave first.
static void each_flow(struct raw *raw, const struct entry *entry, bool leaving, action *act)
{
    for (size_t i = 0; i < entry_flow_count(entry); i++) {
        struct flow flow;

        if (!entry_flow(raw->lowering, entry, i, &flow))
            continue;
        act(raw, leaving ? flow_reverse(raw->lowering, &flow) : flow);
    }
}

// To 127/8 from there, as ::1 to itself: with the table full, even the host's own programs would not reach each other.
// Other addresses of the host may be the target of a DNAT rule, which needs the tracker.
static void untrack_loopback(struct raw *raw)
{
    static struct addr_range ipv4[] = {{{0, 0x7F000000}, {0, 0x7FFFFFFF}}}, ipv6[] = {{{0, 1}, {0, 1}}};
    static const struct addr_set loopback = {{{ipv4, 1, 1}, {ipv6, 1, 1}}};
    static const char *const lo[] = {"lo"};
    struct flow flow = flow_everything();

    flow.out = (struct interfaces){lo, 1};
    flow.addresses[SIDE_SOURCE] = flow.addresses[SIDE_DESTINATION] = &loopback;
    append_flow(raw->lowering, raw->output, &flow, NULL, 0, notrack);
}

static void attach_helper(struct raw *raw, const struct entry *entry, struct chain *chain, bool local_only)
{
    const struct match local = {.kind = MATCH_ADDRTYPE, .addrtype = {.types = ADDRTYPE_LOCAL}};

    for (size_t i = 0; i < entry_flow_count(entry); i++) {
        struct flow flow;

        // A helper speaks one protocol; ports of another beside it in the entry have none.
        if (entry->traffic[i].kind != entry->helper->control || !entry_flow(raw->lowering, entry, i, &flow))
            continue;
        flow = flow_anywhere(flow);
        append_flow(raw->lowering, chain, &flow, &local, local_only,
                    (struct target){TARGET_HELPER, entry->helper->name});
    }
}

static void attach_helpers(struct raw *raw, const struct entry_list *entries, struct chain *chain,
                           bool local_only)
{
    for (size_t i = 0; i < entries_helped(entries); i++)
        if (entries->items[i].helper)
            attach_helper(raw, &entries->items[i], chain, local_only);
}

// The data connections of a helper belong to its control connection, whoever else untracks their ports.
static void keep_data_tracked(struct raw *raw, const struct entry *entry)
{
    struct flow flow = flow_everything();

    if (!entry->helper || !entry->data.count || !entry_in_family(entry, raw->lowering->family))
        return;
    flow.entry = entry;
    flow.protocol = entry->helper->data == TRAFFIC_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
    flow.ports[SIDE_DESTINATION] = entry->data;
    keep_tracked(raw, flow);
}

// An entry that says `track: true`, and one whose helper needs it.
static bool takes_back(const struct entry *entry)
{
    return entry->track == CHOICE_YES || entry->helper;
}

static void trusted_flow(struct raw *raw, const struct entry *entry, action *act)
{
    struct flow flow = flow_everything();

    flow.entry = entry;
    flow.addresses[SIDE_SOURCE] = entry->from;
    act(raw, flow);
}

static void lower_selective(struct raw *raw)
{
    const struct policy *policy = raw->lowering->policy;

    for (size_t i = 0; i < policy->trust.count; i++)
        if (policy->trust.items[i].track == CHOICE_YES && policy->trust.items[i].from)
            trusted_flow(raw, &policy->trust.items[i], keep_tracked);
    for (size_t i = 0; i < policy->allow.count; i++)
        if (takes_back(&policy->allow.items[i]))
            each_flow(raw, &policy->allow.items[i], false, keep_tracked);
    for (size_t i = 0; i < policy->allow.count; i++)
        keep_data_tracked(raw, &policy->allow.items[i]);
    for (size_t i = 0; i < policy->connect.count; i++)
        if (takes_back(&policy->connect.items[i]))
            each_flow(raw, &policy->connect.items[i], true, keep_tracked);
    for (size_t i = 0; i < policy->trust.count; i++)
        if (policy->trust.items[i].track == CHOICE_NO)
            trusted_flow(raw, &policy->trust.items[i], untrack);
    for (size_t i = 0; i < policy->allow.count; i++)
        if (policy->allow.items[i].track == CHOICE_NO) {
            each_flow(raw, &policy->allow.items[i], false, untrack);
            each_flow(raw, &policy->allow.items[i], false, untrack_own);
        }
    for (size_t i = 0; i < policy->connect.count; i++)
        if (policy->connect.items[i].track == CHOICE_NO)
            each_flow(raw, &policy->connect.items[i], true, untrack);
}

void lower_raw(struct lowering *lowering)
{
    const struct policy *policy = lowering->policy;
    struct raw raw = {
        .lowering = lowering,
        .prerouting = table_chain(lowering->arena, lowering->raw, "PREROUTING", CHAIN_ACCEPT),
        .output = table_chain(lowering->arena, lowering->raw, "OUTPUT", CHAIN_ACCEPT),
    };
    const struct flow everything = flow_everything();

    lowering->section = "tracking";
    if (policy->tracking == TRACKING_SELECTIVE)
        untrack_loopback(&raw);
    append_verbatim(lowering, lowering->raw, raw.prerouting);
    append_verbatim(lowering, lowering->raw, raw.output);
    lowering->section = "tracking";
    if (policy->tracking == TRACKING_NONE) {
        // The CT target is a part of the tracker: where that is kept out, a rule with it would not load.
        if (policy->conntrack.block_modules)
            return;
        append_flow(lowering, raw.prerouting, &everything, NULL, 0, notrack);
        append_flow(lowering, raw.output, &everything, NULL, 0, notrack);
        return;
    }
    attach_helpers(&raw, &policy->allow, raw.prerouting, true);
    attach_helpers(&raw, &policy->connect, raw.output, false);
    if (policy->tracking == TRACKING_SELECTIVE)
        lower_selective(&raw);
    // Behind the others, since a service that DNAT publishes is still LOCAL here: what is untracked stays so.
    attach_helpers(&raw, &policy->forward, raw.prerouting, false);
}
