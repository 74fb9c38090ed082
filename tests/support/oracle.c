// SPDX-License-Identifier: GPL-2.0-or-later
//
// The walk of a packet: chains, then tables and hooks in their order.
#include "support/oracle.h"

#include <stdio.h>
#include <string.h>

#include "support/passage.h"

// Whether some rule switches the tracker on.

static bool match_needs_tracker(const struct match *match)
{
    static const char *const opaque[] = {"-m state",     "-m conntrack", "-m connlimit", "-m connmark",
                                         "-m connbytes", "-m connlabel", "-m helper",    "-m cluster"};

    if (match->kind == MATCH_CONNTRACK || match->kind == MATCH_STATE || match->kind == MATCH_HELPER)
        return true;
    for (size_t i = 0; match->kind == MATCH_OPAQUE && i < sizeof(opaque) / sizeof(*opaque); i++)
        if (oracle_text_begins(match->opaque.text, opaque[i]))
            return true;
    return false;
}

static bool target_needs_tracker(const struct target *target)
{
    if (target->kind == TARGET_HELPER)
        return true;
    if (target->kind != TARGET_OTHER)
        return false;
    if (oracle_text_begins(target->text, "CT"))
        return !strstr(target->text, "--notrack");
    return oracle_text_begins(target->text, "CONNMARK") || oracle_text_begins(target->text, "CONNSECMARK") ||
           oracle_text_begins(target->text, "SYNPROXY");
}

static bool rule_needs_tracker(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (match_needs_tracker(&rule->matches[i]))
            return true;
    return target_needs_tracker(&rule->target);
}

static bool looks_for_sockets(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_SOCKET ||
            (rule->matches[i].kind == MATCH_OPAQUE &&
             oracle_text_begins(rule->matches[i].opaque.text, "-m socket")))
            return true;
    return false;
}

void oracle_open(struct oracle *oracle, struct arena *arena, const struct packet_space *space,
                 const struct ruleset *ruleset)
{
    size_t matches = 0;

    *oracle = (struct oracle){.space = space, .ruleset = ruleset};
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            for (size_t k = 0; k < ruleset->items[i].items[j]->count; k++) {
                const struct rule *rule = &ruleset->items[i].items[j]->items[k];

                matches += rule->match_count;
                oracle->tracking = oracle->tracking || rule_needs_tracker(rule) ||
                                   strcmp(ruleset->items[i].name, "nat") == 0;
                oracle->whole = oracle->whole || looks_for_sockets(rule);
            }
    oracle->unknowns = arena_calloc(arena, matches, sizeof(*oracle->unknowns));
    for (size_t i = 0; i < ruleset->count; i++)
        oracle_visit_table(oracle, arena, &ruleset->items[i]);
    oracle->whole = oracle->whole || oracle->tracking;
}

// Chains: ipt_do_table().

enum step { STEP_ON, STEP_BACK, STEP_END };

static enum step end(struct passage *at, enum oracle_end how, const struct rule *rule)
{
    at->outcome.end = how;
    at->outcome.rule = rule;
    return STEP_END;
}

static enum step walk_chain(struct passage *at, const struct chain *chain, unsigned depth);

// A goto leaves no way back to its own chain.
static enum step jump(struct passage *at, const struct rule *rule, unsigned depth)
{
    const struct chain *inner = table_find_chain(at->table, rule->target.text);
    enum step step;

    if (!inner || depth > 100)
        return end(at, END_ELSEWHERE, rule);
    step = walk_chain(at, inner, depth + 1);
    if (step == STEP_END)
        return STEP_END;
    return rule->target.kind == TARGET_GOTO ? STEP_BACK : STEP_ON;
}

// `with`: the target, where it has something attached to the connection.
static enum step decide_tracking(struct passage *at, bool taken_out, const struct target *with)
{
    if (at->ct == CT_UNSEEN) {
        at->ct = taken_out ? CT_TAKEN_OUT : CT_KEPT;
        at->outcome.with = taken_out ? NULL : with;
        // What comes by lo has a state already, and no target changes it.
        if (at->state == PACKET_STATE_INVALID)
            at->state = taken_out ? PACKET_STATE_UNTRACKED : PACKET_STATE_NEW;
    }
    return STEP_ON;
}

