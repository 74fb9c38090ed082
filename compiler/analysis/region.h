// SPDX-License-Identifier: GPL-2.0-or-later
//
// Regions of traffic in words, as `ctc diff` tells of them: which hook one is about shows by the interfaces that it names, and lo is left
// out but where it is named.
#pragma once

#include "algebra/cover.h"
#include "meaning/space.h"

const char *region_in_words(struct arena *arena, struct packet_space *space, enum hook hook,
                            const struct box *region);

// All of the set, which nothing but the end of a hook decides: what its packets have in common, and `, all else`. `new`: it is
// about new ones alone, which are else those without a state too.
const char *rest_in_words(struct arena *arena, struct packet_space *space, enum hook hook, diagram set,
                          bool new);
