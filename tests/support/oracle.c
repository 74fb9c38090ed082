// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A packet where it is looked at: a station of its hook.
struct passage {
    const struct oracle *oracle;
    const field_value *packet;
    const struct table *table;
    enum hook hook;
    const char *in, *out;                         // names, "" where there is none, or none yet
    unsigned state;                               // as the conntrack match sees it here
    uint64_t helper;                              // number of its name, 0: none
    enum { CT_UNSEEN, CT_TAKEN_OUT, CT_KEPT } ct; // what the first CT target said
    struct oracle_outcome outcome;
};

static uint64_t value_of(const struct passage *at, size_t field)
{
    return at->packet[field].low;
}

// Unknowns.

static bool text_begins(const char *text, const char *word)
{
    const size_t length = strlen(word);

    return strncmp(text, word, length) == 0 && (!text[length] || text[length] == ' ');
}

// Whether some rule writes what the match reads.
static bool is_written(const struct oracle *oracle, const char *text)
{
    static const char *const pairs[][2] = {
        {"MARK", "-m mark"}, {"CONNMARK", "-m mark"}, {"CONNMARK", "-m connmark"}, {"HMARK", "-m mark"},
        {"SET", "-m set"},   {"TOS", "-m tos"},       {"DSCP", "-m dscp"}};

    for (size_t pair = 0; pair < sizeof(pairs) / sizeof(*pairs); pair++) {
        if (!text_begins(text, pairs[pair][1]))
            continue;
        for (size_t i = 0; i < oracle->ruleset->count; i++)
            for (size_t j = 0; j < oracle->ruleset->items[i].count; j++)
                for (size_t k = 0; k < oracle->ruleset->items[i].items[j]->count; k++) {
                    const struct target *target = &oracle->ruleset->items[i].items[j]->items[k].target;

                    if (target->kind == TARGET_OTHER && text_begins(target->text, pairs[pair][0]))
                        return true;
                }
    }
    return false;
}

static bool fickle_opaque(const struct oracle *oracle, const struct match *match)
{
    return match->kind == MATCH_OPAQUE && (match->opaque.fickle || is_written(oracle, match->opaque.text));
}

static bool per_bucket(const struct match *match)
{
    return (match->kind == MATCH_HASHLIMIT && match->limit.per_source) ||
           (match->kind == MATCH_HASHLIMIT_TEXT && match->hashlimit.buckets);
}

static const char *unknown_text(struct arena *arena, const struct match *match)
{
    switch (match->kind) {
    case MATCH_LIMIT:
        return arena_printf(arena, "%u in %u s, burst %u", match->limit.events, match->limit.period,
                            match->limit.burst);
    case MATCH_HASHLIMIT:
        return match->limit.name;
    case MATCH_HASHLIMIT_TEXT:
        return match->hashlimit.name;
    case MATCH_OPAQUE:
        return match->opaque.text;
    default:
        return NULL;
    }
}

static enum unknown_kind unknown_kind(const struct match *match)
{
    if (match->kind == MATCH_OPAQUE)
        return UNKNOWN_MATCH;
    return per_bucket(match) ? UNKNOWN_HASHLIMIT : UNKNOWN_LIMIT;
}

// The number behind an option of a hashlimit; `otherwise` where it is not there.
static uint64_t number_behind(const char *text, const char *option, uint64_t otherwise)
{
    const char *at = strstr(text, option);

    return at ? strtoull(at + strlen(option), NULL, 10) : otherwise;
}

// Seconds of the unit of a rate.
static uint64_t unit_of(const char *rate)
{
    const size_t digits = strspn(rate, "0123456789");

    if (rate[digits] != '/')
        return 1;
    return rate[digits + 1] == 'd'   ? 86400
           : rate[digits + 1] == 'h' ? 3600
           : rate[digits + 1] == 'm' ? 60
                                     : 1;
}

