// SPDX-License-Identifier: GPL-2.0-or-later
#include "mutants/mutate.h"

#include <string.h>

#include "base/protocols.h"
#include "base/vec.h"

const char *const mutation_names[MUTATION_COUNT] = {
#define KIND(id, name) name,
#include "mutants/kinds.def"
#undef KIND
};

// A change at one rule. Each function below walks its variants and does the one that is chosen; where they
// are only counted, none is.
struct change {
    struct arena *arena;
    struct ruleset *ruleset;
    struct table *table;
    struct chain *chain;
    size_t index; // of the rule
    bool counting;
    unsigned variant; // still to go, or seen so far
};

static bool chosen(struct change *change)
{
    return change->counting ? change->variant++, false : change->variant-- == 0;
}

static struct rule *rule_of(struct change *change)
{
    return &change->chain->items[change->index];
}

static struct match *edit_match(struct change *change, size_t index)
{
    struct rule *rule = rule_of(change);
    struct match *matches = arena_calloc(change->arena, rule->match_count, sizeof(*matches));

    memcpy(matches, rule->matches, rule->match_count * sizeof(*matches));
    rule->matches = matches;
    return &matches[index];
}

static bool in_table(const struct change *change, const char *name)
{
    return strcmp(change->table->name, name) == 0;
}

// Rules as a whole.

static void insert_rule(struct change *change, struct chain *chain, size_t at, struct rule rule)
{
    struct rule *items = arena_calloc(change->arena, chain->count + 1, sizeof(*items));

    memcpy(items, chain->items, at * sizeof(*items));
    items[at] = rule;
    memcpy(&items[at + 1], &chain->items[at], (chain->count - at) * sizeof(*items));
    chain->items = items;
    chain->count++;
}

static struct rule remove_rule(struct chain *chain, size_t at)
{
    const struct rule rule = chain->items[at];

    memmove(&chain->items[at], &chain->items[at + 1], (chain->count - at - 1) * sizeof(rule));
    chain->count--;
    return rule;
}

static void change_drop(struct change *change)
{
    if (chosen(change))
        remove_rule(change->chain, change->index);
}

static void change_duplicate(struct change *change)
{
    const struct rule rule = *rule_of(change);

    if (chosen(change)) // beside itself, and at the end
        insert_rule(change, change->chain, change->index, rule);
    if (change->index + 1 < change->chain->count && chosen(change))
        insert_rule(change, change->chain, change->chain->count, rule);
}

static void change_swap(struct change *change)
{
    struct rule rule;

    if (change->index + 1 < change->chain->count && chosen(change)) {
        rule = remove_rule(change->chain, change->index);
        insert_rule(change, change->chain, change->index + 1, rule);
    }
}

static void move_rule(struct change *change, size_t to)
{
    const struct rule rule = remove_rule(change->chain, change->index);

    insert_rule(change, change->chain, to, rule);
}

static void change_move(struct change *change)
{
    const size_t count = change->chain->count, index = change->index;

    if (index > 1 && chosen(change))
        move_rule(change, 0);
    if (index + 2 < count && chosen(change))
        move_rule(change, count - 1);
    if (index > 3 && chosen(change))
        move_rule(change, index / 2);
    if (index + 4 < count && chosen(change))
        move_rule(change, (index + count) / 2);
}

// The name of an interface changes its option where the hook asks for it.
static void move_to(struct change *change, const char *name, bool turned)
{
    struct rule rule = remove_rule(change->chain, change->index);
    struct chain *to = NULL;

    for (size_t i = 0; i < change->table->count; i++)
        if (strcmp(change->table->items[i]->name, name) == 0)
            to = change->table->items[i];
    if (turned) {
        const char *in = rule.in;
        const bool inverted = rule.in_inverted;

        rule.in = rule.out;
        rule.in_inverted = rule.out_inverted;
        rule.out = in;
        rule.out_inverted = inverted;
    }
    if (to)
        insert_rule(change, to, change->index < to->count ? change->index : to->count, rule);
}

