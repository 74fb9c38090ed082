// SPDX-License-Identifier: GPL-2.0-or-later
//
// What becomes of every rule of a passage: whether packets come to it, and whether it matters to them. Decided for all of
// them in one pass from the tops of the trees down.
#pragma once

#include "findings/passages.h"

struct fate {
    bool matched; // it decides packets, or does whatever it does to them
    bool missed;  // some would fare in another way without it
    bool fresh;   // the tracking of some was not decided before
};

struct chain_fates {
    diagram comes_to, fresh_to; // packets that come to the chain; those whose tracking nothing has decided
    diagram *touches;           // over the tree: what rules count or mark, or more than that
    struct fate *rules;
};

struct fates {
    const struct passage *passage;
    struct chain_fates *chains; // as in passage->chains
    struct field_choice *choices;
    struct {
        unsigned *items;
        size_t count, capacity;
    } asked; // unknowns that rules ahead ask for
};

void fates_open(struct fates *fates, const struct passage *passage);
const struct chain_fates *fates_find(const struct fates *fates,
                                     const struct chain *chain); // NULL: no way leads there

bool rule_may_be_idle(const struct rule *rule); // whether `missed` says something of it
