// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules to entries: the header from the rule's fields, matches and targets by libxtables from the text that is emitted for them
// (kernel/samples.h). Of rules that differ in no more than addresses, interfaces, the ports of TCP and UDP, and the verdict or chain
// that they lead to, libxtables makes one, which is the pattern of the others:
//
//   -A INPUT -s 192.0.2.1/32 -p tcp -m tcp --dport 22 -j ACCEPT
//   -A INPUT -i eth0 -p tcp -m tcp --dport 8000:8080 -j web
//
// Each family is done by a thread of its own.
#include "kernel/encode.h"

#include <errno.h>
#include <stdlib.h>

#include <linux/netfilter/xt_tcpudp.h>

#include "base/fatal.h"
#include "base/job.h"
#include "base/vec.h"
#include "emit/restore.h"
#include "kernel/entry.h"
#include "kernel/extensions.h"
#include "kernel/samples.h"

#define MANY ((size_t)1000) // rules that are worth a thread

struct pattern {
    const char *key; // what its rules have in common; NULL: it has one rule
    size_t key_length;
    uint64_t hash;     // of the key
    const char *entry; // as libxtables made it of the first rule
};

// What is made of one ruleset.
struct work {
    enum family family;
    const struct entry_layout *layout;
    const struct ruleset *ruleset; // NULL: nothing was begun
    struct sampler sampler;
    struct job job;
    struct arena arena;
    bool each; // rule is made by libxtables
    VEC(struct pattern) patterns;
    uint32_t *index; // hash table of the patterns: their numbers, from 1; 0: an empty slot
    size_t index_size;
    VEC(uint32_t) chosen; // the pattern of each rule
    size_t checked;       // patterns
    struct buf key, text, question, answer;
    struct encoded encoded;
    struct kernel_error error;
    bool fine;
    void (*use)(void *context, const struct encoded *encoded); // NULL: nobody waits for them
    void *context;
};

struct encoder {
    struct work works[FAMILY_COUNT];
};

// A rule, and where it stands.
struct place {
    const struct table *table;
    const struct chain *chain;
    size_t number; // in the chain
    const struct rule *rule;
};

static bool fail_at(struct work *work, const struct place *place, const char *why)
{
    return kernel_fail(&work->error, KERNEL_RULE, "%s %s %s %zu: %s", family_name(work->family),
                       place->table->name, place->chain->name, place->number + 1, why);
}