static void change_hook(struct change *change)
{
    static const char *const pairs[][2] = {{"INPUT", "OUTPUT"},      {"OUTPUT", "INPUT"},
                                           {"INPUT", "FORWARD"},     {"PREROUTING", "OUTPUT"},
                                           {"OUTPUT", "PREROUTING"}, {"FORWARD", "INPUT"}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        const bool there =
            table_has_hook(change->table->name, (struct slice){pairs[i][1], strlen(pairs[i][1])});
        const bool leaves = strcmp(pairs[i][0], "OUTPUT") == 0 || strcmp(pairs[i][1], "OUTPUT") == 0;

        if (there && strcmp(change->chain->name, pairs[i][0]) == 0 && chosen(change))
            move_to(change, pairs[i][1], leaves);
    }
}

static void change_policy(struct change *change)
{
    struct chain *chain = change->chain;

    if (chain->policy != CHAIN_USER && chain->policy != CHAIN_UNWRITTEN && chosen(change))
        chain->policy = chain->policy == CHAIN_ACCEPT ? CHAIN_DROP : CHAIN_ACCEPT;
}

// Targets.

static const char *default_answer(const struct change *change)
{
    return change->ruleset->family == FAMILY_IPV4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
}

static void change_verdict(struct change *change)
{
    static const enum target_kind kinds[] = {TARGET_ACCEPT, TARGET_DROP, TARGET_RETURN, TARGET_NONE,
                                             TARGET_REJECT};
    struct target *target = &rule_of(change)->target;
    const enum target_kind now = target->kind;

    if (now == TARGET_NOTRACK || now == TARGET_HELPER)
        return;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (kinds[i] != now && (kinds[i] != TARGET_REJECT || in_table(change, "filter")) && chosen(change))
            *target = (struct target){kinds[i], kinds[i] == TARGET_REJECT ? default_answer(change) : NULL};
}

static void change_answer(struct change *change)
{
    static const char *const answers[FAMILY_COUNT][3] = {
        {"icmp-port-unreachable", "icmp-admin-prohibited", "tcp-reset"},
        {"icmp6-port-unreachable", "icmp6-addr-unreachable", "tcp-reset"}};
    struct target *target = &rule_of(change)->target;

    for (size_t i = 0; target->kind == TARGET_REJECT && i < 3; i++)
        if (strcmp(answers[change->ruleset->family][i], target->text) != 0 && chosen(change)) {
            target->text = answers[change->ruleset->family][i];
            return;
        }
}

static void change_tracking(struct change *change)
{
    static const struct target targets[] = {{TARGET_ACCEPT, NULL},
                                            {TARGET_NOTRACK, NULL},
                                            {TARGET_NONE, NULL},
                                            {TARGET_RETURN, NULL},
                                            {TARGET_HELPER, "ftp"}};
    struct target *target = &rule_of(change)->target;
    const enum target_kind now = target->kind;

    for (size_t i = 0; in_table(change, "raw") && i < sizeof(targets) / sizeof(*targets); i++)
        if (now != targets[i].kind && chosen(change))
            *target = targets[i];
}

static void change_jump(struct change *change)
{
    struct target *target = &rule_of(change)->target;

    if (target->kind == TARGET_JUMP && chosen(change))
        target->kind = TARGET_GOTO;
    else if (target->kind == TARGET_GOTO && chosen(change))
        target->kind = TARGET_JUMP;
}

// The header.

static struct addr plus(struct addr a, struct addr b)
{
    const struct addr sum = {a.high + b.high, a.low + b.low};

    return (struct addr){sum.high + (sum.low < a.low), sum.low};
}

static struct addr minus_one(struct addr a)
{
    return (struct addr){a.high - !a.low, a.low - 1};
}

// The lowest bit of a prefix.
static struct addr unit(enum family family, unsigned bits)
{
    const unsigned shift = family_bits(family) - bits;

    return shift < 64 ? (struct addr){0, (uint64_t)1 << shift}
                      : (struct addr){(uint64_t)1 << (shift - 64), 0};
}

