// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/describe.h"

#include <string.h>

#include "base/kernel.h"
#include "base/protocols.h"
#include "meaning/sets.h"
#include "packets/flags.h"

#define SHOWN 6 // ranges of one field; the others are counted

// What a list leaves out, at most SHOWN + 1 ranges.
static size_t left_out(const struct packet_space *space, size_t field, const struct range_list *list,
                       struct addr_range others[SHOWN + 1])
{
    const struct addr last = field_last(space->family, (enum field)field);
    struct addr next = {0, 0};
    size_t count = 0;

    for (size_t i = 0; i < list->count && count <= SHOWN; i++) {
        if (addr_compare(next, list->items[i].first) < 0)
            others[count++] = (struct addr_range){next, addr_previous(list->items[i].first)};
        if (addr_compare(list->items[i].last, last) >= 0)
            return count;
        next = addr_next(list->items[i].last);
    }
    if (count <= SHOWN)
        others[count++] = (struct addr_range){next, last};
    return count;
}

static void put_address_range(struct buf *out, const struct packet_space *space,
                              const struct addr_range *range)
{
    const struct prefix prefix = range_first_prefix(space->family, range);
    const struct addr_range whole = prefix_range(space->family, prefix);

    if (addr_compare(range->first, range->last) == 0) {
        addr_print(out, space->family, range->first);
    } else if (addr_compare(whole.last, range->last) == 0) {
        prefix_print(out, space->family, prefix);
    } else {
        addr_print(out, space->family, range->first);
        buf_char(out, '-');
        addr_print(out, space->family, range->last);
    }
}

static void put_number_range(struct buf *out, const struct packet_space *space,
                             const struct addr_range *range)
{
    (void)space;
    buf_number(out, range->first.low);
    if (range->first.low != range->last.low) {
        buf_char(out, '-');
        buf_number(out, range->last.low);
    }
}

static void put_protocol_range(struct buf *out, const struct packet_space *space,
                               const struct addr_range *range)
{
    const uint64_t other_icmp = space->family == FAMILY_IPV4 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP;
    // The name stands for what it is in its own family.
    const char *name = range->first.low == range->last.low && range->first.low != other_icmp
                           ? protocol_name((uint8_t)range->first.low)
                           : NULL;

    if (name)
        buf_text(out, name);
    else
        put_number_range(out, space, range);
}

typedef void put_range(struct buf *out, const struct packet_space *space, const struct addr_range *range);

static void put_ranges(struct buf *out, const struct packet_space *space, const struct addr_range *ranges,
                       size_t count, put_range *put)
{
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        if (i)
            buf_char(out, ',');
        put(out, space, &ranges[i]);
    }
    if (count > SHOWN)
        buf_printf(out, ",and-%zu-more", count - SHOWN);
}

// A list, or what it leaves out where that is shorter.
static void put_list(struct buf *out, const struct packet_space *space, size_t field,
                     const struct range_list *list, put_range *put)
{
    struct addr_range others[SHOWN + 1];
    const size_t count = left_out(space, field, list, others);

    if (count <= SHOWN && count < list->count) {
        buf_text(out, "not ");
        put_ranges(out, space, others, count, put);
    } else {
        put_ranges(out, space, list->items, list->count, put);
    }
}

static bool holds(const struct range_list *list, uint64_t value)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->items[i].first.high && list->items[i].first.low <= value &&
            (list->items[i].last.high || value <= list->items[i].last.low))
            return true;
    return false;
}

// Interfaces by name. A set that holds the ones without a name is said by those that it does not hold.
static void put_interfaces(struct buf *out, const struct packet_space *space, const struct range_list *list)
{
    const bool others = holds(list, INTERFACE_OTHER);
    bool any = false;

    if (holds(list, INTERFACE_NONE) && !others) {
        buf_text(out, "none");
        return;
    }
    if (others)
        buf_text(out, "not ");
    for (size_t i = 0; i < space->interfaces.count; i++) {
        if (holds(list, INTERFACE_NAMED + i) == others)
            continue;
        buf_printf(out, "%s%s", any ? "," : "", space->interfaces.items[i]);
        any = true;
    }
    if (!any && others) {
        out->length -= strlen("not ");
        buf_text(out, "any");
    }
}

