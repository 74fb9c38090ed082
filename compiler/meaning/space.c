// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/space.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "meaning/outcome.h"

const char *const field_names[FIELD_COUNT] = {
#define FIELD(id, bits, name) name,
#include "meaning/fields.def"
#undef FIELD
};

const char *const hook_names[HOOK_COUNT] = {"input", "forward", "output"};

void packet_space_init(struct packet_space *space, struct arena *arena, enum family family)
{
    *space = (struct packet_space){.arena = arena, .family = family};
}

static void add_name(struct packet_space *space, const char ***items, size_t *count, size_t *capacity,
                     const char *name)
{
    // Most names are the last one again.
    if (!name || (*count && strcmp((*items)[*count - 1], name) == 0))
        return;
    if (*count == *capacity)
        *items = vec_grow(space->arena, (void *)*items, sizeof(**items), capacity);
    (*items)[(*count)++] = name;
}

#define add_interface(space, name)                                                             \
    add_name(space, &(space)->interfaces.items, &(space)->interfaces.count, &(space)->interfaces.capacity, name)
#define add_helper(space, name) \
    add_name(space, &(space)->helpers.items, &(space)->helpers.count, &(space)->helpers.capacity, name)

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_names(const char **items, size_t *count)
{
    size_t kept = 0;

    if (*count)
        qsort((void *)items, *count, sizeof(*items), compare_names);
    for (size_t i = 0; i < *count; i++)
        if (!kept || strcmp(items[kept - 1], items[i]) != 0)
            items[kept++] = items[i];
    *count = kept;
}

// The slot of an unknown in the index, or the empty one where it would stand. FNV-1a.
static size_t *unknown_slot(const struct packet_space *space, const struct unknown *unknown)
{
    uint64_t hash = 0xCBF29CE484222325 ^ (uint64_t)unknown->kind << 32 ^ unknown->number;

    for (const char *at = unknown->text; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001B3;

    size_t slot = (size_t)(hash ^ hash >> 32) & (space->unknown_slots - 1);

    for (; space->unknown_index[slot]; slot = (slot + 1) & (space->unknown_slots - 1)) {
        const struct unknown *known = &space->unknowns.items[space->unknown_index[slot] - 1];

        if (known->kind == unknown->kind && known->number == unknown->number &&
            strcmp(known->text, unknown->text) == 0)
            break;
    }
    return &space->unknown_index[slot];
}

static void grow_unknown_index(struct packet_space *space)
{
    space->unknown_slots = space->unknown_slots ? space->unknown_slots * 4 : 64;
    space->unknown_index = arena_calloc(space->arena, space->unknown_slots, sizeof(*space->unknown_index));
    for (size_t i = 0; i < space->unknowns.count; i++)
        *unknown_slot(space, &space->unknowns.items[i]) = i + 1;
}

void packet_space_add_unknown(struct packet_space *space, enum unknown_kind kind, const char *text,
                              unsigned number)
{
    const struct unknown unknown = {.kind = kind, .text = text, .number = number};

    if (space->unknowns.count * 2 >= space->unknown_slots)
        grow_unknown_index(space);

    size_t *slot = unknown_slot(space, &unknown);

    if (*slot)
        return;
    *vec_push(space->arena, &space->unknowns) = unknown;
    *slot = space->unknowns.count;
}

unsigned packet_space_unknown(const struct packet_space *space, enum unknown_kind kind, const char *text,
                              unsigned number)
{
    const struct unknown unknown = {.kind = kind, .text = text, .number = number};

    return (unsigned)*unknown_slot(space, &unknown) - 1;
}

static void add_limit(struct packet_space *space, const struct limit *limit)
{
    const char *unit = limit->rate.period == 1 ? "second" : limit->rate.period == 60 ? "minute" : limit->rate.period == 3600 ? "hour" : "day";
    const enum unknown_kind kind = limit->per_source ? UNKNOWN_HASHLIMIT : UNKNOWN_LIMIT;

    packet_space_add_unknown(space, kind, limit->kernel_name, 0);
    space->unknowns.items[packet_space_unknown(space, kind, limit->kernel_name, 0)].about =
        arena_printf(space->arena, "%u/%s", limit->rate.events, unit);
}

static void add_entries(struct packet_space *space, const struct entry_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->items[i];

        for (size_t j = 0; j < entry->in.count; j++)
            add_interface(space, entry->in.names[j]);
        for (size_t j = 0; j < entry->out.count; j++)
            add_interface(space, entry->out.names[j]);
        if (entry->helper)
            add_helper(space, entry->helper->name);
        if (entry->limit)
            add_limit(space, entry->limit);
    }
}

