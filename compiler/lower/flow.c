// SPDX-License-Identifier: GPL-2.0-or-later
//
// Entries in, flows out; flows in, rules out. A flow with two interfaces, three prefixes and sixteen ports is the product
// of them: rules of one interface, one prefix, and up to fifteen ports each.
#include "lower/flow.h"

#include <assert.h>
#include <string.h>

#include "base/vec.h"

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
        .in = entry->in,
        .out = entry->out,
        .addresses = {entry->from, entry->to},
        .protocol = traffic_protocol(traffic, lowering->family),
        .ports = {{0}, traffic->ports},
        .icmp_type = traffic->kind == TRAFFIC_ECHO ? echo_request[lowering->family] : -1,
    };
    if (traffic->kind == TRAFFIC_TCP || traffic->kind == TRAFFIC_UDP)
        flow->ports[SIDE_SOURCE] = entry->local;
    return true;
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

// How one rule names addresses of one side.
struct address_match {
    struct rule_address address;
    struct addr_range range; // where `is_range`: a range for -m iprange
    bool is_range;
};

struct address_matches {
    struct address_match *items;
    size_t count;
    size_t capacity;
};

// Where all addresses but one prefix are meant, a rule names that prefix.
static bool all_but_one(struct lowering *lowering, const struct range_list *list, struct prefix *prefix)
{
    const enum family family = lowering->family;
    struct addr_set whole = {0}, some = {0};

    if (list->count > 2)
        return false;
    some.families[family] = *list;
    addr_set_add(&lowering->scratch, &whole, family, (struct addr_range){{0, 0}, addr_max(family)});
    whole = addr_set_minus(&lowering->scratch, &whole, &some);
    if (whole.families[family].count != 1 || range_prefixes(family, whole.families[family].items[0], 2) != 1)
        return false;
    *prefix = range_first_prefix(family, &whole.families[family].items[0]);
    return true;
}

// One rule a range: as a prefix where it is one, else with -m iprange.
static void match_range(struct lowering *lowering, struct address_matches *matches, struct addr_range range)
{
    struct address_match *match = vec_push(&lowering->scratch, matches);

    *match = (struct address_match){0};
    match->is_range = range_prefixes(lowering->family, range, 2) > 1;
    if (match->is_range)
        match->range = range;
    else
        match->address.prefix = range_first_prefix(lowering->family, &range);
}

static void match_addresses(struct lowering *lowering, const struct addr_set *set,
                            struct address_matches *matches)
{
    struct prefix but;

    *matches = (struct address_matches){0};
    if (!set || range_list_all(lowering->family, &set->families[lowering->family])) {
        *vec_push(&lowering->scratch, matches) = (struct address_match){0};
        return;
    }

    const struct range_list *list = &set->families[lowering->family];

    for (size_t i = 0; i < list->count; i++)
        match_range(lowering, matches, list->items[i]);

    // One prefix that is meant reads better than the one that is not.
    if ((matches->count > 1 || (matches->count && matches->items[0].is_range)) &&
        all_but_one(lowering, list, &but)) {
        matches->count = 1;
        matches->items[0] = (struct address_match){.address = {but, .inverted = true}};
    }
}

// Ports of one side that fit one rule: none, one range in the protocol's own match, or a multiport match.
struct port_groups {
    struct port_set *items;
    size_t count;
    size_t capacity;
};

static void group_ports(struct lowering *lowering, const struct port_set *ports, struct port_groups *groups)
{
    size_t slots = MULTIPORT_SLOTS;

    *groups = (struct port_groups){0};
    if (!ports->count)
        *vec_push(&lowering->scratch, groups) = (struct port_set){0};
    for (size_t i = 0; i < ports->count; i++) {
        const size_t need = ports->items[i].first == ports->items[i].last ? 1 : 2;

        if (slots + need > MULTIPORT_SLOTS) {
            *vec_push(&lowering->scratch, groups) = (struct port_set){.items = &ports->items[i]};
            slots = 0;
        }
        slots += need;
        vec_last(groups)->count++;
    }
}

#define FLOW_MATCHES 8 // two multiport, one of the protocol, one for ICMP, two iprange; a comment besides

static size_t ports_match(struct match *matches, const struct flow *flow, const struct port_set *groups[2])
{
    const bool tcp = flow->protocol == PROTOCOL_TCP;
    struct match transport = match_transport(flow->protocol);
    bool needed = false;
    size_t count = 0;

    if ((!tcp && flow->protocol != PROTOCOL_UDP) || flow->protocol_inverted)
        return 0;
    for (int side = 0; side < 2; side++) {
        if (groups[side]->count == 1) {
            transport.transport.ports[side] = groups[side]->items[0];
            transport.transport.named[side] = true;
            needed = true;
        } else if (groups[side]->count) {
            matches[count] = (struct match){.kind = MATCH_MULTIPORT};
            matches[count].multiport.side = (enum side)side;
            matches[count].multiport.items = groups[side]->items;
            matches[count++].multiport.count = groups[side]->count;
        }
    }
    if (tcp && flow->syn != SYN_ANY) {
        // What iptables writes as --syn: an opening, and nothing else.
        transport.transport.flags_mask = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK;
        transport.transport.flags = TCP_SYN;
        transport.transport.flags_inverted = flow->syn == SYN_NOT;
        needed = true;
    }
    if (needed)
        matches[count++] = transport;
    return count;
}

