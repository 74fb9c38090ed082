// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that several hooks have: neighbour discovery, ICMP errors, denied sources, related connections.
#include "lower/flow.h"

#include <string.h>

enum neighbour_source { SOURCE_ANY, SOURCE_LINK_LOCAL, SOURCE_JOINING };

static const struct {
    uint8_t type;
    bool hoplimit;
    enum neighbour_source source;
} neighbours[] = {
#define NEIGHBOUR(type, hoplimit, source, about) {type, hoplimit, SOURCE_##source},
#include "lower/neighbours.def"
#undef NEIGHBOUR
};

// fe80::/10, and :: (RFC 4291).
static struct addr_range link_local_range[] = {{{0xFE80ULL << 48, 0}, {0xFEBFFFFFFFFFFFFF, UINT64_MAX}}};
static struct addr_range joining_ranges[] = {{{0, 0}, {0, 0}},
                                             {{0xFE80ULL << 48, 0}, {0xFEBFFFFFFFFFFFFF, UINT64_MAX}}};
static const struct addr_set link_local = {{{0}, {link_local_range, 1, 1}}};
static const struct addr_set joining = {{{0}, {joining_ranges, 2, 2}}};

static void append_neighbour_types(struct lowering *lowering, struct chain *chain, bool leaving)
{
    static const struct addr_set *const sources[] = {NULL, &link_local, &joining};
    const struct match hoplimit = {.kind = MATCH_HOPLIMIT, .hoplimit = {.value = 255}};

    for (size_t i = 0; i < sizeof(neighbours) / sizeof(*neighbours); i++) {
        struct flow flow = flow_everything();

        flow.protocol = PROTOCOL_ICMPV6;
        flow.icmp_type = neighbours[i].type;
        // What leaves has an address of this host, and needs no look at it.
        if (!leaving)
            flow.addresses[SIDE_SOURCE] = sources[neighbours[i].source];
        append_flow(lowering, chain, &flow, &hoplimit, neighbours[i].hoplimit, target_accept());
    }
}

void append_loopback(struct lowering *lowering, struct chain *chain, bool leaving)
{
    static const char *const lo[] = {"lo"};
    struct flow flow = flow_everything();

    *(leaving ? &flow.out : &flow.in) = (struct interfaces){lo, 1};
    lowering->section = "loopback";
    append_flow(lowering, chain, &flow, NULL, 0, target_accept());
}

// DHCPv6 (RFC 8415, 7.2): clients listen on port 546, servers and relays on 547.
static void append_dhcpv6(struct lowering *lowering, struct chain *chain, bool leaving)
{
    static struct port_range client[] = {{546, 546}}, server[] = {{547, 547}};
    const struct port_set client_port = {client, 1, 1}, server_port = {server, 1, 1};
    struct flow flow = flow_everything();

    flow.protocol = PROTOCOL_UDP;
    flow.ports[SIDE_SOURCE] = leaving ? client_port : server_port;
    flow.ports[SIDE_DESTINATION] = leaving ? server_port : client_port;
    if (!leaving)
        flow.addresses[SIDE_SOURCE] = &link_local;
    append_flow(lowering, chain, &flow, NULL, 0, target_accept());
}

void append_neighbours(struct lowering *lowering, struct chain *chain, bool leaving)
{
    lowering->section = "neighbour discovery";
    if (lowering->family != FAMILY_IPV6)
        return;
    append_neighbour_types(lowering, chain, leaving);
    append_dhcpv6(lowering, chain, leaving);
}

// Errors about connections that this host has: unreachable (with it the path MTU), time exceeded, parameter problem, and
// packet too big in ICMPv6 (RFC 792, RFC 4443). About an untracked connection they are INVALID, never RELATED.
void append_icmp_errors(struct lowering *lowering, struct chain *chain)
{
    static const uint8_t types[FAMILY_COUNT][5] = {{3, 11, 12}, {1, 2, 3, 4}}; // ended by 0
    const uint8_t protocols[FAMILY_COUNT] = {PROTOCOL_ICMP, PROTOCOL_ICMPV6};

    lowering->section = "ICMP errors";
    for (const uint8_t *type = types[lowering->family]; *type; type++) {
        struct flow flow = flow_everything();

        flow.protocol = protocols[lowering->family];
        flow.icmp_type = *type;
        append_flow(lowering, chain, &flow, NULL, 0, target_accept());
    }
}

