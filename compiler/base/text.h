// SPDX-License-Identifier: GPL-2.0-or-later
//
// Slices of text, strict numbers, and the nearest word for "did you mean".
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A piece of text that belongs to somebody else; not NUL-terminated.
struct slice {
    const char *at;
    size_t length;
};

struct slice slice_of(const char *text);
// Inline, since words are mostly compared with literals, whose length is known then.
static inline __attribute__((always_inline)) bool slice_is(struct slice slice, const char *text)
{
    return slice.length == strlen(text) && memcmp(slice.at, text, slice.length) == 0;
}

bool slice_starts(struct slice slice, const char *text);
// Characters of UTF-8, of which each that is none counts as one or less.
size_t slice_characters(struct slice slice);
// The bytes of the first `characters` of them.
size_t slice_head(struct slice slice, size_t characters);
struct slice slice_trim(struct slice slice); // without blanks and tabs at either end

// Takes the next word (to a blank) off the front of `*rest`; an empty slice where there is none.
struct slice slice_word(struct slice *rest);

// A hash for tables of one process: it is written nowhere.
uint64_t slice_hash(struct slice slice);

// Splits at the first `separator`: false, and nothing changed, where there is none.
bool slice_split(struct slice slice, char separator, struct slice *before, struct slice *after);

// Takes the next item off the front of a list with separators between its items; an empty text is a list of one that is empty.
// False behind the last item, where `list->at` is NULL.
bool slice_item(struct slice *list, char separator, struct slice *item);

// The bytes of the character that `text` begins with: 0 where it is not fit to print (a control character, one that turns
// the direction of writing, a line break of Unicode, or no UTF-8 at all).
size_t printable_bytes(struct slice text);

// Whether all of it is fit to print, tabs among it.
bool slice_is_printable(struct slice text);

// Decimal digits alone: no sign, no blank, no leading zero, at most `max`. False on anything else.
bool parse_number(struct slice text, uint64_t max, uint64_t *value);

// The entry of `words` (ended by NULL) that `text` is likely a misspelling of, or NULL.
const char *nearest_word(struct slice text, const char *const *words);

// The same, unless it is a word from elsewhere that stands for one of `words`: then what is said for it here, which may be
// more than one word (foreign.def).
const char *suggested_word(struct slice text, const char *const *words);

// Damerau-Levenshtein distance without regard to case, at most `limit` + 1.
size_t edit_distance(struct slice a, struct slice b, size_t limit);
