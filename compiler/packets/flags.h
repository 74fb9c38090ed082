// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of combinations of TCP flags, in the words of the notation: read by packets.c, printed for people here. A set has a bit
// for each of the 64 combinations, bit N for the flags N as the header has them (RFC 9293, 3.1).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

// What is said of flags in one set of packets:
//
//   syn ack                 these are set, and the others of fin, syn, rst and ack are not
//   with syn without ack,rst  as it says, whatever the others are; lists with commas
//   no-flags                none is set
//   not syn                 anything but that; likewise `not syn,ack`, `not with fin,syn`, `not no-flags`
//   syn or with urg         either
struct flag_words {
    uint8_t set;            // named alone
    uint8_t with, without;  // behind these words
    bool none;              // no-flags
    bool any, again;        // something was said; it must be, for `or` was
    uint64_t before, apart; // what the alternatives before this one hold, what `not` takes away
};

// Takes one word, and those that belong to it off the front of `*rest`: 1, 0 where it is no word about flags, or -1 with the
// problem; `*word` is the last that was taken.
int flag_words_take(struct flag_words *words, struct slice *word, struct slice *rest, const char **problem);

// The set that was said: 0 where nothing was; else 0 means that there are no such segments, as when `or` leads nowhere, and
// `*problem` is set.
uint64_t flag_words_set(const struct flag_words *words, const char **problem);

// Words for a set that holds some combinations. They may hold those that are `free` as well; together with `set` these are not
// all.
void flag_set_print(struct buf *out, uint64_t set, uint64_t free);

// The flags that the notation names by the words of one segment: all that have these, as `syn ack` says it.
uint64_t flag_set_named(uint8_t flags);
