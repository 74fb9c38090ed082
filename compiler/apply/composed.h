// SPDX-License-Identifier: GPL-2.0-or-later
//
// The tables as they would be, with what others have in them, held against the policy: the promises that every policy makes, what
// this one expects, and whom it accepts and refuses.
#pragma once

#include "apply/hearing.h"

// Objects to what of the policy does not hold there.
void find_broken(struct hearing *hearing);
