// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of packets and functions of them, combined. Operations are numbered 1 to 15 here.
#include "meaning/space.h"

static uint32_t both(uint32_t left, uint32_t right)
{
    return left && right;
}

static uint32_t either(uint32_t left, uint32_t right)
{
    return left || right;
}

static uint32_t without(uint32_t left, uint32_t right)
{
    return left && !right;
}

static uint32_t guarded(uint32_t left, uint32_t right)
{
    return left ? right : 0;
}

static uint32_t first_decided(uint32_t left, uint32_t right)
{
    return left ? left : right;
}

static uint32_t unequal(uint32_t left, uint32_t right)
{
    return left != right;
}

static bool is_zero(uint32_t left)
{
    return !left;
}

static bool is_decided(uint32_t left)
{
    return left != 0;
}

static bool is_one(uint32_t left)
{
    return left == 1;
}

static const struct diagram_operation op_and = {1 | DIAGRAM_SAME | DIAGRAM_COMMUTES, both, is_zero},
                                      op_or = {2 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME |
                                                   DIAGRAM_COMMUTES,
                                               either, is_one},
                                      op_minus = {3 | DIAGRAM_ZERO_RIGHT | DIAGRAM_CANCELS, without, is_zero},
                                      op_guard = {4, guarded, is_zero},
                                      op_first = {5 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME,
                                                  first_decided, is_decided},
                                      op_differ = {6 | DIAGRAM_CANCELS, unequal, NULL};

diagram set_and(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_and, left, right);
}

diagram set_or(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_or, left, right);
}

diagram set_minus(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_minus, left, right);
}

diagram set_all(struct packet_space *space)
{
    return diagram_constant(space->diagrams, 1);
}

diagram set_none(struct packet_space *space)
{
    return diagram_constant(space->diagrams, 0);
}

diagram only_where(struct packet_space *space, diagram set, diagram function)
{
    return diagram_apply(space->diagrams, &op_guard, set, function);
}

diagram first_of(struct packet_space *space, diagram left, diagram right)
{
    return diagram_apply(space->diagrams, &op_first, left, right);
}

diagram first_of_all(struct packet_space *space, const diagram *functions, size_t count)
{
    return diagram_combine(space->diagrams, &op_first, functions, count);
}

diagram differences(struct packet_space *space, diagram left, diagram right)
{
    return left == right ? set_none(space) : diagram_apply(space->diagrams, &op_differ, left, right);
}

diagram field_between(struct packet_space *space, unsigned field, uint64_t first, uint64_t last)
{
    const struct addr_range range = {{0, first}, {0, last}};

    return diagram_test(space->diagrams, field, &range, 1, set_all(space), set_none(space));
}

diagram choose(struct packet_space *space, diagram set, diagram inside, diagram outside)
{
    return first_of(space, only_where(space, set, inside),
                    only_where(space, set_minus(space, set_all(space), set), outside));
}