void packet_space_add_policy(struct packet_space *space, const struct policy *policy)
{
    add_entries(space, &policy->trust);
    add_entries(space, &policy->deny);
    add_entries(space, &policy->allow);
    add_entries(space, &policy->connect);
    add_entries(space, &policy->forward);
}

void packet_space_add_packets(struct packet_space *space, const struct packets *packets)
{
    if (packets->in && strcmp(packets->in, "any") != 0)
        add_interface(space, packets->in);
    if (packets->out && strcmp(packets->out, "any") != 0)
        add_interface(space, packets->out);
}

static void add_rule_names(struct packet_space *space, const struct rule *rule)
{
    add_interface(space, rule->in);
    add_interface(space, rule->out);
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_HELPER)
            add_helper(space, rule->matches[i].helper.name);
}

// A match that is an unknown, and what unknown it is.
struct unknown_match {
    const struct match *match;
    struct unknown unknown;
    bool fickle;
    size_t order;
};

struct unknown_matches {
    struct unknown_match *items;
    size_t count, capacity;
};

// The text of a rate stands for the limit: two of one text are two buckets.
static const char *limit_text(struct arena *arena, const struct match *match)
{
    return arena_printf(arena, "%u in %u s, burst %u", match->limit.events, match->limit.period, match->limit.burst);
}

static bool match_unknown(struct arena *arena, const struct match *match, struct unknown *unknown, bool *fickle)
{
    *fickle = false;
    switch (match->kind) {
    case MATCH_LIMIT:
        *fickle = true;
        *unknown = (struct unknown){.kind = UNKNOWN_LIMIT, .text = limit_text(arena, match)};
        return true;
    case MATCH_HASHLIMIT: // those of one name are one
        *unknown = (struct unknown){.kind = match->limit.per_source ? UNKNOWN_HASHLIMIT : UNKNOWN_LIMIT, .text = match->limit.name};
        return true;
    case MATCH_HASHLIMIT_TEXT:
        *unknown = (struct unknown){.kind = match->hashlimit.buckets ? UNKNOWN_HASHLIMIT : UNKNOWN_LIMIT, .text = match->hashlimit.name};
        return true;
    case MATCH_OPAQUE:
        *fickle = match->opaque.fickle;
        *unknown = (struct unknown){.kind = UNKNOWN_MATCH, .text = match->opaque.text};
        return true;
    default:
        return false;
    }
}

