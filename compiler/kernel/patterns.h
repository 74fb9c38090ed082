// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules that differ in no more than addresses, interfaces, the ports of TCP and UDP, and the verdict or chain that they lead to:
//
//   -A INPUT -s 192.0.2.1/32 -p tcp -m tcp --dport 22 -j ACCEPT
//   -A INPUT -i eth0 -p tcp -m tcp --dport 8000:8080 -j web
//
// The entry of the first of them, less a target that no plugin makes, is the pattern of the others. Not for other folders.
#pragma once

#include "base/buf.h"
#include "kernel/entry.h"
#include "ruleset/ruleset.h"

struct pattern {
    const char *key; // what its rules have in common; NULL: it has one rule
    size_t key_length;
    uint64_t hash;     // of the key
    const char *entry; // as libxtables made it of the first rule; for whoever has it to put here
};

// Zeroed but for the first three.
struct patterns {
    struct arena *arena;
    enum family family;
    bool each; // rule is to have a pattern of its own
    struct pattern *items;
    size_t count, capacity;
    uint32_t *index; // hash table: their numbers, from 1; 0: an empty slot
    size_t index_size;
    struct buf key; // of the rule that was asked about last
};

// The number of a rule's pattern; of a new one the count of those that there were. `made`: its target where a plugin makes that,
// else NULL.
uint32_t pattern_find(struct patterns *patterns, const struct rule *rule, const struct target *made);

// Forgets all of them.
void patterns_clear(struct patterns *patterns);

// Whether libxtables put things where they are taken to stand in the entry of a pattern, by its first rule.
bool pattern_fits(const struct pattern *pattern, const struct entry_layout *layout, const struct rule *rule);

// Writes the entry of one of its rules, of as many bytes as the pattern's.
void pattern_write(const struct pattern *pattern, const struct entry_layout *layout, const struct rule *rule,
                   char *entry);

// Whether a match is text that stands for a part of the header, "-s example.net".
bool match_is_header(const struct match *match);
