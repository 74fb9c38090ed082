// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files share that read a text of sets: where the reader stands, and the sets it makes.
#pragma once

#include "base/ports.h"
#include "base/vec.h"
#include "ipset/ipset.h"

#define IPSET_WORDS_MAX 29 // of a line; ipset 7.17 says of more that the line is too long to parse

// What members bear beside themselves, where their set was created with it.
enum extension {
    EXTENSION_TIMEOUT = 1 << 0,
    EXTENSION_COUNTERS = 1 << 1,
    EXTENSION_COMMENT = 1 << 2,
    EXTENSION_SKBINFO = 1 << 3,
};

struct word {
    struct slice text; // without its quotes
    struct slice raw;  // as it stands in the line
};

// A set as it is made.
struct making {
    struct ipset set; // without its members; the name is NULL once it is destroyed
    VEC(struct ipset_member) members;
    struct port_set ports; // in place of members where they are ports alone
    const char *type;      // as ipset names it
    uint64_t maxelem;
    struct port_range range; // that ports lie within
    unsigned extensions;
    struct span span; // of the line that creates it
    size_t number;    // among all, from 1
};

struct reader {
    struct arena *arena;
    struct diag_list *diags;
    struct span span;  // of the line that is being read
    struct slice line; // without blanks at its ends
    struct word words[IPSET_WORDS_MAX];
    size_t count;                // of words
    bool saved;                  // the text is the kernel's: see ipset_read_saved()
    bool forged;                 // it holds lines that the kernel's does not have
    bool exist;                  // -exist was said: on one line, it holds for those behind it too
    struct making *last;         // the set of the last `add`
    size_t added;                // members, some of them again
    VEC(struct making *) sets;   // all, destroyed ones too
    VEC(struct making *) spare;  // destroyed ones
    VEC(struct making *) filled; // those with members since all were flushed
    size_t made;                 // so many items of `sets` were made: those beyond its count are used again
    uint32_t *slots;             // a hash table of `sets` by name: numbers from 1, 0 for an empty slot
    size_t slot_room;            // of the memory for them
    size_t slot_count, slots_taken; // renamed sets leave slots behind
};

// Where a piece of the line stands. A word whose quotes were taken out is no piece of it: then the line.
struct span text_span(const struct reader *reader, struct slice at);

// Reports a mistake at `at`, a piece of the line, and gives false.
bool text_refuse(struct reader *reader, struct slice at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Whether the line holds what cannot be shown, and so is not quoted. Then it is reported.
bool reader_refuse_unprintable(struct reader *reader);

// A hint that is made for one mistake; NULL once so many are reported that it would not be kept.
const char *text_hint(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));

// `did you mean ...?`, or NULL.
const char *text_nearest(struct reader *reader, struct slice word, const char *const *words);

// Reports what makes a set one of which nothing is known.
void text_warn(struct reader *reader, struct slice at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// A piece of the line, as messages quote it.
#define QUOTED_MAX  60
#define QUOTE(text) (int)((text).length < QUOTED_MAX ? (text).length : QUOTED_MAX), (text).at

// `PROTOCOL:PORTS`, or ports of TCP: one, or `A-B`, the lower one first or last. What a service is, only the host knows.
enum reading { READ_FINE, READ_UNKNOWN, READ_REFUSED };
enum reading text_ports(struct reader *reader, const struct making *making, struct slice text,
                        uint8_t *protocol, struct port_range *range);

// Forgets what is known of the members of a set.
void making_forget(struct making *making);

// The type and the options behind `create NAME`, without its name. False, and reported, where there is no such set.
bool read_create(struct reader *reader, struct making *making);

// The member and the options behind `add NAME`.
bool read_add(struct reader *reader, struct making *making);

// What a text begins with: no sets.
void text_begin(struct reader *reader);

// Does what the words of the line say. False, and reported, where that cannot be.
bool text_run(struct reader *reader);

// Appends the sets that there are at the end of the text. What they cannot hold is reported.
void text_finish(struct reader *reader, struct ipset_list *list);