static int compare_unknown_matches(const void *a, const void *b)
{
    const struct unknown_match *left = a, *right = b;
    const int order = strcmp(left->unknown.text, right->unknown.text);

    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static bool same_kind(const struct unknown_match *a, const struct unknown_match *b)
{
    return a->unknown.kind == b->unknown.kind && strcmp(a->unknown.text, b->unknown.text) == 0;
}

static size_t match_slot(const struct packet_space *space, const struct match *match)
{
    size_t slot = (size_t)(((uintptr_t)match * 0x9E3779B97F4A7C15ULL) >> 20) & (space->match_slots - 1);

    while (space->matches[slot].match && space->matches[slot].match != match)
        slot = (slot + 1) & (space->match_slots - 1);
    return slot;
}

static void remember_match(struct packet_space *space, const struct match *match, unsigned unknown)
{
    if (space->match_count * 2 >= space->match_slots) {
        const struct packet_space old = *space;

        space->match_slots = old.match_slots ? old.match_slots * 4 : 64;
        space->matches = arena_calloc(space->arena, space->match_slots, sizeof(*space->matches));
        for (size_t i = 0; i < old.match_slots; i++)
            if (old.matches[i].match)
                space->matches[match_slot(space, old.matches[i].match)] = old.matches[i];
    }

    const size_t slot = match_slot(space, match);

    space->match_count += !space->matches[slot].match;
    space->matches[slot].match = match;
    space->matches[slot].unknown = unknown;
}

unsigned packet_space_match(const struct packet_space *space, const struct match *match)
{
    return space->matches[match_slot(space, match)].unknown;
}

// Numbers the fickle ones of each text in their order, so that the first of two rulesets is the first of the other.
static void add_unknown_matches(struct packet_space *space, struct unknown_matches *matches)
{
    unsigned number = 0;

    if (matches->count)
        qsort(matches->items, matches->count, sizeof(*matches->items), compare_unknown_matches);
    for (size_t i = 0; i < matches->count; i++) {
        struct unknown *unknown = &matches->items[i].unknown;

        number = i && matches->items[i].fickle && same_kind(&matches->items[i - 1], &matches->items[i]) ? number + 1 : 0;
        packet_space_add_unknown(space, unknown->kind, unknown->text, number);
        remember_match(space, matches->items[i].match,
                       packet_space_unknown(space, unknown->kind, unknown->text, number));
    }
}

// A hashlimit drops what finds no room in its table, whatever the target.
static bool has_table(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if ((rule->matches[i].kind == MATCH_HASHLIMIT && rule->matches[i].limit.per_source) ||
            (rule->matches[i].kind == MATCH_HASHLIMIT_TEXT && rule->matches[i].hashlimit.buckets))
            return true;
    return false;
}

bool rule_decides(const struct rule *rule)
{
    const bool goes_on = rule->target.kind == TARGET_LOG || rule->target.kind == TARGET_NONE ||
                         (rule->target.kind == TARGET_OTHER && target_effect(&rule->target) == EFFECT_CONTINUE);

    return !goes_on || has_table(rule);
}

static void collect_rule(struct packet_space *space, const struct rule *rule, struct unknown_matches *matches)
{
    if (!rule_decides(rule))
        return;
    add_rule_names(space, rule);
    for (size_t i = 0; i < rule->match_count; i++) {
        struct unknown unknown;
        bool fickle;

        if (match_unknown(space->arena, &rule->matches[i], &unknown, &fickle))
            *vec_push(space->arena, matches) =
                (struct unknown_match){&rule->matches[i], unknown, fickle, matches->count};
    }
}

static bool looks_for_sockets(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_SOCKET ||
            (rule->matches[i].kind == MATCH_OPAQUE && strncmp(rule->matches[i].opaque.text, "-m socket", 9) == 0))
            return true;
    return false;
}

const char *policy_unknown(struct packet_space *space, const struct table *table, const struct chain *chain)
{
    return arena_printf(space->arena, "%s %s", table->name, chain->name);
}

void packet_space_add_ruleset(struct packet_space *space, const struct ruleset *ruleset)
{
    struct unknown_matches matches = {0};

    for (size_t i = 0; i < ruleset->count; i++) {
        const struct table *table = &ruleset->items[i];

        for (size_t j = 0; j < table->count; j++) {
            const struct chain *chain = table->items[j];

            if (chain->policy == CHAIN_UNWRITTEN)
                packet_space_add_unknown(space, UNKNOWN_POLICY, policy_unknown(space, table, chain), 0);
            for (size_t k = 0; k < chain->count; k++) {
                collect_rule(space, &chain->items[k], &matches);
                space->defragments = space->defragments || looks_for_sockets(&chain->items[k]) ||
                                     rule_tracks(&chain->items[k], table->name);
            }
        }
    }
    add_unknown_matches(space, &matches);
}

bool packet_space_open(struct packet_space *space, size_t node_limit)
{
    const uint8_t address_bits = (uint8_t)family_bits(space->family);
    const size_t count = FIELD_COUNT + space->unknowns.count;
    const uint8_t field_bits[FIELD_COUNT] = {
#define FIELD(id, bits, name) bits,
#include "meaning/fields.def"
#undef FIELD
    };
    uint8_t *widths = arena_alloc(space->arena, count);

    if (space->unknowns.count > PACKET_UNKNOWNS_MAX)
        return false;
    if (!space->unknown_slots)
        grow_unknown_index(space);
    add_interface(space, "lo");
    sort_names(space->interfaces.items, &space->interfaces.count);
    sort_names(space->helpers.items, &space->helpers.count);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        widths[i] = field_bits[i] ? field_bits[i] : address_bits;
    for (size_t i = FIELD_COUNT; i < count; i++)
        widths[i] = space->unknowns.items[i - FIELD_COUNT].kind == UNKNOWN_HASHLIMIT ? 2 : 1;
    space->diagrams = diagram_space_new(widths, count, node_limit);
    return space->diagrams;
}

