// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include <string.h>

struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static bool is_ascii(struct slice slice)
{
    uint64_t odd = 0, bytes;

    // Eight bytes at a time, for it is asked of whole files.
    for (; slice.length >= sizeof(bytes); slice.at += sizeof(bytes), slice.length -= sizeof(bytes)) {
        memcpy(&bytes, slice.at, sizeof(bytes));
        odd |= bytes;
    }
    for (; slice.length; slice.at++, slice.length--)
        odd |= (unsigned char)slice.at[0];
    return !(odd & UINT64_MAX / UINT8_MAX * 0x80);
}

size_t slice_characters(struct slice slice)
{
    size_t count = 0;

    if (is_ascii(slice))
        return slice.length;
    for (size_t i = 0; i < slice.length; i++)
        count += ((unsigned char)slice.at[i] & 0xC0) != 0x80; // continuation bytes do not count
    return count;
}

size_t slice_head(struct slice slice, size_t characters)
{
    size_t at = 0;

    while (at < slice.length) {
        if (((unsigned char)slice.at[at] & 0xC0) != 0x80 && characters-- == 0)
            break;
        at++;
    }
    return at;
}

bool slice_starts(struct slice slice, const char *text)
{
    const size_t length = strlen(text);

    return length <= slice.length && memcmp(slice.at, text, length) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

struct slice slice_trim(struct slice slice)
{
    while (slice.length && is_blank(slice.at[0]))
        slice = (struct slice){slice.at + 1, slice.length - 1};
    while (slice.length && is_blank(slice.at[slice.length - 1]))
        slice.length--;
    return slice;
}

struct slice slice_word(struct slice *rest)
{
    struct slice text = slice_trim(*rest);
    size_t length = 0;

    while (length < text.length && !is_blank(text.at[length]))
        length++;
    *rest = (struct slice){text.at + length, text.length - length};
    return (struct slice){text.at, length};
}

// Eight bytes at a time.
uint64_t slice_hash(struct slice slice)
{
    uint64_t hash = slice.length, word;
    size_t at = 0;

    for (; at + sizeof(word) <= slice.length; at += sizeof(word)) {
        memcpy(&word, slice.at + at, sizeof(word));
        hash = (hash ^ word) * 0x9E3779B97F4A7C15; // 2^64 over the golden ratio
        hash ^= hash >> 29;
    }
    for (; at < slice.length; at++)
        hash = (hash ^ (unsigned char)slice.at[at]) * 0x100000001B3; // the prime of FNV-1a
    return hash ^ hash >> 32;
}

bool slice_split(struct slice slice, char separator, struct slice *before, struct slice *after)
{
    const char *at = slice.length ? memchr(slice.at, separator, slice.length) : NULL;

    if (!at)
        return false;

    const size_t left = (size_t)(at - slice.at);

    *after = (struct slice){at + 1, slice.length - left - 1};
    *before = (struct slice){slice.at, left};
    return true;
}

bool slice_item(struct slice *list, char separator, struct slice *item)
{
    if (!list->at)
        return false;
    if (!slice_split(*list, separator, item, list)) {
        *item = *list;
        *list = (struct slice){0};
    }
    return true;
}

static uint32_t decode_utf8(struct slice text, size_t *bytes)
{
    const unsigned char *at = (const unsigned char *)text.at;
    const size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : at[0] >= 0xC2 ? 2 : 0;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code = length == 1 ? at[0] : length ? at[0] & (0x7FU >> length) : 0;

    *bytes = 0;
    if (!length || length > text.length || at[0] > 0xF4)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3F);
    }
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *bytes = length;
    return code;
}

size_t printable_bytes(struct slice text)
{
    size_t bytes;
    const uint32_t code = decode_utf8(text, &bytes);
    const bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);
    const bool direction = (code >= 0x200E && code <= 0x200F) || (code >= 0x202A && code <= 0x202E) ||
                           (code >= 0x2066 && code <= 0x2069);
    const bool line_break = code == 0x2028 || code == 0x2029;

    return control || direction || line_break ? 0 : bytes;
}

bool slice_is_printable(struct slice text)
{
    while (text.length) {
        const size_t bytes = text.at[0] == '\t' ? 1 : printable_bytes(text);

        if (!bytes)
            return false;
        text = (struct slice){text.at + bytes, text.length - bytes};
    }
    return true;
}

bool parse_number(struct slice text, uint64_t max, uint64_t *value)
{
    uint64_t number = 0;

    if (!text.length || (text.length > 1 && text.at[0] == '0'))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        const char c = text.at[i];

        if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (uint64_t)(c - '0'), &number) || number > max)
            return false;
    }
    *value = number;
    return true;
}

static char lower_case(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

#define WORD_MAX 40

size_t edit_distance(struct slice a, struct slice b, size_t limit)
{
    size_t before[WORD_MAX + 1], last[WORD_MAX + 1], row[WORD_MAX + 1];

    if (a.length > WORD_MAX || b.length > WORD_MAX)
        return limit + 1;
    for (size_t j = 0; j <= b.length; j++)
        last[j] = j;
    memcpy(before, last, sizeof(before));
    for (size_t i = 1; i <= a.length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            const bool same = lower_case(a.at[i - 1]) == lower_case(b.at[j - 1]);
            size_t best = last[j - 1] + (same ? 0 : 1);

            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        memcpy(before, last, sizeof(before));
        memcpy(last, row, sizeof(last));
    }
    return last[b.length] > limit ? limit + 1 : last[b.length];
}

const char *nearest_word(struct slice text, const char *const *words)
{
    // A third of the letters may be wrong; short words allow one slip.
    const size_t limit = text.length < 4 ? 1 : text.length / 3;
    const char *best = NULL;
    size_t least = limit + 1;

    for (; *words; words++) {
        const size_t distance = edit_distance(text, slice_of(*words), limit);

        if (distance < least) {
            least = distance;
            best = *words;
        }
    }
    return best;
}

static bool has_word(const char *const *words, const char *word)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words;
}

const char *suggested_word(struct slice text, const char *const *words)
{
    static const struct {
        const char *word, *here, *said;
    } foreign[] = {
#define FOREIGN(word, here, said) {word, here, said},
#include "base/foreign.def"
#undef FOREIGN
    };

    for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
        if (slice_is(text, foreign[i].word) && has_word(words, foreign[i].here))
            return foreign[i].said;
    return nearest_word(text, words);
}