static enum step other_target(struct passage *at, const struct rule *rule)
{
    switch (target_effect(&rule->target)) {
    case EFFECT_CT:
        return decide_tracking(at, strstr(rule->target.text, "--notrack"), &rule->target);
    case EFFECT_DROP:
        return end(at, END_DROP, rule);
    case EFFECT_UNKNOWN:
        return end(at, END_ELSEWHERE, rule);
    case EFFECT_CONTINUE:
    case EFFECT_COUNT:
        break;
    }
    return STEP_ON;
}

static enum step obey(struct passage *at, const struct rule *rule, unsigned depth)
{
    switch (rule->target.kind) {
    case TARGET_ACCEPT:
        return end(at, END_ACCEPT, rule);
    case TARGET_DROP:
        return end(at, END_DROP, rule);
    case TARGET_REJECT:
        at->outcome.answer = rule->target.text;
        return end(at, END_REJECT, rule);
    case TARGET_NOTRACK:
        return decide_tracking(at, true, NULL);
    case TARGET_HELPER:
        return decide_tracking(at, false, &rule->target);
    case TARGET_JUMP:
    case TARGET_GOTO:
        return jump(at, rule, depth);
    case TARGET_RETURN:
        return STEP_BACK;
    case TARGET_OTHER:
        return other_target(at, rule);
    case TARGET_LOG:
    case TARGET_NONE:
        break;
    }
    return STEP_ON;
}

static enum step walk_chain(struct passage *at, const struct chain *chain, unsigned depth)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];
        bool drop = false;
        enum step step = STEP_ON;

        if (!oracle_rule_counts(rule))
            continue;
        if (passage_fits(at, rule, &drop))
            step = obey(at, rule, depth);
        else if (drop)
            step = end(at, END_DROP, rule);
        if (step != STEP_ON)
            return step;
    }
    return STEP_BACK;
}

// One table at one hook. True where the packet goes on.
static bool walk_table(struct passage *at, const char *table, const char *name)
{
    const struct oracle *oracle = at->oracle;
    const struct chain *chain = NULL;
    enum chain_policy policy;

    at->table = ruleset_find_table(oracle->ruleset, table);
    if (at->table)
        chain = table_find_chain(at->table, name);
    if (!chain)
        return true;
    if (walk_chain(at, chain, 0) == STEP_END)
        return at->outcome.end == END_ACCEPT;
    policy = chain->policy;
    if (policy == CHAIN_UNWRITTEN) {
        char text[128];

        snprintf(text, sizeof(text), "%s %s", table, name);

        const size_t field = oracle_unknown_field(oracle->space, UNKNOWN_POLICY, text, 0, NULL);

        policy = field && passage_value(at, field) == UNKNOWN_YES ? CHAIN_DROP : CHAIN_ACCEPT;
    }
    end(at, policy == CHAIN_DROP ? END_DROP : END_ACCEPT, NULL);
    return policy != CHAIN_DROP;
}

// Hooks.

static const char *interface_name(const struct packet_space *space, uint64_t number)
{
    if (number == INTERFACE_NONE)
        return "";
    return number == INTERFACE_OTHER ? "\1" : space->interfaces.items[number - INTERFACE_NAMED];
}

static bool walk_raw(struct passage *at);

// What comes by lo was decided about as it left, unless it was invalid: then no mark of that is on it.
static bool left_untracked(const struct passage *at)
{
    struct passage left = {
        .oracle = at->oracle, .packet = at->packet, .hook = HOOK_OUTPUT, .in = "", .out = "lo"};

    walk_raw(&left);
    return left.ct == CT_TAKEN_OUT;
}

// net/netfilter/nf_conntrack_proto_icmpv6.c, noct_valid_new.
static bool tracker_ignores(const struct passage *at)
{
    const uint64_t type = passage_value(at, FIELD_ICMP_TYPE);

    return at->oracle->space->family == FAMILY_IPV6 && passage_value(at, FIELD_PROTOCOL) == PROTOCOL_ICMPV6 &&
           ((type >= 130 && type <= 136) || type == 143 || type == 151 || type == 152);
}

