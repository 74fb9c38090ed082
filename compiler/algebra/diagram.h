// SPDX-License-Identifier: GPL-2.0-or-later
//
// Functions from packets to numbers, as hash-consed interval decision diagrams: a node tests one field, its edges are
// ranges of that field's values in order, and neighbours that lead to the same place are one edge. Two functions are
// equal exactly if their diagrams have the same handle, so that comparing costs nothing however large they are.
//
// The fields are numbered by their user, and every path tests them in ascending order. A set of packets is a function to
// 0 and 1.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

// A function. Handles are small numbers that stay valid as long as their space.
typedef uint32_t diagram;

// Values of fields are numbers of up to 128 bits, as addresses are.
typedef struct addr field_value;

struct diagram_space;

// Measured with the nodes that a proof may have (meaning/space.h): with six, 600,000 addresses that lie anywhere are denied in a
// policy of ten entries, which four do not hold; with eight, a product of 8,000 addresses and 4,000 takes 38 s and 3 GB, where it
// is better to say in a second that it is too much.
#define DIAGRAM_EDGES_PER_NODE 6

// A space in which diagrams live. `widths` are the numbers of bits of the fields, 1 to 128. At most `node_limit` nodes are
// made, and DIAGRAM_EDGES_PER_NODE times as many edges: beyond, every operation gives diagram_constant(space, 0) and
// diagram_overflowed() says so. NULL where memory is short.
struct diagram_space *diagram_space_new(const uint8_t *widths, size_t field_count, size_t node_limit);
void diagram_space_free(struct diagram_space *space);
bool diagram_overflowed(const struct diagram_space *space);
bool diagram_short_of_memory(const struct diagram_space *space); // it overflowed below its limits
size_t diagram_node_count(const struct diagram_space *space);

// The function that is `value` for every packet.
diagram diagram_constant(struct diagram_space *space, uint32_t value);

// `inside` for packets whose `field` lies in one of the ranges, `outside` for the others. The ranges are sorted and
// disjoint; both functions test later fields only.
diagram diagram_test(struct diagram_space *space, unsigned field, const struct addr_range *ranges,
                     size_t count, diagram inside, diagram outside);

// `targets[i]` for packets whose `field` lies in ranges[i], `otherwise` for the others.
diagram diagram_switch(struct diagram_space *space, unsigned field, const struct addr_range *ranges,
                       const diagram *targets, size_t count, diagram otherwise);

// A test of one field: the ranges of values that pass, at least one, sorted and disjoint.
struct field_test {
    const struct addr_range *ranges;
    uint32_t count;
    uint32_t field;
};

// The packets that pass all tests, each of a later field than the one before it. Without tests: all packets.
struct conjunction {
    const struct field_test *tests;
    size_t count;
};

// `value`, which is not 0, for packets of one of the conjunctions, or of several, `otherwise` for the others.
diagram diagram_any_of(struct diagram_space *space, const struct conjunction *conjunctions, size_t count,
                       uint32_t value, uint32_t otherwise);

// Laws that an operation may keep, for all values that its operands take. They stand with its id, and save time.
#define DIAGRAM_ZERO_LEFT  0x10000u  // combine(0, x) is x
#define DIAGRAM_ZERO_RIGHT 0x20000u  // combine(x, 0) is x
#define DIAGRAM_SAME       0x40000u  // combine(x, x) is x
#define DIAGRAM_COMMUTES   0x80000u  // combine(x, y) is combine(y, x)
#define DIAGRAM_CANCELS    0x100000u // combine(x, x) is 0

#define DIAGRAM_OPERATION_IDS 0x8000 // ids below are the user's, but for 0

// An operation on two values. It is a pure function of them; `id`, a number and laws, tells it from others in the memory of
// results, so that one id always stands for one operation. `absorbs` may be NULL, else it says for a value on the left
// whether the result is that value whatever stands on the right.
struct diagram_operation {
    unsigned id;
    uint32_t (*combine)(uint32_t left, uint32_t right);
    bool (*absorbs)(uint32_t left);
};

// Combines two functions packet by packet.
diagram diagram_apply(struct diagram_space *space, const struct diagram_operation *operation, diagram left,
                      diagram right);

// The same for a large function on the left of which no part is met again. With a constant on the right it takes a fraction of
// the time, for nothing is remembered but the result.
diagram diagram_apply_once(struct diagram_space *space, const struct diagram_operation *operation,
                           diagram left, diagram right);

// Combines any number of functions from left to right, with an associative operation. Takes a fraction of the time and the
// nodes that diagram_apply() on one after the other would. Without functions the result is the constant 0.
diagram diagram_combine(struct diagram_space *space, const struct diagram_operation *operation,
                        const diagram *functions, size_t count);

// The same function with its values replaced. Not remembered between calls.
diagram diagram_map(struct diagram_space *space, diagram function,
                    uint32_t (*map)(uint32_t value, void *context), void *context);

// The function's value for one packet, given as a value for each field.
uint32_t diagram_evaluate(const struct diagram_space *space, diagram function, const field_value *packet);

// A packet for which the function has the value: fills `packet`. False where there is none. `preferred`, unless it is NULL,
// gives a value for each field: the packet has it wherever the fields before it leave a way to `value`, else the smallest
// value that leads there.
bool diagram_witness(struct diagram_space *space, diagram function, uint32_t value,
                     const field_value *preferred, field_value *packet);

// The function with one field held at a value: the result does not test that field.
diagram diagram_restrict(struct diagram_space *space, diagram function, unsigned field, field_value value);

// Whether the function tests the field anywhere, which it does exactly if its result depends on it.
bool diagram_depends_on(struct diagram_space *space, diagram function, unsigned field);

// Walks the fields that the function tests, each once, in no particular order. The visitor leaves the space alone.
void diagram_each_field(struct diagram_space *space, diagram function,
                        void (*visit)(unsigned field, void *context), void *context);

// The function that has the smallest value which `function` takes as the field goes through all its values (forall, of a
// set), and the largest (exists). The results do not test the field.
diagram diagram_smallest(struct diagram_space *space, diagram function, unsigned field);
diagram diagram_largest(struct diagram_space *space, diagram function, unsigned field);

// What becomes of a field in diagram_settle().
struct field_choice {
    enum { CHOOSE_KEEP, CHOOSE_VALUE, CHOOSE_SMALLEST, CHOOSE_LARGEST } how;
    field_value value; // CHOOSE_VALUE
};

// Many fields at once: kept, held at a value, or taken for all of their values as diagram_smallest() and
// diagram_largest() do, the last field first. One choice for each field.
diagram diagram_settle(struct diagram_space *space, diagram function, const struct field_choice *choices);

// A function that is the same where `care` (to 0 and 1) is 1, and elsewhere whatever makes it simpler.
diagram diagram_simplify(struct diagram_space *space, diagram function, diagram care);

// Walks the values that the function takes, each once, in an order that depends on the function alone.
void diagram_each_value(struct diagram_space *space, diagram function,
                        void (*visit)(uint32_t value, void *context), void *context);