static bool each_rule(struct work *work, bool (*visit)(struct work *work, const struct place *place))
{
    bool fine = true;

    for (size_t i = 0; i < work->ruleset->count; i++) {
        const struct table *table = &work->ruleset->items[i];

        for (size_t j = 0; j < table->count; j++) {
            const struct chain *chain = table->items[j];

            for (size_t k = 0; k < chain->count && fine; k++)
                fine = visit(work, &(struct place){table, chain, k, &chain->items[k]});
        }
    }
    return fine;
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

// Patterns.

// Ports stand where they are looked for: see has_form().
static bool has_ports(const struct match *match)
{
    return match->kind == MATCH_TCP || match->kind == MATCH_UDP;
}

// Text that stands for a part of the header: what libxtables makes of that is the rule's alone.
static bool is_header(const struct match *match)
{
    return match->kind == MATCH_OPAQUE && strncmp(match->opaque.text, "-m", 2) != 0;
}

// What libxtables says of ports that are no range is for it to say.
static bool has_ports_reversed(const struct match *match)
{
    for (int side = 0; has_ports(match) && side < 2; side++)
        if (match->transport.named[side] &&
            match->transport.ports[side].first > match->transport.ports[side].last)
            return true;
    return false;
}

static bool stands_alone(const struct rule *rule)
{
    for (size_t i = 0; i < rule->match_count; i++)
        if (is_header(&rule->matches[i]) || has_ports_reversed(&rule->matches[i]))
            return true;
    return false;
}

_Static_assert(MATCH_COUNT < ' ', "the text of a match begins with a blank, which is no kind of one");

static void put_but_ports(struct buf *key, const struct match *match)
{
    const uint8_t bytes[] = {(uint8_t)match->kind,         match->transport.named[0],
                             match->transport.named[1],    match->transport.inverted[0],
                             match->transport.inverted[1], match->transport.flags_mask,
                             match->transport.flags,       match->transport.flags_inverted};

    buf_append(key, (const char *)bytes, sizeof(bytes));
}

static void put_match_key(struct buf *key, const struct match *match, enum family family)
{
    if (has_ports(match)) {
        put_but_ports(key, match);
    } else {
        restore_match(key, match, family);
        buf_char(key, '\0');
    }
}

// All that libxtables gets to see of a rule, ports apart: plugins go by the protocol.
static void put_key(struct work *work, const struct place *place)
{
    const struct rule *rule = place->rule;

    work->key.length = 0;
    buf_char(&work->key, (char)rule->protocol);
    buf_char(&work->key, rule->protocol_inverted);
    for (size_t i = 0; i < rule->match_count; i++)
        put_match_key(&work->key, &rule->matches[i], work->family);
    if (!standard_name(place->table, &rule->target))
        restore_target(&work->key, &rule->target);
}

static uint64_t key_hash(const struct buf *key)
{
    uint64_t hash = key->length, word;
    size_t at = 0;

    for (; at + sizeof(word) <= key->length; at += sizeof(word)) {
        memcpy(&word, key->bytes + at, sizeof(word));
        hash = (hash ^ word) * 0x9E3779B97F4A7C15;
        hash ^= hash >> 29;
    }
    for (; at < key->length; at++)
        hash = (hash ^ (unsigned char)key->bytes[at]) * 0x100000001B3;
    return hash ^ hash >> 32;
}

// Where a pattern stands in the index, or would.
static uint32_t *pattern_slot(const struct work *work, const char *key, size_t length, uint64_t hash)
{
    size_t slot = (size_t)hash & (work->index_size - 1);

    for (; work->index[slot]; slot = (slot + 1) & (work->index_size - 1)) {
        const struct pattern *found = &work->patterns.items[work->index[slot] - 1];

        if (found->hash == hash && found->key_length == length && memcmp(found->key, key, length) == 0)
            break;
    }
    return &work->index[slot];
}

static void grow_index(struct work *work)
{
    work->index_size = work->index_size ? work->index_size * 4 : 256;
    work->index = arena_calloc(&work->arena, work->index_size, sizeof(*work->index));
    for (size_t i = 0; i < work->patterns.count; i++) {
        const struct pattern *pattern = &work->patterns.items[i];

        if (pattern->key)
            *pattern_slot(work, pattern->key, pattern->key_length, pattern->hash) = (uint32_t)i + 1;
    }
}

// The number of a rule's pattern; of a new one the count of those that there were.
static uint32_t find_pattern(struct work *work, const struct place *place)
{
    struct pattern pattern = {0};
    uint32_t *slot;

    if (!work->each && !stands_alone(place->rule)) {
        put_key(work, place);
        pattern.hash = key_hash(&work->key);
        if (work->patterns.count * 2 >= work->index_size)
            grow_index(work);
        slot = pattern_slot(work, work->key.bytes, work->key.length, pattern.hash);
        if (*slot)
            return *slot - 1;
        *slot = (uint32_t)work->patterns.count + 1;
        pattern.key = arena_copy(&work->arena, work->key.bytes, work->key.length);
        pattern.key_length = work->key.length;
    }
    *vec_push(&work->arena, &work->patterns) = pattern;
    return (uint32_t)work->patterns.count - 1;
}

// Asking.

// What was appended to the text, without the blank in front.
static struct slice text_of(const struct work *work)
{
    return (struct slice){work->text.bytes + 1, work->text.length - 1};
}

static void put_matches(struct work *work, const struct rule *rule, bool header)
{
    for (size_t i = 0; i < rule->match_count; i++) {
        if (is_header(&rule->matches[i]) != header)
            continue;
        work->text.length = 0;
        restore_match(&work->text, &rule->matches[i], work->family);
        sample_text(&work->question, text_of(work));
    }
}

static bool names_fit(struct work *work, const struct place *place)
{
    const char *const interfaces[] = {place->rule->in, place->rule->out};

    for (size_t i = 0; i < 2; i++)
        if (interfaces[i] && strlen(interfaces[i]) >= IFNAMSIZ)
            return fail_at(
                work, place,
                arena_printf(&work->arena, "the name of the interface %s is too long", interfaces[i]));
    return true;
}

// The first rule of a pattern is made by libxtables.
static bool choose(struct work *work, const struct place *place)
{
    char header[sizeof(struct ip6t_entry)];
    const size_t before = work->patterns.count;
    const uint32_t pattern = find_pattern(work, place);

    *vec_push(&work->arena, &work->chosen) = pattern;
    if (!names_fit(work, place))
        return false;
    if (pattern < before)
        return true;
    entry_put_header(header, work->layout, place->rule);
    sample_begin(&work->question, place->table->name, place->chain->name, place->number + 1, header,
                 work->layout->body);
    put_matches(work, place->rule, true);
    put_matches(work, place->rule, false);
    if (!standard_name(place->table, &place->rule->target)) {
        work->text.length = 0;
        restore_target(&work->text, &place->rule->target);
        sample_text(&work->question, text_of(work));
    }
    sample_end(&work->question);
    return true;
}

// Making the others.

// struct xt_tcp and struct xt_udp both begin with the ports of the source, and then those of the destination.
_Static_assert(offsetof(struct xt_tcp, spts) == 0 && offsetof(struct xt_udp, spts) == 0 &&
                   offsetof(struct xt_tcp, dpts) == offsetof(struct xt_udp, dpts),
               "the ports of TCP and UDP stand in different places");

static void port_bytes(const struct match *match, int side, uint16_t ports[2])
{
    ports[0] = match->transport.named[side] ? match->transport.ports[side].first : 0;
    ports[1] = match->transport.named[side] ? match->transport.ports[side].last : UINT16_MAX;
}

static void put_ports(char *data, const struct match *match)
{
    uint16_t ports[2][2];

    for (int side = 0; side < 2; side++)
        port_bytes(match, side, ports[side]);
    memcpy(data, ports, sizeof(ports));
}

// Whether libxtables wrote the ports where they are taken to stand.
static bool has_ports_in_place(const struct match *match, const struct xt_entry_match *made)
{
    char wanted[sizeof(uint16_t[2][2])];

    put_ports(wanted, match);
    return made->u.match_size >= sizeof(*made) + sizeof(struct xt_udp) && !made->u.user.revision &&
           memcmp(made->data, wanted, sizeof(wanted)) == 0;
}

static bool has_form(const struct work *work, const struct rule *rule, const char *entry)
{
    const size_t end = entry_number(entry, work->layout->matches);
    size_t at = work->layout->body;

    for (size_t i = 0; i < rule->match_count; i++) {
        const struct xt_entry_match *made = entry_match(entry, at);

        if (at >= end || (has_ports(&rule->matches[i]) && !has_ports_in_place(&rule->matches[i], made)))
            return false;
        at += made->u.match_size;
    }
    return at == end;
}

static bool append_standard(struct work *work, const struct place *place, char *entry, const char *name)
{
    const size_t length = entry_number(entry, work->layout->length);
    struct xt_standard_target standard;

    if (strlen(name) > CHAIN_NAME_MAX)
        return fail_at(work, place, arena_printf(&work->arena, "the name of the chain %s is too long", name));
    if (length + sizeof(standard) > ENTRY_BYTES_MAX)
        return fail_at(work, place, arena_printf(&work->arena, ENTRY_TOO_LONG));
    memset(&standard, 0, sizeof(standard)); // its padding too
    standard.target.u.user.target_size = sizeof(standard);
    memcpy(standard.target.u.user.name, name, strlen(name) + 1);
    memcpy(entry + length, &standard, sizeof(standard));
    entry_put_number(entry, work->layout->length, length + sizeof(standard));
    return true;
}

static bool make(struct work *work, const struct place *place)
{
    const struct entry_layout *layout = work->layout;
    const struct pattern *pattern = &work->patterns.items[work->chosen.items[work->encoded.count]];
    const char *name = standard_name(place->table, &place->rule->target);
    const size_t length = entry_number(pattern->entry, layout->length);
    char *entry = work->encoded.bytes.bytes + work->encoded.bytes.length;
    size_t at = layout->body;

    memcpy(entry, pattern->entry, length);
    if (pattern->key) {
        entry_put_header(entry, layout, place->rule);
        entry_put_number(entry, layout->matches, entry_number(pattern->entry, layout->matches));
        entry_put_number(entry, layout->length, length);
        for (size_t i = 0; i < place->rule->match_count; i++, at += entry_match(entry, at)->u.match_size)
            if (has_ports(&place->rule->matches[i]))
                put_ports(entry + at + sizeof(struct xt_entry_match), &place->rule->matches[i]);
    }
    if (name && !append_standard(work, place, entry, name))
        return false;
    work->encoded.rules[work->encoded.count++] = entry;
    work->encoded.bytes.length += entry_number(entry, layout->length);
    return true;
}

// Takes the answer apart. What is behind the patterns are the sizes of extensions.
static void take_patterns(struct work *work)
{
    size_t at = 0;

    for (size_t i = 0; i < work->patterns.count; i++) {
        work->patterns.items[i].entry = work->answer.bytes + at;
        at += entry_number(work->answer.bytes + at, work->layout->length);
    }
    work->encoded.size_count = (work->answer.length - at) / sizeof(struct extension_size);
    work->encoded.sizes = (const void *)(work->answer.bytes + at);
}

// Of the first rule of each pattern.
static bool check_form(struct work *work, const struct place *place)
{
    const uint32_t number = work->chosen.items[work->encoded.count++];
    const struct pattern *pattern = &work->patterns.items[number];
    const bool first = number == work->checked;

    work->checked += first;
    return !first || !pattern->key || has_form(work, place->rule, pattern->entry);
}

// Room for the rules; behind them, for where each of them is, and for what takes the place of the answer.
static void make_room(struct work *work)
{
    struct encoded *encoded = &work->encoded;
    const size_t sizes = encoded->size_count * sizeof(struct extension_size);
    size_t bytes = 0;
    char *at;

    for (size_t i = 0; i < work->chosen.count; i++)
        bytes += entry_number(work->patterns.items[work->chosen.items[i]].entry, work->layout->length) +
                 sizeof(struct xt_standard_target);
    encoded->bytes.capacity = bytes + work->chosen.count * sizeof(*encoded->rules) + sizes + 1;
    encoded->bytes.bytes = malloc(encoded->bytes.capacity);
    if (!encoded->bytes.bytes)
        fatal_no_memory();
    at = encoded->bytes.bytes + bytes;
    encoded->rules = (const void **)(void *)at;
    at += work->chosen.count * sizeof(*encoded->rules);
    if (sizes)
        memcpy(at, encoded->sizes, sizes);
    encoded->sizes = (const void *)at;
}

static bool start(struct work *work)
{
    return work->sampler.started || sampler_start(&work->sampler, work->family) ||
           kernel_fail(&work->error, KERNEL_FAILED, "cannot start a process: %s", strerror(errno));
}

static bool make_patterns(struct work *work)
{
    work->patterns.count = work->chosen.count = work->checked = work->index_size = 0;
    work->question.length = work->answer.length = 0;
    if (!start(work) || !each_rule(work, choose))
        return false;
    sampler_ask(&work->sampler, &work->question);
    if (!sampler_answer(&work->sampler, &work->answer, &work->error))
        return false;
    take_patterns(work);
    return true;
}

// Where libxtables writes ports elsewhere, it makes every rule.
static void encode(void *context)
{
    struct work *work = context;

    work->fine = make_patterns(work);
    if (work->fine && !each_rule(work, check_form)) {
        work->each = true;
        work->fine = make_patterns(work);
    }
    work->encoded.count = 0;
    if (work->fine)
        make_room(work);
    work->fine = work->fine && each_rule(work, make);
    if (work->fine && work->use)
        work->use(work->context, &work->encoded);
}

// From outside.

struct encoder *encoder_new(struct arena *arena, bool each)
{
    struct encoder *encoder = arena_calloc(arena, 1, sizeof(*encoder));

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct work *work = &encoder->works[family];

        work->family = family;
        work->layout = &entry_layouts[family];
        work->each = each;
        work->error.arena = &work->arena;
    }
    return encoder;
}

