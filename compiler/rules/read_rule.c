// SPDX-License-Identifier: GPL-2.0-or-later
//
// The parts of a line as a rule: its header, its matches in their order, its target.
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "rules/parts.h"
#include "rules/read.h"
#include "rules/values.h"

static const char *copy_slice(struct arena *arena, struct slice text)
{
    return arena_copy(arena, text.at, text.length);
}

// What the host alone can say, as a match in front of the others.
static struct match opaque_header(const char *text)
{
    struct match match = {.kind = MATCH_OPAQUE};

    match.opaque.text = text;
    return match;
}

static bool read_address_item(struct parts *parts, enum side side, struct slice text,
                              struct address_item *item)
{
    static const char options[] = "sd"; // by side
    const struct address *address = &parts->addresses[side];

    *item = (struct address_item){.address.inverted = address->inverted};
    switch (address_read(text, parts->family, &item->address.prefix)) {
    case ADDRESS_FINE:
        return true;
    case ADDRESS_NAME:
    case ADDRESS_MASK:
        item->opaque = arena_printf(parts->arena, "%s-%c %.*s", address->inverted ? "! " : "", options[side],
                                    (int)text.length, text.at);
        item->address = (struct rule_address){0};
        return true;
    case ADDRESS_FAMILY:
        return parts_refuse(parts, address->word->raw, NULL, "`%.*s` is no %s address", (int)text.length,
                            text.at, family_name(parts->family));
    case ADDRESS_WRONG:
        break;
    }
    return parts_refuse(parts, address->word->raw,
                        text.length && memchr(text.at, '-', text.length)
                            ? "a range needs -m iprange --src-range or --dst-range"
                            : NULL,
                        "`%.*s` is neither an address nor the name of a host", (int)text.length, text.at);
}

