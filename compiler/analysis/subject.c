// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/subject.h"

#include <string.h>

static bool read_rules(struct subject *subject, const struct source *source, enum family family,
                       const struct ipset_list *sets)
{
    struct compilation *compilation = &subject->compilation;
    const struct source *opened;

    source_set_open(&compilation->sources, subject->path, SOURCE_ADDRESSES_MAX, &opened);
    if (family == FAMILY_COUNT)
        family = rules_family(source, NULL);
    subject->rules[family] =
        rules_read_anyway(&compilation->arena, opened, family, sets, &compilation->diags);
    return subject->rules[family];
}

// Rules that leave FORWARD to others say nothing about its policy, as their text does not.
static const struct ruleset *as_others_read(struct compilation *compilation, const struct ruleset *rules)
{
    struct ruleset *copy;

    if (!rules || compilation->policy->forwarding != VERDICT_LEAVE)
        return rules;
    copy = arena_alloc(&compilation->arena, sizeof(*copy));
    *copy = *rules;
    copy->printed = as_others_read(compilation, rules->printed);
    copy->items = arena_calloc(&compilation->arena, rules->count, sizeof(*copy->items));
    copy->capacity = rules->count;
    memcpy(copy->items, rules->items, rules->count * sizeof(*copy->items));
    table_chain(&compilation->arena, ruleset_table(&compilation->arena, copy, "filter"), "FORWARD",
                CHAIN_UNWRITTEN);
    return copy;
}

static bool compile_both(struct subject *subject)
{
    bool fine = true;

    if (!compile_read(&subject->compilation, subject->path))
        return false;
    subject->policy = subject->compilation.policy;
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct buf text = {0};

        fine = compile_rules(&subject->compilation, family, &(struct compile_options){0}, &text) && fine;
        subject->rules[family] = as_others_read(&subject->compilation, subject->compilation.rules[family]);
        buf_clear(&text);
    }
    return fine;
}

bool subject_read(struct subject *subject, const char *path, enum family family,
                  const struct ipset_list *sets)
{
    struct source *ahead;

    *subject = (struct subject){.path = path};
    compilation_init(&subject->compilation);
    ahead = arena_alloc(&subject->compilation.arena, sizeof(*ahead));
    // What cannot be read is reported as a policy that cannot.
    if (source_read(&subject->compilation.arena, path, SOURCE_ADDRESSES_MAX, ahead) == 0) {
        subject->compilation.sources.given = ahead;
        subject->compilation.sources.given_path = path;
        subject->is_ruleset = rules_recognised(ahead);
        if (subject->is_ruleset)
            return read_rules(subject, ahead, family, sets);
    }
    return compile_both(subject);
}

void subject_clear(struct subject *subject)
{
    compilation_clear(&subject->compilation);
}
