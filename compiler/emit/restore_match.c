// SPDX-License-Identifier: GPL-2.0-or-later
//
// The matches of a rule, and its target, each option where iptables-save (iptables 1.8) prints it.
#include "base/protocols.h"
#include "emit/restore.h"
#include "ipset/ipset.h"

static void put_range(struct buf *out, const struct port_range *range)
{
    buf_number(out, range->first);
    if (range->first != range->last) {
        buf_char(out, ':');
        buf_number(out, range->last);
    }
}

// Quotes as xtables_save_string() of libxtables does.
static void put_string(struct buf *out, const char *text)
{
    static const char plain[] = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (*text && text[strspn(text, plain)] == '\0') {
        buf_printf(out, " %s", text);
        return;
    }
    buf_text(out, " \"");
    for (; *text; text++) {
        if (strchr("\"\\'", *text))
            buf_char(out, '\\');
        buf_char(out, *text);
    }
    buf_char(out, '"');
}

static void put_set(struct buf *out, const struct match *match)
{
    static const char *const sides[] = {"src", "dst"};
    const struct ipset_type *type = &ipset_types[match->set.set->kind];

    buf_text(out, match->set.inverted ? " ! --match-set" : " --match-set");
    put_string(out, match->set.set->name);
    buf_printf(out, " %s", sides[match->set.sides[0]]);
    if (type->addresses && type->ports)
        buf_printf(out, ",%s", sides[match->set.sides[1]]);
}

static void put_flags(struct buf *out, uint8_t flags)
{
    static const struct {
        uint8_t flag;
        const char *name;
    } names[] = {{TCP_FIN, "FIN"}, {TCP_SYN, "SYN"}, {TCP_RST, "RST"},
                 {TCP_PSH, "PSH"}, {TCP_ACK, "ACK"}, {TCP_URG, "URG"}};
    bool first = true;

    if (!flags)
        buf_text(out, "NONE");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (!(flags & names[i].flag))
            continue;
        buf_printf(out, "%s%s", first ? "" : ",", names[i].name);
        first = false;
    }
}

static void put_transport(struct buf *out, const struct match *match)
{
    static const char *const options[] = {" --sport ", " --dport "};

    for (int side = 0; side < 2; side++) {
        if (!match->transport.named[side])
            continue;
        buf_text(out, match->transport.inverted[side] ? " !" : "");
        buf_text(out, options[side]);
        put_range(out, &match->transport.ports[side]);
    }
    if (!match->transport.flags_mask)
        return;
    buf_text(out, match->transport.flags_inverted ? " ! --tcp-flags " : " --tcp-flags ");
    put_flags(out, match->transport.flags_mask);
    buf_char(out, ' ');
    put_flags(out, match->transport.flags);
}

static void put_multiport(struct buf *out, const struct match *match)
{
    static const char *const options[] = {" --sports ", " --dports ", " --ports "}; // by enum side

    buf_text(out, match->multiport.inverted ? " !" : "");
    buf_text(out, options[match->multiport.side]);
    for (size_t i = 0; i < match->multiport.count; i++) {
        if (i)
            buf_char(out, ',');
        put_range(out, &match->multiport.items[i]);
    }
}

static void put_iprange(struct buf *out, const struct match *match, enum family family)
{
    static const char *const options[] = {" --src-range ", " --dst-range "};

    for (int side = 0; side < 2; side++) {
        if (!match->iprange.ranges[side])
            continue;
        buf_text(out, match->iprange.inverted[side] ? " !" : "");
        buf_text(out, options[side]);
        addr_print(out, family, match->iprange.ranges[side]->first);
        buf_char(out, '-');
        addr_print(out, family, match->iprange.ranges[side]->last);
    }
}

// Names of the bits that are set, lowest first, with commas; a NULL ends the names.
static void put_bits(struct buf *out, unsigned bits, const char *const *names)
{
    bool first = true;

    for (; *names; bits >>= 1, names++) {
        if (!(bits & 1))
            continue;
        buf_text(out, first ? "" : ",");
        buf_text(out, *names);
        first = false;
    }
}