// One rule of a flow: everything but interfaces and plain addresses, which stand in the rule's header.
static void add_matches(struct lowering *lowering, struct rule *rule, const struct flow *flow,
                        const struct port_set *groups[2], const struct address_match *addresses[2],
                        const struct match *extra, size_t extra_count)
{
    struct match matches[FLOW_MATCHES];
    size_t count = ports_match(matches, flow, groups);

    if (flow->icmp_type >= 0) {
        matches[count] = (struct match){.kind = lowering->family == FAMILY_IPV4 ? MATCH_ICMP : MATCH_ICMPV6};
        matches[count].icmp.type = (uint8_t)flow->icmp_type;
        matches[count++].icmp.code_last = UINT8_MAX;
    }
    for (int side = 0; side < 2; side++) {
        if (!addresses[side]->is_range)
            continue;
        matches[count] = (struct match){.kind = MATCH_IPRANGE};
        matches[count].iprange.named[side] = true;
        matches[count++].iprange.range[side] = addresses[side]->range;
    }

    const bool comment =
        lowering->options.comments && flow->entry && flow->entry->name && flow->entry->name[0];
    const size_t total = count + extra_count + comment;
    struct match *all = arena_calloc(lowering->arena, total, sizeof(*all));

    if (count)
        memcpy(all, matches, count * sizeof(*all));
    if (extra_count)
        memcpy(all + count, extra, extra_count * sizeof(*all));
    if (comment) {
        all[total - 1] = (struct match){.kind = MATCH_COMMENT};
        all[total - 1].comment = flow->entry->name;
    }
    rule->matches = all;
    rule->match_count = total;
}

static const char *interface_at(const struct interfaces *interfaces, size_t i)
{
    return interfaces->count ? interfaces->names[i] : NULL;
}

// Whether a chain may grow by the product of the factors: more rules than that no table of the kernel holds.
static bool within_budget(const struct chain *chain, const size_t *factors, size_t count, size_t *total)
{
    *total = 1;
    for (size_t i = 0; i < count; i++)
        if (!factors[i])
            *total = 0;
    for (size_t i = 0; i < count && *total; i++)
        if (__builtin_mul_overflow(*total, factors[i], total))
            return false;
    return *total <= RULESET_RULES_MAX && chain->count <= RULESET_RULES_MAX - *total;
}

void append_flow(struct lowering *lowering, struct chain *chain, const struct flow *flow,
                 const struct match *extra, size_t extra_count, struct target target)
{
    struct address_matches from, to;
    struct port_groups sources, destinations;

    arena_reset(&lowering->scratch);
    match_addresses(lowering, flow->addresses[SIDE_SOURCE], &from);
    match_addresses(lowering, flow->addresses[SIDE_DESTINATION], &to);
    group_ports(lowering, &flow->ports[SIDE_SOURCE], &sources);
    group_ports(lowering, &flow->ports[SIDE_DESTINATION], &destinations);

    const size_t ins = flow->in.count ? flow->in.count : 1, outs = flow->out.count ? flow->out.count : 1;
    const size_t factors[] = {from.count, to.count, ins, outs, sources.count, destinations.count};
    size_t total;

    if (!within_budget(chain, factors, sizeof(factors) / sizeof(*factors), &total)) {
        lowering->too_many = true;
        if (flow->entry && !lowering->too_many_at.source)
            lowering->too_many_at = flow->entry->span;
        return;
    }
    // An empty set of addresses makes no rule; of the other factors none is ever 0.
    if (!total)
        return;
    assert(from.count && to.count && sources.count && destinations.count);
    for (size_t i = 0; i < total; i++) {
        size_t at = i;
        const struct port_set *groups[2];
        const struct address_match *addresses[2];
        struct rule *rule = chain_append(lowering->arena, chain);

        groups[SIDE_SOURCE] = &sources.items[at % sources.count], at /= sources.count;
        groups[SIDE_DESTINATION] = &destinations.items[at % destinations.count], at /= destinations.count;
        addresses[SIDE_DESTINATION] = &to.items[at % to.count], at /= to.count;
        addresses[SIDE_SOURCE] = &from.items[at % from.count], at /= from.count;
        rule->out = interface_at(&flow->out, at % outs), at /= outs;
        rule->in = interface_at(&flow->in, at);
        rule->addresses[SIDE_SOURCE] = addresses[SIDE_SOURCE]->address;
        rule->addresses[SIDE_DESTINATION] = addresses[SIDE_DESTINATION]->address;
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
        add_matches(lowering, rule, flow, groups, addresses, extra, extra_count);
    }
}
