// SPDX-License-Identifier: GPL-2.0-or-later
//
// What traffic changes between two rulesets: by meaning, over all packets, in few readable regions.
#pragma once

#include "analysis/trace.h"

enum change_kind {
    CHANGE_OPENED,    // refused before, accepted now
    CHANGE_CLOSED,    // accepted before, refused now
    CHANGE_LIMIT,     // accepted up to a limit both times, with other settings
    CHANGE_ANSWER,    // refused both times, in another way
    CHANGE_TRACKED,   // the same verdict, and an entry in the table where there was none
    CHANGE_UNTRACKED, // the other way round
    CHANGE_UNCLEAR,   // decided elsewhere before or now (a queue, an unknown target)
    CHANGE_COUNT
};

extern const char *const change_words[CHANGE_COUNT]; // "opened"

// What decides, before or now.
struct decision {
    enum walk walk;
    const char *verdict; // in words
    const char *limit;   // CHANGE_LIMIT: the settings, in words; else NULL
    bool tracked;
    struct reason reason;
    struct rule_place place;
};

struct change {
    enum change_kind kind;
    enum family family;
    enum hook hook;
    const char *packets; // the region, in ctc's notation
    const char *example; // one packet of it
    struct decision before, now;
};

struct difference {
    unsigned left_out; // bits of hooks that are not compared; set by whoever asks
    struct change *items;
    size_t count, capacity;
    size_t kinds[CHANGE_COUNT]; // how many regions there are of each, at least
    size_t loosened;            // of CHANGE_LIMIT: in how many more may pass than before
    bool complete;              // false: there are more regions than were asked for
    bool undecided;             // the rules are too many for an answer
};

// Whether traffic is opened, or it is unclear whether it is.
bool difference_widens(const struct difference *difference);

// Adds the changes of one family from `before` to `now`, at most `limit` regions of a kind and hook. The policies may be
// NULL; they lend names to limits.
void find_changes(struct arena *arena, const struct ruleset *before, const struct policy *policy_before,
                  const struct ruleset *now, const struct policy *policy_now, size_t limit,
                  struct difference *difference);
