// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets as the bytes of rules have them: by a number that the kernel gives to another set once the one that had it is destroyed. So
// whoever keeps bytes keeps the names too.
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "kernel/error.h"

struct encoded;

struct set_name {
    uint16_t number;
    char name[32]; // IPSET_MAXNAMELEN (linux/netfilter/ipset/ip_set.h), its NUL included
};

// Notes the names that the sets have now which the rules ask for or change. It asks for CAP_NET_ADMIN; sets whose names cannot be told
// are left out.
void encoded_note_sets(struct arena *arena, struct encoded *encoded);

// Has the rules name the sets that have the noted names now; those that change are copies then. False, and why, where a set is not
// there any more: by its number the kernel may have another one.
bool encoded_find_sets(struct arena *arena, struct encoded *encoded, struct kernel_error *error);
