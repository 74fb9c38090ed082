// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/encoding.h"

#include <string.h>

// What files begin with. UTF-32 stands ahead of UTF-16, whose mark it begins with; byte order marks: Unicode 15.0, section 23.8.
static const struct beginning {
    const char *bytes;
    size_t length;
    const char *kind, *hint;
} beginnings[] = {
#define BEGINNING(bytes, kind, hint)         \
    {                                        \
        bytes, sizeof(bytes) - 1, kind, hint \
    }
    BEGINNING("\xFF\xFE\0\0", "UTF-32 text", "make UTF-8 of it: iconv -f UTF-32 -t UTF-8"),
    BEGINNING("\0\0\xFE\xFF", "UTF-32 text", "make UTF-8 of it: iconv -f UTF-32 -t UTF-8"),
    BEGINNING("\xFF\xFE", "UTF-16 text", "make UTF-8 of it: iconv -f UTF-16 -t UTF-8"),
    BEGINNING("\xFE\xFF", "UTF-16 text", "make UTF-8 of it: iconv -f UTF-16 -t UTF-8"),
    BEGINNING("\x1F\x8B", "compressed by gzip", "unpack it first: gzip -dc FILE"),
    BEGINNING("\xFD"
              "7zXZ\0",
              "compressed by xz", "unpack it first: xz -dc FILE"),
    BEGINNING("\x28\xB5\x2F\xFD", "compressed by zstd", "unpack it first: zstd -dc FILE"),
    BEGINNING("BZh", "compressed by bzip2", "unpack it first: bzip2 -dc FILE"),
    BEGINNING("PK\x03\x04", "a zip archive", "unpack it first"),
    BEGINNING("\x7F"
              "ELF",
              "a program", "it is no text at all"),
#undef BEGINNING
};

// Without a mark: text of ASCII has a zero in every other byte.
#define UNMARKED_BYTES 8

static const struct beginning *find_unmarked(const struct source *source)
{
    static const struct beginning little = {"", 0, "UTF-16 text without a byte order mark",
                                            "make UTF-8 of it: iconv -f UTF-16LE -t UTF-8"},
                                  big = {"", 0, "UTF-16 text without a byte order mark",
                                         "make UTF-8 of it: iconv -f UTF-16BE -t UTF-8"};
    bool text[2] = {true, true};

    if (source->length < UNMARKED_BYTES)
        return NULL;
    for (size_t i = 0; i < UNMARKED_BYTES; i++) {
        text[0] = text[0] && (source->bytes[i] == 0) == (i % 2 == 1);
        text[1] = text[1] && (source->bytes[i] == 0) == (i % 2 == 0);
    }
    return text[0] ? &little : text[1] ? &big : NULL;
}

static const struct beginning *find_beginning(const struct source *source)
{
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++)
        if (source->length >= beginnings[i].length &&
            memcmp(source->bytes, beginnings[i].bytes, beginnings[i].length) == 0)
            return &beginnings[i];
    return find_unmarked(source);
}

bool encoding_fits(const struct source *source, struct diag_list *diags)
{
    const struct beginning *found = find_beginning(source);

    if (!found)
        return true;
    diag_add(diags, DIAG_ENCODING, source_whole(source), "the file is %s, and ctc reads UTF-8", found->kind);
    diag_hint(diags, "%s", found->hint);
    return false;
}