static struct prefix cut(enum family family, struct prefix prefix)
{
    const struct addr_range range = prefix_range(family, prefix);
    struct prefix result = {range.first, prefix.bits};

    for (unsigned bit = 0; bit < family_bits(family) - prefix.bits; bit++) {
        if (bit < 64)
            result.addr.low &= ~((uint64_t)1 << bit);
        else
            result.addr.high &= ~((uint64_t)1 << (bit - 64));
    }
    return result;
}

static void change_prefix(struct change *change, int side)
{
    const enum family family = change->ruleset->family;
    struct rule_address *address = &rule_of(change)->addresses[side],
                        *other = &rule_of(change)->addresses[!side];
    const unsigned bits = address->prefix.bits;
    const struct addr one = unit(family, bits), range_last = prefix_range(family, address->prefix).last;
    const bool last = addr_compare(range_last, addr_max(family)) == 0;

    if (!last && chosen(change))
        address->prefix.addr = plus(address->prefix.addr, one);
    else if ((address->prefix.addr.high || address->prefix.addr.low) && chosen(change))
        address->prefix = cut(family, (struct prefix){minus_one(address->prefix.addr), (uint8_t)bits});
    else if (bits > 1 && chosen(change))
        address->prefix = cut(family, (struct prefix){address->prefix.addr, (uint8_t)(bits - 1)});
    else if (bits < family_bits(family) && chosen(change))
        address->prefix.bits++;
    else if (chosen(change)) {
        const struct rule_address old = *address;

        *address = *other;
        *other = old;
    } else if (chosen(change))
        *address = (struct rule_address){0};
}

static struct addr_range *edit_range(struct change *change, size_t index, int side)
{
    struct match *match = edit_match(change, index);
    struct addr_range *range = arena_alloc(change->arena, sizeof(*range));

    *range = *match->iprange.ranges[side];
    match->iprange.ranges[side] = range;
    return range;
}

static void change_iprange(struct change *change, size_t index, int side)
{
    const struct match *match = &rule_of(change)->matches[index];
    const struct addr_range *range = match->iprange.ranges[side];
    const struct addr one = {0, 1};

    if ((range->first.high || range->first.low) && chosen(change))
        edit_range(change, index, side)->first = minus_one(range->first);
    else if (addr_compare(range->first, range->last) < 0 && chosen(change))
        edit_range(change, index, side)->first = plus(range->first, one);
    else if (addr_compare(range->first, range->last) < 0 && chosen(change))
        edit_range(change, index, side)->last = minus_one(range->last);
    else if (addr_compare(range->last, addr_max(change->ruleset->family)) < 0 && chosen(change))
        edit_range(change, index, side)->last = plus(range->last, one);
    else if (!match->iprange.ranges[!side] && chosen(change)) {
        struct match *edited = edit_match(change, index);

        edited->iprange.ranges[side] = NULL;
        edited->iprange.ranges[!side] = range;
        edited->iprange.inverted[!side] = match->iprange.inverted[side];
    }
}

static void change_address(struct change *change)
{
    for (int side = 0; side < 2; side++)
        if (rule_of(change)->addresses[side].prefix.bits)
            change_prefix(change, side);
    for (size_t i = 0; i < rule_of(change)->match_count; i++)
        for (int side = 0; side < 2; side++)
            if (rule_of(change)->matches[i].kind == MATCH_IPRANGE &&
                rule_of(change)->matches[i].iprange.ranges[side])
                change_iprange(change, i, side);
}

static void change_one_interface(struct change *change, const char **name, bool *inverted, const char **other,
                                 bool *other_inverted)
{
    if (!*name)
        return;
    if (strcmp(*name, "lo") != 0 && chosen(change))
        *name = "lo";
    else if (chosen(change))
        *name = arena_printf(change->arena, "%.13s9", *name);
    else if (chosen(change))
        *name = arena_printf(change->arena, "%.*s+", (int)strlen(*name) - 1, *name);
    else if (!*other && chosen(change)) {
        *other = *name;
        *other_inverted = *inverted;
        *name = NULL;
        *inverted = false;
    } else if (chosen(change)) {
        *name = NULL;
        *inverted = false;
    }
}

