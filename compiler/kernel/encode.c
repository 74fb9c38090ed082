// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules to entries: the header from the rule's fields, matches and targets by libxtables from the text that is emitted
// for them. Each family is done in a process of its own; both run at once.
#include "kernel/encode.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "emit/restore.h"
#include "kernel/child.h"
#include "kernel/entry.h"
#include "kernel/extensions.h"
#include "kernel/table.h"

#define ENTRY_BYTES_MAX UINT16_MAX // struct ipt_entry has 16 bits for its length

// A rule in the making.
struct draft {
    _Alignas(struct _xt_align) unsigned char bytes[ENTRY_BYTES_MAX + 1];
    size_t length;
    const struct entry_layout *layout;
    enum family family;
    struct buf text;
};

static void put_number(struct draft *draft, size_t at, size_t number)
{
    const uint16_t small = (uint16_t)number;

    memcpy(draft->bytes + at, &small, sizeof(small));
}

static void append(struct draft *draft, const void *bytes, size_t length)
{
    if (length > ENTRY_BYTES_MAX - draft->length)
        extensions_fail("the rule has more bytes than the kernel takes, %d", ENTRY_BYTES_MAX);
    memcpy(draft->bytes + draft->length, bytes, length);
    draft->length += length;
}

// The last `bytes` bytes of an address in network order.
static void put_address(unsigned char *out, struct addr addr, size_t bytes)
{
    for (size_t i = bytes; i-- > 0; addr.low = addr.low >> 8 | addr.high << 56, addr.high >>= 8)
        out[i] = (unsigned char)addr.low;
}

static void put_mask(unsigned char *out, unsigned bits)
{
    memset(out, 0xFF, bits / 8);
    if (bits % 8)
        out[bits / 8] = (unsigned char)(0xFF << (8 - bits % 8));
}

// As xtables_parse_interface(): eth+ means all that begin so, and keeps its sign.
static void put_interface(struct draft *draft, int side, const char *name)
{
    const size_t length = strlen(name);

    if (length >= IFNAMSIZ)
        extensions_fail("the name of the interface %s is too long", name);
    memcpy(draft->bytes + draft->layout->interfaces[side], name, length);
    memset(draft->bytes + draft->layout->interface_masks[side], 0xFF,
           length && name[length - 1] == '+' ? length - 1 : length + 1);
}

static void put_header(struct draft *draft, const struct rule *rule)
{
    const struct entry_layout *layout = draft->layout;
    uint8_t *flags = draft->bytes + layout->flags, *inverted = draft->bytes + layout->inverted;

    for (int side = 0; side < 2; side++) {
        const struct rule_address *address = &rule->addresses[side];

        put_address(draft->bytes + layout->addresses[side], address->prefix.addr, layout->address_bytes);
        put_mask(draft->bytes + layout->masks[side], address->prefix.bits);
    }
    if (rule->in)
        put_interface(draft, 0, rule->in);
    if (rule->out)
        put_interface(draft, 1, rule->out);
    put_number(draft, layout->protocol, rule->protocol);
    *flags = (uint8_t)((rule->protocol ? layout->protocol_named : 0) |
                       (rule->later_fragments ? layout->fragment : 0) |
                       (rule->target.kind == TARGET_GOTO ? layout->go_to : 0));
    *inverted = (uint8_t)((rule->addresses[SIDE_SOURCE].inverted ? INVERTED_SOURCE : 0) |
                          (rule->addresses[SIDE_DESTINATION].inverted ? INVERTED_DESTINATION : 0) |
                          (rule->in && rule->in_inverted ? INVERTED_IN : 0) |
                          (rule->out && rule->out_inverted ? INVERTED_OUT : 0) |
                          (rule->protocol && rule->protocol_inverted ? INVERTED_PROTOCOL : 0) |
                          (rule->later_fragments && rule->later_fragments_inverted ? INVERTED_FRAGMENT : 0));
    if (rule->counters.present) {
        const struct xt_counters counters = {.pcnt = rule->counters.packets, .bcnt = rule->counters.bytes};

        memcpy(draft->bytes + layout->counters, &counters, sizeof(counters));
    }
}