void packet_space_close(struct packet_space *space)
{
    diagram_space_free(space->diagrams);
    space->diagrams = NULL;
}

bool interface_number_fits(const struct packet_space *space, size_t number, const char *pattern)
{
    const size_t length = strlen(pattern);

    if (number == INTERFACE_NONE)
        return strcmp(pattern, "+") == 0; // a name without a letter
    if (!length || pattern[length - 1] != '+')
        return number >= INTERFACE_NAMED && strcmp(space->interfaces.items[number - INTERFACE_NAMED], pattern) == 0;
    return length == 1 ||
           (number >= INTERFACE_NAMED &&
            strncmp(space->interfaces.items[number - INTERFACE_NAMED], pattern, length - 1) == 0);
}

static size_t find_name(const char *const *items, size_t count, const char *name)
{
    size_t low = 0, high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(items[middle], name);

        if (!order)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return count;
}

size_t packet_space_interface(const struct packet_space *space, const char *name)
{
    const size_t found = find_name(space->interfaces.items, space->interfaces.count, name);

    return found < space->interfaces.count ? INTERFACE_NAMED + found : INTERFACE_OTHER;
}

size_t packet_space_helper(const struct packet_space *space, const char *name)
{
    return 1 + find_name(space->helpers.items, space->helpers.count, name);
}

#define ANSWERS_MAX 32 // what struct outcome has room for; the kernel knows about a dozen a family

unsigned packet_space_answer(struct packet_space *space, const char *answer)
{
    for (size_t i = 0; i < space->answers.count; i++)
        if (strcmp(space->answers.items[i], answer) == 0)
            return (unsigned)i;
    if (space->answers.count == ANSWERS_MAX)
        return ANSWERS_MAX - 1;
    *vec_push(space->arena, &space->answers) = answer;
    return (unsigned)space->answers.count - 1;
}

// Operations.

static uint32_t both(uint32_t left, uint32_t right)
{
    return left && right;
}

static uint32_t either(uint32_t left, uint32_t right)
{
    return left || right;
}

static uint32_t without(uint32_t left, uint32_t right)
{
    return left && !right;
}

static uint32_t guarded(uint32_t left, uint32_t right)
{
    return left ? right : 0;
}

static uint32_t first_decided(uint32_t left, uint32_t right)
{
    return left ? left : right;
}

static uint32_t unequal(uint32_t left, uint32_t right)
{
    return left != right;
}

static bool is_zero(uint32_t left)
{
    return !left;
}

static bool is_decided(uint32_t left)
{
    return left != 0;
}

static bool is_one(uint32_t left)
{
    return left == 1;
}

// Numbers 1 to 15 are this file's; meaning/sequence.h has the next ones.
static const struct diagram_operation op_and = {1 | DIAGRAM_SAME | DIAGRAM_COMMUTES, both, is_zero},
                                      op_or = {2 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME | DIAGRAM_COMMUTES, either, is_one},
                                      op_minus = {3 | DIAGRAM_ZERO_RIGHT, without, is_zero}, op_guard = {4, guarded, is_zero},
                                      op_first = {5 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME, first_decided, is_decided}, op_differ = {6, unequal, NULL};

diagram set_and(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_and, left, right);
}

diagram set_or(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_or, left, right);
}

diagram set_minus(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_minus, left, right);
}

diagram set_all(struct packet_space *space)
{
    return diagram_constant(space->diagrams, 1);
}

diagram set_none(struct packet_space *space)
{
    return diagram_constant(space->diagrams, 0);
}

diagram only_where(struct packet_space *space, diagram set, diagram function)
{
    return diagram_apply(space->diagrams, &op_guard, set, function);
}

diagram first_of(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_first, left, right);
}

diagram differences(struct packet_space *space, diagram left, diagram right)
{
    return left == right ? set_none(space) : diagram_apply(space->diagrams, &op_differ, left, right);
}

