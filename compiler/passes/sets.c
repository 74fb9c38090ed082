// SPDX-License-Identifier: GPL-2.0-or-later
//
// Many addresses or ports become a set of the kernel, which one rule asks:
//
//   -A INPUT -p tcp -m set --match-set ctc-allow-4b0e2c77a1d9 src,dst -j ACCEPT
//
// A look-up costs the same however many members there are, and finds them in fewer lines of the cache than a tree does.
// Prefixes of many lengths stay with the trees: the kernel looks once for each length.
//
// May act on: a rule alone, whatever it does, since what it asks for besides is asked as before; and on neighbours that do
// the same with their packets and ask for nothing but the packet, for which it makes no difference which of them comes first.
#include <assert.h>
#include <string.h>

#include "base/vec.h"
#include "ipset/ipset.h"
#include "passes/cost.h"
#include "passes/pass.h"
#include "passes/section.h"

#define MEMBERS_MAX ((size_t)4 << 20) // of one set
#define GROUPS_MAX  32                // of neighbours that ask for the same besides their addresses and ports

// What a set takes over from rules: addresses of one side, ports of one side, or both.
#define NO_SIDE 2
struct fields {
    unsigned address, port; // enum side; NO_SIDE: stays with the rules
};

typedef VEC(struct rule) rule_list;

struct collecting {
    struct arena *arena;
    enum family family;
    struct fields fields;
    bool single; // addresses one by one
    VEC(struct ipset_member) members;
    bool lengths[129]; // of prefixes
    size_t length_count;
    bool too_many;
};

static const struct range_list *addresses_of(const struct rule *rule, unsigned side)
{
    return side == NO_SIDE ? NULL : rule_sets_of(rule)->addresses[side];
}

// Whether addresses one by one are no more than a few for each range: those are found by one look-up.
#define ADDRESSES_A_RANGE 4
static bool are_single(const struct rule *rules, size_t count, unsigned side)
{
    size_t room = 0;

    for (size_t i = 0; i < count; i++)
        room += addresses_of(&rules[i], side)->count * ADDRESSES_A_RANGE;
    for (size_t i = 0; i < count; i++) {
        const struct range_list *list = addresses_of(&rules[i], side);

        for (size_t j = 0; j < list->count; j++) {
            const struct addr first = list->items[j].first, last = list->items[j].last;

            if (first.high != last.high || last.low - first.low >= room)
                return false;
            room -= (size_t)(last.low - first.low) + 1;
        }
    }
    return true;
}

static void add_member(struct collecting *collecting, struct ipset_member member)
{
    collecting->too_many = collecting->too_many || collecting->members.count == MEMBERS_MAX;
    if (!collecting->too_many)
        *vec_push(collecting->arena, &collecting->members) = member;
}

static void add_ports(struct collecting *collecting, const struct rule *rule, struct ipset_member member)
{
    const struct port_set *ports;

    if (collecting->fields.port == NO_SIDE) {
        add_member(collecting, member);
        return;
    }
    ports = &rule_sets_of(rule)->ports[collecting->fields.port];
    for (size_t i = 0; i < ports->count; i++)
        for (unsigned port = ports->items[i].first; port <= ports->items[i].last; port++) {
            member.port = (uint16_t)port;
            add_member(collecting, member);
        }
}

static void add_range(struct collecting *collecting, const struct rule *rule, struct addr_range range)
{
    const uint8_t bits = (uint8_t)family_bits(collecting->family);
    struct ipset_member member = {.protocol = collecting->fields.port == NO_SIDE ? 0 : rule->protocol};
    bool last = false;

    while (!last && !collecting->too_many) {
        member.prefix = collecting->single ? (struct prefix){range.first, bits}
                                           : range_first_prefix(collecting->family, &range);

        const struct addr end = prefix_range(collecting->family, member.prefix).last;

        if (!collecting->lengths[member.prefix.bits])
            collecting->length_count++;
        collecting->lengths[member.prefix.bits] = true;
        add_ports(collecting, rule, member);
        last = addr_compare(end, range.last) == 0;
        range.first = addr_next(end);
    }
}

