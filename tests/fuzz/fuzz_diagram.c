// SPDX-License-Identifier: GPL-2.0-or-later
//
// The algebra of functions from packets to numbers. The input is a program for a machine with a stack of functions; each
// is kept as a diagram and as a plain table of its values, and the two must say the same: the same value for every packet,
// and one handle exactly for one function.
#include <string.h>

#include "algebra/cover.h"
#include "fuzz/fuzz.h"

#define OPERATIONS_MAX 40
#define STACK_MAX      16
#define VALUES         4
#define LAST_64        UINT64_MAX
#define NEUTRAL        (DIAGRAM_ZERO_LEFT | DIAGRAM_ZERO_RIGHT)

// Fields, and how each is cut: within a cell no function that a program can make changes.
static const uint8_t widths[] = {2, 128, 64, 1};
static const struct addr_range cells_2[] = {
    {{0, 0}, {0, 0}}, {{0, 1}, {0, 1}}, {{0, 2}, {0, 2}}, {{0, 3}, {0, 3}}};
static const struct addr_range cells_128[] = {
    {{0, 0}, {0, 0}}, {{0, 1}, {0, LAST_64 - 1}},       {{0, LAST_64}, {0, LAST_64}},
    {{1, 0}, {1, 0}}, {{1, 1}, {LAST_64, LAST_64 - 1}}, {{LAST_64, LAST_64}, {LAST_64, LAST_64}},
};
static const struct addr_range cells_64[] = {
    {{0, 0}, {0, 41}}, {{0, 42}, {0, 42}}, {{0, 43}, {0, LAST_64 - 1}}, {{0, LAST_64}, {0, LAST_64}}};
static const struct addr_range cells_1[] = {{{0, 0}, {0, 0}}, {{0, 1}, {0, 1}}};

static const struct {
    const struct addr_range *cells;
    size_t count;
} fields[] = {{cells_2, 4}, {cells_128, 6}, {cells_64, 4}, {cells_1, 2}};

#define FIELDS  (sizeof(fields) / sizeof(*fields))
#define PACKETS ((size_t)4 * 6 * 4 * 2) // one for each choice of cells

struct function {
    diagram diagram;
    uint8_t values[PACKETS];
};

struct machine {
    struct diagram_space *space;
    struct function stack[STACK_MAX];
    size_t count;
    const uint8_t *program;
    size_t left;
};

static uint8_t next_byte(struct machine *machine)
{
    if (!machine->left)
        return 0;
    machine->left--;
    return *machine->program++;
}

// The cell of a field that packet `number` lies in.
static size_t cell_at(size_t number, size_t field)
{
    for (size_t i = 0; i < field; i++)
        number /= fields[i].count;
    return number % fields[field].count;
}

static void fill_packet(size_t number, bool last, field_value packet[FIELDS])
{
    for (size_t field = 0; field < FIELDS; field++) {
        const struct addr_range *cell = &fields[field].cells[cell_at(number, field)];

        packet[field] = last ? cell->last : cell->first;
    }
}

static bool is_in(const struct addr_range *range, field_value value)
{
    return addr_compare(range->first, value) <= 0 && addr_compare(value, range->last) <= 0;
}

static size_t number_of(const field_value packet[FIELDS])
{
    size_t number = 0;

    for (size_t field = FIELDS; field--;) {
        size_t cell = 0;

        while (!is_in(&fields[field].cells[cell], packet[field]))
            REQUIRE(++cell < fields[field].count);
        number = number * fields[field].count + cell;
    }
    return number;
}

// Whether the function changes with the field.
static bool depends(const struct function *function, size_t field)
{
    size_t step = 1;

    for (size_t i = 0; i < field; i++)
        step *= fields[i].count;
    for (size_t i = 0; i < PACKETS; i++)
        if (cell_at(i, field) && function->values[i] != function->values[i - step])
            return true;
    return false;
}