// What was appended to the draft's text, without the blank in front.
static struct slice text_of(const struct draft *draft)
{
    return (struct slice){draft->text.bytes + 1, draft->text.length - 1};
}

static void put_matches(struct draft *draft, const struct rule *rule)
{
    for (size_t pass = 0; pass < 2; pass++) { // what stands for a part of the header goes first
        for (size_t i = 0; i < rule->match_count; i++) {
            const struct match *match = &rule->matches[i];
            const bool header = match->kind == MATCH_OPAQUE && strncmp(match->opaque.text, "-m", 2) != 0;

            if (header != (pass == 0))
                continue;
            draft->text.length = 0;
            restore_match(&draft->text, match, draft->family);
            if (header) {
                extension_header(text_of(draft), draft->bytes);
            } else {
                const struct xt_entry_match *made = extension_match(text_of(draft), draft->bytes);

                append(draft, made, made->u.match_size);
            }
        }
    }
}

// The name of the target that libiptc makes a number of; NULL where a plugin makes the target.
static const char *standard_name(const struct table *table, const struct target *target)
{
    switch (target->kind) {
    case TARGET_ACCEPT:
        return "ACCEPT";
    case TARGET_DROP:
        return "DROP";
    case TARGET_RETURN:
        return "RETURN";
    case TARGET_NONE:
        return "";
    case TARGET_GOTO:
        return target->text;
    case TARGET_JUMP:
        return table_find_chain(table, target->text) ? target->text : NULL;
    case TARGET_OTHER:
        return strcmp(target->text, "QUEUE") == 0 ? "QUEUE" : NULL;
    default:
        return NULL;
    }
}

static void put_target(struct draft *draft, const struct table *table, const struct target *target)
{
    const char *name = standard_name(table, target);

    put_number(draft, draft->layout->matches, draft->length);
    if (name) {
        struct xt_standard_target standard;

        if (strlen(name) > CHAIN_NAME_MAX)
            extensions_fail("the name of the chain %s is too long", name);
        memset(&standard, 0, sizeof(standard)); // its padding too
        standard.target.u.user.target_size = sizeof(standard);
        memcpy(standard.target.u.user.name, name, strlen(name) + 1);
        append(draft, &standard, sizeof(standard));
        return;
    }
    draft->text.length = 0;
    restore_target(&draft->text, target);

    const struct xt_entry_target *made = extension_target(text_of(draft), draft->bytes);

    append(draft, made, made->u.target_size);
}

static void put_rule(struct buf *out, struct draft *draft, const struct table *table, const struct rule *rule)
{
    draft->length = draft->layout->body;
    memset(draft->bytes, 0, draft->length);
    put_header(draft, rule);
    put_matches(draft, rule);
    put_target(draft, table, &rule->target);
    put_number(draft, draft->layout->length, draft->length);
    buf_append(out, (const char *)draft->bytes, draft->length);
}

// In a process of its own. The rules come first, as many as the ruleset has; what follows are the sizes of extensions.
static int encode(const void *context, int output)
{
    static struct draft draft;
    const struct ruleset *ruleset = context;
    struct buf out = {0};
    size_t count;

    draft.family = ruleset->family;
    draft.layout = &entry_layouts[ruleset->family];
    extensions_open(ruleset->family);
    for (size_t i = 0; i < ruleset->count; i++) {
        const struct table *table = &ruleset->items[i];

        for (size_t j = 0; j < table->count; j++) {
            const struct chain *chain = table->items[j];

            for (size_t k = 0; k < chain->count; k++) {
                extensions_at(table->name, chain->name, k + 1);
                put_rule(&out, &draft, table, &chain->items[k]);
            }
        }
    }

    const struct extension_size *sizes = extension_sizes(&count);

    buf_append(&out, (const char *)sizes, count * sizeof(*sizes));
    return child_write(output, &out) ? 0 : 1;
}