static void add_members(struct collecting *collecting, const struct rule *rule)
{
    const struct range_list *addresses = addresses_of(rule, collecting->fields.address);

    if (!addresses)
        add_ports(collecting, rule, (struct ipset_member){0});
    for (size_t i = 0; addresses && i < addresses->count; i++)
        add_range(collecting, rule, addresses->items[i]);
}

static enum ipset_kind kind_of(const struct collecting *collecting)
{
    const bool prefixes =
        !collecting->lengths[family_bits(collecting->family)] || collecting->length_count > 1;

    if (collecting->fields.address == NO_SIDE)
        return IPSET_BITMAP_PORT;
    if (collecting->fields.port == NO_SIDE)
        return prefixes ? IPSET_HASH_NET : IPSET_HASH_IP;
    return prefixes ? IPSET_HASH_NET_PORT : IPSET_HASH_IP_PORT;
}

// One set for all who need the same, named after the part of the policy that needs it first.
static const struct ipset *find_or_keep(struct passing *passing, const char *section, struct ipset *set)
{
    for (size_t i = 0; i < passing->sets->count; i++)
        if (ipset_same_members(passing->sets->items[i], set))
            return passing->sets->items[i];
    set->name = ipset_name(passing->arena, section_word(passing->arena, section), set);
    *vec_push(passing->arena, passing->sets) = set;
    return set;
}

// What the fields of all the rules hold, as a set. NULL where that is none that is quick to ask.
static const struct ipset *make_set(struct passing *passing, const struct rule *rules, size_t count,
                                    struct fields fields)
{
    struct collecting collecting = {.arena = passing->arena, .family = passing->family, .fields = fields};
    struct ipset *set;

    collecting.single = fields.address != NO_SIDE && are_single(rules, count, fields.address);
    for (size_t i = 0; i < count; i++)
        add_members(&collecting, &rules[i]);
    if (collecting.too_many || collecting.length_count > COST_SET_LENGTHS)
        return NULL;
    set = arena_alloc(passing->arena, sizeof(*set));
    *set = (struct ipset){.kind = kind_of(&collecting), .members = collecting.members.items};
    set->family = fields.address == NO_SIDE ? FAMILY_IPV4 : passing->family;
    set->count = ipset_members_sort(collecting.members.items, collecting.members.count);
    assert(set->members || !set->count);
    for (size_t i = 0; i < set->count && fields.address != NO_SIDE; i++)
        if (!ipset_takes(set->kind, set->family, set->members[i].prefix))
            return NULL;
    return find_or_keep(passing, rules[0].section, set);
}

// The rule, asking the set for what the fields held.
static struct rule ask_set(struct passing *passing, const struct rule *rule, struct fields fields,
                           const struct ipset *set)
{
    struct match *matches = arena_calloc(passing->arena, rule->match_count + 1, sizeof(*matches));
    // The flags of TCP stay the first that is asked; a limit counts what all others let pass.
    const size_t place = rule->match_count && rule->matches[0].kind == MATCH_TCP;
    struct rule_sets *sets = rule_sets_copy(passing->arena, rule_sets_of(rule));
    struct rule made = *rule;
    size_t parts = 0;

    if (rule->match_count)
        memcpy(matches, rule->matches, place * sizeof(*matches));
    if (rule->match_count > place)
        memcpy(&matches[place + 1], &rule->matches[place], (rule->match_count - place) * sizeof(*matches));
    matches[place] = (struct match){.kind = MATCH_SET, .set.set = set};
    if (fields.address != NO_SIDE) {
        matches[place].set.sides[parts++] = (enum side)fields.address;
        sets->addresses[fields.address] = NULL;
    }
    if (fields.port != NO_SIDE) {
        matches[place].set.sides[parts] = (enum side)fields.port;
        sets->ports[fields.port] = (struct port_set){0};
    }
    made.matches = matches;
    made.match_count++;
    made.sets = sets->addresses[0] || sets->addresses[1] || sets->ports[0].count || sets->ports[1].count
                    ? sets
                    : NULL;
    return made;
}