static bool has_settings(const struct limit_settings *settings, const char *text, uint64_t address_bits)
{
    const char *upto = strstr(text, "--hashlimit-upto "), *above = strstr(text, "--hashlimit-above ");
    const char *rate = upto    ? upto + strlen("--hashlimit-upto ")
                       : above ? above + strlen("--hashlimit-above ")
                               : strstr(text, "--hashlimit ") + strlen("--hashlimit ");
    const char *option = strstr(text, "--hashlimit-mode "),
               *mode = option ? option + strlen("--hashlimit-mode ") : "";
    uint64_t modes = 0;

    for (unsigned i = 0; i < 4; i++) {
        static const char *const names[] = {"dstip", "dstport", "srcip", "srcport"};
        const char *found = strstr(mode, names[i]);

        if (found && found < mode + strcspn(mode, " "))
            modes |= 1U << i;
    }
    return settings->between == 1000000 * unit_of(rate) / strtoull(rate, NULL, 10) &&
           settings->burst == number_behind(text, "--hashlimit-burst ", 5) && settings->modes == modes &&
           settings->masks[0] == number_behind(text, "--hashlimit-srcmask ", address_bits) &&
           settings->masks[1] == number_behind(text, "--hashlimit-dstmask ", address_bits) &&
           settings->size == number_behind(text, "--hashlimit-htable-size ", 0) &&
           settings->max == number_behind(text, "--hashlimit-htable-max ", 0) &&
           settings->gc_interval == number_behind(text, "--hashlimit-htable-gcinterval ", 1000) &&
           settings->expire == number_behind(text, "--hashlimit-htable-expire ", 1000 * unit_of(rate));
}

// `limit`: the options of a hashlimit, NULL: it is none, or the settings do not matter.
static size_t unknown_field(const struct packet_space *space, enum unknown_kind kind, const char *text,
                            unsigned number, const char *limit)
{
    const uint64_t address_bits = space->family == FAMILY_IPV4 ? 32 : 128;

    for (size_t i = 0; i < space->unknowns.count; i++) {
        const struct unknown *unknown = &space->unknowns.items[i];

        if (unknown->kind == kind && unknown->number == number && strcmp(unknown->text, text) == 0 &&
            (!limit || has_settings(&unknown->settings, limit, address_bits)))
            return FIELD_COUNT + i;
    }
    return 0;
}

// Whether a packet's walk can depend on what matches in the rule.
static bool rule_counts(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (per_bucket(&rule->matches[i]))
            return true;
    if (rule->target.kind == TARGET_OTHER)
        return target_effect(&rule->target) != EFFECT_CONTINUE;
    return rule->target.kind != TARGET_LOG && rule->target.kind != TARGET_NONE;
}

static unsigned number_of_table(const struct table *table)
{
    unsigned number = 0;

    while (number < table_kind_count && strcmp(table_kinds[number].name, table->name) != 0)
        number++;
    return number;
}

// The n-th rate limit of a text in a table, along the way of packets, is another bucket than those before it; so is any
// match that is asked anew each time.
static unsigned number_of(const struct oracle *oracle, struct arena *arena, const struct table *table,
                          const struct match *match)
{
    const bool fickle = match->kind == MATCH_LIMIT || fickle_opaque(oracle, match);
    unsigned number = fickle ? number_of_table(table) << 24 : 0;

    for (size_t i = 0; fickle && i < oracle->unknown_count; i++)
        number += oracle->unknowns[i].table == table && oracle->unknowns[i].match->kind == match->kind &&
                  strcmp(unknown_text(arena, oracle->unknowns[i].match), unknown_text(arena, match)) == 0;
    return number;
}

// The first rule of the text with the name of a limit makes its table, as it says.
static const char *table_of(const struct oracle *oracle, const struct match *match)
{
    const struct ruleset *ruleset = oracle->ruleset;

    if (match->kind != MATCH_HASHLIMIT_TEXT)
        return NULL;
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            for (size_t k = 0; k < ruleset->items[i].items[j]->count; k++) {
                const struct rule *rule = &ruleset->items[i].items[j]->items[k];

                for (size_t m = 0; rule_counts(rule) && m < rule->match_count; m++) {
                    const struct match *first = &rule->matches[m];

                    if (first->kind == MATCH_HASHLIMIT_TEXT && per_bucket(first) == per_bucket(match) &&
                        strcmp(first->hashlimit.name, match->hashlimit.name) == 0)
                        return first->hashlimit.text;
                }
            }
    return match->hashlimit.text;
}

static void collect_unknowns(struct oracle *oracle, struct arena *arena, const struct table *table,
                             const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++) {
        const struct match *match = &rule->matches[i];
        const char *text = unknown_text(arena, match);

        if (!text)
            continue;

        const unsigned number = number_of(oracle, arena, table, match);
        const size_t field =
            unknown_field(oracle->space, unknown_kind(match), text, number, table_of(oracle, match));

        oracle->unknowns[oracle->unknown_count++] = (struct oracle_unknown){match, table, field};
        if (!field)
            oracle->lacking = text;
    }
}

// Along the way of packets: a chain, and those that it leads to where it does so first.
static void visit(struct oracle *oracle, struct arena *arena, const struct table *table,
                  const struct chain *chain, bool *visited)
{
    if (!chain || visited[chain->number])
        return;
    visited[chain->number] = true;
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];

        if (rule_counts(rule))
            collect_unknowns(oracle, arena, table, rule);
        if (rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO)
            visit(oracle, arena, table, table_find_chain(table, rule->target.text), visited);
    }
}

