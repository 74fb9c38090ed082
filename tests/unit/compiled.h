// SPDX-License-Identifier: GPL-2.0-or-later
//
// A policy and the rules that come out behind the passes. Every compile here is proved, so that what is left to look at is
// whether a pass does something, and keeps to the limits.
#pragma once

#include "passes/cost.h"
#include "unit/fixture.h"

struct compiled {
    struct fixture f;
    struct buf text;
};

static inline void compile_with(struct compiled *compiled, enum family family, unsigned without,
                                const char *policy)
{
    const struct compile_options options = {.passes = {.without = without}};

    *compiled = (struct compiled){0};
    fixture_open(&compiled->f);
    fixture_read(&compiled->f, policy);
    if (!compiled->f.fine || !compile_rules(&compiled->f.compilation, family, &options, &compiled->text))
        fail_msg("%s", vec_last(&compiled->f.compilation.diags.items)->message);
}

static inline void compiled_close(struct compiled *compiled)
{
    buf_clear(&compiled->text);
    fixture_close(&compiled->f);
}

static inline const struct ruleset *printed(const struct compiled *compiled, enum family family)
{
    return compiled->f.compilation.rules[family]->printed;
}

static inline size_t count_lines(const struct compiled *compiled, const char *part)
{
    size_t count = 0;

    for (const char *at = compiled->text.bytes; (at = strstr(at, part)); at++)
        count++;
    return count;
}

// The rules of a policy have this part of a line so many times.
static inline void assert_lines(enum family family, unsigned without, const char *policy, const char *part,
                                size_t count)
{
    struct compiled compiled;

    compile_with(&compiled, family, without, policy);
    assert_int_equal(count_lines(&compiled, part), count);
    compiled_close(&compiled);
}

static inline size_t printed_rules(const struct compiled *compiled)
{
    return count_lines(compiled, "\n-A ");
}

static inline size_t worst(struct compiled *compiled, enum family family, const char *table,
                           const char *chain)
{
    return ruleset_walked(&compiled->f.compilation.arena, printed(compiled, family), table, chain).worst;
}
