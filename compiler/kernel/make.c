// SPDX-License-Identifier: GPL-2.0-or-later
//
// The way from text to bytes: what the iptables programs do with a match or target, less getopt. The words of one are
// all that there are, and its own options all that it can have.
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <xtables.h>

#include "base/arena.h"
#include "base/vec.h"
#include "kernel/entry.h"
#include "kernel/extensions.h"
#include "rules/words.h"

// What was made of a text. Ports stand for other bytes where the protocol is another.
struct made {
    struct slice text;
    const void *bytes;
    uint16_t protocol;
    bool protocol_inverted;
};

static struct {
    struct arena lasting, passing;
    struct words words;
    char *arguments[RULE_WORDS_MAX + 1];
    struct made **index; // hash table; NULL for an empty slot
    size_t made_count, index_size;
    VEC(struct extension_size) sizes;
} state;

// The header of the entry that a match or target is for: plugins are given what they may write to.
_Alignas(struct ip6t_entry) static unsigned char given_entry[sizeof(struct ip6t_entry)];

static const struct entry_layout *own_layout(void)
{
    return &entry_layouts[extensions_family()];
}

// The words of a text as arguments, ended by NULL.
static size_t take_apart(struct slice text)
{
    struct slice at;
    const char *wrong;

    arena_reset(&state.passing);
    wrong = words_split(&state.passing, text, &state.words, &at);
    if (wrong)
        extensions_fail("%s", wrong);
    for (size_t i = 0; i < state.words.count; i++)
        state.arguments[i] =
            arena_copy(&state.passing, state.words.items[i].text.at, state.words.items[i].text.length);
    state.arguments[state.words.count] = NULL;
    return state.words.count;
}

// An option of an extension, whichever of its two ways it has to list them.
struct choice {
    unsigned id;
    bool valued;
};

// The option of that name, or the only one that begins so.
static bool find_option(const struct xt_option_entry *entries, const struct option *options,
                        struct slice name, struct choice *choice)
{
    size_t beginning = 0;

    for (; entries && entries->name; entries++) {
        if (!slice_starts(slice_of(entries->name), name.at))
            continue;
        *choice = (struct choice){entries->id, entries->type != XTTYPE_NONE};
        if (strlen(entries->name) == name.length)
            return true;
        beginning++;
    }
    for (; options && options->name; options++) {
        if (!slice_starts(slice_of(options->name), name.at))
            continue;
        *choice = (struct choice){(unsigned)options->val, options->has_arg != no_argument};
        if (strlen(options->name) == name.length)
            return true;
        beginning++;
    }
    return beginning == 1;
}

struct parser {
    const char *name;
    const struct xt_option_entry *entries;
    const struct option *options;
    struct xtables_match *match; // or
    struct xtables_target *target;
};

// Reads the options from argument `next` on. Plugins look at getopt's variables.
static void read_options(const struct parser *parser, size_t next, size_t count)
{
    while (next < count) {
        const bool inverted = strcmp(state.arguments[next], "!") == 0;
        char *word = state.arguments[next += inverted];
        char *value = word ? strchr(word, '=') : NULL;
        struct choice choice;

        if (!word || strncmp(word, "--", 2) != 0)
            extensions_fail("%s: `%s` is no option", parser->name, word ? word : "!");
        if (value)
            *value++ = '\0';
        if (!find_option(parser->entries, parser->options, slice_of(word + 2), &choice))
            extensions_fail("%s has no option %s", parser->name, word);
        if (choice.valued && !value && !(value = state.arguments[++next]))
            extensions_fail("%s: %s lacks its value", parser->name, word);
        optarg = choice.valued ? value : NULL;
        optind = (int)next + 1;
        if (parser->match)
            xtables_option_mpcall(choice.id, state.arguments, inverted, parser->match, given_entry);
        else
            xtables_option_tpcall(choice.id, state.arguments, inverted, parser->target, given_entry);
        next = (size_t)optind;
    }
}

