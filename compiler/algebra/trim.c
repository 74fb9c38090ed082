// SPDX-License-Identifier: GPL-2.0-or-later
//
// Boxes without what others of them hold as well. Those that have nothing else go; of others the later one gives way, so
// that of "to port 80,443" and "from 192.0.2.0/24 to port 22,80,443" the second becomes "from 192.0.2.0/24 to port 22". A
// range goes as a whole or stays, what takes all values of a field does so still, and so does what is said best by the values
// that it leaves out: nothing comes out longer than it was.
#include <string.h>

#include "algebra/cover.h"
#include "algebra/nodes.h"
#include "base/vec.h"

struct trimming {
    struct diagram_space *space;
    struct arena scratch;
    struct field_choice *choices; // each but one: whatever the others are
};

// Whether a function of one field to 0 and 1 is 1 for a value of the range. Neighbours lead to different values.
static bool is_needed(const struct diagram_space *space, diagram values, const struct addr_range *range)
{
    const struct node *node = &space->nodes[values];

    if (node->field == LEAF)
        return node->value != 0;

    const uint32_t first = edge_at(space, node, range->first);

    return first != edge_at(space, node, range->last) || node_child(space, node, first) != 0;
}

// Packets that have no such field have 0 there: a list of ports or types without it would be about some protocols alone.
static bool holds_zero(const struct addr_range *range)
{
    return addr_compare(range->first, (struct addr){0, 0}) == 0;
}

// How many ranges a list leaves out.
static size_t left_out(const struct diagram_space *space, unsigned field, const struct range_list *list)
{
    return list->count + 1 - holds_zero(&list->items[0]) -
           (addr_compare(vec_last(list)->last, field_max(space, field)) == 0);
}

// Leaves the ranges of a field that packets of `own` have, if these are few.
static void trim_field(struct trimming *trimming, diagram own, unsigned field, struct range_list *list)
{
    struct range_list needed = {0};

    trimming->choices[field].how = CHOOSE_KEEP;
    const diagram values = diagram_settle(trimming->space, own, trimming->choices);

    trimming->choices[field].how = CHOOSE_LARGEST;
    for (size_t i = 0; i < list->count; i++)
        if (holds_zero(&list->items[i]) || is_needed(trimming->space, values, &list->items[i]))
            *vec_push(&trimming->scratch, &needed) = list->items[i];
    if (diagram_overflowed(trimming->space) || !needed.count || needed.count >= list->count ||
        needed.count >= left_out(trimming->space, field, list))
        return;
    memcpy(list->items, needed.items, needed.count * sizeof(*needed.items));
    list->count = needed.count;
}

static void trim_box(struct trimming *trimming, diagram own, struct box *box, unsigned as_it_is)
{
    for (unsigned field = 0; field < trimming->space->field_count; field++)
        if (field != as_it_is && box->fields[field].count > 1)
            trim_field(trimming, own, field, &box->fields[field]);
}

// Packets of the set that a box has and `others`, any function of them, have not.
static diagram own_packets(struct diagram_space *space, diagram set, const struct box *box, diagram others)
{
    const diagram held = diagram_apply(space, &diagram_smaller, set, box_function(space, box));

    return diagram_apply(space, &diagram_without, held, others);
}

// Leaves out boxes that have no packet of their own.
static void drop_boxes(struct trimming *trimming, struct cover *cover, diagram set)
{
    struct diagram_space *space = trimming->space;
    diagram *behind = arena_calloc(&trimming->scratch, cover->count + 1, sizeof(*behind)); // from each box on
    diagram ahead = diagram_constant(space, 0);
    size_t kept = 0;

    for (size_t i = cover->count; i-- > 0;)
        behind[i] =
            diagram_apply(space, &diagram_larger, behind[i + 1], box_function(space, &cover->items[i]));
    for (size_t i = 0; i < cover->count; i++) {
        const struct box box = cover->items[i];
        const diagram others = diagram_apply(space, &diagram_larger, ahead, behind[i + 1]),
                      own = own_packets(space, set, &box, others);

        if (own == diagram_constant(space, 0) && !diagram_overflowed(space))
            continue;
        ahead = diagram_apply(space, &diagram_larger, ahead, box_function(space, &box));
        cover->items[kept++] = box;
    }
    cover->count = kept;
}

// From the last one to the first, which holds what nobody behind it does.
static void trim_boxes(struct trimming *trimming, struct cover *cover, diagram set, unsigned as_it_is)
{
    struct diagram_space *space = trimming->space;
    diagram *ahead = arena_calloc(&trimming->scratch, cover->count + 1, sizeof(*ahead)); // of each box
    diagram behind = diagram_constant(space, 0);

    for (size_t i = 0; i < cover->count; i++)
        ahead[i + 1] = diagram_apply(space, &diagram_larger, ahead[i], box_function(space, &cover->items[i]));
    for (size_t i = cover->count; i-- > 0;) {
        struct box *box = &cover->items[i];
        const diagram own =
            own_packets(space, set, box, diagram_apply(space, &diagram_larger, ahead[i], behind));

        if (!diagram_overflowed(space))
            trim_box(trimming, own, box, as_it_is);
        behind = diagram_apply(space, &diagram_larger, behind, box_function(space, box));
    }
}

void cover_trim(struct diagram_space *space, struct cover *cover, diagram set, unsigned as_it_is)
{
    struct trimming trimming = {.space = space};

    trimming.choices = arena_calloc(&trimming.scratch, space->field_count, sizeof(*trimming.choices));
    for (size_t field = 0; field < space->field_count; field++)
        trimming.choices[field].how = CHOOSE_LARGEST;
    drop_boxes(&trimming, cover, set);
    trim_boxes(&trimming, cover, set, as_it_is);
    arena_clear(&trimming.scratch);
}
