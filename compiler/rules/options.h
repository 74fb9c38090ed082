// SPDX-License-Identifier: GPL-2.0-or-later
//
// An option on a line, between the word that it is written as and the place in `struct parts` where it is kept.
#pragma once

#include "rules/parts.h"

// An option as it is written.
struct spelling {
    struct slice name;     // without dashes
    struct slice attached; // a value in the same word; `at` is NULL where there is none
    const struct word *word;
    bool inverted; // a `!` stood before it, or before its value
};

// Whose option it turned out to be.
struct found {
    char letter;                    // of the header; 0: none of it
    size_t use;                     // else whose it is; NO_USE: nobody's
    const struct option_kind *kind; // NULL: no option that ctc knows
};

// Whether `name` is the beginning of the whole name, and not all of it.
static inline bool option_is_short_for(struct slice name, const char *whole, size_t length)
{
    return name.length && name.length < length && memcmp(name.at, whole, name.length) == 0;
}

// Reports a mistake at a word, and gives false.
bool option_refuse(const struct parts *parts, const struct word *word, const char *hint, const char *problem);

// Whether the next word is no option: xs_has_arg() of iptables.
static inline bool option_has_argument(const struct parts *parts)
{
    const struct slice text =
        parts->next < parts->words.count ? parts->words.items[parts->next].text : (struct slice){"", 0};

    return parts->next < parts->words.count && !(text.length && (text.at[0] == '-' || text.at[0] == '!'));
}

// Takes the value of an option; `old_style` where `! value` has its `!` taken for the option's, as iptables did before
// 1.4.3. False, and reported, where none follows.
static inline bool option_take_value(struct parts *parts, struct spelling *spelling, bool old_style,
                                     struct slice *value)
{
    if (spelling->attached.at) {
        *value = spelling->attached;
        spelling->attached.at = NULL;
        return true;
    }
    if (old_style && parts->next + 1 < parts->words.count &&
        slice_is(parts->words.items[parts->next].raw, "!") && !spelling->inverted) {
        spelling->inverted = true;
        parts->next++;
    }
    if (parts->next == parts->words.count) {
        option_refuse(parts, spelling->word, NULL, "a value must follow");
        return false;
    }
    *value = parts->words.items[parts->next++].text;
    return true;
}

// The word that holds the value which was taken last.
static inline const struct word *option_value_word(const struct parts *parts)
{
    return &parts->words.items[parts->next - 1];
}

// Adds a match or target, NULL being one that ctc does not know. False, and reported, where the family has none such.
bool option_add_use(struct parts *parts, const struct extension *extension, const struct word *word,
                    struct slice name);

// Finds whose option it is by its name, whole or abbreviated; may load the match of the protocol, as iptables does. Neither
// a letter nor a kind where that is nobody.
struct found owner_find(struct parts *parts, const struct spelling *spelling);

// The match or target that an option could belong to which ctc does not know: the last one; a target without an entry in
// ctc's tables becomes one. False, and reported, where there is none.
bool owner_guess(struct parts *parts, const struct spelling *spelling, size_t *owner);

// What the options of the header and the commands are, by letter.
enum { LETTER_VALUE = 1, LETTER_MAYBE = 2, LETTER_COMMAND = 4, LETTER_ONCE = 8 };
extern const uint8_t header_letters[UINT8_MAX + 1];

static inline unsigned header_letter_is(char letter, unsigned what)
{
    return header_letters[(unsigned char)letter] & what;
}

// The letter of an option of the header or a command by its long name; 0 where there is none.
char header_letter(struct slice name);

// A letter whose long name begins with `name`, 0 where there is none, and in `*count` how many letters that is said of.
char header_abbreviated(struct slice name, size_t *count);

// Reads an option of the header, or a command, into its place. False, and reported, where it is none.
bool header_read(struct parts *parts, char letter, struct spelling *spelling);