// A rule that stands for many by itself has sets in place of what makes it so.
static struct rule narrow_rule(struct passing *passing, struct rule rule)
{
    for (unsigned side = SIDE_SOURCE; side <= SIDE_DESTINATION; side++) {
        const struct fields fields[] = {{side, NO_SIDE}, {NO_SIDE, side}};
        const bool wide[] = {address_rules(passing->family, &rule, (enum side)side) > COST_SET_ADDRESSES,
                             port_rules(&rule, (enum side)side) > COST_SET_PORTS};

        for (int i = 0; i < 2; i++) {
            const struct ipset *set = wide[i] ? make_set(passing, &rule, 1, fields[i]) : NULL;

            if (set)
                rule = ask_set(passing, &rule, fields[i], set);
        }
    }
    return rule;
}

// Whether a rule asks for addresses of one side and ports of one side, and for no more.
static bool is_pair(const struct rule *rule, struct fields *fields)
{
    const struct rule_sets *sets = rule_sets_of(rule);

    *fields = (struct fields){sets->addresses[SIDE_SOURCE] ? SIDE_SOURCE : SIDE_DESTINATION,
                              sets->ports[SIDE_SOURCE].count ? SIDE_SOURCE : SIDE_DESTINATION};
    return !sets->addresses[SIDE_SOURCE] != !sets->addresses[SIDE_DESTINATION] &&
           !sets->ports[SIDE_SOURCE].count != !sets->ports[SIDE_DESTINATION].count;
}

// Neighbours that ask for pairs of the same fields, and for the same besides.
struct group {
    struct fields fields;
    rule_list rules;
    size_t expanded;
};

struct groups {
    struct group items[GROUPS_MAX];
    size_t count;
};

static struct group *find_group(struct groups *groups, const struct rule *rule)
{
    struct fields fields;

    if (!has_no_order(rule) || !is_pair(rule, &fields))
        return NULL;
    for (size_t i = 0; i < groups->count; i++) {
        struct group *group = &groups->items[i];

        if (group->fields.address == fields.address && group->fields.port == fields.port &&
            rules_same_but_sets(&group->rules.items[0], rule))
            return group;
    }
    if (groups->count == GROUPS_MAX)
        return NULL;
    groups->items[groups->count] = (struct group){.fields = fields};
    return &groups->items[groups->count++];
}

static void append_group(struct passing *passing, struct chain *chain, const struct group *group)
{
    const struct rule *rules = group->rules.items;
    const struct ipset *set =
        group->expanded > COST_SET_PAIRS ? make_set(passing, rules, group->rules.count, group->fields) : NULL;

    if (set)
        *chain_append(passing->arena, chain) = ask_set(passing, &rules[0], group->fields, set);
    for (size_t i = 0; !set && i < group->rules.count; i++)
        *chain_append(passing->arena, chain) = rules[i];
}

// Rules of which it makes no difference which comes first.
static void append_run(struct passing *passing, struct chain *chain, const struct rule *rules, size_t count)
{
    struct groups *groups = arena_calloc(passing->arena, 1, sizeof(*groups));

    for (size_t i = 0; i < count; i++) {
        struct group *group = find_group(groups, &rules[i]);

        if (!group) {
            *chain_append(passing->arena, chain) = rules[i];
            continue;
        }
        *vec_push(passing->arena, &group->rules) = rules[i];
        group->expanded += expanded_count(passing->family, &rules[i]);
    }
    for (size_t i = 0; i < groups->count; i++)
        append_group(passing, chain, &groups->items[i]);
}

// Rules of one part of the policy, so that a set tells what it is for.
static size_t end_of_run(const struct rule *rules, size_t from, size_t count)
{
    const struct rule *first = &rules[from];
    size_t end = from + 1;

    while (end < count && has_no_order(first) && has_no_order(&rules[end]) &&
           rules[end].section == first->section && targets_same(&rules[end].target, &first->target))
        end++;
    return end;
}

static void pass_chain(struct passing *passing, struct chain *chain)
{
    struct rule *rules = own_rules(passing, chain);
    const size_t count = chain->count;

    chain->items = NULL;
    chain->count = chain->capacity = 0;
    for (size_t i = 0; i < count; i++)
        rules[i] = narrow_rule(passing, rules[i]);
    for (size_t from = 0, end; from < count; from = end) {
        end = end_of_run(rules, from, count);
        append_run(passing, chain, &rules[from], end - from);
    }
}

void pass_sets(struct passing *passing)
{
    for (size_t i = 0; passing->sets && i < passing->table->count; i++)
        pass_chain(passing, passing->table->items[i]);
}