static void change_interface(struct change *change)
{
    struct rule *rule = rule_of(change);
    const bool in = rule->in, out = rule->out;

    if (in)
        change_one_interface(change, &rule->in, &rule->in_inverted, &rule->out, &rule->out_inverted);
    if (out)
        change_one_interface(change, &rule->out, &rule->out_inverted, &rule->in, &rule->in_inverted);
}

static void set_protocol(struct change *change, uint8_t protocol)
{
    struct rule *rule = rule_of(change);

    rule->protocol = protocol;
    for (size_t i = 0; i < rule->match_count; i++) {
        if (rule->matches[i].kind != MATCH_TCP && rule->matches[i].kind != MATCH_UDP)
            continue;

        struct match *match = edit_match(change, i);

        match->kind = protocol == PROTOCOL_TCP ? MATCH_TCP : MATCH_UDP;
        match->transport.flags_mask = 0;
    }
}

static void change_protocol(struct change *change)
{
    struct rule *rule = rule_of(change);
    const uint8_t protocol = rule->protocol;

    if (protocol == PROTOCOL_TCP && chosen(change))
        set_protocol(change, PROTOCOL_UDP);
    else if (protocol == PROTOCOL_UDP && chosen(change))
        set_protocol(change, PROTOCOL_TCP);
    else if (protocol && chosen(change))
        rule->protocol = (uint8_t)(protocol + 1);
    else if (protocol && chosen(change))
        rule->protocol = 0;
    else if (!protocol && chosen(change))
        rule->protocol = PROTOCOL_UDP;
}

// Matches.

static bool is_transport(const struct match *match)
{
    return match->kind == MATCH_TCP || match->kind == MATCH_UDP || match->kind == MATCH_SCTP ||
           match->kind == MATCH_DCCP || match->kind == MATCH_UDPLITE;
}

// The ends of a range by one, and where it is one port, the whole of it.
static bool change_range(struct change *change, struct port_range range, struct port_range *changed)
{
    *changed = range;
    if (range.first > 0 && chosen(change))
        changed->first--;
    else if (range.last < UINT16_MAX && chosen(change))
        changed->last++;
    else if (range.first < range.last && chosen(change))
        changed->first++;
    else if (range.first < range.last && chosen(change))
        changed->last--;
    else if (range.first == range.last && range.last < UINT16_MAX && chosen(change))
        *changed = (struct port_range){(uint16_t)(range.first + 1), (uint16_t)(range.last + 1)};
    else if (range.first == range.last && range.first > 1 && chosen(change))
        *changed = (struct port_range){(uint16_t)(range.first - 1), (uint16_t)(range.last - 1)};
    else
        return false;
    return true;
}

static void change_transport_ports(struct change *change, size_t index, int side)
{
    const struct match *match = &rule_of(change)->matches[index];
    struct port_range changed;

    if (change_range(change, match->transport.ports[side], &changed)) {
        edit_match(change, index)->transport.ports[side] = changed;
    } else if (chosen(change)) { // to the other side, and what stands there to this one
        struct match *edited = edit_match(change, index);

        for (int at = 0; at < 2; at++) {
            edited->transport.named[at] = match->transport.named[!at];
            edited->transport.ports[at] = match->transport.ports[!at];
            edited->transport.inverted[at] = match->transport.inverted[!at];
        }
    } else if (chosen(change)) {
        edit_match(change, index)->transport.named[side] = false;
    }
}

static void change_multiport(struct change *change, size_t index)
{
    const struct match match = rule_of(change)->matches[index];
    struct port_range changed;

    for (size_t i = 0; i < match.multiport.count; i++) {
        struct port_range *items;
        const bool edited = change_range(change, match.multiport.items[i], &changed);

        if (!edited && !(match.multiport.count > 1 && chosen(change)))
            continue;
        items = arena_calloc(change->arena, match.multiport.count, sizeof(*items));
        memcpy(items, match.multiport.items, match.multiport.count * sizeof(*items));
        items[i] = edited ? changed : items[match.multiport.count - 1];
        edit_match(change, index)->multiport.items = items;
        edit_match(change, index)->multiport.count -= !edited;
        return;
    }
    for (enum side side = SIDE_SOURCE; side <= SIDE_EITHER; side++)
        if (side != match.multiport.side && chosen(change)) {
            edit_match(change, index)->multiport.side = side;
            return;
        }
}

