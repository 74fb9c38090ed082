// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the host knows of a packet: its state, its helper, its socket.
#include <string.h>

#include "rules/matches.h"

enum reading match_read_states(struct parts *parts, const struct option *option, struct match *match)
{
    static const char *const names[] = {"INVALID",   "NEW",  "RELATED", "ESTABLISHED",
                                        "UNTRACKED", "SNAT", "DNAT",    NULL}; // by bit, and two more
    unsigned states;

    if (!option_is(option, "ctstate") && !option_is(option, "state"))
        return READ_OPAQUE;
    if (match->state.states)
        return match_refuse(parts, option, "this stands twice");
    if (!match_bits(option->values[0], names, true, &states))
        return match_refuse(parts, option, "states are INVALID, NEW, RELATED, ESTABLISHED and UNTRACKED");
    match->state.states = states;
    match->state.inverted = option->inverted;
    return states < STATE_UNTRACKED << 1 ? READ_FINE : READ_OPAQUE;
}

enum reading match_read_helper(struct parts *parts, const struct option *option, struct match *match)
{
    if (match->helper.name)
        return match_refuse(parts, option, "this stands twice");
    match->helper.name = arena_copy(parts->arena, option->values[0].at, option->values[0].length);
    match->helper.inverted = option->inverted;
    return READ_FINE;
}

enum reading match_read_socket(struct parts *parts, const struct option *option, struct match *match)
{
    (void)parts;
    if (!option_is(option, "nowildcard"))
        return READ_OPAQUE;
    match->nowildcard = true;
    return READ_FINE;
}
