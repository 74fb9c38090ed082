// SPDX-License-Identifier: GPL-2.0-or-later
//
// What must hold for the raw table of any policy: what is untracked is so both ways, and nowhere else.
#include "unit/trial.h"

static void check_raw_none(void)
{
    const struct policy *policy = trial->f.policy;

    if (policy->tracking != TRACKING_NONE)
        return;
    for (int i = 0; i < 2; i++) {
        const struct chain *chain = chain_of("raw", i ? "OUTPUT" : "PREROUTING");

        must(chain->count == (policy->conntrack.block_modules ? 0 : 1), "raw is one rule a chain");
        must(!chain->count ||
                 (chain->items[0].target.kind == TARGET_NOTRACK && !chain->items[0].match_count &&
                  !chain->items[0].protocol && !chain->items[0].in && !chain->items[0].out),
             "raw takes everything out");
    }
}

TEST(without_tracking_raw_takes_everything_out)
{
    try_policies(check_raw_none);
}

static void put_addresses(struct buf *out, const struct rule *rule, enum side side)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_IPRANGE && rule->matches[i].iprange.ranges[side]) {
            addr_print(out, trial->family, rule->matches[i].iprange.ranges[side]->first);
            buf_char(out, '-');
            addr_print(out, trial->family, rule->matches[i].iprange.ranges[side]->last);
        }
    buf_text(out, rule->addresses[side].inverted ? "!" : "");
    prefix_print(out, trial->family, rule->addresses[side].prefix);
}

// What a raw rule means for tracking, seen from outside: OUTPUT rules with their sides exchanged.
static void put_direction(struct buf *out, const struct rule *rule, bool leaving)
{
    const struct match *icmp = match_of(rule, trial->family == FAMILY_IPV4 ? MATCH_ICMP : MATCH_ICMPV6);
    const int request = trial->family == FAMILY_IPV4 ? 8 : 128,
              reply = trial->family == FAMILY_IPV4 ? 0 : 129;
    int type = icmp ? icmp->icmp.type : -1;

    if (leaving && (type == request || type == reply))
        type = request + reply - type;
    buf_printf(out, "%d %s%u type %d from ", (int)rule->target.kind, rule->protocol_inverted ? "!" : "",
               rule->protocol, type);
    put_addresses(out, rule, leaving ? SIDE_DESTINATION : SIDE_SOURCE);
    put_ports(out, rule, leaving ? SIDE_DESTINATION : SIDE_SOURCE);
    buf_text(out, " to ");
    put_addresses(out, rule, leaving ? SIDE_SOURCE : SIDE_DESTINATION);
    put_ports(out, rule, leaving ? SIDE_SOURCE : SIDE_DESTINATION);
    buf_char(out, '\n');
}

// The rules of a chain that decide on tracking, in their order.
static void put_chain(struct buf *out, const struct chain *chain, bool leaving)
{
    buf_text(out, "");
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];
        const struct match *types = match_of(rule, MATCH_ADDRTYPE);
        const bool loopback = leaving && rule->out && strcmp(rule->out, "lo") == 0;
        // Broadcasts and multicasts have no way back of their own.
        const bool one_way = types && !(types->addrtype.types & ADDRTYPE_LOCAL);

        if (rule->verbatim || rule->target.kind == TARGET_HELPER || loopback || one_way)
            continue;
        must(!rule->in && !rule->out, "an interface chooses what is tracked");
        must(rule->target.kind != TARGET_NOTRACK || leaving || types, "forwarded packets go untracked");
        put_direction(out, rule, leaving);
    }
}

static void check_symmetry(void)
{
    struct buf in = {0}, out = {0};

    if (trial->f.policy->tracking != TRACKING_SELECTIVE)
        return;
    put_chain(&in, chain_of("raw", "PREROUTING"), false);
    put_chain(&out, chain_of("raw", "OUTPUT"), true);
    if (strcmp(in.bytes, out.bytes) != 0)
        fail_msg("%s\nis not the reverse of\n%sin\n%s", in.bytes, out.bytes, trial->text.bytes);
    buf_clear(&in);
    buf_clear(&out);
}

TEST(what_goes_untracked_one_way_goes_untracked_the_other_way)
{
    try_policies(check_symmetry);
}

RUN_TESTS(CASE(without_tracking_raw_takes_everything_out),
          CASE(what_goes_untracked_one_way_goes_untracked_the_other_way))