static void note_size(const char *name, uint8_t revision, bool target, size_t size)
{
    for (size_t i = 0; i < state.sizes.count; i++)
        if (state.sizes.items[i].target == target && state.sizes.items[i].revision == revision &&
            strcmp(state.sizes.items[i].name, name) == 0)
            return;

    struct extension_size *kept = vec_push(&state.lasting, &state.sizes);

    *kept = (struct extension_size){.revision = revision, .target = target, .size = (uint32_t)size};
    snprintf(kept->name, sizeof(kept->name), "%s", name);
}

const struct extension_size *extension_sizes(size_t *count)
{
    *count = state.sizes.count;
    return state.sizes.items;
}

static void *zeroed(size_t size)
{
    void *bytes = calloc(1, size ? size : 1); // some plugins make it larger by realloc()

    if (!bytes)
        extensions_fail("%s", strerror(ENOMEM));
    return bytes;
}

static const void *make_match(size_t count)
{
    if (count < 2 || strcmp(state.arguments[0], "-m") != 0)
        extensions_fail("`%s` is no match", count ? state.arguments[0] : "");

    struct xtables_match *match = xtables_find_match(state.arguments[1], XTF_TRY_LOAD, NULL);

    if (!match)
        extensions_unknown("match", state.arguments[1]);

    const size_t size = XT_ALIGN(sizeof(struct xt_entry_match)) + match->size;
    const char *name = match->real_name ? match->real_name : match->name;

    match->m = zeroed(size);
    match->m->u.match_size = (uint16_t)size;
    snprintf(match->m->u.user.name, sizeof(match->m->u.user.name), "%s", name);
    match->m->u.user.revision = match->revision;
    match->mflags = 0;
    if (match->udata_size) {
        free(match->udata);
        match->udata = zeroed(match->udata_size);
    }
    if (match->init)
        match->init(match->m);
    read_options(
        &(struct parser){
            .name = match->name, .entries = match->x6_options, .options = match->extra_opts, .match = match},
        2, count);
    xtables_option_mfcall(match);
    note_size(name, match->revision, false, match->userspacesize);

    void *bytes = match->m;

    match->m = NULL; // else the next of its kind would be a clone
    return bytes;
}

static const void *make_target(size_t count)
{
    if (count < 2 || strcmp(state.arguments[0], "-j") != 0)
        extensions_fail("`%s` is no target", count ? state.arguments[0] : "");

    struct xtables_target *target = xtables_find_target(state.arguments[1], XTF_TRY_LOAD);

    if (!target)
        extensions_unknown("target", state.arguments[1]);

    const size_t size = XT_ALIGN(sizeof(struct xt_entry_target)) + target->size;
    const char *name = target->real_name ? target->real_name : target->name;

    target->t = zeroed(size);
    target->t->u.target_size = (uint16_t)size;
    snprintf(target->t->u.user.name, sizeof(target->t->u.user.name), "%s", name);
    target->t->u.user.revision = target->revision;
    target->tflags = 0;
    if (target->udata_size) {
        free(target->udata);
        target->udata = zeroed(target->udata_size);
    }
    if (target->init)
        target->init(target->t);
    read_options(&(struct parser){.name = target->name,
                                  .entries = target->x6_options,
                                  .options = target->extra_opts,
                                  .target = target},
                 2, count);
    xtables_option_tfcall(target);
    note_size(name, target->revision, true, target->userspacesize);

    void *bytes = target->t;

    target->t = NULL;
    return bytes;
}

static bool same_key(const struct made *a, const struct made *b)
{
    return a->text.length == b->text.length && a->protocol == b->protocol &&
           a->protocol_inverted == b->protocol_inverted &&
           memcmp(a->text.at, b->text.at, a->text.length) == 0;
}

// The place of a key in the index, or the empty one where it would stand.
static struct made **made_slot(const struct made *key)
{
    size_t slot = (size_t)(slice_hash(key->text) ^ key->protocol) & (state.index_size - 1);

