// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules to entries: the header from the rule's fields, matches and targets by libxtables from the text that is emitted for them
// (kernel/samples.h), of one rule of each pattern. The others are written from that. Each family is done by a thread of its own.
#include "kernel/encode.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fatal.h"
#include "base/job.h"
#include "base/vec.h"
#include "emit/restore.h"
#include "kernel/entry.h"
#include "kernel/extensions.h"
#include "kernel/patterns.h"
#include "kernel/samples.h"

// What is made of one ruleset.
struct work {
    enum family family;
    const struct entry_layout *layout;
    const struct ruleset *ruleset; // NULL: nothing was begun
    struct sampler sampler;
    struct job job;
    struct arena arena;
    struct patterns patterns;
    VEC(uint32_t) chosen; // the pattern of each rule
    size_t checked;       // patterns
    struct buf text, question, answer;
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

// Asking.

// What was appended to the text, without the blank in front.
static struct slice text_of(const struct work *work)
{
    return (struct slice){work->text.bytes + 1, work->text.length - 1};
}

static void put_matches(struct work *work, const struct rule *rule, bool header)
{
    for (size_t i = 0; i < rule->match_count; i++) {
        if (match_is_header(&rule->matches[i]) != header)
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
    const struct target *target = &place->rule->target;
    const struct target *made = standard_name(place->table, target) ? NULL : target;
    const size_t before = work->patterns.count;
    const uint32_t pattern = pattern_find(&work->patterns, place->rule, made);

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
    if (made) {
        work->text.length = 0;
        restore_target(&work->text, made);
        sample_text(&work->question, text_of(work));
    }
    sample_end(&work->question);
    return true;
}

// Making the others.

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
    const struct pattern *pattern = &work->patterns.items[work->chosen.items[work->encoded.count]];
    const char *name = standard_name(place->table, &place->rule->target);
    char *entry = work->encoded.bytes.bytes + work->encoded.bytes.length;

    pattern_write(pattern, work->layout, place->rule, entry);
    if (name && !append_standard(work, place, entry, name))
        return false;
    work->encoded.rules[work->encoded.count++] = entry;
    work->encoded.bytes.length += entry_number(entry, work->layout->length);
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
    return !first || pattern_fits(pattern, work->layout, place->rule);
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
    patterns_clear(&work->patterns);
    work->chosen.count = work->checked = 0;
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
        work->patterns.each = true;
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
        work->patterns = (struct patterns){.arena = &work->arena, .family = family, .each = each};
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
        job_begin(&work->job, true, encode, work); // of few rules, too: it waits for a process
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
        patterns_clear(&work->patterns);
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

    // No process is forked beside a thread that can as well be there before.
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (rulesets[family])
            start(&encoder->works[family]);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (rulesets[family])
            encoder_begin(encoder, rulesets[family]);
    fine = encoder_end(encoder, encoded, error);
    encoder_close(encoder);
    arena_clear(&arena);
    return fine;
}
