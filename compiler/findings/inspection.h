// SPDX-License-Identifier: GPL-2.0-or-later
//
// A ruleset of one family under inspection: its meaning, its passages, and what the findings on it share. What the model
// does not know is never guessed: a finding holds whatever a match that is not modelled answers.
#pragma once

#include "diag/diag.h"
#include "findings/shares.h"
#include "meaning/sets.h"
#include "policy/policy.h"

#define PASSAGES_MAX   8
#define WINDOW_PACKETS " accepted without tracking: " // in the text of a window; the packets follow

#define CLIENT_PORT 40000 // that a program has which asks somebody

struct inspection {
    struct arena *arena;
    const struct ruleset *rules;
    const struct source *source; // for what is about the whole of it
    const struct policy *policy; // whose rules they are; NULL: somebody's
    struct diag_list *diags;
    struct packet_space space;
    struct meaning meaning;
    struct arena scratch;
    struct passage passages[PASSAGES_MAX]; // opened as they are asked for
    struct field_choice *choices;          // room for diagram_settle(), a choice for each field
    diagram tracked;                       // at input: packets that the tracker sees
    diagram openings; // usual new packets that input accepts off lo: see openings_accepted()
};

// False where the rules are too many to be decided.
bool inspection_open(struct inspection *inspection, struct arena *arena, const struct ruleset *rules,
                     const struct policy *policy, const struct source *source, struct diag_list *diags);
void inspection_close(struct inspection *inspection);
bool inspection_undecided(const struct inspection *inspection);

// The way through a table at a hook; NULL where there is no such table. `chain` tells those of one hook apart.
const struct passage *find_passage(struct inspection *inspection, const char *table, const char *chain,
                                   enum hook hook);

// A set as it is whatever matches answer that are not modelled, with room in every limit. Policies that nobody wrote are
// what the kernel begins with, and in the filter either.
diagram settled(struct inspection *inspection, diagram set);

// The same with one limit left as it is.
diagram settled_but(struct inspection *inspection, diagram set, size_t unknown);

// Fields that a set no longer asks for.
diagram only_ports(struct inspection *inspection, diagram set);   // the destination ports that occur in it
diagram only_senders(struct inspection *inspection, diagram set); // interfaces and addresses
size_t port_count(struct inspection *inspection, diagram set);    // of destination ports

// Holds one field at a value.
diagram where(struct inspection *inspection, diagram function, enum field field, uint64_t value);
diagram of_value(struct inspection *inspection, enum field field, uint64_t value); // the set of such packets

// What comes in for this host by another interface than lo, whatever it is.
diagram off_lo_domain(struct inspection *inspection);

// Packets of TCP and UDP; and those of a set that come from anyone, told by senders of whom no list knows.
diagram tcp_and_udp(struct inspection *inspection);
bool from_anyone(struct inspection *inspection, diagram set);
diagram from_stranger(struct inspection *inspection,
                      diagram set); // from one of them whom few lists name, if there are any
diagram of_strangers(struct inspection *inspection, diagram set); // no longer asks for the source

// The state that a packet which opens a flow has behind raw: NEW, or UNTRACKED.
diagram in_opening_state(struct inspection *inspection);

// Rules of the filter that decide packets of a set, or one.
struct shares filter_deciders(struct inspection *inspection, enum hook hook, diagram set, size_t limit);

// Whether a rule translates addresses or ports; and whether it does so for what comes in.
bool rule_translates(const struct rule *rule);
bool rule_publishes(const struct rule *rule);

// Reports at a rule; where it has no line, at the chain's, or the file's. Once, where the same was reported there.
bool report_at(struct inspection *inspection, enum diag_code code, enum severity severity,
               const struct rule_place *place, const char *format, ...) __attribute__((format(printf, 5, 6)));
struct span place_span(const struct inspection *inspection, const struct rule_place *place);

// Packets in words, from the arena: at most three boxes, without what all of `domain` is.
const char *in_words(struct inspection *inspection, diagram set, diagram domain);

// The findings, a function a group.
void find_tracking(struct inspection *inspection);
void find_wrong_sides(struct inspection *inspection);
void find_holes(struct inspection *inspection);
void find_open_services(struct inspection *inspection);
void find_losses(struct inspection *inspection);
void find_limits(struct inspection *inspection);
void find_unwritten_policies(struct inspection *inspection);
void find_windows(struct inspection *inspection); // of a policy