static void require_same(const struct machine *machine, const struct function *function)
{
    field_value packet[FIELDS];

    if (diagram_overflowed(machine->space))
        return;
    for (size_t i = 0; i < PACKETS; i++) {
        for (int last = 0; last < 2; last++) {
            fill_packet(i, last, packet);
            REQUIRE(diagram_evaluate(machine->space, function->diagram, packet) == function->values[i]);
        }
    }
}

static void require_witnesses(const struct machine *machine, const struct function *function)
{
    field_value preferred[FIELDS];

    fill_packet(function->diagram % PACKETS, true, preferred);
    for (uint32_t value = 0; value < VALUES; value++) {
        field_value packet[FIELDS];
        const bool there = memchr(function->values, (int)value, PACKETS) != NULL;

        for (int prefers = 0; prefers < 2; prefers++) {
            REQUIRE(diagram_witness(machine->space, function->diagram, value, prefers ? preferred : NULL,
                                    packet) == there);
            if (!there)
                continue;
            REQUIRE(diagram_evaluate(machine->space, function->diagram, packet) == value);
            REQUIRE(function->values[number_of(packet)] == value);
        }
        if (diagram_evaluate(machine->space, function->diagram, preferred) == value)
            REQUIRE(memcmp(packet, preferred, sizeof(preferred)) == 0);
    }
}

static void count_value(uint32_t value, void *counts)
{
    REQUIRE(value < VALUES);
    ((unsigned *)counts)[value]++;
}

static void require_values(const struct machine *machine, const struct function *function)
{
    unsigned counts[VALUES] = {0};

    diagram_each_value(machine->space, function->diagram, count_value, counts);
    for (int value = 0; value < VALUES; value++)
        REQUIRE(counts[value] == (memchr(function->values, value, PACKETS) != NULL));
    for (size_t field = 0; field < FIELDS; field++)
        REQUIRE(diagram_depends_on(machine->space, function->diagram, (unsigned)field) ==
                depends(function, field));
}

static uint32_t replace(uint32_t value, void *replacements)
{
    return *(const uint8_t *)replacements >> 2 * value & 3;
}

// The boxes of the packets with value 1, where the packets of value 3 do not occur.
static void require_cover(const struct machine *machine, const struct function *function)
{
    static const unsigned order[FIELDS] = {2, 0, 3, 1};
    struct arena arena = {0};
    uint8_t ones = 1 << 2, occurring = 0x15;
    const diagram set = diagram_map(machine->space, function->diagram, replace, &ones),
                  domain = diagram_map(machine->space, function->diagram, replace, &occurring);
    const struct cover cover = cover_boxes(&arena, machine->space, set, domain, order, PACKETS);
    bool covered[PACKETS] = {false};

    for (size_t i = 0; i < cover.count; i++) {
        for (size_t j = 0; j < PACKETS; j++) {
            field_value packet[FIELDS];
            bool in = true;

            fill_packet(j, false, packet);
            for (size_t field = 0; field < FIELDS; field++) {
                const struct range_list *list = &cover.items[i].fields[field];
                bool in_list = !list->count;

                for (size_t k = 0; k < list->count; k++)
                    in_list = in_list || is_in(&list->items[k], packet[field]);
                in = in && in_list;
            }
            REQUIRE(!in || function->values[j] == 1 || function->values[j] == 3);
            covered[j] = covered[j] || in;
        }
    }
    REQUIRE(cover.complete || diagram_overflowed(machine->space));
    for (size_t j = 0; j < PACKETS && cover.complete; j++)
        REQUIRE(covered[j] || function->values[j] != 1);
    arena_clear(&arena);
}

static struct function *push(struct machine *machine)
{
    if (machine->count == STACK_MAX) {
        memmove(machine->stack, machine->stack + 1, (STACK_MAX - 1) * sizeof(*machine->stack));
        machine->count--;
    }
    return &machine->stack[machine->count++];
}