static void change_port(struct change *change)
{
    for (size_t i = 0; i < rule_of(change)->match_count; i++) {
        const struct match match = rule_of(change)->matches[i];

        for (int side = 0; side < 2; side++)
            if (is_transport(&match) && match.transport.named[side])
                change_transport_ports(change, i, side);
        if (match.kind == MATCH_MULTIPORT)
            change_multiport(change, i);
    }
}

static void change_flags(struct change *change)
{
    for (size_t i = 0; i < rule_of(change)->match_count; i++) {
        const struct match match = rule_of(change)->matches[i];

        if (match.kind != MATCH_TCP || !match.transport.flags_mask)
            continue;
        for (unsigned bit = 1; bit < 64; bit *= 2)
            if (match.transport.flags_mask != bit && chosen(change)) {
                edit_match(change, i)->transport.flags_mask ^= (uint8_t)bit;
                edit_match(change, i)->transport.flags &= rule_of(change)->matches[i].transport.flags_mask;
            } else if (chosen(change)) {
                edit_match(change, i)->transport.flags ^= (uint8_t)bit;
            }
        if (chosen(change))
            edit_match(change, i)->transport.flags_inverted ^= true;
        if (chosen(change))
            edit_match(change, i)->transport.flags_mask = 0;
    }
}

static void change_icmp(struct change *change)
{
    for (size_t i = 0; i < rule_of(change)->match_count; i++) {
        const struct match match = rule_of(change)->matches[i];

        if ((match.kind != MATCH_ICMP && match.kind != MATCH_ICMPV6) || match.icmp.any)
            continue;
        if (match.icmp.type < UINT8_MAX && chosen(change))
            edit_match(change, i)->icmp.type++;
        if (match.icmp.type > 0 && chosen(change))
            edit_match(change, i)->icmp.type--;
        if (match.icmp.code_first != match.icmp.code_last && chosen(change))
            edit_match(change, i)->icmp.code_last = match.icmp.code_first;
        if (match.icmp.code_first == match.icmp.code_last && chosen(change)) {
            edit_match(change, i)->icmp.code_first = 0;
            edit_match(change, i)->icmp.code_last = UINT8_MAX;
        }
    }
}

static void change_addrtype(struct change *change)
{
    for (size_t i = 0; i < rule_of(change)->match_count; i++)
        for (unsigned bit = 1; rule_of(change)->matches[i].kind == MATCH_ADDRTYPE && bit < 8; bit *= 2)
            if (rule_of(change)->matches[i].addrtype.types != bit && chosen(change)) {
                edit_match(change, i)->addrtype.types ^= bit;
                return;
            }
}

static void change_state(struct change *change)
{
    for (size_t i = 0; i < rule_of(change)->match_count; i++) {
        const enum match_kind kind = rule_of(change)->matches[i].kind;

        for (unsigned bit = 1; (kind == MATCH_CONNTRACK || kind == MATCH_STATE) && bit < 32; bit *= 2)
            if (rule_of(change)->matches[i].state.states != bit && chosen(change)) {
                edit_match(change, i)->state.states ^= bit;
                return;
            }
    }
}

static void change_helper(struct change *change)
{
    struct target *target = &rule_of(change)->target;

    for (size_t i = 0; i < rule_of(change)->match_count; i++)
        if (rule_of(change)->matches[i].kind == MATCH_HELPER && chosen(change))
            edit_match(change, i)->helper.name = "sip";
        else if (rule_of(change)->matches[i].kind == MATCH_HELPER && chosen(change))
            edit_match(change, i)->helper.name = "";
    if (target->kind == TARGET_HELPER && chosen(change))
        *target = (struct target){TARGET_NOTRACK, NULL};
    if (target->kind == TARGET_HELPER && chosen(change))
        target->text = strcmp(target->text, "tftp") ? "tftp" : "irc";
    if (target->kind == TARGET_HELPER && chosen(change))
        target->kind = TARGET_NONE;
}

