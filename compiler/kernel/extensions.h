// SPDX-License-Identifier: GPL-2.0-or-later
//
// Matches and targets between their text and the kernel's bytes, by libxtables and the plugins that come with iptables,
// so that both are what the iptables programs make of them. Only for a process of its own (kernel/child.h): whatever is
// wrong is said on standard error, and ends it. Not for other folders.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netfilter/x_tables.h>

#include "base/addr.h"
#include "base/text.h"

// Makes libxtables ready for one family. Once in a process.
void extensions_open(enum family family);
enum family extensions_family(void);

// What errors are to name: the rule that is worked on, from 1.
void extensions_at(const char *table, const char *chain, size_t number);

// Says what is wrong, and ends the process; the second one that libxtables found no match or target of that name.
_Noreturn void extensions_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void extensions_unknown(const char *kind, const char *name);

// The kernel's bytes of a match, of `match_size` bytes, from "-m NAME OPTIONS"; of a target, of `target_size` bytes,
// from "-j NAME OPTIONS". `entry` is the rule's so far: its protocol matters to some. The same text gives the same
// bytes again, without being read again. They belong to the callee.
const struct xt_entry_match *extension_match(struct slice text, const void *entry);
const struct xt_entry_target *extension_target(struct slice text, const void *entry);

// Reads "-p NAME", "-s NAME/MASK" or "-d NAME/MASK", `!` in front of it or not, into the entry's header, as iptables
// does: names by the host's tables.
void extension_header(struct slice text, void *entry);

// Prints " -m NAME OPTIONS" or " -j NAME OPTIONS" on stdout, as iptables-save does.
void extension_print_match(const struct xt_entry_match *match, const void *entry);
void extension_print_target(const struct xt_entry_target *target, const void *entry);

// How many of a match's or target's bytes, its own header apart, are what was said about it; the kernel keeps notes in
// the rest.
struct extension_size {
    char name[XT_EXTENSION_MAXNAMELEN];
    uint8_t revision;
    bool target;
    uint32_t size;
};

// Those of all that were made here.
const struct extension_size *extension_sizes(size_t *count);