static void push_constant(struct machine *machine)
{
    const uint8_t value = next_byte(machine) % VALUES;
    struct function *function = push(machine);

    function->diagram = diagram_constant(machine->space, value);
    memset(function->values, value, PACKETS);
}

static bool is_later(const struct function *function, size_t field)
{
    for (size_t i = 0; i <= field; i++)
        if (depends(function, i))
            return false;
    return true;
}

// Takes two functions of later fields, and gives the first where the field lies in some of its cells.
static void push_test(struct machine *machine)
{
    const size_t field = next_byte(machine) % FIELDS;
    const uint8_t chosen = next_byte(machine);
    const bool joined = chosen >> 7;
    struct addr_range ranges[8];
    size_t count = 0;

    if (machine->count < 2)
        return;

    const struct function outside = machine->stack[machine->count - 1],
                          inside = machine->stack[machine->count - 2];

    if (!is_later(&outside, field) || !is_later(&inside, field))
        return;
    for (size_t i = 0; i < fields[field].count; i++) {
        if (!(chosen >> i & 1))
            continue;
        // Ranges may touch each other, or be one.
        if (joined && i && (chosen >> (i - 1) & 1))
            ranges[count - 1].last = fields[field].cells[i].last;
        else
            ranges[count++] = fields[field].cells[i];
    }
    machine->count -= 2;

    struct function *function = push(machine);

    function->diagram =
        diagram_test(machine->space, (unsigned)field, ranges, count, inside.diagram, outside.diagram);
    for (size_t i = 0; i < PACKETS; i++)
        function->values[i] = chosen >> cell_at(i, field) & 1 ? inside.values[i] : outside.values[i];
}

static uint32_t first_of(uint32_t left, uint32_t right)
{
    return left ? left : right;
}

static uint32_t sum(uint32_t left, uint32_t right)
{
    return (left + right) % VALUES;
}

static uint32_t larger(uint32_t left, uint32_t right)
{
    return left > right ? left : right;
}

static uint32_t is_equal(uint32_t left, uint32_t right)
{
    return left == right;
}

static bool is_not_zero(uint32_t left)
{
    return left != 0;
}

static bool is_largest(uint32_t left)
{
    return left == VALUES - 1;
}

// All but the last are associative.
static const struct diagram_operation operations[] = {
    {1 | NEUTRAL | DIAGRAM_SAME, first_of, is_not_zero},
    {2 | NEUTRAL | DIAGRAM_COMMUTES, sum, NULL},
    {3 | NEUTRAL | DIAGRAM_SAME | DIAGRAM_COMMUTES, larger, is_largest},
    {4, larger, NULL},
    {5 | DIAGRAM_COMMUTES, is_equal, NULL}};

static void push_combined(struct machine *machine)
{
    const struct diagram_operation *operation =
        &operations[next_byte(machine) % (sizeof(operations) / sizeof(*operations))];

    if (machine->count < 2)
        return;

    struct function *left = &machine->stack[machine->count - 2];
    const struct function *right = &machine->stack[machine->count - 1];

    left->diagram = diagram_apply(machine->space, operation, left->diagram, right->diagram);
    for (size_t i = 0; i < PACKETS; i++)
        left->values[i] = (uint8_t)operation->combine(left->values[i], right->values[i]);
    machine->count--;
}

// All functions of the stack, from the oldest to the newest.
static void combine_all(struct machine *machine)
{
    const struct diagram_operation *operation =
        &operations[next_byte(machine) % (sizeof(operations) / sizeof(*operations) - 1)];
    diagram list[STACK_MAX];
    struct function result = {0};

    if (!machine->count)
        return;
    for (size_t i = 0; i < machine->count; i++) {
        const struct function *function = &machine->stack[i];

        list[i] = function->diagram;
        for (size_t j = 0; j < PACKETS; j++)
            result.values[j] = (uint8_t)(i ? operation->combine(result.values[j], function->values[j])
                                           : function->values[j]);
    }
    result.diagram = diagram_combine(machine->space, operation, list, machine->count);
    *push(machine) = result;
}