static void separate(struct buf *out)
{
    if (out->length && out->bytes[out->length - 1] != ' ')
        buf_char(out, ' ');
}

// Protocols that are there, or those that are not. A number alone would read as anything.
static void put_protocol_list(struct buf *out, const struct packet_space *space, bool others,
                              const struct addr_range *ranges, size_t count)
{
    struct buf text = {0};

    put_ranges(&text, space, ranges, count, put_protocol_range);
    if (others)
        buf_text(out, "not ");
    else if (text.length && text.bytes[0] >= '0' && text.bytes[0] <= '9' &&
             strncmp(text.bytes, "6in4", 4) != 0)
        buf_text(out, "protocol ");
    buf_append(out, text.bytes, text.length);
    buf_clear(&text);
}

// No packet has protocol 0: whether a list has it does not matter.
static size_t without_zero(const struct addr_range *ranges, size_t count, struct addr_range *copy)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        copy[kept] = ranges[i];
        if (!copy[kept].first.low)
            copy[kept].first.low = 1;
        kept += copy[kept].last.low > 0;
    }
    return kept;
}

static size_t value_count(const struct addr_range *ranges, size_t count)
{
    size_t values = 0;

    for (size_t i = 0; i < count; i++)
        values += (size_t)(ranges[i].last.low - ranges[i].first.low) + 1;
    return values;
}

static void put_protocols(struct buf *out, const struct packet_space *space, const struct box *box)
{
    const struct range_list *list = &box->fields[FIELD_PROTOCOL];
    struct addr_range others[SHOWN + 1], those[SHOWN + 1], ranges[UINT8_MAX];
    const size_t count = without_zero(list->items, list->count, ranges);
    const size_t left = left_out(space, FIELD_PROTOCOL, list, others);
    const size_t other_count = without_zero(others, left, those);

    if (!list->count || (left <= SHOWN && !other_count))
        return;
    separate(out);
    if (left <= SHOWN && value_count(those, other_count) < value_count(ranges, count))
        put_protocol_list(out, space, true, those, other_count);
    else
        put_protocol_list(out, space, false, ranges, count);
}

// Values of a small field, up to `last`, by their words.
static void put_words(struct buf *out, const struct range_list *list, const char *const *words, uint64_t last,
                      const char *between)
{
    bool any = false;

    for (uint64_t value = 0; value <= last; value++) {
        if (!holds(list, value))
            continue;
        buf_printf(out, "%s%s", any ? between : "", words[value]);
        any = true;
    }
}

static uint64_t flag_bits(const struct range_list *list)
{
    uint64_t bits = 0;

    for (unsigned value = 0; value < 64; value++)
        if (holds(list, value))
            bits |= (uint64_t)1 << value;
    return bits;
}

static void put_mac_range(struct buf *out, const struct packet_space *space, const struct addr_range *range)
{
    (void)space;
    if (range->first.low == NO_MAC) {
        buf_text(out, "none");
        return;
    }
    for (int byte = 5; byte >= 0; byte--)
        buf_printf(out, "%02X%s", (unsigned)(range->first.low >> (8 * byte)) & 0xFF, byte ? ":" : "");
    if (range->first.low != range->last.low)
        buf_text(out, "-...");
}

static void put_helper_range(struct buf *out, const struct packet_space *space,
                             const struct addr_range *range)
{
    for (uint64_t number = range->first.low; number <= range->last.low && number <= space->helpers.count;
         number++) {
        if (number > range->first.low)
            buf_char(out, ',');
        buf_text(out, number ? space->helpers.items[number - 1] : "none");
    }
}

static void put_side(struct buf *out, const struct packet_space *space, const struct box *box,
                     const char *word, size_t address, size_t port)
{
    const struct range_list *addresses = &box->fields[address], *ports = &box->fields[port];

    if (!addresses->count && !ports->count)
        return;
    separate(out);
    buf_text(out, word);
    if (addresses->count) {
        buf_char(out, ' ');
        put_list(out, space, address, addresses, put_address_range);
    }
    if (ports->count) {
        buf_text(out, " port ");
        put_list(out, space, port, ports, put_number_range);
    }
}