static void put_states(struct buf *out, const struct match *match)
{
    static const char *const names[] = {"INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", NULL};

    buf_text(out, match->state.inverted ? " !" : "");
    buf_text(out, match->kind == MATCH_STATE ? " --state " : " --ctstate ");
    put_bits(out, match->state.states, names);
}

static void put_icmp(struct buf *out, const struct match *match)
{
    buf_text(out, match->icmp.inverted ? " !" : "");
    buf_text(out, match->kind == MATCH_ICMP ? " --icmp-type " : " --icmpv6-type ");
    if (match->icmp.any) {
        buf_text(out, "any");
        return;
    }
    buf_number(out, match->icmp.type);
    if (match->icmp.code_first == 0 && match->icmp.code_last == UINT8_MAX)
        return;
    buf_char(out, '/');
    buf_number(out, match->icmp.code_first);
    if (match->icmp.code_first != match->icmp.code_last)
        buf_printf(out, "-%u", match->icmp.code_last);
}

static void put_mac(struct buf *out, const struct match *match)
{
    buf_text(out, match->mac.inverted ? " ! --mac-source " : " --mac-source ");
    for (int byte = 5; byte >= 0; byte--)
        buf_printf(out, "%02x%s", (unsigned)(match->mac.address >> (8 * byte)) & 0xFF, byte ? ":" : "");
}

static void put_hoplimit(struct buf *out, const struct match *match)
{
    static const char *const comparisons[] = {"eq", "lt", "gt"}; // by enum comparison

    buf_printf(out, "%s --%s-%s %u", match->hoplimit.inverted ? " !" : "", match_names[match->kind],
               comparisons[match->hoplimit.comparison], match->hoplimit.value);
}

static void put_addrtypes(struct buf *out, const struct match *match)
{
    static const char *const names[] = {"LOCAL", "BROADCAST", "MULTICAST", NULL};

    buf_text(out, match->addrtype.inverted ? " ! --dst-type " : " --dst-type ");
    put_bits(out, match->addrtype.types, names);
}

// iptables divides a rate by the largest unit in which it is whole: 120/min is printed as 2/sec. `resolution` is what the
// kernel's match divides a second into; the way of rounding is that of libxt_limit and libxt_hashlimit (print_rate). Gives
// the seconds of the unit it printed.
static uint32_t put_rate(struct buf *out, uint32_t events, uint32_t seconds, uint64_t resolution)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"day", 86400}, {"hour", 3600}, {"min", 60}, {"sec", 1}};
    const uint64_t between = resolution * seconds / events;
    size_t unit = 1;

    while (unit < 4) {
        const uint64_t whole = resolution * units[unit].seconds;

        if (between > whole || whole / between < whole % between)
            break;
        unit++;
    }
    buf_number(out, resolution * units[unit - 1].seconds / between);
    buf_printf(out, "/%s", units[unit - 1].name);
    return units[unit - 1].seconds;
}

#define LIMIT_BURST_DEFAULT 5 // which -m limit does not print, iptables-extensions(8)

static void put_limit(struct buf *out, const struct match *match)
{
    buf_text(out, " --limit ");
    put_rate(out, match->limit.events, match->limit.period, LIMIT_RESOLUTION);
    if (match->limit.burst != LIMIT_BURST_DEFAULT)
        buf_printf(out, " --limit-burst %u", match->limit.burst);
}

