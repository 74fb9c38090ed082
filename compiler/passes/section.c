// SPDX-License-Identifier: GPL-2.0-or-later
#include "passes/section.h"

#include <string.h>

const char *section_word(struct arena *arena, const char *section)
{
    char *word = arena_copy(arena, section ? section : "rules", strlen(section ? section : "rules"));

    for (char *at = word; *at; at++)
        *at = *at == ' ' ? '-' : *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    return word;
}