void encoder_start(struct encoder *encoder)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        start(&encoder->works[family]);
}

void encoder_then(struct encoder *encoder, enum family family,
                  void (*use)(void *context, const struct encoded *encoded), void *context)
{
    encoder->works[family].use = use;
    encoder->works[family].context = context;
}

void encoder_begin(struct encoder *encoder, const struct ruleset *ruleset)
{
    struct work *work = &encoder->works[ruleset->family];

    work->ruleset = work->encoded.ruleset = ruleset;
    if (start(work))
        job_begin(&work->job, ruleset_rule_count(ruleset) >= MANY, encode, work);
}

bool encoder_end(struct encoder *encoder, struct encoded encoded[FAMILY_COUNT], struct kernel_error *error)
{
    bool fine = true;

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct work *work = &encoder->works[family];

        encoded[family] = (struct encoded){0};
        if (!work->ruleset)
            continue;
        job_end(&work->job);
        if (work->fine) {
            encoded[family] = work->encoded;
            work->encoded = (struct encoded){0};
        } else if (fine) {
            fine = kernel_fail(error, work->error.trouble, "%s", work->error.text);
        }
    }
    return fine;
}

void encoder_close(struct encoder *encoder)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct work *work = &encoder->works[family];

        job_end(&work->job);
        sampler_stop(&work->sampler);
        buf_clear(&work->key);
        buf_clear(&work->text);
        buf_clear(&work->question);
        buf_clear(&work->answer);
        buf_clear(&work->encoded.bytes);
        arena_clear(&work->arena);
    }
}

bool encode_rulesets(const struct ruleset *const rulesets[FAMILY_COUNT], struct encoded encoded[FAMILY_COUNT],
                     struct kernel_error *error)
{
    struct arena arena = {0};
    struct encoder *encoder = encoder_new(&arena, false);
    bool fine;

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (rulesets[family])
            encoder_begin(encoder, rulesets[family]);
    fine = encoder_end(encoder, encoded, error);
    encoder_close(encoder);
    arena_clear(&arena);
    return fine;
}
