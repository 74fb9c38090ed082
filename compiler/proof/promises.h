// SPDX-License-Identifier: GPL-2.0-or-later
//
// The promises one by one, of any rules that are held against a policy: those that a kernel has, say.
#pragma once

#include "proof/prove.h"

struct promise_breach {
    enum diag_code code; // by which it is known
    const char *problem, *hint;
    enum hook hook;
    diagram packets;         // for which it is broken
    field_value *packet;     // one of them, in a state in which the rules break it
    const char *example;     // that one, in words
    struct rule_place place; // what decides that packet, or whether it is tracked, in the rules of the proof
};

// Whether the rules of the proof break a promise, by its number below PROMISE_COUNT, where the policy itself does not, which
// may by what it carries verbatim; and how. Promises about chain policies and about what tracking depends on are no rule's,
// and not among them.
bool promise_broken(struct proof *proof, size_t number, struct promise_breach *found);
