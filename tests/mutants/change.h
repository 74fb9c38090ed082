// SPDX-License-Identifier: GPL-2.0-or-later
//
// One change at one rule: what the files share that make changes.
#pragma once

#include "mutants/mutate.h"

// Each function below walks its variants and does the one that is chosen; where they are only counted, none is.
struct change {
    struct arena *arena;
    struct ruleset *ruleset;
    struct table *table;
    struct chain *chain;
    size_t index; // of the rule
    bool counting;
    unsigned variant; // still to go, or seen so far
};

#define KIND(id, name) void change_##id(struct change *change);
#include "mutants/kinds.def"
#undef KIND

// Whether the variant that comes next is the one to be done.
bool change_chosen(struct change *change);

struct rule *change_rule(struct change *change);

// A match of the rule, to be changed: the rule's matches are copied.
struct match *change_edit(struct change *change, size_t index);

bool change_in_table(const struct change *change, const char *name);
