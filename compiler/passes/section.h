// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/arena.h"

// One word for a part of the policy, after which chains and sets are named: "ICMP errors" is icmp-errors. NULL is rules.
const char *section_word(struct arena *arena, const char *section);