static size_t count_rules(const struct table *table)
{
    size_t count = 0;

    for (size_t i = 0; i < table->count; i++)
        count += table->items[i]->count;
    return count;
}

size_t encoded_table_start(const struct encoded *encoded, const struct table *table)
{
    size_t start = 0;

    for (const struct table *before = encoded->ruleset->items; before != table; before++)
        start += count_rules(before);
    return start;
}

const char *encoded_standard(const struct table *table, const void *entry, enum family family)
{
    static const char *const verdicts[] = {"ACCEPT", "DROP", "QUEUE", "RETURN", ""};
    const char *name = entry_target(entry, entry_number(entry, entry_layouts[family].matches))->u.user.name;

    for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
        if (strcmp(verdicts[i], name) == 0)
            return name;
    return table_find_chain(table, name) ? name : NULL;
}

// What the child wrote, taken apart.
static void split(struct arena *arena, struct encoded *encoded)
{
    const struct ruleset *ruleset = encoded->ruleset;
    const struct entry_layout *layout = &entry_layouts[ruleset->family];
    size_t at = 0;

    encoded->count = encoded_table_start(encoded, ruleset->items + ruleset->count);
    encoded->rules = arena_calloc(arena, encoded->count, sizeof(*encoded->rules));
    for (size_t i = 0; i < encoded->count; i++) {
        assert(encoded->bytes.length - at >= layout->body);
        encoded->rules[i] = encoded->bytes.bytes + at;
        at += entry_number(encoded->rules[i], layout->length);
    }
    encoded->sizes = (const void *)(encoded->bytes.bytes + at);
    encoded->size_count = (encoded->bytes.length - at) / sizeof(*encoded->sizes);
}

bool encode_rulesets(struct arena *arena, const struct ruleset *const rulesets[FAMILY_COUNT],
                     struct encoded encoded[FAMILY_COUNT], struct kernel_error *error)
{
    struct child children[FAMILY_COUNT];
    bool started[FAMILY_COUNT] = {false}, fine = true;

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        encoded[family] = (struct encoded){.ruleset = rulesets[family]};
        if (!rulesets[family] || !fine)
            continue;
        started[family] = child_start(&children[family], encode, rulesets[family]);
        if (!started[family])
            fine = kernel_fail(error, KERNEL_FAILED, "cannot start a process: %s", strerror(errno));
    }
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct buf said = {0};

        if (!started[family])
            continue;

        const bool done = child_finish(&children[family], &encoded[family].bytes, &said);

        if (done)
            split(arena, &encoded[family]);
        else if (fine)
            fine = kernel_fail(error, KERNEL_RULE, "%s", child_reason(&said));
        buf_clear(&said);
    }
    return fine;
}

void encoded_clear(struct encoded encoded[FAMILY_COUNT])
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        buf_clear(&encoded[family].bytes);
        encoded[family] = (struct encoded){0};
    }
}

static void *copy_entry(struct arena *arena, enum family family, const void *entry)
{
    const size_t length = entry_number(entry, entry_layouts[family].length);

    return memcpy(arena_alloc(arena, length), entry, length);
}

void encoded_count(struct arena *arena, const struct encoded *encoded, size_t rule, const void *entry)
{
    const enum family family = encoded->ruleset->family;
    const size_t at = entry_layouts[family].counters;
    char *copy = copy_entry(arena, family, encoded->rules[rule]);

    memcpy(copy + at, (const char *)entry + at, sizeof(struct xt_counters));
    encoded->rules[rule] = copy;
}

const char *encoded_target(enum family family, const void *rule)
{
    return entry_target(rule, entry_number(rule, entry_layouts[family].matches))->u.user.name;
}

const void *encoded_live(struct arena *arena, enum family family, const struct live_rule *rule)
{
    void *copy = copy_entry(arena, family, rule->entry);

    entry_name_verdict(copy, &entry_layouts[family], rule->target);
    return copy;
}
