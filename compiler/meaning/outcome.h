// SPDX-License-Identifier: GPL-2.0-or-later
//
// What becomes of a packet, as one number: the values of the functions that rules and policies mean. 0: nothing is decided.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum walk {
    WALK_CONTINUE, // with the next rule
    WALK_RETURN,   // to the chain that jumped here
    WALK_ACCEPT,
    WALK_DROP,
    WALK_REJECT,
    WALK_ELSEWHERE, // decided by something that is not modelled
};

// Of the CT targets that a packet reaches the first decides, and the walk goes on behind it.
enum tracking_target { CT_NONE, CT_NOTRACK, CT_TRACK };

struct outcome {
    enum walk walk;
    enum tracking_target ct;
    bool tracked;      // once raw, tracker and filter are put together
    unsigned answer;   // of WALK_REJECT: a number of packet_space_answer()
    uint32_t rule;     // the deciding one, 0: none is remembered; not kept beside a CT target
    uint32_t template; // of CT_TRACK, what a connection begins with: a number of packet_space_template()
};

#define OUTCOME_RULE_SHIFT 11
#define OUTCOME_RULE_MAX   (UINT32_MAX >> OUTCOME_RULE_SHIFT)

static inline uint32_t outcome_value(struct outcome outcome)
{
    return (uint32_t)outcome.walk | (uint32_t)outcome.ct << 3 | (uint32_t)outcome.tracked << 5 |
           outcome.answer << 6 | (outcome.ct ? outcome.template : outcome.rule) << OUTCOME_RULE_SHIFT;
}

static inline struct outcome outcome_of(uint32_t value)
{
    const enum tracking_target ct = (enum tracking_target)(value >> 3 & 3);
    const uint32_t number = value >> OUTCOME_RULE_SHIFT;

    return (struct outcome){
        .walk = (enum walk)(value & 7),
        .ct = ct,
        .tracked = value >> 5 & 1,
        .answer = value >> 6 & 31,
        .rule = ct ? 0 : number,
        .template = ct ? number : 0,
    };
}
