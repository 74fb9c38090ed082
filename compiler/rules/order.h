// SPDX-License-Identifier: GPL-2.0-or-later
//
// What -I and -F make of the order of rules, kept until the table ends: rules are appended, and moved once.
#pragma once

#include "base/vec.h"
#include "ruleset/ruleset.h"

struct move {
    struct chain *chain;
    size_t order; // among the moves of the table
    size_t index; // of the rule in the chain, as it was appended
    size_t place; // from 0, at which it was put in; FLUSHED: the chain was emptied
};

struct moves {
    VEC(struct move) list;
};

// The rule appended last to the chain is to stand at `place`, which is at most the number of rules before it.
void moves_insert(struct arena *arena, struct moves *moves, struct chain *chain, size_t place);

// The chain was emptied: what was moved in it before is gone.
void moves_flush(struct arena *arena, struct moves *moves, struct chain *chain);

// Puts the rules of all chains in their order, and forgets the moves.
void moves_settle(struct arena *arena, struct moves *moves);