// The unit in which iptables writes the rate is how long it lets an idle source's bucket live. A bucket that takes longer to
// refill must live longer, or a source that pauses would start anew with a full one.
static void put_hashlimit(struct buf *out, const struct match *match, enum family family)
{
    const uint64_t refill =
        ((uint64_t)match->limit.burst * match->limit.period + match->limit.events - 1) / match->limit.events;

    buf_text(out, match->limit.above ? " --hashlimit-above " : " --hashlimit-upto ");

    const uint32_t unit = put_rate(out, match->limit.events, match->limit.period, HASHLIMIT_RESOLUTION);

    buf_printf(out, " --hashlimit-burst %u", match->limit.burst);
    if (match->limit.per_source)
        buf_text(out, " --hashlimit-mode srcip");
    buf_printf(out, " --hashlimit-name %s", match->limit.name);
    if (refill > unit)
        buf_printf(out, " --hashlimit-htable-expire %llu", (unsigned long long)refill * 1000);
    if (match->limit.per_source && family == FAMILY_IPV6)
        buf_text(out, " --hashlimit-srcmask 64");
}

void restore_match(struct buf *out, const struct match *match, enum family family)
{
    if (match->kind == MATCH_OPAQUE) {
        buf_printf(out, " %s", match->opaque.text);
        return;
    }
    buf_text(out, " -m ");
    buf_text(out, match_names[match->kind]);
    switch (match->kind) {
    case MATCH_TCP:
    case MATCH_UDP:
    case MATCH_SCTP:
    case MATCH_DCCP:
    case MATCH_UDPLITE:
        put_transport(out, match);
        break;
    case MATCH_MULTIPORT:
        put_multiport(out, match);
        break;
    case MATCH_IPRANGE:
        put_iprange(out, match, family);
        break;
    case MATCH_ICMP:
    case MATCH_ICMPV6:
        put_icmp(out, match);
        break;
    case MATCH_ADDRTYPE:
        put_addrtypes(out, match);
        break;
    case MATCH_CONNTRACK:
    case MATCH_STATE:
        put_states(out, match);
        break;
    case MATCH_HELPER:
        buf_text(out, match->helper.inverted ? " ! --helper" : " --helper");
        put_string(out, match->helper.name);
        break;
    case MATCH_MAC:
        put_mac(out, match);
        break;
    case MATCH_HOPLIMIT:
    case MATCH_TTL:
        put_hoplimit(out, match);
        break;
    case MATCH_SET:
        put_set(out, match);
        break;
    case MATCH_FRAGMENT:
        buf_text(out, match->fragment_first ? " --fragfirst" : "");
        break;
    case MATCH_LIMIT:
        put_limit(out, match);
        break;
    case MATCH_HASHLIMIT:
        put_hashlimit(out, match, family);
        break;
    case MATCH_HASHLIMIT_TEXT:
        buf_printf(out, " %s", match->hashlimit.text);
        break;
    case MATCH_COMMENT:
        buf_text(out, " --comment");
        put_string(out, match->comment);
        break;
    case MATCH_SOCKET:
        buf_text(out, match->nowildcard ? " --nowildcard" : "");
        break;
    case MATCH_OPAQUE:
    case MATCH_COUNT:
        break;
    }
}

void restore_target(struct buf *out, const struct target *target)
{
    switch (target->kind) {
    case TARGET_ACCEPT:
        buf_text(out, " -j ACCEPT");
        break;
    case TARGET_DROP:
        buf_text(out, " -j DROP");
        break;
    case TARGET_REJECT:
        buf_printf(out, " -j REJECT --reject-with %s", target->text);
        break;
    case TARGET_LOG:
        buf_text(out, " -j LOG");
        if (target->text[0]) {
            buf_text(out, " --log-prefix");
            put_string(out, target->text);
        }
        break;
    case TARGET_NOTRACK:
        buf_text(out, " -j ");
        buf_text(out, target->text ? target->text : "CT --notrack");
        break;
    case TARGET_HELPER:
        buf_printf(out, " -j CT --helper %s", target->text);
        break;
    case TARGET_JUMP:
        buf_text(out, " -j ");
        buf_text(out, target->text);
        break;
    case TARGET_GOTO:
        buf_text(out, " -g ");
        buf_text(out, target->text);
        break;
    case TARGET_RETURN:
        buf_text(out, " -j RETURN");
        break;
    case TARGET_NONE:
        break;
    case TARGET_OTHER:
        buf_printf(out, " -j %s", target->text);
        break;
    }
}
