// SPDX-License-Identifier: GPL-2.0-or-later
#include "passes/shape.h"

static uint32_t add(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

// Behind a rule, what is left to find lies in another chain or in the same one.
void shape_init(struct shape *shape, unsigned step)
{
    shape->step = step;
    for (unsigned depth = 0; depth <= RULESET_DEPTH_MAX; depth++)
        for (unsigned rules = 0; rules <= SHAPE_RULES_MAX; rules++) {
            const uint32_t behind = rules ? shape->leaves[depth][rules - 1] : 1;
            const uint32_t beyond = depth && rules >= step ? shape->leaves[depth - 1][rules - step] : 0;

            shape->leaves[depth][rules] = add(behind, beyond);
        }
}

double shape_share(const struct shape *shape, size_t leaves, unsigned depth)
{
    unsigned rules = shape->step;

    while (rules < SHAPE_RULES_MAX && shape->leaves[depth][rules] < leaves)
        rules++;
    return (double)shape->leaves[depth - 1][rules - shape->step] / (double)shape->leaves[depth][rules];
}