static void visit_table(struct oracle *oracle, struct arena *arena, const struct table *table)
{
    const unsigned number = number_of_table(table);
    size_t chains = 0;
    bool *visited;

    for (size_t i = 0; i < table->count; i++)
        chains = table->items[i]->number >= chains ? table->items[i]->number + 1 : chains;
    visited = arena_calloc(arena, chains, sizeof(*visited));
    for (size_t i = 0; number < table_kind_count && table_kinds[number].hooks[i]; i++)
        visit(oracle, arena, table, table_find_chain(table, table_kinds[number].hooks[i]), visited);
    for (size_t i = 0; i < table->count; i++)
        visit(oracle, arena, table, table->items[i], visited);
}

static uint64_t unknown_value(const struct passage *at, const struct match *match)
{
    for (size_t i = 0; i < at->oracle->unknown_count; i++)
        if (at->oracle->unknowns[i].match == match)
            return at->oracle->unknowns[i].field ? value_of(at, at->oracle->unknowns[i].field) : 0;
    return 0;
}

// Whether some rule switches the tracker on.

static bool match_needs_tracker(const struct match *match)
{
    static const char *const opaque[] = {"-m state",     "-m conntrack", "-m connlimit", "-m connmark",
                                         "-m connbytes", "-m connlabel", "-m helper",    "-m cluster"};

    if (match->kind == MATCH_CONNTRACK || match->kind == MATCH_STATE || match->kind == MATCH_HELPER)
        return true;
    for (size_t i = 0; match->kind == MATCH_OPAQUE && i < sizeof(opaque) / sizeof(*opaque); i++)
        if (text_begins(match->opaque.text, opaque[i]))
            return true;
    return false;
}

static bool target_needs_tracker(const struct target *target)
{
    if (target->kind == TARGET_HELPER)
        return true;
    if (target->kind != TARGET_OTHER)
        return false;
    if (text_begins(target->text, "CT"))
        return !strstr(target->text, "--notrack");
    return text_begins(target->text, "CONNMARK") || text_begins(target->text, "CONNSECMARK") ||
           text_begins(target->text, "SYNPROXY");
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
            (rule->matches[i].kind == MATCH_OPAQUE && text_begins(rule->matches[i].opaque.text, "-m socket")))
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
        visit_table(oracle, arena, &ruleset->items[i]);
    oracle->whole = oracle->whole || oracle->tracking;
}

// The header of a rule: ip_packet_match() and ip6_packet_match().

static bool has_prefix(enum family family, struct addr address, struct prefix prefix)
{
    const unsigned width = family == FAMILY_IPV4 ? 32 : 128;

    for (unsigned bit = 0; bit < prefix.bits; bit++) {
        const unsigned shift = width - 1 - bit;
        const uint64_t a = shift < 64 ? address.low >> shift : address.high >> (shift - 64);
        const uint64_t b = shift < 64 ? prefix.addr.low >> shift : prefix.addr.high >> (shift - 64);

        if ((a ^ b) & 1)
            return false;
    }
    return true;
}

// A pattern is compared up to its `+`, else with the NUL that ends a name.
static bool fits(const char *name, const char *pattern)
{
    const size_t length = strlen(pattern);

    if (length && pattern[length - 1] == '+')
        return strncmp(name, pattern, length - 1) == 0;
    return strcmp(name, pattern) == 0;
}

static bool header_matches(const struct passage *at, const struct rule *rule)
{
    static const enum field addresses[] = {FIELD_SOURCE, FIELD_DESTINATION};

    for (int side = 0; side < 2; side++)
        if (has_prefix(at->oracle->space->family, at->packet[addresses[side]],
                       rule->addresses[side].prefix) == rule->addresses[side].inverted)
            return false;
    if (rule->in && fits(at->in, rule->in) == rule->in_inverted)
        return false;
    if (rule->out && fits(at->out, rule->out) == rule->out_inverted)
        return false;
    if (rule->protocol && (value_of(at, FIELD_PROTOCOL) == rule->protocol) == rule->protocol_inverted)
        return false;
    if (rule->later_fragments &&
        (value_of(at, FIELD_FRAGMENT) == FRAGMENT_LATER) == rule->later_fragments_inverted)
        return false;
    return true;
}

// Matches, as the functions of net/netfilter/xt_*.c.

