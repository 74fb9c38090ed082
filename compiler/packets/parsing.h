// SPDX-License-Identifier: GPL-2.0-or-later
//
// A set of packets that is being read: its words one after the other, and the values behind them. Not for other folders.
#pragma once

#include "packets/flags.h"
#include "packets/packets.h"

// The words of services that stand for ports: the protocols of all of them, and of some.
struct service_words {
    struct byte_set all, some;
    bool any, numbers; // `numbers`: other ports are named by number
};

struct parsing {
    struct arena *arena;
    struct slice rest;
    struct slice word; // the one just taken
    struct packets *packets;
    struct flag_words flags;
    struct service_words services;
    bool some_ports, some_types; // are named, not all but some: packets without any are none of them
    const char *problem;
};

// Sets what is wrong, at the word just taken, and gives false.
bool parsing_fail(struct parsing *parsing, const char *problem);

// Takes the next word. False, with `what` as the problem, where there is none.
bool parsing_take(struct parsing *parsing, const char *what);

// The same, and whether `not` stood before it.
bool parsing_take_list(struct parsing *parsing, const char *what, bool *inverted);

// What stands behind a word of the notation. False where it is not fit for that, or is said again.
bool parsing_interfaces(struct parsing *parsing, struct packet_interfaces *interfaces);
// `ADDRESS port P`, each part of it optional.
bool parsing_side(struct parsing *parsing, bool *any, const struct addr_set **addresses,
                  struct port_set *ports);
// Ports and services with commas between them.
bool parsing_ports(struct parsing *parsing, struct port_set *ports);
// Behind all words: the protocols that services said. False where they do not fit together.
bool parsing_service_protocols(struct parsing *parsing);
// Numbers up to 255, and ranges of them; `missing` and `wrong` are the problems.
bool parsing_numbers(struct parsing *parsing, struct byte_set *set, const char *missing, const char *wrong);
// Words with a slash between them, as bits by their place in `words`, which a NULL ends.
bool parsing_choices(struct parsing *parsing, unsigned *set, const char *const *words, const char *wrong);
bool parsing_mac(struct parsing *parsing);

// `N` or `N-M`, up to 255. False where it is neither.
bool parsing_number_range(struct slice text, unsigned *first, unsigned *last);