// The reader keeps the options as they were written. What stands behind one of them is put in place of its value; where
// the option is missing it is added.
static void set_option(struct change *change, size_t index, const char *option, const char *value)
{
    struct match *match = edit_match(change, index);
    const char *found = strstr(match->hashlimit.text, option);
    const char *old = found ? found + strlen(option) + 1 : NULL;

    match->hashlimit.text =
        found ? arena_printf(change->arena, "%.*s%s%s", (int)(old - match->hashlimit.text),
                             match->hashlimit.text, value, old + strcspn(old, " "))
              : arena_printf(change->arena, "%s %s %s", match->hashlimit.text, option, value);
}

static void change_limit(struct change *change)
{
    static const char *const settings[][2] = {
        {"--hashlimit-name", "other"},        {"--hashlimit-upto", "100000/day"},
        {"--hashlimit-upto", "7/min"},        {"--hashlimit-burst", "77"},
        {"--hashlimit-mode", "srcip,dstip"},  {"--hashlimit-mode", "dstip"},
        {"--hashlimit-srcmask", "23"},        {"--hashlimit-htable-max", "1000"},
        {"--hashlimit-htable-size", "100"},   {"--hashlimit-htable-expire", "777777"},
        {"--hashlimit-htable-expire", "500"}, {"--hashlimit-htable-gcinterval", "1"},
    };

    for (size_t i = 0; i < rule_of(change)->match_count; i++) {
        const struct match match = rule_of(change)->matches[i];

        for (size_t j = 0; match.kind == MATCH_HASHLIMIT_TEXT && j < sizeof(settings) / sizeof(*settings);
             j++)
            if (chosen(change))
                set_option(change, i, settings[j][0], settings[j][1]);
        // The other way round, and the same said in another way.
        if (match.kind == MATCH_HASHLIMIT_TEXT && strstr(match.hashlimit.text, "--hashlimit-upto") &&
            chosen(change))
            edit_match(change, i)->hashlimit.text =
                arena_printf(change->arena, "--hashlimit-above%s", strchr(match.hashlimit.text, ' '));
        if (match.kind == MATCH_HASHLIMIT_TEXT && !strstr(match.hashlimit.text, "gcinterval") &&
            chosen(change))
            set_option(change, i, "--hashlimit-htable-gcinterval", "1000");
    }
}

static void change_other(struct change *change)
{
    for (size_t i = 0; i < rule_of(change)->match_count; i++) {
        const struct match match = rule_of(change)->matches[i];
        const bool hops = match.kind == MATCH_HOPLIMIT || match.kind == MATCH_TTL;

        if (hops && match.hoplimit.value > 0 && chosen(change))
            edit_match(change, i)->hoplimit.value--;
        if (hops && chosen(change))
            edit_match(change, i)->hoplimit.comparison =
                match.hoplimit.comparison == COMPARE_LESS ? COMPARE_GREATER : COMPARE_LESS;
        if (match.kind == MATCH_SOCKET && chosen(change))
            edit_match(change, i)->nowildcard ^= true;
        if (match.kind == MATCH_FRAGMENT && chosen(change))
            edit_match(change, i)->fragment_first ^= true;
    }
}