    while (state.index[slot] && !same_key(state.index[slot], key))
        slot = (slot + 1) & (state.index_size - 1);
    return &state.index[slot];
}

static void grow_index(void)
{
    struct made **old = state.index;
    const size_t count = state.index_size;

    state.index_size = count ? count * 4 : 256;
    state.index = arena_calloc(&state.lasting, state.index_size, sizeof(*state.index));
    for (size_t i = 0; i < count; i++)
        if (old[i])
            *made_slot(old[i]) = old[i];
}

static const void *made_from(struct slice text, const void *entry, const void *(*make)(size_t count))
{
    const struct made key = {.text = text,
                             .protocol = entry_number(entry, own_layout()->protocol),
                             .protocol_inverted =
                                 ((const uint8_t *)entry)[own_layout()->inverted] & INVERTED_PROTOCOL};

    if (state.made_count * 2 >= state.index_size)
        grow_index();

    struct made **slot = made_slot(&key);

    if (*slot)
        return (*slot)->bytes;

    struct made *made = arena_alloc(&state.lasting, sizeof(*made));

    memcpy(given_entry, entry, own_layout()->header);
    *made = key;
    made->text.at = arena_copy(&state.lasting, text.at, text.length);
    made->bytes = make(take_apart(text));
    *slot = made;
    state.made_count++;
    return made->bytes;
}

const struct xt_entry_match *extension_match(struct slice text, const void *entry)
{
    return made_from(text, entry, make_match);
}

const struct xt_entry_target *extension_target(struct slice text, const void *entry)
{
    return made_from(text, entry, make_target);
}

static void read_address(const char *text, int side, char *entry)
{
    const struct entry_layout *layout = own_layout();
    unsigned count = 0;

    if (layout->address_bytes == sizeof(struct in_addr)) {
        struct in_addr *addresses, mask;

        xtables_ipparse_any(text, &addresses, &mask, &count);
        memcpy(entry + layout->addresses[side], addresses, sizeof(mask));
        memcpy(entry + layout->masks[side], &mask, sizeof(mask));
    } else {
        struct in6_addr *addresses, mask;

        xtables_ip6parse_any(text, &addresses, &mask, &count);
        memcpy(entry + layout->addresses[side], addresses, sizeof(mask));
        memcpy(entry + layout->masks[side], &mask, sizeof(mask));
    }
    if (count != 1)
        extensions_fail("%s stands for %u addresses: write them out", text, count);
}

void extension_header(struct slice text, void *entry)
{
    const size_t count = take_apart(text);
    const bool inverted = count && strcmp(state.arguments[0], "!") == 0;
    uint8_t *inversions = (uint8_t *)entry + own_layout()->inverted;
    uint8_t *flags = (uint8_t *)entry + own_layout()->flags;

    if (count != 2u + inverted)
        extensions_fail("`%.*s` is no part of a rule", (int)text.length, text.at);

    const char *option = state.arguments[inverted];
    char *value = state.arguments[1 + inverted];

    if (strcmp(option, "-p") == 0) {
        for (char *at = value; *at; at++)
            *at = (char)tolower((unsigned char)*at);

        const uint16_t protocol = xtables_parse_protocol(value);

        memcpy((char *)entry + own_layout()->protocol, &protocol, sizeof(protocol));
        *inversions |= inverted ? INVERTED_PROTOCOL : 0;
        *flags |= own_layout()->protocol_named;
    } else if (strcmp(option, "-s") == 0 || strcmp(option, "-d") == 0) {
        const int side = option[1] == 'd';

        read_address(value, side, entry);
        *inversions |= !inverted ? 0 : side ? INVERTED_DESTINATION : INVERTED_SOURCE;
    } else {
        extensions_fail("`%.*s` is no part of a rule", (int)text.length, text.at);
    }
}
