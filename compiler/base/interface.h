// SPDX-License-Identifier: GPL-2.0-or-later
//
// Names of network interfaces.
#pragma once

#include "base/text.h"

// What is wrong with the name of an interface, or with a pattern of names that ends in '+'; NULL where nothing is.
const char *interface_problem(struct slice name);
