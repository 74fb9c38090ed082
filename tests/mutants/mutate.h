// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rulesets with one thing changed.
#pragma once

#include "ruleset/ruleset.h"

enum mutation_kind {
#define KIND(id, name) MUTATION_##id,
#include "mutants/kinds.def"
#undef KIND
    MUTATION_COUNT
};

extern const char *const mutation_names[MUTATION_COUNT];

// What is changed, and where.
struct mutation {
    enum mutation_kind kind;
    size_t table, chain, rule;
    unsigned variant; // of the ways to change it
};

struct mutations {
    struct mutation *items;
    size_t count, capacity;
};

// Every single change of a kind that the ruleset has room for.
void mutations_list(struct arena *arena, const struct ruleset *ruleset, enum mutation_kind kind,
                    struct mutations *list);

// The ruleset with that change, good enough to be printed. It shares what is not changed.
const struct ruleset *mutation_apply(struct arena *arena, const struct ruleset *ruleset,
                                     const struct mutation *mutation);