static void put_field(struct buf *out, const struct packet_space *space, const struct box *box, size_t field,
                      const char *word, put_range *put)
{
    if (!box->fields[field].count)
        return;
    separate(out);
    buf_text(out, word);
    put_list(out, space, field, &box->fields[field], put);
}

static void put_interface_field(struct buf *out, const struct packet_space *space, const struct box *box,
                                size_t field, const char *word)
{
    if (!box->fields[field].count)
        return;
    separate(out);
    buf_text(out, word);
    put_interfaces(out, space, &box->fields[field]);
}

static void put_word_field(struct buf *out, const struct box *box, size_t field, const char *word,
                           const char *const *words, uint64_t last)
{
    if (!box->fields[field].count)
        return;
    separate(out);
    buf_text(out, word);
    put_words(out, &box->fields[field], words, last, "/");
}

static void put_unknown(struct buf *out, const struct unknown *unknown, const struct range_list *list)
{
    static const char *const limits[] = {"within", "over", "full"};

    separate(out);
    switch (unknown->kind) {
    case UNKNOWN_LIMIT:
    case UNKNOWN_HASHLIMIT:
        if (unknown->about && holds(list, LIMIT_WITHIN) != holds(list, LIMIT_OVER)) {
            buf_printf(out, "%s %s", holds(list, LIMIT_WITHIN) ? "up to" : "over", unknown->about);
            break;
        }
        if (unknown->about && holds(list, LIMIT_FULL) && !holds(list, LIMIT_OVER)) {
            buf_text(out, "while the limit's table is full");
            break;
        }
        buf_char(out, '(');
        put_words(out, list, limits, LIMIT_FULL, "/");
        buf_printf(out, " limit %s)", unknown->text);
        break;
    case UNKNOWN_MATCH:
        buf_printf(out, "(%s %s)", holds(list, UNKNOWN_YES) ? "where" : "unless", unknown->text);
        break;
    case UNKNOWN_POLICY:
        buf_printf(out, "(if the policy of %s is %s)", unknown->text,
                   holds(list, UNKNOWN_YES) ? "DROP" : "ACCEPT");
        break;
    }
}

static void put_states(struct buf *out, const struct range_list *list)
{
    const bool new = holds(list, PACKET_STATE_NEW), established = holds(list, PACKET_STATE_ESTABLISHED),
               related = holds(list, PACKET_STATE_RELATED), invalid = holds(list, PACKET_STATE_INVALID);

    if (!list->count)
        return;
    separate(out);
    if (new + established + related + invalid == 3)
        buf_printf(out, "not %s", packet_state_words[!new ? 0 : !established ? 1 : !related ? 2 : 3]);
    else if (!(new || established || related || invalid))
        buf_text(out, "untracked");
    else
        put_words(out, list, packet_state_words, PACKET_STATE_INVALID, " ");
}

// Combinations of flags that no packet of `domain` has with the rest of the box.
static uint64_t free_flags(struct packet_space *space, const struct box *box, diagram domain)
{
    struct diagram_space *diagrams = space->diagrams;
    struct arena arena = {0};
    const size_t fields = FIELD_COUNT + space->unknowns.count;
    struct field_choice *choices = arena_calloc(&arena, fields, sizeof(*choices));
    field_value *packet = arena_calloc(&arena, fields, sizeof(*packet));
    diagram there = diagram_constant(diagrams, 1);
    uint64_t free = 0;

    for (size_t field = fields; field-- > 0;) {
        const struct range_list *list = &box->fields[field];

        if (field != FIELD_FLAGS && list->count)
            there = diagram_test(diagrams, (unsigned)field, list->items, list->count, there,
                                 diagram_constant(diagrams, 0));
        choices[field].how = field == FIELD_FLAGS ? CHOOSE_KEEP : CHOOSE_LARGEST;
    }
    there = diagram_settle(diagrams, set_and(space, domain, there), choices);
    for (unsigned value = 0; value < 64 && !diagram_overflowed(diagrams); value++) {
        packet[FIELD_FLAGS].low = value;
        if (!diagram_evaluate(diagrams, there, packet))
            free |= (uint64_t)1 << value;
    }
    arena_clear(&arena);
    return free;
}