// The domain.

static diagram between(struct packet_space *space, enum field field, uint64_t first, uint64_t last,
                       diagram inside, diagram outside)
{
    const struct addr_range range = {{0, first}, {0, last}};

    return diagram_test(space->diagrams, field, &range, 1, inside, outside);
}

diagram field_between(struct packet_space *space, unsigned field, uint64_t first, uint64_t last)
{
    const struct addr_range range = {{0, first}, {0, last}};

    return diagram_test(space->diagrams, field, &range, 1, set_all(space), set_none(space));
}

// Multicast (RFC 5771, RFC 4291), the limited broadcast (RFC 919), and this host's loopback (RFC 1122, RFC 4291).
static const struct addr_range multicast[FAMILY_COUNT] = {
    {{0, 0xE0000000}, {0, 0xEFFFFFFF}}, {{0xFFULL << 56, 0}, {UINT64_MAX, UINT64_MAX}}};
static const struct addr_range loopback[FAMILY_COUNT] = {{{0, 0x7F000000}, {0, 0x7FFFFFFF}}, {{0, 1}, {0, 1}}};
static const struct addr_range broadcast = {{0, UINT32_MAX}, {0, UINT32_MAX}};

static diagram choose(struct packet_space *space, diagram set, diagram inside, diagram outside)
{
    return set_or(space, set_and(space, set, inside), set_minus(space, outside, set));
}

// What routing can see in a destination at a hook: a multicast address in a multicast address, and so on; an address of
// a subnet can be its broadcast address, of which IPv6 has none. What is forwarded is for another host.
static diagram destinations(struct packet_space *space, enum hook hook)
{
    const enum family family = space->family;
    const diagram all = set_all(space), none = set_none(space);
    diagram is[DESTINATION_OTHER + 1], rest = none;

    for (unsigned type = 0; type <= DESTINATION_OTHER; type++)
        is[type] = between(space, FIELD_DESTINATION_TYPE, type, type, all, none);
    if (hook == HOOK_FORWARD)
        is[DESTINATION_LOCAL] = is[DESTINATION_BROADCAST] = none;
    if (family == FAMILY_IPV6)
        is[DESTINATION_BROADCAST] = none;
    if (hook != HOOK_FORWARD)
        rest = set_or(space, is[DESTINATION_LOCAL], is[DESTINATION_BROADCAST]);
    if (hook != HOOK_INPUT)
        rest = set_or(space, rest, is[DESTINATION_OTHER]);
    if (family == FAMILY_IPV4)
        rest = choose(space, diagram_test(space->diagrams, FIELD_DESTINATION, &broadcast, 1, all, none),
                      is[DESTINATION_BROADCAST], rest);
    rest = choose(space, diagram_test(space->diagrams, FIELD_DESTINATION, &loopback[family], 1, all, none),
                  is[DESTINATION_LOCAL], rest);
    return choose(space, diagram_test(space->diagrams, FIELD_DESTINATION, &multicast[family], 1, all, none),
                  is[DESTINATION_MULTICAST], rest);
}

// The kernel looks for sockets of TCP and UDP, and of what an ICMP error quotes (net/netfilter/xt_socket.c). Ahead of
// forwarding and behind a program of this host there is none to look for.
static diagram sockets(struct packet_space *space, enum hook hook)
{
    const diagram all = set_all(space), none = set_none(space);
    const diagram no_socket = between(space, FIELD_SOCKET, SOCKET_NONE, SOCKET_NONE, all, none);
    diagram some = all;

    if (hook != HOOK_INPUT)
        return no_socket;
    some = between(space, FIELD_PROTOCOL, PROTOCOL_UDP, PROTOCOL_UDP, all, no_socket);
    some = set_or(space, some, between(space, FIELD_PROTOCOL, PROTOCOL_TCP, PROTOCOL_TCP, all, none));
    return space->family == FAMILY_IPV4
               ? set_or(space, some, between(space, FIELD_PROTOCOL, PROTOCOL_ICMP, PROTOCOL_ICMP, all, none))
               : set_or(space, some, between(space, FIELD_PROTOCOL, PROTOCOL_ICMPV6, PROTOCOL_ICMPV6, all, none));
}