// Raw, ahead of the tracker and, but for what leaves, of routing.
static bool walk_raw(struct passage *at)
{
    const bool leaves = at->hook == HOOK_OUTPUT;
    const char *out = at->out;
    bool goes_on;

    if (!leaves)
        at->out = "";
    at->state = PACKET_STATE_INVALID;
    at->helper = 0;
    if (at->hook == HOOK_INPUT && strcmp(at->in, "lo") == 0) {
        const bool untracked = left_untracked(at) || tracker_ignores(at);

        at->state = untracked ? PACKET_STATE_UNTRACKED : (unsigned)passage_value(at, FIELD_STATE);
        at->helper = untracked ? 0 : passage_value(at, FIELD_HELPER);
    }
    goes_on = walk_table(at, "raw", leaves ? "OUTPUT" : "PREROUTING");
    at->out = out;
    return goes_on;
}

static bool is_tracked(const struct passage *at)
{
    const bool by_loopback = at->hook == HOOK_INPUT && strcmp(at->in, "lo") == 0;
    const bool marked = by_loopback && passage_value(at, FIELD_STATE) != PACKET_STATE_INVALID;
    const bool taken_out = (by_loopback && left_untracked(at)) || (!marked && at->ct == CT_TAKEN_OUT);

    return at->oracle->tracking && !taken_out && !tracker_ignores(at);
}

static bool walk_prerouting(struct passage *at)
{
    const char *out = at->out;
    bool goes_on;

    at->out = "";
    goes_on = walk_table(at, "mangle", "PREROUTING");
    at->out = out;
    return goes_on;
}

// Behind the tracker, in the order of enum nf_ip_hook_priorities.
static void walk_filters(struct passage *at)
{
    static const char *const chains[HOOK_COUNT] = {"INPUT", "FORWARD", "OUTPUT"};
    const char *chain = chains[at->hook];
    const struct rule *accepted;

    if (at->hook != HOOK_OUTPUT && !walk_prerouting(at))
        return;
    if (!walk_table(at, "mangle", chain) || !walk_table(at, "filter", chain))
        return;
    accepted = at->outcome.rule;
    if (!walk_table(at, "security", chain))
        return;
    if (at->hook != HOOK_INPUT && !walk_table(at, "mangle", "POSTROUTING"))
        return;
    at->outcome = (struct oracle_outcome){
        .end = END_ACCEPT, .tracked = at->outcome.tracked, .with = at->outcome.with, .rule = accepted};
}

struct oracle_outcome oracle_walk(const struct oracle *oracle, enum hook hook, const field_value *packet)
{
    struct passage at = {.oracle = oracle,
                         .packet = packet,
                         .hook = hook,
                         .in = interface_name(oracle->space, packet[FIELD_IN].low),
                         .out = interface_name(oracle->space, packet[FIELD_OUT].low)};

    if (!walk_raw(&at)) {
        at.outcome.with = NULL;
        return at.outcome;
    }
    at.outcome.tracked = is_tracked(&at);
    // A packet that comes by lo brings its connection with it.
    if (!at.outcome.tracked || (hook == HOOK_INPUT && strcmp(at.in, "lo") == 0))
        at.outcome.with = NULL;
    at.state = at.outcome.tracked ? (unsigned)packet[FIELD_STATE].low : PACKET_STATE_UNTRACKED;
    at.helper = at.outcome.tracked ? packet[FIELD_HELPER].low : 0;
    walk_filters(&at);
    return at.outcome;
}

bool oracle_same(struct oracle_outcome a, struct oracle_outcome b)
{
    return a.end == b.end && a.tracked == b.tracked &&
           (a.end != END_REJECT || strcmp(a.answer, b.answer) == 0);
}

bool oracle_opens_alike(struct oracle_outcome a, struct oracle_outcome b)
{
    return !a.with || !b.with ? a.with == b.with
                              : a.with->kind == b.with->kind && strcmp(a.with->text, b.with->text) == 0;
}

void oracle_describe(struct buf *out, struct oracle_outcome outcome)
{
    static const char *const ends[] = {"nothing", "accept", "drop", "reject", "decided elsewhere"};

    buf_printf(out, "%s%s%s, %s%s%s", ends[outcome.end], outcome.end == END_REJECT ? " " : "",
               outcome.end == END_REJECT ? outcome.answer : "", outcome.tracked ? "tracked" : "untracked",
               outcome.with ? " with " : "", outcome.with ? outcome.with->text : "");
}