static struct slice without_blanks(struct slice text)
{
    while (text.length && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = (struct slice){text.at + 1, text.length - 1};
    return text;
}

static bool read_address_list(struct parts *parts, enum side side, struct address_list *list)
{
    const struct address *address = &parts->addresses[side];
    struct slice rest = address->text;

    list->items = &list->one;
    list->count = 1;
    if (!address->word) {
        list->one = (struct address_item){0};
        return true;
    }
    if (!rest.length || !memchr(rest.at, ',', rest.length))
        return read_address_item(parts, side, rest, &list->one);
    for (size_t i = 0; i < rest.length; i++)
        list->count += rest.at[i] == ',';
    list->items = arena_calloc(parts->arena, list->count, sizeof(*list->items));
    for (size_t i = 0; i < list->count; i++) {
        struct slice item = rest;

        slice_split(rest, ',', &item, &rest);
        if (!read_address_item(parts, side, without_blanks(item), &list->items[i]))
            return false;
    }
    return true;
}

bool parts_addresses(struct parts *parts, struct address_list lists[2])
{
    for (enum side side = SIDE_SOURCE; side <= SIDE_DESTINATION; side++)
        if (!read_address_list(parts, side, &lists[side]))
            return false;
    for (int side = 0; side < 2; side++)
        if (parts->addresses[side].word && parts->addresses[side].inverted &&
            lists[0].count * lists[1].count > 1)
            return parts_refuse(parts, parts->addresses[side].word->raw, NULL,
                                "`!` does not go together with a list of addresses");
    return true;
}

// A rule of its own for each pair, as iptables makes them; names of hosts become matches.
void rule_with_addresses(struct arena *arena, struct rule *rule, const struct address_list lists[2],
                         size_t index)
{
    const struct address_item *items[2] = {
        &lists[SIDE_SOURCE].items[index / lists[SIDE_DESTINATION].count],
        &lists[SIDE_DESTINATION].items[index % lists[SIDE_DESTINATION].count]};

    for (int side = 0; side < 2; side++)
        rule->addresses[side] = items[side]->address;
    for (int side = 1; side >= 0; side--) {
        if (!items[side]->opaque)
            continue;

        struct match *matches = arena_calloc(arena, rule->match_count + 1, sizeof(*matches));

        matches[0] = opaque_header(items[side]->opaque);
        if (rule->match_count)
            memcpy(matches + 1, rule->matches, rule->match_count * sizeof(*matches));
        rule->matches = matches;
        rule->match_count++;
    }
}

static bool read_reject(struct parts *parts, size_t use, struct target *target)
{
    static const struct {
        enum family family;
        const char *name, *alias;
    } types[] = {
#define REJECT_TYPE(family, name, alias) {FAMILY_##family, name, alias},
#include "rules/reject_types.def"
#undef REJECT_TYPE
    };
    const struct option *option = NULL;

    target->kind = TARGET_REJECT;
    target->text = parts->family == FAMILY_IPV4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
    for (size_t i = 0; i < parts->option_count; i++)
        if (parts->options[i].use == use)
            option = &parts->options[i];
    if (!option)
        return true;

    const struct slice text = option->values[0];

    for (size_t i = 0; i < sizeof(types) / sizeof(*types) && text.length; i++) {
        if (types[i].family == parts->family && ((text.length <= strlen(types[i].name) &&
                                                  strncasecmp(types[i].name, text.at, text.length) == 0) ||
                                                 (text.length <= strlen(types[i].alias) &&
                                                  strncasecmp(types[i].alias, text.at, text.length) == 0))) {
            target->text = types[i].name;
            return true;
        }
    }
    return parts_refuse(parts, option->words[option->count - 1].raw, NULL, "%s has no answer `%.*s`",
                        family_name(parts->family), (int)text.length, text.at);
}

// CT, where it does no more than one of the two things that are modelled.
static void read_ct(const struct parts *parts, size_t use, struct target *target)
{
    const struct option *only = NULL;
    size_t count = 0;

    for (size_t i = 0; i < parts->option_count; i++) {
        if (parts->options[i].use == use) {
            only = &parts->options[i];
            count++;
        }
    }
    if (count != 1 || !only->kind || only->inverted)
        return;
    if (strcmp(only->kind->name, "notrack") == 0)
        *target = (struct target){TARGET_NOTRACK, NULL};
    else if (strcmp(only->kind->name, "helper") == 0 && is_bare(only->values[0]))
        *target = (struct target){TARGET_HELPER, copy_slice(parts->arena, only->values[0])};
}

static bool read_extension_target(struct parts *parts, struct target *target)
{
    const size_t use = parts->target_use;

    *target = (struct target){TARGET_OTHER, use_text(parts, use, "", parts->target)};
    if (slice_is(parts->target, "REJECT"))
        return read_reject(parts, use, target);
    if (slice_is(parts->target, "NOTRACK"))
        *target = (struct target){TARGET_NOTRACK, "NOTRACK"};
    else if (slice_is(parts->target, "CT"))
        read_ct(parts, use, target);
    return true;
}

bool is_verdict(struct slice name)
{
    return slice_is(name, "ACCEPT") || slice_is(name, "DROP") || slice_is(name, "RETURN") ||
           slice_is(name, "QUEUE");
}

static struct target verdict(struct slice name)
{
    return slice_is(name, "ACCEPT")   ? (struct target){TARGET_ACCEPT, NULL}
           : slice_is(name, "DROP")   ? (struct target){TARGET_DROP, NULL}
           : slice_is(name, "RETURN") ? (struct target){TARGET_RETURN, NULL}
                                      : (struct target){TARGET_OTHER, "QUEUE"};
}

static bool read_target(struct parts *parts, struct target *target)
{
    *target = (struct target){TARGET_NONE, NULL};
    if (!parts->target_word)
        return true;
    if (parts->target_use != NO_USE)
        return read_extension_target(parts, target);
    if (!parts->jump_only && is_verdict(parts->target)) {
        *target = verdict(parts->target);
        return true;
    }
    target->kind = parts->jump_only ? TARGET_GOTO : TARGET_JUMP;
    target->text = copy_slice(parts->arena, parts->target);
    return true;
}

static const char *read_interface(const struct parts *parts, int which)
{
    const struct slice name = parts->interfaces[which];

    // `+` alone is any interface.
    if (!name.at || (slice_is(name, "+") && !parts->interfaces_inverted[which]))
        return NULL;
    return copy_slice(parts->arena, name);
}

bool parts_rule(struct parts *parts, struct rule *rule)
{
    struct match *matches;
    size_t room, count = 0;

    rule->in = read_interface(parts, 0);
    rule->out = read_interface(parts, 1);
    rule->in_inverted = rule->in && parts->interfaces_inverted[0];
    rule->out_inverted = rule->out && parts->interfaces_inverted[1];
    rule->protocol = parts->protocol;
    rule->protocol_inverted = parts->protocol && parts->protocol_inverted;
    rule->later_fragments = parts->later_fragments;
    rule->later_fragments_inverted = parts->later_fragments_inverted;
    rule->counters = parts->counters;
    room = parts->use_count + parts->protocol_opaque - (parts->target_use != NO_USE);
    matches = room ? arena_calloc(parts->arena, room, sizeof(*matches)) : NULL;
    assert(matches || !parts->protocol_opaque);
    if (parts->protocol_opaque)
        matches[count++] =
            opaque_header(arena_printf(parts->arena, "%s-p %.*s", parts->protocol_inverted ? "! " : "",
                                       (int)parts->protocol_name.length, parts->protocol_name.at));
    for (size_t i = 0; i < parts->use_count; i++)
        if (i != parts->target_use && !match_read(parts, i, &matches[count++]))
            return false;
    assert(matches || !count);
    rule->matches = matches;
    rule->match_count = count;
    return read_target(parts, &rule->target);
}

const struct rule *rule_read(struct arena *arena, struct slice text, enum family family, struct span span,
                             struct diag_list *diags, size_t *count)
{
    struct address_list lists[2];
    struct rule rule = {.span = span}, *rules;
    struct parts parts;
    struct slice refused;