diagram hook_domain(struct packet_space *space, enum hook hook)
{
    const diagram all = set_all(space), none = set_none(space);
    const uint64_t last_interface = INTERFACE_NAMED + space->interfaces.count - 1;
    // Only what belongs to a connection, or is related to one, can have a helper.
    const diagram no_helper = between(space, FIELD_HELPER, 0, 0, all, none);
    const diagram helpers = between(space, FIELD_HELPER, 0, space->helpers.count, all, none);
    diagram domain = between(space, FIELD_STATE, PACKET_STATE_ESTABLISHED, PACKET_STATE_RELATED, helpers,
                             between(space, FIELD_STATE, PACKET_STATE_UNTRACKED, 7, none, no_helper));

    domain = set_and(space, domain,
                     hook == HOOK_OUTPUT ? between(space, FIELD_IN, INTERFACE_NONE, INTERFACE_NONE, all, none)
                                         : between(space, FIELD_IN, INTERFACE_OTHER, last_interface, all, none));
    domain = set_and(space, domain,
                     hook == HOOK_INPUT ? between(space, FIELD_OUT, INTERFACE_NONE, INTERFACE_NONE, all, none)
                                        : between(space, FIELD_OUT, INTERFACE_OTHER, last_interface, all, none));
    domain = set_and(space, domain, destinations(space, hook));
    domain = set_and(space, domain, sockets(space, hook));

    // IPv4 packets for this host are put together before INPUT, whatever else happens (net/ipv4/ip_input.c).
    const bool whole = space->defragments || (hook == HOOK_INPUT && space->family == FAMILY_IPV4);

    domain = set_and(space, domain,
                     between(space, FIELD_FRAGMENT, FRAGMENT_NONE, whole ? FRAGMENT_NONE : FRAGMENT_LATER, all, none));
    for (size_t i = 0; i < space->unknowns.count; i++)
        if (space->unknowns.items[i].kind == UNKNOWN_HASHLIMIT)
            domain = set_and(space, domain,
                             between(space, (enum field)(FIELD_COUNT + i), LIMIT_WITHIN, LIMIT_FULL, all, none));
    // What leaves has no MAC yet; forwarded packets still have the one they came with.
    if (hook == HOOK_OUTPUT)
        domain = set_and(space, domain, between(space, FIELD_MAC, 0, 0, all, none));
    return domain;
}

// Documentation addresses (RFC 5737, RFC 3849), a port a client would have, a TCP connection that opens.
const field_value *usual_packet(struct packet_space *space, enum hook hook)
{
    field_value *packet = arena_calloc(space->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    const bool ipv4 = space->family == FAMILY_IPV4;
    const field_value peer = ipv4 ? (field_value){0, 0xC6336409} : (field_value){0x20010DB8ULL << 32, 9};
    const field_value own = ipv4 ? (field_value){0, 0xC0000201} : (field_value){0x20010DB8ULL << 32 | 1, 1};

    packet[FIELD_STATE].low = PACKET_STATE_NEW;
    packet[FIELD_IN].low = hook == HOOK_OUTPUT ? INTERFACE_NONE : INTERFACE_OTHER;
    packet[FIELD_OUT].low = hook == HOOK_INPUT ? INTERFACE_NONE : INTERFACE_OTHER;
    packet[FIELD_PROTOCOL].low = PROTOCOL_TCP;
    packet[FIELD_SOURCE] = hook == HOOK_OUTPUT ? own : peer;
    packet[FIELD_DESTINATION] = hook == HOOK_OUTPUT ? peer : own;
    packet[FIELD_SOURCE_PORT].low = 40000;
    packet[FIELD_DESTINATION_PORT].low = 8080;
    packet[FIELD_DESTINATION_TYPE].low = hook == HOOK_INPUT ? DESTINATION_LOCAL : DESTINATION_OTHER;
    packet[FIELD_FLAGS].low = TCP_SYN;
    packet[FIELD_ICMP_TYPE].low = ipv4 ? 8 : 128; // echo request (RFC 792, RFC 4443)
    packet[FIELD_HOP_LIMIT].low = 64;
    packet[FIELD_SOCKET].low = SOCKET_NONE;
    return packet;
}
