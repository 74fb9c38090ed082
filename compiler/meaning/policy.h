// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a policy means, said directly: packets to outcomes, without a rule in between. The proof holds it against what the
// emitted rules mean; it shares the packet model with them, and nothing with the lowering.
#pragma once

#include "meaning/rules.h"

// Sets that the promises are about.
struct policy_sets {
    diagram neighbours; // step 2 of input
    diagram windows;    // replies that input accepts without a state
    diagram denied;
    diagram trusted;
};

// The policy has been added to the space, and the space is open. Hooks that the policy leaves to others (`forward: leave`)
// are 0 everywhere. `sets` may be NULL.
struct meaning policy_meaning(struct packet_space *space, const struct policy *policy,
                              struct policy_sets *sets);

// What is to become of tracking as packets leave, in the mirror: of the answers to what comes in.
diagram policy_answers(struct packet_space *space, const struct policy *policy);
