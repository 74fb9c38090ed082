// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line as words, and as the parts of a rule before it is one. Not for other folders.
#pragma once

#include <string.h>

#include "diag/diag.h"
#include "rules/extensions.h"
#include "rules/words.h"

// A match or target that the line names.
struct use {
    const struct extension *extension; // NULL: not one that ctc knows
    const struct word *word;           // that names it
    struct slice name;
};

// An option of a match or target. Its words are `words[0]` to `words[count - 1]`, the value of the first included where
// they are one word.
struct option {
    size_t use;                     // index into the uses of the line
    const struct option_kind *kind; // NULL: not one that ctc knows
    const struct word *words;
    size_t count;
    struct slice values[2];
    bool inverted;
};

enum command {
    COMMAND_NONE,
    COMMAND_APPEND,
    COMMAND_INSERT,
    COMMAND_REMOVE, // a rule, by its number
    COMMAND_NEW,
    COMMAND_POLICY,
    COMMAND_FLUSH,
    COMMAND_DELETE, // a chain
    COMMAND_ZERO,
};

struct address {
    const struct word *word; // NULL: not named
    struct slice text;
    bool inverted;
};

#define NO_USE SIZE_MAX

// A line of a table, its options in their places but not yet understood.
struct parts {
    struct arena *arena;
    struct diag_list *diags;
    struct slice *refused; // where the last mistake was reported
    enum family family;
    const struct ipset_list *sets; // whose members are known; NULL: none
    struct span span;              // of `text`
    struct slice text;             // the line
    enum {
        PLACE_KNOWN,  // at span.column
        PLACE_UNKNOWN // somewhere on the line of the span, or nowhere
    } place;          // of `text` in the source

    struct words words;
    size_t next;                // word
    const struct word *negated; // the `!` that waits for its option; NULL: none

    enum command command;
    struct slice chain;       // that the command names
    struct slice argument;    // the policy of -P
    uint64_t number;          // of -I and -D
    bool other_family;        // `-6` in IPv4, `-4` in IPv6: such a line is passed over
    struct counters counters; // of -c

    unsigned given; // options of the header, as bits
    struct address addresses[2];
    struct slice interfaces[2]; // in, out; at NULL: not named
    bool interfaces_inverted[2];
    const struct word *protocol_word;
    struct slice protocol_name;
    uint8_t protocol;
    bool protocol_inverted;
    bool protocol_opaque; // its number is the host's business
    bool protocol_used;   // its match was loaded for an option
    bool later_fragments, later_fragments_inverted;
    const struct word *target_word; // of -j or -g; NULL: neither
    struct slice target;
    size_t target_use; // NO_USE: not one that ctc knows as an extension
    bool jump_only;    // -g

    size_t use_count, option_count;
    struct use uses[RULE_WORDS_MAX];
    struct option options[RULE_WORDS_MAX];
};

// Reports a mistake at `at`, a piece of the line, and gives false.
bool parts_refuse(const struct parts *parts, struct slice at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Reads `text` as the words behind `-A CHAIN` where `command` is COMMAND_APPEND, as a whole line where it is COMMAND_NONE.
// False, and reported, where it is not one.
bool parts_read(struct parts *parts, struct slice text, enum command command);

// Reads the parts as a rule without its addresses. False, and reported, where they are none.
bool parts_rule(struct parts *parts, struct rule *rule);

// The names that are no extension's and no chain's.
bool is_verdict(struct slice name);

// The addresses of a rule, where lists make several rules of one.
struct address_item {
    struct rule_address address;
    const char *opaque; // "-s example.net" where it is the host that knows; NULL: `address` says it
};
struct address_list {
    struct address_item *items;
    size_t count;
    struct address_item one;
};
bool parts_addresses(struct parts *parts, struct address_list lists[2]);

// Completes rule number `index` of the product of both lists.
void rule_with_addresses(struct arena *arena, struct rule *rule, const struct address_list lists[2],
                         size_t index);

// Reads the match of a use into zeroed memory. False, and reported, where iptables-restore would not take it.
bool match_read(struct parts *parts, size_t use, struct match *match);

// The words of a use's options with single blanks between them, behind `head`.
const char *use_text(const struct parts *parts, size_t use, const char *head, struct slice name);
