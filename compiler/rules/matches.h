// SPDX-License-Identifier: GPL-2.0-or-later
//
// One reader for the options of each kind of match that is modelled. What says more than its model holds stays opaque, and
// nothing is read by half.
#pragma once

#include "rules/parts.h"

enum reading {
    READ_FINE,
    READ_OPAQUE, // iptables may take it, and the model does not hold it
    READ_WRONG,  // reported
};

// Reads one option of a match into `match`, of which the options before it are read and the rest is zero.
typedef enum reading option_reader(struct parts *parts, const struct option *option, struct match *match);

option_reader match_read_transport, match_read_multiport;                // match_ports.c
option_reader match_read_iprange, match_read_addrtype, match_read_mac;   // match_addresses.c
option_reader match_read_icmp, match_read_hoplimit, match_read_fragment; // match_header.c
option_reader match_read_states, match_read_helper, match_read_socket;   // match_states.c
option_reader match_read_set;                                            // match_sets.c
option_reader match_read_limit, match_read_hashlimit;                    // match_rates.c

static inline __attribute__((always_inline)) bool option_is(const struct option *option, const char *name)
{
    return slice_is((struct slice){option->kind->name, option->kind->length}, name);
}

// Reports a mistake at the option and its values, and gives READ_WRONG.
enum reading match_refuse(const struct parts *parts, const struct option *option, const char *problem);

// Words of a list as bits by their place in `names`, which a NULL ends; a word may be short for its name where
// `short_words`. False where one is no name.
bool match_bits(struct slice list, const char *const *names, bool short_words, unsigned *bits);