void append_fragments(struct lowering *lowering, struct chain *chain, enum verdict fallback)
{
    struct match fragment = {.kind = MATCH_FRAGMENT, .fragment_first = true};
    const struct flow everything = flow_everything();
    struct flow later = everything;

    if (lowering->policy->tracking != TRACKING_NONE || lowering->socket_rule || fallback == VERDICT_ACCEPT)
        return;
    lowering->section = "fragments";
    if (lowering->family == FAMILY_IPV4) {
        later.later_fragments = true;
        append_flow(lowering, chain, &later, NULL, 0, target_accept());
        return;
    }
    append_flow(lowering, chain, &everything, &fragment, 1, (struct target){.kind = TARGET_DROP});
    fragment.fragment_first = false;
    append_flow(lowering, chain, &everything, &fragment, 1, target_accept());
}

void append_deny(struct lowering *lowering, struct chain *chain)
{
    const struct entry_list *deny = &lowering->policy->deny;

    lowering->section = "deny";
    for (size_t i = 0; i < deny->count; i++) {
        struct flow flow = flow_everything();

        flow.entry = &deny->items[i];
        flow.addresses[SIDE_SOURCE] = deny->items[i].from;
        append_verdict(lowering, chain, &flow, VERDICT_DROP);
    }
}

static bool same_data(const struct entry *a, const struct entry *b)
{
    if (a->helper != b->helper || a->data.count != b->data.count)
        return false;
    for (size_t i = 0; i < a->data.count; i++)
        if (a->data.items[i].first != b->data.items[i].first ||
            a->data.items[i].last != b->data.items[i].last)
            return false;
    return true;
}

static void append_data(struct lowering *lowering, struct chain *chain, const struct entry *entry)
{
    struct match matches[] = {match_states(STATE_RELATED),
                              {.kind = MATCH_HELPER, .helper = {.name = entry->helper->name}}};
    struct flow flow = flow_everything();

    flow.entry = entry;
    flow.protocol = entry->helper->data == TRAFFIC_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
    flow.ports[SIDE_DESTINATION] = entry->data.count ? entry->data : port_set_high;
    append_flow(lowering, chain, &flow, matches, 2, target_accept());
}

void append_related(struct lowering *lowering, struct chain *chain, const struct entry_list *entries)
{
    VEC(const struct entry *) done = {0};

    lowering->section = "related";
    for (size_t i = 0; i < entries_helped(entries); i++) {
        bool again = false;

        if (!entries->items[i].helper || !entry_in_family(&entries->items[i], lowering->family))
            continue;
        for (size_t j = 0; j < done.count && !again; j++)
            again = same_data(&entries->items[i], done.items[j]);
        if (again)
            continue;
        *vec_push(lowering->arena, &done) = &entries->items[i];
        append_data(lowering, chain, &entries->items[i]);
    }
}

bool untracked_elsewhere(const struct untracked *by, const struct entry *entry, const struct flow *flow,
                         const struct port_set *local)
{
    const struct port_set *untracked = flow->protocol == PROTOCOL_TCP   ? &by->tcp
                                       : flow->protocol == PROTOCOL_UDP ? &by->udp
                                                                        : NULL;

    if (!untracked || !untracked->count || entry->verdict != VERDICT_ACCEPT || entry->track != CHOICE_UNSET ||
        entry->helper)
        return false;
    return !local->count || port_set_overlap(untracked, local);
}

bool has_verbatim(const struct lowering *lowering, const char *table, const char *chain)
{
    const struct verbatim *verbatim = &lowering->policy->verbatim[lowering->family];

    for (size_t i = 0; i < verbatim->count; i++)
        if (verbatim->items[i].chain && strcmp(verbatim->items[i].table, table) == 0 &&
            strcmp(verbatim->items[i].chain, chain) == 0)
            return true;
    return false;
}

// A line is printed as it is written, unless iptables makes several rules of it.
void append_verbatim_line(struct lowering *lowering, struct chain *chain, const struct verbatim_line *line)
{
    for (size_t i = 0; i < line->rule_count; i++) {
        struct rule *rule = chain_append(lowering->arena, chain);

        *rule = line->rules[i];
        rule->verbatim = line->rule_count == 1 ? line->text : NULL;
        rule->section = "verbatim";
    }
}

void append_verbatim(struct lowering *lowering, struct table *table, struct chain *chain)
{
    const struct verbatim *verbatim = &lowering->policy->verbatim[lowering->family];

    for (size_t i = 0; i < verbatim->count; i++) {
        const struct verbatim_line *line = &verbatim->items[i];

        if (line->chain && strcmp(line->table, table->name) == 0 && strcmp(line->chain, chain->name) == 0)
            append_verbatim_line(lowering, chain, line);
    }
}
