// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whether the proof is right about a changed ruleset, by packets that walk through both rulesets one at a
// time.
#pragma once

#include "compile.h"

enum verdict_on {
    MUTANT_REFUSED,   // no ruleset that iptables-restore would take
    MUTANT_SAME_TEXT, // nothing was changed
    MUTANT_CHANGED,   // the proof says unequal, and its packet shows it
    MUTANT_EQUAL,     // the proof says equal, and no packet was found that speaks against it
    MUTANT_MISJUDGED,
};

// One family of one policy: its rules as they were emitted and read back.
struct subject {
    const struct compilation *compilation;
    const struct ruleset *lowered, *rules;
    struct buf text;
};

// False, with a line in `why`, where the rules themselves are not what the policy says. Else to be closed.
bool subject_open(struct subject *subject, struct compilation *compilation, enum family family,
                  struct buf *why);
void subject_close(struct subject *subject);

struct judgement {
    enum verdict_on verdict;
    bool searched; // a changed one was searched for as if it were equal
    bool found;    // and the search alone told it
};

// `focus`: where the change is, table and chain by number, and the index of the rule. `why`, of what is
// misjudged, is what speaks against the proof.
struct focus {
    size_t table, chain, rule;
};
struct judgement judge(const struct subject *subject, const struct ruleset *mutant, struct focus focus,
                       uint64_t seed, bool search_all, struct buf *why);