static bool transport_matches(const struct passage *at, const struct match *match)
{
    const uint64_t ports[] = {value_of(at, FIELD_SOURCE_PORT), value_of(at, FIELD_DESTINATION_PORT)};

    if (value_of(at, FIELD_FRAGMENT) == FRAGMENT_LATER)
        return false;
    for (int side = 0; side < 2; side++) {
        const bool inside = ports[side] >= match->transport.ports[side].first &&
                            ports[side] <= match->transport.ports[side].last;

        if (match->transport.named[side] && inside == match->transport.inverted[side])
            return false;
    }
    if (!match->transport.flags_mask)
        return true;
    return ((value_of(at, FIELD_FLAGS) & match->transport.flags_mask) == match->transport.flags) !=
           match->transport.flags_inverted;
}

static bool multiport_matches(const struct passage *at, const struct match *match)
{
    const uint64_t source = value_of(at, FIELD_SOURCE_PORT),
                   destination = value_of(at, FIELD_DESTINATION_PORT);

    if (value_of(at, FIELD_FRAGMENT) == FRAGMENT_LATER)
        return false;
    for (size_t i = 0; i < match->multiport.count; i++) {
        const uint64_t first = match->multiport.items[i].first, last = match->multiport.items[i].last;

        if (match->multiport.side != SIDE_DESTINATION && source >= first && source <= last)
            return !match->multiport.inverted;
        if (match->multiport.side != SIDE_SOURCE && destination >= first && destination <= last)
            return !match->multiport.inverted;
    }
    return match->multiport.inverted;
}

static bool iprange_matches(const struct passage *at, const struct match *match)
{
    static const enum field addresses[] = {FIELD_SOURCE, FIELD_DESTINATION};

    for (int side = 0; side < 2; side++) {
        const struct addr address = at->packet[addresses[side]];
        const struct addr_range *range = match->iprange.ranges[side];

        if (range && (addr_compare(address, range->first) >= 0 && addr_compare(address, range->last) <= 0) ==
                         match->iprange.inverted[side])
            return false;
    }
    return true;
}

static bool icmp_matches(const struct passage *at, const struct match *match)
{
    const uint64_t type = value_of(at, FIELD_ICMP_TYPE), code = value_of(at, FIELD_ICMP_CODE);
    const bool same = match->icmp.any || (type == match->icmp.type && code >= match->icmp.code_first &&
                                          code <= match->icmp.code_last);

    return value_of(at, FIELD_FRAGMENT) != FRAGMENT_LATER && same != match->icmp.inverted;
}

static bool has_type(enum family family, uint64_t type, unsigned asked)
{
    const bool local = asked & ADDRTYPE_LOCAL, broadcast = asked & ADDRTYPE_BROADCAST,
               multicast = asked & ADDRTYPE_MULTICAST;

    if (family == FAMILY_IPV4)
        return (local && type == DESTINATION_LOCAL) || (broadcast && type == DESTINATION_BROADCAST) ||
               (multicast && type == DESTINATION_MULTICAST);
    // match_type6() asks for each in its turn.
    if (broadcast || (multicast && type != DESTINATION_MULTICAST) || (local && type != DESTINATION_LOCAL))
        return false;
    return true;
}

static bool addrtype_matches(const struct passage *at, const struct match *match)
{
    return has_type(at->oracle->space->family, value_of(at, FIELD_DESTINATION_TYPE), match->addrtype.types) !=
           match->addrtype.inverted;
}

static bool state_matches(const struct passage *at, const struct match *match)
{
    static const unsigned bits[] = {[PACKET_STATE_NEW] = STATE_NEW,
                                    [PACKET_STATE_ESTABLISHED] = STATE_ESTABLISHED,
                                    [PACKET_STATE_RELATED] = STATE_RELATED,
                                    [PACKET_STATE_INVALID] = STATE_INVALID,
                                    [PACKET_STATE_UNTRACKED] = STATE_UNTRACKED};

    return !!(match->state.states & bits[at->state]) != match->state.inverted;
}

static bool helper_matches(const struct passage *at, const struct match *match)
{
    const char *const *names = at->oracle->space->helpers.items;
    bool same = false;

    if (at->helper && !match->helper.name[0])
        same = true;
    else if (at->helper)
        same = names[at->helper - 1][0] &&
               strncmp(names[at->helper - 1], match->helper.name, strlen(names[at->helper - 1])) == 0;
    return same != match->helper.inverted;
}