// The number of a packet that is in another cell of a field.
static size_t in_cell(size_t number, size_t field, size_t cell)
{
    size_t step = 1;

    for (size_t i = 0; i < field; i++)
        step *= fields[i].count;
    return number - cell_at(number, field) * step + cell * step;
}

static void hold_field(struct machine *machine)
{
    const size_t field = next_byte(machine) % FIELDS, cell = next_byte(machine) % fields[field].count;

    if (!machine->count)
        return;

    struct function *function = &machine->stack[machine->count - 1];
    const struct function before = *function;

    function->diagram =
        diagram_restrict(machine->space, before.diagram, (unsigned)field, fields[field].cells[cell].last);
    for (size_t i = 0; i < PACKETS; i++)
        function->values[i] = before.values[in_cell(i, field, cell)];
}

static void fold_field(struct machine *machine)
{
    const size_t field = next_byte(machine) % FIELDS;
    const bool smallest = next_byte(machine) % 2;

    if (!machine->count)
        return;

    struct function *function = &machine->stack[machine->count - 1];
    const struct function before = *function;

    function->diagram =
        (smallest ? diagram_smallest : diagram_largest)(machine->space, before.diagram, (unsigned)field);
    for (size_t i = 0; i < PACKETS; i++) {
        for (size_t cell = 0; cell < fields[field].count; cell++) {
            const uint8_t value = before.values[in_cell(i, field, cell)];

            if (smallest ? value < function->values[i] : value > function->values[i])
                function->values[i] = value;
        }
    }
}

static void replace_values(struct machine *machine)
{
    uint8_t replacements = next_byte(machine);

    if (!machine->count)
        return;

    struct function *function = &machine->stack[machine->count - 1];

    function->diagram = diagram_map(machine->space, function->diagram, replace, &replacements);
    for (size_t i = 0; i < PACKETS; i++)
        function->values[i] = (uint8_t)replace(function->values[i], &replacements);
}

static void push_copy(struct machine *machine)
{
    const size_t depth = next_byte(machine);

    if (!machine->count)
        return;

    const struct function copy = machine->stack[machine->count - 1 - depth % machine->count];

    *push(machine) = copy;
}

static void run(struct machine *machine)
{
    static void (*const operations[])(struct machine *) = {push_constant,  push_test, push_combined,
                                                           replace_values, push_copy, combine_all,
                                                           hold_field,     fold_field};

    for (int i = 0; i < OPERATIONS_MAX && machine->left; i++) {
        operations[next_byte(machine) % (sizeof(operations) / sizeof(*operations))](machine);
        if (machine->count)
            require_same(machine, &machine->stack[machine->count - 1]);
    }
}

static void require_one_handle_each(const struct machine *machine)
{
    for (size_t i = 0; i < machine->count; i++) {
        const struct function *function = &machine->stack[i];

        require_witnesses(machine, function);
        require_values(machine, function);
        for (size_t j = 0; j < i; j++)
            REQUIRE((function->diagram == machine->stack[j].diagram) ==
                    (memcmp(function->values, machine->stack[j].values, PACKETS) == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct machine machine = {.program = bytes, .left = size};
    const uint8_t limit = next_byte(&machine);

    // A few nodes, so that they run out, or plenty.
    machine.space = diagram_space_new(widths, FIELDS, limit % 4 ? 1 << 16 : 1 + limit / 4);
    REQUIRE(machine.space);
    run(&machine);
    if (!diagram_overflowed(machine.space))
        require_one_handle_each(&machine);
    if (machine.count && !diagram_overflowed(machine.space))
        require_cover(&machine, &machine.stack[machine.count - 1]);
    REQUIRE(diagram_constant(machine.space, 0) == 0);
    diagram_space_free(machine.space);
    return 0;
}
