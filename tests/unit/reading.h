// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rulesets in text, as they are read, as they come out again, and as they are refused.
#pragma once

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "emit/restore.h"
#include "rules/read.h"

struct reading {
    struct arena arena;
    struct diag_list diags;
    struct source source;
    const struct ruleset *ruleset;
    struct buf text; // of the ruleset, printed
};

static inline void reading_open(struct reading *r, const char *text, enum family family)
{
    *r =
        (struct reading){.source = {.name = "rules", .path = "rules", .bytes = text, .length = strlen(text)}};
    r->diags.arena = &r->arena;
    r->ruleset = rules_read(&r->arena, &r->source, family, NULL, &r->diags);
    if (r->ruleset)
        restore_text(&r->text, r->ruleset);
}

static inline void reading_close(struct reading *r)
{
    buf_clear(&r->text);
    arena_clear(&r->arena);
}

static inline const char *first_message(const struct reading *r)
{
    return r->diags.items.count ? r->diags.items.items[0].message : "nothing was said";
}

static inline void assert_prints(const char *text, enum family family, const char *wanted)
{
    struct reading r;

    reading_open(&r, text, family);
    if (!r.ruleset)
        fail_msg("%s, in\n%s", first_message(&r), text);
    assert_string_equal(r.text.bytes, wanted);
    reading_close(&r);
}

// One rule of FORWARD, beside a chain called mine.
static inline void assert_rule(enum family family, const char *rule, const char *wanted)
{
    char text[2000], printed[2000];

    snprintf(text, sizeof(text), "*filter\n:mine - [0:0]\n-A FORWARD%s%s\nCOMMIT\n", *rule ? " " : "", rule);
    snprintf(printed, sizeof(printed), "*filter\n:mine - [0:0]\n-A FORWARD%s%s\nCOMMIT\n", *wanted ? " " : "",
             wanted);
    assert_prints(text, family, printed);
}

static inline void assert_same(enum family family, const char *rule)
{
    assert_rule(family, rule, rule);
}

// The text is refused, and the first message about it is this one.
static inline void assert_refused(const char *text, enum family family, uint32_t line, uint32_t column,
                                  const char *message)
{
    struct reading r;

    reading_open(&r, text, family);
    assert_null(r.ruleset);
    assert_true(r.diags.counts[SEVERITY_ERROR] > 0);
    assert_contains(first_message(&r), message);
    assert_int_equal(r.diags.items.items[0].code, DIAG_RULES);
    assert_int_equal(r.diags.items.items[0].span.line, line);
    assert_int_equal(r.diags.items.items[0].span.column, column);
    reading_close(&r);
}
