// SPDX-License-Identifier: GPL-2.0-or-later
//
// Entries in, flows out; flows in, rules out. A rule has one interface on each side and sets of the rest.
#include "lower/flow.h"

#include <assert.h>
#include <string.h>

// ICMP and ICMPv6 echo (RFC 792, RFC 4443).
static const int echo_request[FAMILY_COUNT] = {8, 128};
static const int echo_reply[FAMILY_COUNT] = {0, 129};

size_t entry_flow_count(const struct entry *entry)
{
    return entry->traffic_count;
}

bool entry_flow(const struct lowering *lowering, const struct entry *entry, size_t i, struct flow *flow)
{
    const struct traffic *traffic = &entry->traffic[i];

    if (!traffic_in_family(traffic, lowering->family))
        return false;
    *flow = (struct flow){
        .entry = entry,
        .in = interfaces_needed(lowering, &entry->in),
        .out = interfaces_needed(lowering, &entry->out),
        .addresses = {entry->from, entry->to},
        .protocol = traffic_protocol(traffic, lowering->family),
        .ports = {{0}, traffic->ports},
        .icmp_type = traffic->kind == TRAFFIC_ECHO ? echo_request[lowering->family] : -1,
    };
    if (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP)
        flow->ports[SIDE_SOURCE] = entry->local;
    return true;
}

void append_accepted(struct lowering *lowering, struct chain *chain, const struct entry_list *entries,
                     flow_appender *append)
{
    for (size_t i = 0; i < entries->count; i++) {
        for (size_t j = 0; j < entry_flow_count(&entries->items[i]); j++) {
            struct flow flow;

            if (entries->items[i].verdict == VERDICT_ACCEPT &&
                entry_flow(lowering, &entries->items[i], j, &flow))
                append(lowering, chain, &flow);
        }
    }
}

struct flow flow_reverse(const struct lowering *lowering, const struct flow *flow)
{
    struct flow back = *flow;

    back.in = flow->out;
    back.out = flow->in;
    for (int side = 0; side < 2; side++) {
        back.addresses[side] = flow->addresses[!side];
        back.ports[side] = flow->ports[!side];
    }
    if (flow->icmp_type == echo_request[lowering->family])
        back.icmp_type = echo_reply[lowering->family];
    else if (flow->icmp_type == echo_reply[lowering->family])
        back.icmp_type = echo_request[lowering->family];
    return back;
}

struct flow flow_anywhere(struct flow flow)
{
    flow.in = flow.out = (struct interfaces){0};
    return flow;
}

struct flow flow_everything(void)
{
    return (struct flow){.icmp_type = -1};
}

size_t flow_answers(const struct lowering *lowering, const struct flow *flow, struct flow answers[2])
{
    answers[0] = flow_reverse(lowering, flow);
    if (flow->protocol == PROTOCOL_ANY) {
        answers[1] = answers[0];
        answers[1].protocol = PROTOCOL_TCP;
        answers[1].protocol_inverted = true;
        answers[0].protocol = PROTOCOL_TCP;
    }
    if (answers[0].protocol == PROTOCOL_TCP)
        answers[0].syn = SYN_NOT;
    return flow->protocol == PROTOCOL_ANY ? 2 : 1;
}

size_t flow_answerable(const struct lowering *lowering, const struct flow *flow, struct flow parts[3])
{
    const uint8_t icmp = lowering->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    const uint8_t protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, icmp};
    const size_t count = flow->protocol == PROTOCOL_ANY ? sizeof(protocols) : 1;

    for (size_t i = 0; i < count; i++) {
        parts[i] = *flow;
        if (flow->protocol == PROTOCOL_ANY)
            parts[i].protocol = protocols[i];
        if (parts[i].protocol == icmp)
            parts[i].icmp_type = echo_request[lowering->family];
    }
    return count;
}

struct target target_accept(void)
{
    return (struct target){.kind = TARGET_ACCEPT};
}

struct match match_states(unsigned states)
{
    return (struct match){.kind = MATCH_CONNTRACK, .state = {.states = states}};
}

struct match match_transport(uint8_t protocol)
{
    return (struct match){.kind = protocol == PROTOCOL_TCP ? MATCH_TCP : MATCH_UDP};
}