    parts.arena = arena;
    parts.diags = diags;
    parts.refused = &refused;
    parts.family = family;
    parts.sets = NULL;
    parts.span = span;
    parts.place = PLACE_UNKNOWN;
    if (!parts_read(&parts, text, COMMAND_APPEND) || !parts_rule(&parts, &rule) ||
        !parts_addresses(&parts, lists))
        return NULL;
    *count = parts.other_family ? 0 : lists[0].count * lists[1].count;
    rules = arena_calloc(arena, *count, sizeof(*rules));
    for (size_t i = 0; i < *count; i++) {
        rules[i] = rule;
        rule_with_addresses(arena, &rules[i], lists, i);
    }
    return rules;
}

const char *rule_misplaced(const struct rule *rule, const char *table, const char *chain)
{
    static const struct {
        const char *hook;
        bool leaving; // the interface that is not there
        const char *problem;
    } absent[] = {{"PREROUTING", true, "packets in PREROUTING have no output interface yet"},
                  {"INPUT", true, "packets in INPUT have no output interface"},
                  {"OUTPUT", false, "packets in OUTPUT have no input interface"},
                  {"POSTROUTING", false, "packets in POSTROUTING have no input interface any more"}};

    for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
        if ((absent[i].leaving ? rule->out : rule->in) && strcmp(chain, absent[i].hook) == 0)
            return absent[i].problem;
    if (rule->target.kind == TARGET_DROP && strcmp(table, "nat") == 0)
        return "the table nat is not for filtering: iptables refuses DROP there";
    return NULL;
}

bool rules_target_name(struct slice name)
{
    return is_verdict(name) || extension_find(name, true);
}

const char *rules_target_nearest(struct slice name)
{
    return extension_nearest(name, true);
}

void rule_check_spelling(const struct rule *rule, struct diag_list *diags)
{
    for (size_t i = 0; i < rule->match_count; i++) {
        const char *nearest;
        struct slice text, name;

        if (rule->matches[i].kind != MATCH_OPAQUE)
            continue;
        text = slice_of(rule->matches[i].opaque.text);
        if (!slice_is(slice_word(&text), "-m"))
            continue;
        name = slice_word(&text);
        nearest = extension_find(name, false) ? NULL : extension_nearest(name, false);
        if (!nearest)
            continue;
        diag_add(diags, DIAG_MISSPELT_MATCH, rule->span, "`%.*s` is no match that ctc knows",
                 (int)name.length, name.at);
        diag_hint(diags, "did you mean %s?", nearest);
    }
}