static void put_flags(struct buf *out, struct packet_space *space, const struct box *box, diagram domain)
{
    const struct range_list *list = &box->fields[FIELD_FLAGS];
    uint64_t flags, free;

    if (!list->count)
        return;
    // The box itself may hold some that no packet has.
    free = free_flags(space, box, domain);
    flags = flag_bits(list) & ~free;
    if (!flags || !~(flags | free))
        return;
    separate(out);
    flag_set_print(out, flags, free);
}

void describe_box(struct buf *out, struct packet_space *space, const struct box *box, diagram domain)
{
    put_interface_field(out, space, box, FIELD_IN, "in ");
    put_interface_field(out, space, box, FIELD_OUT, "out ");
    put_protocols(out, space, box);
    put_side(out, space, box, "from", FIELD_SOURCE, FIELD_SOURCE_PORT);
    put_side(out, space, box, "to", FIELD_DESTINATION, FIELD_DESTINATION_PORT);
    put_word_field(out, box, FIELD_DESTINATION_TYPE, "cast ", packet_cast_words, DESTINATION_OTHER);
    put_field(out, space, box, FIELD_ICMP_TYPE, "type ", put_number_range);
    put_field(out, space, box, FIELD_ICMP_CODE, "code ", put_number_range);
    put_states(out, &box->fields[FIELD_STATE]);
    put_flags(out, space, box, domain);
    put_word_field(out, box, FIELD_FRAGMENT, "fragment ", packet_fragment_words, FRAGMENT_LATER);
    put_field(out, space, box, FIELD_HOP_LIMIT, "hop ", put_number_range);
    put_field(out, space, box, FIELD_MAC, "mac ", put_mac_range);
    if (box->fields[FIELD_HELPER].count) {
        put_field(out, space, box, FIELD_HELPER, "(helper ", put_helper_range);
        buf_char(out, ')');
    }
    put_word_field(out, box, FIELD_SOCKET, "socket ", packet_socket_words, SOCKET_CONNECTED);
    for (size_t i = 0; i < space->unknowns.count; i++)
        if (box->fields[FIELD_COUNT + i].count)
            put_unknown(out, &space->unknowns.items[i], &box->fields[FIELD_COUNT + i]);
}

const char *walk_name(enum walk walk)
{
    static const char *const names[] = {"undecided", "undecided", "accept", "drop", "reject", "elsewhere"};

    return names[walk];
}

void describe_verdict(struct buf *out, const struct packet_space *space, struct outcome outcome)
{
    buf_text(out, outcome.walk == WALK_ELSEWHERE ? "decided elsewhere" : walk_name(outcome.walk));
    if (outcome.walk == WALK_REJECT && outcome.answer < space->answers.count)
        buf_printf(out, " with %s", space->answers.items[outcome.answer]);
}

const unsigned *usual_order(struct packet_space *space)
{
    static const enum field last[] = {FIELD_PROTOCOL, FIELD_SOURCE, FIELD_DESTINATION,
                                      FIELD_DESTINATION_PORT};
    const size_t count = FIELD_COUNT + space->unknowns.count, behind = sizeof(last) / sizeof(*last);
    unsigned *order = arena_calloc(space->arena, count, sizeof(*order));
    size_t at = 0;

    for (size_t field = count; field-- > 0;) {
        bool later = false;

        for (size_t i = 0; i < behind; i++)
            later = later || field == last[i];
        if (!later)
            order[at++] = (unsigned)field;
    }
    for (size_t i = behind; i-- > 0;)
        order[at++] = (unsigned)last[i];
    return order;
}

struct cover boxes_to_tell(struct arena *arena, struct packet_space *space, diagram set, diagram domain,
                           diagram meant, size_t limit)
{
    struct cover cover = cover_boxes(arena, space->diagrams, set, domain, usual_order(space), limit);

    // No packet has protocol 0. Flags are words by what is common to their values.
    meant = set_minus(space, set_and(space, set, meant), field_between(space, FIELD_PROTOCOL, 0, 0));
    cover_trim(space->diagrams, &cover, meant, FIELD_FLAGS);
    return cover;
}