static void negate_match(struct change *change, size_t i)
{
    const struct match match = rule_of(change)->matches[i];

    for (int side = 0; side < 2; side++) {
        if (is_transport(&match) && match.transport.named[side] && chosen(change))
            edit_match(change, i)->transport.inverted[side] ^= true;
        if (match.kind == MATCH_IPRANGE && match.iprange.ranges[side] && chosen(change))
            edit_match(change, i)->iprange.inverted[side] ^= true;
    }
    if (match.kind == MATCH_MULTIPORT && chosen(change))
        edit_match(change, i)->multiport.inverted ^= true;
    if ((match.kind == MATCH_ICMP || match.kind == MATCH_ICMPV6) && chosen(change))
        edit_match(change, i)->icmp.inverted ^= true;
    if (match.kind == MATCH_ADDRTYPE && chosen(change))
        edit_match(change, i)->addrtype.inverted ^= true;
    if ((match.kind == MATCH_CONNTRACK || match.kind == MATCH_STATE) && chosen(change))
        edit_match(change, i)->state.inverted ^= true;
    if (match.kind == MATCH_HELPER && chosen(change))
        edit_match(change, i)->helper.inverted ^= true;
    if (match.kind == MATCH_HOPLIMIT && chosen(change))
        edit_match(change, i)->hoplimit.inverted ^= true;
}

static void change_negation(struct change *change)
{
    struct rule *rule = rule_of(change);

    for (int side = 0; side < 2; side++)
        if (rule->addresses[side].prefix.bits && chosen(change))
            rule->addresses[side].inverted ^= true;
    if (rule->in && chosen(change))
        rule->in_inverted ^= true;
    if (rule->out && chosen(change))
        rule->out_inverted ^= true;
    if (rule->protocol && chosen(change))
        rule->protocol_inverted ^= true;
    for (size_t i = 0; i < rule->match_count; i++)
        negate_match(change, i);
}

static void change_match(struct change *change)
{
    struct rule *rule = rule_of(change);
    const size_t count = rule->match_count;

    for (size_t i = 0; i < count; i++)
        if (rule->matches[i].kind != MATCH_COMMENT && chosen(change)) {
            struct match *gone = edit_match(change, i);

            memmove(gone, gone + 1, (count - i - 1) * sizeof(*gone));
            rule->match_count--;
            return;
        }
}

static void (*const changes[MUTATION_COUNT])(struct change *change) = {
#define KIND(id, name) change_##id,
#include "mutants/kinds.def"
#undef KIND
};

void mutations_list(struct arena *arena, const struct ruleset *ruleset, enum mutation_kind kind,
                    struct mutations *list)
{
    struct ruleset counted = *ruleset;

    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++) {
            struct chain *chain = ruleset->items[i].items[j];
            const size_t places = kind == MUTATION_policy ? 1 : chain->count;

            for (size_t k = 0; k < places; k++) {
                struct change change = {arena, &counted, &ruleset->items[i], chain, k, true, 0};

                changes[kind](&change);
                for (unsigned variant = 0; variant < change.variant; variant++)
                    *vec_push(arena, list) = (struct mutation){kind, i, j, k, variant};
            }
        }
}

static struct ruleset *copy_ruleset(struct arena *arena, const struct ruleset *ruleset)
{
    struct ruleset *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *ruleset;
    copy->items = arena_calloc(arena, ruleset->count, sizeof(*copy->items));
    for (size_t i = 0; i < ruleset->count; i++) {
        struct table *table = &copy->items[i];

        *table = ruleset->items[i];
        table->items = arena_calloc(arena, table->count, sizeof(*table->items));
        for (size_t j = 0; j < table->count; j++) {
            const struct chain *chain = ruleset->items[i].items[j];

            table->items[j] = arena_alloc(arena, sizeof(*chain));
            *table->items[j] = *chain;
            table->items[j]->items = arena_calloc(arena, chain->count, sizeof(*chain->items));
            if (chain->count)
                memcpy(table->items[j]->items, chain->items, chain->count * sizeof(*chain->items));
        }
    }
    return copy;
}

const struct ruleset *mutation_apply(struct arena *arena, const struct ruleset *ruleset,
                                     const struct mutation *mutation)
{
    struct ruleset *copy = copy_ruleset(arena, ruleset);
    struct table *table = &copy->items[mutation->table];
    struct change change = {
        arena, copy, table, table->items[mutation->chain], mutation->rule, false, mutation->variant};

    changes[mutation->kind](&change);
    return copy;
}
