// SPDX-License-Identifier: GPL-2.0-or-later
//
// The table of built-in service words.
#pragma once

#include "base/text.h"

struct service {
    const char *word;
    const char *ports; // items of `N/tcp`, `N-M/udp`, `ping` or a protocol's name, with blanks between
    const char *about;
};

extern const struct service services[];
extern const size_t service_count;
extern const char *const service_words[]; // ended by NULL

// NULL where there is none of that name.
const struct service *service_find(struct slice word);
