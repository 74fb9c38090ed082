// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files share that read a text line by line: where the reader stands, and the table it fills.
#pragma once

#include "rules/order.h"
#include "rules/parts.h"

struct reader {
    struct arena *arena;
    struct diag_list *diags;
    const struct source *source;
    struct ruleset *ruleset;
    struct parts *parts;
    struct span span;     // of the line that is being read
    struct slice line;    // without blanks at its ends
    struct table *table;  // NULL outside of one
    struct chain *chain;  // of the last rule in it; NULL: none
    bool skipping;        // in a table that is not known
    bool anyway;          // what cannot be read is kept
    struct slice refused; // where the last mistake is
    bool spaced;          // blanks where iptables-restore takes none were reported
    size_t rules;
    size_t steps;               // that rules moved up where others were taken away
    struct moves moves;         // in the table
    VEC(struct chain *) filled; // chains that got a rule since the table began or was flushed
};

// Reports a mistake at `at`, a piece of the line, and gives false.
bool reader_refuse(struct reader *reader, struct slice at, const char *hint, const char *problem);

// Reports that the line is read otherwise by iptables-restore, or by some version of it.
void reader_warn(struct reader *reader, const char *hint, const char *problem);

// `*TABLE`. Reported where there is no such table, or the one before has no end.
void tables_open(struct reader *reader, struct slice line);

// COMMIT: the rules are put in their order.
void tables_close(struct reader *reader);

// `:CHAIN POLICY [packets:bytes]`.
void tables_read_chain(struct reader *reader, struct slice line);

// A chain of the table, NULL where it has none of that name. The second is faster where it is asked for one chain many times.
struct chain *tables_find_chain(const struct reader *reader, struct slice name);
struct chain *tables_find_rule_chain(struct reader *reader, struct slice name);

// Makes a chain of one's own. NULL, and reported, where it cannot have the name.
struct chain *tables_make_chain(struct reader *reader, struct slice name);

// False, and reported, where the chain cannot have the policy.
bool tables_set_policy(struct reader *reader, struct chain *chain, struct slice policy);

// `[packets:bytes]`. False where it is none.
bool tables_read_counters(struct slice text, struct counters *counters);

// Does what the command of the line says, `counters` being those in front of it. False, and reported, where that cannot be.
bool command_run(struct reader *reader, const struct counters *counters);

// Appends or inserts the rule of the line.
bool command_append(struct reader *reader, const struct counters *counters);

// Keeps what can be kept of a line that was refused, the rest as unknowns. False where that is nothing.
bool mistaken_keep(struct reader *reader, struct slice line);
