// SPDX-License-Identifier: GPL-2.0-or-later
//
// Flows under inspection, as raw and the filter see them: who speaks to whom, and nothing that raw does not ask for.
#pragma once

#include "findings/inspection.h"

// The way through raw at a hook; NULL where there is none.
const struct passage *raw_passage(struct inspection *inspection, enum hook hook);

// Packets of a set for this host off lo, of one usual state, whole, to a connected socket; and those of TCP and UDP.
diagram usual_packets(struct inspection *inspection, diagram set);
diagram usual_flows(struct inspection *inspection, diagram set);

// What the filter accepts at a hook in one state, and what it refuses.
diagram accepted_in_state(struct inspection *inspection, enum hook hook, unsigned state);
diagram refused_in_state(struct inspection *inspection, enum hook hook, unsigned state);

// Packets that need the tracker, of what raw takes out of it: a group of findings.
void find_needs(struct inspection *inspection, diagram untracked);
