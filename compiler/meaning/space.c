// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/space.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "meaning/outcome.h"

const enum field address_fields[2] = {FIELD_SOURCE, FIELD_DESTINATION};
const enum field port_fields[2] = {FIELD_SOURCE_PORT, FIELD_DESTINATION_PORT};

const char *const field_names[FIELD_COUNT] = {
#define FIELD(id, bits, name) name,
#include "meaning/fields.def"
#undef FIELD
};

static const uint8_t field_bits[FIELD_COUNT] = {
#define FIELD(id, bits, name) bits,
#include "meaning/fields.def"
#undef FIELD
};

field_value field_last(enum family family, enum field field)
{
    return field_bits[field] ? (field_value){0, ((uint64_t)1 << field_bits[field]) - 1} : addr_max(family);
}

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

#define add_interface(space, name)                                                                         \
    add_name(space, &(space)->interfaces.items, &(space)->interfaces.count, &(space)->interfaces.capacity, \
             name)
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

void packet_space_add_rule_names(struct packet_space *space, const struct rule *rule)
{
    add_interface(space, rule->in);
    add_interface(space, rule->out);
    for (size_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i].kind == MATCH_HELPER) {
            const char *name = rule->matches[i].helper.name, *dash = strchr(name, '-');

            add_helper(space, name);
            if (dash) // ftp-2121 is another port of ftp, which fits that name as well
                add_helper(space, arena_copy(space->arena, name, (size_t)(dash - name)));
        }
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
            packet_space_add_limit(space, entry->limit);
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
    for (size_t i = 0; i < packets->in.count; i++)
        add_interface(space, packets->in.items[i]);
    for (size_t i = 0; i < packets->out.count; i++)
        add_interface(space, packets->out.items[i]);
}

bool packet_space_open(struct packet_space *space, size_t node_limit)
{
    const uint8_t address_bits = (uint8_t)family_bits(space->family);
    const size_t count = FIELD_COUNT + space->unknowns.count;
    uint8_t *widths = arena_alloc(space->arena, count);

    if (space->unknowns.count > PACKET_UNKNOWNS_MAX)
        return false;
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
        return number >= INTERFACE_NAMED &&
               strcmp(space->interfaces.items[number - INTERFACE_NAMED], pattern) == 0;
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

bool packet_space_admit(struct packet_space *space, const struct ruleset *ruleset)
{
    const struct packet_space before = *space;
    bool known = true;

    memset(&space->interfaces, 0, sizeof(space->interfaces));
    memset(&space->helpers, 0, sizeof(space->helpers));
    packet_space_add_ruleset(space, ruleset);
    known = space->unknowns.count == before.unknowns.count && space->defragments == before.defragments;
    for (size_t i = 0; i < space->interfaces.count && known; i++)
        known = find_name(before.interfaces.items, before.interfaces.count, space->interfaces.items[i]) <
                before.interfaces.count;
    for (size_t i = 0; i < space->helpers.count && known; i++)
        known = find_name(before.helpers.items, before.helpers.count, space->helpers.items[i]) <
                before.helpers.count;
    space->interfaces = before.interfaces;
    space->helpers = before.helpers;
    return known;
}

size_t packet_space_interface(const struct packet_space *space, const char *name)
{
    const size_t found = find_name(space->interfaces.items, space->interfaces.count, name);

    return found < space->interfaces.count ? INTERFACE_NAMED + found : INTERFACE_OTHER;
}

uint32_t packet_space_template(struct packet_space *space, const char *options)
{
    if (!options[0])
        return 0;
    for (size_t i = 0; i < space->templates.count; i++)
        if (strcmp(space->templates.items[i], options) == 0)
            return (uint32_t)i + 1;
    *vec_push(space->arena, &space->templates) = options;
    return (uint32_t)space->templates.count;
}

uint32_t helper_template(struct packet_space *space, const char *helper)
{
    return packet_space_template(space, arena_printf(space->arena, "--helper %s", helper));
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