#define FLOW_MATCHES 5 // of the protocol, of ICMP, up to two of the caller, a comment

// Everything but sets and interfaces.
static void add_matches(struct lowering *lowering, struct rule *rule, const struct flow *flow,
                        const struct match *extra, size_t extra_count)
{
    const bool comment =
        lowering->options.comments && flow->entry && flow->entry->name && flow->entry->name[0];
    struct match all[FLOW_MATCHES], *kept;
    size_t count = 0;

    assert(extra_count <= 2);
    if (flow->protocol == PROTOCOL_TCP && !flow->protocol_inverted && flow->syn != SYN_ANY) {
        // What iptables writes as --syn: an opening, and nothing else.
        all[count] = match_transport(PROTOCOL_TCP);
        all[count].transport.flags_mask = TCP_OPENING_MASK;
        all[count].transport.flags = TCP_SYN;
        all[count++].transport.flags_inverted = flow->syn == SYN_NOT;
    }
    if (flow->icmp_type >= 0) {
        all[count] = (struct match){.kind = lowering->family == FAMILY_IPV4 ? MATCH_ICMP : MATCH_ICMPV6};
        all[count].icmp.type = (uint8_t)flow->icmp_type;
        all[count++].icmp.code_last = UINT8_MAX;
    }
    for (size_t i = 0; i < extra_count; i++)
        all[count++] = extra[i];
    if (comment) {
        all[count] = (struct match){.kind = MATCH_COMMENT};
        all[count++].comment = flow->entry->name;
    }
    if (!count)
        return;
    kept = arena_alloc(lowering->arena, count * sizeof(*kept));
    memcpy(kept, all, count * sizeof(*kept));
    rule->matches = kept;
    rule->match_count = count;
}

static const char *interface_at(const struct interfaces *interfaces, size_t i)
{
    return interfaces->count ? interfaces->names[i] : NULL;
}

// NULL where the flow asks for none. False where one of its sets of addresses is empty, and no packet belongs to it.
static bool flow_sets(struct lowering *lowering, const struct flow *flow, const struct rule_sets **sets)
{
    const bool ports =
        (flow->protocol == PROTOCOL_TCP || flow->protocol == PROTOCOL_UDP) && !flow->protocol_inverted;
    struct rule_sets found = {0};
    bool any = true;

    for (int side = 0; side < 2; side++) {
        const struct range_list *list =
            flow->addresses[side] ? &flow->addresses[side]->families[lowering->family] : NULL;

        if (list && !list->count)
            return false;
        if (list && !range_list_all(lowering->family, list))
            found.addresses[side] = list;
        if (ports)
            found.ports[side] = flow->ports[side];
        any = any && !found.addresses[side] && !found.ports[side].count;
    }
    *sets = any ? NULL : rule_sets_copy(lowering->arena, &found);
    return true;
}

void append_flow(struct lowering *lowering, struct chain *chain, const struct flow *flow,
                 const struct match *extra, size_t extra_count, struct target target)
{
    const size_t ins = flow->in.count ? flow->in.count : 1, outs = flow->out.count ? flow->out.count : 1;
    const struct rule_sets *sets;

    if (!flow_sets(lowering, flow, &sets))
        return;
    if (ins > RULESET_RULES_MAX / outs || chain->count > RULESET_RULES_MAX - ins * outs) {
        lowering->too_many = true;
        if (flow->entry && !lowering->too_many_at.source)
            lowering->too_many_at = flow->entry->span;
        return;
    }
    for (size_t i = 0; i < ins * outs; i++) {
        struct rule *rule = chain_append(lowering->arena, chain);

        rule->in = interface_at(&flow->in, i / outs);
        rule->out = interface_at(&flow->out, i % outs);
        rule->sets = sets;
        rule->protocol = flow->protocol;
        rule->protocol_inverted = flow->protocol_inverted;
        rule->later_fragments = flow->later_fragments;
        rule->target = target;
        rule->section = lowering->section;
        rule->span = lowering->span;
        if (flow->entry) {
            rule->span = flow->entry->span;
            rule->name = flow->entry->name;
        }
        add_matches(lowering, rule, flow, extra, extra_count);
    }
}
