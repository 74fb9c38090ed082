// SPDX-License-Identifier: GPL-2.0-or-later
//
// The proof: what the emitted rules mean, held against what the policy means, over all packets.
#pragma once

#include "analysis/trace.h"
#include "base/job.h"
#include "meaning/policy.h"
#include "meaning/rules.h"

#define PROMISE_COUNT 9 // those of proof/promises.c

// Both meanings of one family in one space, where they can be compared.
struct proof {
    struct arena *arena;
    const struct policy *policy;
    const struct source *source;   // of the policy
    const struct ruleset *lowered; // the rules as the policy says them, which know their entries
    const struct ruleset *rules;   // what was made of them, as it was read back
    struct arena own;              // of the space
    struct job saying;             // makes the policy's meaning
    struct packet_space space;
    struct meaning said, done; // by the policy, and by the rules
    struct policy_sets sets;
    struct {
        diagram broken; // the packets for which it would be
        enum hook hook;
    } promised[PROMISE_COUNT]; // what every policy promises, of the policy's own meaning
    unsigned broken;           // by rules that the policy carries: a bit for each promise
    bool undecided;            // the diagrams outgrew the limit of nodes: nothing is proved
};

// Begins with the policy's meaning, for which no text of the rules is needed: beside its caller, who may go on to make one.
void proof_begin(struct proof *proof, struct arena *arena, const struct policy *policy,
                 const struct source *source, const struct ruleset *lowered);

// Makes the other meaning, that of the text. Before, a proof that was begun can only be closed.
void proof_read(struct proof *proof, const struct ruleset *rules);
void proof_close(struct proof *proof);

// Both at once.
void proof_open(struct proof *proof, struct arena *arena, const struct policy *policy,
                const struct source *source, const struct ruleset *lowered, const struct ruleset *rules);

// The packets of a hook that the rules treat in another way than the policy says.
diagram unequal_packets(struct proof *proof, enum hook hook);

// Reports, as errors of EXIT_UNPROVED, where the rules do not mean what the policy says, with a packet and the rule that
// decides it. True where they are equal.
bool prove_equal(struct proof *proof, struct diag_list *diags);

// Says what decides a packet: the part of the policy, and the rule. Gives the place in the policy, if there is one.
struct reason proof_reason(struct proof *proof, struct rule_place *place, enum hook hook,
                           const field_value *packet);
struct span proof_place(struct proof *proof, struct buf *text, enum hook hook, const field_value *packet);

// Looks at the promises of the policy's meaning. What is found there holds for the rules' too where that is the same.
void promise_said(struct proof *proof);

// What every policy promises, each an equation. False, reported, where one does not hold; one that a rule breaks which the
// policy carries verbatim is a finding of its own name, and true.
bool prove_promises(struct proof *proof, struct diag_list *diags);

// What the promise of that number says, from 0; NULL behind the last one.
const char *promise_words(size_t number);

// Every `expect` of the policy. False, reported with a packet that it does not hold for, where one fails.
bool prove_expectations(struct proof *proof, struct diag_list *diags);

// The packet's way through the rules that know their entries.
struct trace written_trace(struct proof *proof, enum hook hook, const field_value *packet);

// The parts of an expectation, for any ruleset: the packets that it is about, `sets` NULL where there is no policy; and one
// of them that is not as expected. False where there is none.
diagram expected_packets(struct packet_space *space, const struct expectation *expectation,
                         const struct meaning *meaning, const struct policy_sets *sets);
bool find_counterexample(struct packet_space *space, const struct expectation *expectation,
                         const struct meaning *meaning, diagram packets, field_value *packet);

// Reports an expectation that fails: `what` is expected and found. One that fails in both families by the same part of a
// policy is one finding.
void report_expectation(struct diag_list *diags, const struct expectation *expectation, enum family family,
                        const char *what, const struct reason *by, const struct rule_place *decided);
void describe_expected(struct buf *out, const struct expectation *expectation);
