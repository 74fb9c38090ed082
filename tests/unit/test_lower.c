// SPDX-License-Identifier: GPL-2.0-or-later
//
// What must hold for the rules of any policy, tried on pseudo-random ones.
#include "unit/trial.h"

static void check_limits(void)
{
    must(!ruleset_broken_limit(&trial->f.compilation.arena, trial->ruleset), "a limit is broken");
}

TEST(no_limit_of_the_kernel_is_broken)
{
    try_policies(check_limits);
}

static enum chain_policy policy_for(enum verdict verdict)
{
    return verdict == VERDICT_ACCEPT ? CHAIN_ACCEPT : CHAIN_DROP;
}

static void check_tables(void)
{
    const struct policy *policy = trial->f.policy;
    const struct chain *input = chain_of("filter", "INPUT"), *forward = find_chain("filter", "FORWARD"),
                       *output = chain_of("filter", "OUTPUT");

    must(strcmp(trial->ruleset->items[0].name, "filter") == 0, "filter is not first");
    must(strcmp(trial->ruleset->items[1].name, "raw") == 0, "raw is not second");
    must(input->policy == policy_for(policy->input), "the policy of INPUT");
    must(output->policy == policy_for(policy->output), "the policy of OUTPUT");
    must(!forward == (policy->forwarding == VERDICT_LEAVE), "FORWARD is left or not");
    must(!forward || forward->policy == policy_for(policy->forwarding), "the policy of FORWARD");
    must(chain_of("raw", "PREROUTING")->policy == CHAIN_ACCEPT, "the policy of PREROUTING");
    must(chain_of("raw", "OUTPUT")->policy == CHAIN_ACCEPT, "the policy of OUTPUT in raw");
}

TEST(filter_comes_before_raw_and_every_chain_has_its_policy)
{
    try_policies(check_tables);
}

// A rule for some protocol, addresses, interface or ports.
static bool is_narrow(const struct rule *rule)
{
    return rule->protocol || rule->in || rule->out || rule->addresses[SIDE_SOURCE].prefix.bits ||
           rule->addresses[SIDE_DESTINATION].prefix.bits || match_of(rule, MATCH_IPRANGE) ||
           has_ports(rule, SIDE_SOURCE) || has_ports(rule, SIDE_DESTINATION);
}

static void check_state(const struct table *table, const struct chain *chain, const struct rule *rule)
{
    const enum tracking tracking = trial->f.policy->tracking;
    const struct match *match = match_of(rule, MATCH_CONNTRACK);
    const unsigned states = match ? match->state.states : 0;

    (void)chain;
    must(!(states & STATE_NEW), "NEW is asked for");
    must(!(states & STATE_UNTRACKED) || is_narrow(rule), "whatever is untracked is accepted");
    must(!states || strcmp(table->name, "filter") == 0, "a state is asked for before there is one");
    must(!(states & STATE_INVALID) || rule->target.kind == TARGET_DROP, "INVALID is accepted");
    must(states != STATE_RELATED || match_of(rule, MATCH_HELPER), "RELATED without a helper");
    if (tracking == TRACKING_NONE)
        must(!states && !match_of(rule, MATCH_HELPER) && rule->target.kind != TARGET_HELPER,
             "a stateful rule");
    if (tracking == TRACKING_FULL)
        must(rule->target.kind != TARGET_NOTRACK, "NOTRACK where everything is tracked");
    if (trial->f.policy->conntrack.block_modules)
        must(rule->target.kind != TARGET_NOTRACK, "a CT target where its module is kept out");
}

static void check_states(void)
{
    each_rule(check_state);
}

TEST(rules_ask_for_no_state_that_the_mode_does_not_have)
{
    try_policies(check_states);
}

static void check_source_port(const struct table *table, const struct chain *chain, const struct rule *rule)
{
    const struct match *tcp = match_of(rule, MATCH_TCP);
    const bool no_syn = tcp && tcp->transport.flags_inverted && tcp->transport.flags == TCP_SYN;
    const bool dhcp = trial->family == FAMILY_IPV6 && rule->protocol == 17 &&
                      rule->addresses[SIDE_SOURCE].prefix.bits == 10;

    if (strcmp(table->name, "filter") != 0 || rule->target.kind != TARGET_ACCEPT ||
        !has_ports(rule, SIDE_SOURCE))
        return;
    must(rule->protocol != 6 || no_syn || strcmp(chain->name, "OUTPUT") == 0,
         "a SYN is accepted by its source port");
    if (strcmp(chain->name, "INPUT") == 0 && !dhcp) {
        must(has_ports(rule, SIDE_DESTINATION), "a source port alone opens every port");
        must(trial->f.policy->replies != REPLIES_SOCKET || match_of(rule, MATCH_SOCKET),
             "no socket is asked for");
    }
}

static void check_source_ports(void)
{
    each_rule(check_source_port);
}

TEST(a_source_port_alone_opens_nothing)
{
    try_policies(check_source_ports);
}

