// SPDX-License-Identifier: GPL-2.0-or-later
//
// Functions over small spaces, where every packet can be tried: each as a diagram, and as a table of its values.
#pragma once

#include "support/test.h"

#include <stdlib.h>

#include "algebra/diagram.h"

static const uint8_t widths[] = {3, 4, 2};

#define PACKETS    (8 * 16 * 4)
#define NODE_LIMIT 100000

static inline void packet_at(unsigned number, field_value packet[3])
{
    packet[0] = (field_value){0, number & 7};
    packet[1] = (field_value){0, number >> 3 & 15};
    packet[2] = (field_value){0, number >> 7 & 3};
}

static inline struct diagram_space *new_space(void)
{
    struct diagram_space *space = diagram_space_new(widths, 3, NODE_LIMIT);

    assert_non_null(space);
    return space;
}

// A function made of a box in each field, and the same as a table.
static inline diagram random_box(struct diagram_space *space, uint32_t value, uint32_t table[PACKETS])
{
    struct addr_range ranges[3];
    diagram function = diagram_constant(space, value);
    const diagram none = diagram_constant(space, 0);

    for (unsigned field = 3; field-- > 0;) {
        const unsigned size = 1U << widths[field];
        const unsigned a = (unsigned)rand() % size, b = (unsigned)rand() % size;

        ranges[field] = (struct addr_range){{0, a < b ? a : b}, {0, a < b ? b : a}};
        function = diagram_test(space, field, &ranges[field], 1, function, none);
    }
    for (unsigned i = 0; i < PACKETS; i++) {
        field_value packet[3];
        bool inside = true;

        packet_at(i, packet);
        for (unsigned field = 0; field < 3; field++)
            inside = inside && packet[field].low >= ranges[field].first.low &&
                     packet[field].low <= ranges[field].last.low;
        table[i] = inside ? value : 0;
    }
    return function;
}

static inline uint32_t first_of(uint32_t left, uint32_t right)
{
    return left ? left : right;
}

static inline bool decides(uint32_t left)
{
    return left != 0;
}

static inline uint32_t difference(uint32_t left, uint32_t right)
{
    return left > right ? left - right : 0;
}

static inline uint32_t larger_of(uint32_t left, uint32_t right)
{
    return left > right ? left : right;
}

static inline uint32_t sum(uint32_t left, uint32_t right)
{
    return left + right;
}

static const struct diagram_operation overlay = {1 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME,
                                                 first_of, decides};
static const struct diagram_operation minus = {2 | DIAGRAM_ZERO_RIGHT, difference, NULL};
static const struct diagram_operation plain_overlay = {3, first_of, decides};
static const struct diagram_operation largest = {
    4 | DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT | DIAGRAM_SAME | DIAGRAM_COMMUTES, larger_of, NULL};
static const struct diagram_operation total = {5 | DIAGRAM_COMMUTES, sum, NULL};

static inline void assert_is_table(const struct diagram_space *space, diagram function,
                                   const uint32_t table[PACKETS])
{
    for (unsigned i = 0; i < PACKETS; i++) {
        field_value packet[3];

        packet_at(i, packet);
        assert_int_equal(diagram_evaluate(space, function, packet), table[i]);
    }
}

// Overlaid boxes, with the table of what they make.
static inline diagram random_function(struct diagram_space *space, uint32_t table[PACKETS])
{
    uint32_t box[PACKETS];
    diagram function = random_box(space, 1 + (uint32_t)rand() % 4, table);

    for (int more = rand() % 5; more; more--) {
        function = diagram_apply(space, &overlay, function, random_box(space, 1 + (uint32_t)rand() % 4, box));
        for (unsigned i = 0; i < PACKETS; i++)
            table[i] = first_of(table[i], box[i]);
    }
    return function;
}

// The number of packet `number` with another value of a field.
static inline unsigned with_field(unsigned number, unsigned field, unsigned value)
{
    static const unsigned shifts[] = {0, 3, 7};

    return (number & ~(((1U << widths[field]) - 1) << shifts[field])) | value << shifts[field];
}

// For diagram_map(). `calls` counts how often it is asked.
static inline uint32_t doubled(uint32_t value, void *calls)
{
    ++*(int *)calls;
    return value * 2;
}