static bool hoplimit_matches(const struct passage *at, const struct match *match)
{
    const bool spent = at->hook == HOOK_FORWARD && at->out[0]; // one hop, by forwarding
    const uint64_t hops = value_of(at, FIELD_HOP_LIMIT), asked = match->hoplimit.value + (spent ? 1U : 0U);
    bool holds = false;

    switch (match->hoplimit.comparison) {
    case COMPARE_EQUAL:
        holds = hops == asked;
        break;
    case COMPARE_LESS:
        holds = hops < asked;
        break;
    case COMPARE_GREATER:
        holds = hops > asked;
        break;
    }
    return holds != match->hoplimit.inverted;
}

static bool socket_matches(const struct passage *at, const struct match *match)
{
    const uint64_t socket = value_of(at, FIELD_SOCKET);

    return socket == SOCKET_BOUND || socket == SOCKET_CONNECTED ||
           (match->nowildcard && socket == SOCKET_WILDCARD);
}

static bool fragment_matches(const struct passage *at, const struct match *match)
{
    const uint64_t fragment = value_of(at, FIELD_FRAGMENT);

    return fragment == FRAGMENT_FIRST || (fragment == FRAGMENT_LATER && !match->fragment_first);
}

// `*drop`: the match itself ends the packet.
static bool limit_matches(const struct passage *at, const struct match *match, bool *drop)
{
    const bool above = match->kind == MATCH_HASHLIMIT_TEXT ? match->hashlimit.above
                       : match->kind == MATCH_HASHLIMIT    ? match->limit.above
                                                           : false;
    const uint64_t value = unknown_value(at, match);

    *drop = per_bucket(match) && value == LIMIT_FULL;
    return !*drop && (value == LIMIT_OVER) == above;
}

static bool match_matches(const struct passage *at, const struct match *match, bool *drop)
{
    switch (match->kind) {
    case MATCH_TCP:
    case MATCH_UDP:
    case MATCH_SCTP:
    case MATCH_DCCP:
    case MATCH_UDPLITE:
        return transport_matches(at, match);
    case MATCH_MULTIPORT:
        return multiport_matches(at, match);
    case MATCH_IPRANGE:
        return iprange_matches(at, match);
    case MATCH_ICMP:
    case MATCH_ICMPV6:
        return icmp_matches(at, match);
    case MATCH_ADDRTYPE:
        return addrtype_matches(at, match);
    case MATCH_CONNTRACK:
    case MATCH_STATE:
        return state_matches(at, match);
    case MATCH_HELPER:
        return helper_matches(at, match);
    case MATCH_MAC:
        return value_of(at, FIELD_MAC) != NO_MAC &&
               (value_of(at, FIELD_MAC) == match->mac.address) != match->mac.inverted;
    case MATCH_SOCKET:
        return socket_matches(at, match);
    case MATCH_HOPLIMIT:
    case MATCH_TTL:
        return hoplimit_matches(at, match);
    case MATCH_FRAGMENT:
        return fragment_matches(at, match);
    case MATCH_LIMIT:
    case MATCH_HASHLIMIT:
    case MATCH_HASHLIMIT_TEXT:
        return limit_matches(at, match, drop);
    case MATCH_OPAQUE:
        return unknown_value(at, match) == UNKNOWN_YES;
    case MATCH_COMMENT:
    case MATCH_COUNT:
        break;
    }
    return true;
}

static bool rule_matches(const struct passage *at, const struct rule *rule, bool *drop)
{
    if (!header_matches(at, rule))
        return false;
    for (size_t i = 0; i < rule->match_count; i++)
        if (!match_matches(at, &rule->matches[i], drop))
            return false;
    return true;
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

        if (!rule_counts(rule))
            continue;
        if (rule_matches(at, rule, &drop))
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

        const size_t field = unknown_field(oracle->space, UNKNOWN_POLICY, text, 0, NULL);

        policy = field && value_of(at, field) == UNKNOWN_YES ? CHAIN_DROP : CHAIN_ACCEPT;
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
    const uint64_t type = value_of(at, FIELD_ICMP_TYPE);

    return at->oracle->space->family == FAMILY_IPV6 && value_of(at, FIELD_PROTOCOL) == PROTOCOL_ICMPV6 &&
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

        at->state = untracked ? PACKET_STATE_UNTRACKED : (unsigned)value_of(at, FIELD_STATE);
        at->helper = untracked ? 0 : value_of(at, FIELD_HELPER);
    }
    goes_on = walk_table(at, "raw", leaves ? "OUTPUT" : "PREROUTING");
    at->out = out;
    return goes_on;
}

static bool is_tracked(const struct passage *at)
{
    const bool by_loopback = at->hook == HOOK_INPUT && strcmp(at->in, "lo") == 0;
    const bool marked = by_loopback && value_of(at, FIELD_STATE) != PACKET_STATE_INVALID;
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