// Entries whose addresses are empty in the family give no rule there. Each entry stands on a line of its own.
static void check_entry_rules(const struct table *table, const struct chain *chain, const struct rule *rule)
{
    const struct policy *policy = trial->f.policy;
    const struct entry_list *lists[] = {&policy->trust, &policy->deny, &policy->allow, &policy->connect,
                                        &policy->forward};

    (void)table, (void)chain;
    for (size_t list = 0; list < array_length(lists); list++)
        for (size_t i = 0; i < lists[list]->count; i++) {
            const struct entry *entry = &lists[list]->items[i];
            const bool empty = (entry->from && !entry->from->families[trial->family].count) ||
                               (entry->to && !entry->to->families[trial->family].count);

            must(!empty || rule->span.line != entry->span.line,
                 "a rule for a set that is empty in the family");
        }
}

static void check_empty_sets(void)
{
    each_rule(check_entry_rules);
}

TEST(an_empty_set_yields_no_rule)
{
    try_policies(check_empty_sets);
}

// What the kernel or iptables would refuse to load.
static void check_loadable(const struct table *table, const struct chain *chain, const struct rule *rule)
{
    const struct match *types = match_of(rule, MATCH_ADDRTYPE);
    const bool ports =
        match_of(rule, MATCH_TCP) || match_of(rule, MATCH_UDP) || match_of(rule, MATCH_MULTIPORT);

    (void)table;
    must(!ports || ((rule->protocol == 6 || rule->protocol == 17) && !rule->protocol_inverted),
         "ports need tcp or udp");
    must(!match_of(rule, MATCH_TCP) || rule->protocol == 6, "-m tcp needs -p tcp");
    must(!match_of(rule, MATCH_ICMP) || rule->protocol == 1, "-m icmp needs -p icmp");
    must(!match_of(rule, MATCH_ICMPV6) || rule->protocol == 58, "-m icmp6 needs -p ipv6-icmp");
    must(!types || trial->family == FAMILY_IPV4 || !(types->addrtype.types & ADDRTYPE_BROADCAST),
         "IPv6 has no broadcast");
    must(rule->protocol != 58 || trial->family == FAMILY_IPV6, "ICMPv6 in IPv4");
    must(!match_of(rule, MATCH_HOPLIMIT) || trial->family == FAMILY_IPV6, "hl is of IPv6");
    must(!match_of(rule, MATCH_FRAGMENT) || trial->family == FAMILY_IPV6, "frag is of IPv6");
    must(!rule->in || (strcmp(chain->name, "OUTPUT") != 0 && strcmp(chain->name, "POSTROUTING") != 0),
         "-i in OUTPUT");
    must(!rule->out || (strcmp(chain->name, "INPUT") != 0 && strcmp(chain->name, "PREROUTING") != 0),
         "-o in INPUT");
    if (rule->target.kind != TARGET_REJECT)
        return;
    if (strcmp(rule->target.text, "tcp-reset") == 0)
        must(rule->protocol == 6 && !rule->protocol_inverted, "tcp-reset answers nothing but TCP");
    else
        must((strncmp(rule->target.text, "icmp6-", 6) == 0) == (trial->family == FAMILY_IPV6),
             "an answer of the other family");
}

static void check_all_loadable(void)
{
    each_rule(check_loadable);
}

TEST(no_rule_is_of_a_kind_that_the_kernel_refuses)
{
    try_policies(check_all_loadable);
}

// Where nothing puts fragments together, the last words of INPUT decide them (IPv6, nothing tracked, no socket rule).
static void check_fragments(void)
{
    const struct chain *input = chain_of("filter", "INPUT");
    size_t fragments = 0, sockets = 0;

    for (size_t i = 0; i < input->count; i++) {
        fragments += match_of(&input->items[i], MATCH_FRAGMENT) != NULL;
        sockets += match_of(&input->items[i], MATCH_SOCKET) != NULL;
    }

    const bool scattered = trial->family == FAMILY_IPV6 && trial->f.policy->tracking == TRACKING_NONE &&
                           !sockets && trial->f.policy->input != VERDICT_ACCEPT;

    must(fragments == (scattered ? 2 : 0), "fragments are decided where nobody joins them, and nowhere else");
}

TEST(fragments_are_decided_where_nothing_joins_them)
{
    try_policies(check_fragments);
}

static void check_same(void)
{
    struct buf first = {0}, second = {0};

    assert_true(fixture_rules(&trial->f, trial->family, &first));
    assert_true(fixture_rules(&trial->f, trial->family, &second));
    must(strcmp(first.bytes, second.bytes) == 0, "the same policy gave other rules");
    for (size_t i = 0; i < first.length; i++)
        must((unsigned char)first.bytes[i] >= ' ' || first.bytes[i] == '\n', "a control character");
    must(first.bytes[first.length - 1] == '\n', "the last line ends");
    buf_clear(&first);
    buf_clear(&second);
}

TEST(the_same_policy_gives_the_same_text)
{
    try_policies(check_same);
}

RUN_TESTS(CASE(no_limit_of_the_kernel_is_broken),
          CASE(filter_comes_before_raw_and_every_chain_has_its_policy),
          CASE(rules_ask_for_no_state_that_the_mode_does_not_have), CASE(a_source_port_alone_opens_nothing),
          CASE(an_empty_set_yields_no_rule), CASE(no_rule_is_of_a_kind_that_the_kernel_refuses),
          CASE(fragments_are_decided_where_nothing_joins_them), CASE(the_same_policy_gives_the_same_text))
