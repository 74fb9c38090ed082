// SPDX-License-Identifier: GPL-2.0-or-later
//
// The bytes of an input file, and places in it.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/text.h"

#define SOURCE_POLICY_MAX    ((size_t)32 << 20)  // bytes of a policy or of verbatim text
#define SOURCE_ADDRESSES_MAX ((size_t)256 << 20) // bytes of a file of addresses

struct source {
    const char *name;  // as diagnostics print it: the path, with what is not fit to print replaced
    const char *path;  // where it was opened
    const char *bytes; // NUL after the last one
    size_t length;
    dev_t device; // with `inode`: which file it is, whatever its name
    ino_t inode;
    unsigned order; // among the sources of one compilation, from 1
};

// A place in a source. Lines and columns count from 1, columns in characters. Line 0: the file as a whole.
struct span {
    const struct source *source;
    uint32_t line;
    uint32_t column;
    uint32_t length; // characters on that line, at least 1
};

// Reads a whole file; "-" is standard input. The file is a regular one or a pipe: a device could be endless.
// 0, or a negative errno: -EFBIG beyond `limit` bytes, -EISDIR, -ENODEV for a device, or what the system said.
int source_read(struct arena *arena, const char *path, size_t limit, struct source *source);

// Why source_read() gave that error with that limit, as words behind "cannot read it: ".
const char *source_problem(struct arena *arena, int error, size_t limit);

// What to name in place of a path that source_read() gave that error for, or NULL.
const char *source_hint(struct arena *arena, const char *path, int error);

// `name` as seen from the directory of `from`: unchanged where it is absolute.
const char *source_relative(struct arena *arena, const struct source *from, struct slice name);

// A line without its end; an empty slice at the end of the text beyond the last one.
struct slice source_line(const struct source *source, uint32_t line);

// The same for many lines: those of one source that come in their order are found from the one before. Begins zeroed.
struct line_finder {
    const struct source *source;
    const char *at; // where `line` begins; NULL: behind the last one
    uint32_t line;
};
struct slice line_find(struct line_finder *finder, const struct source *source, uint32_t line);

struct span source_whole(const struct source *source);
struct span source_at_offset(const struct source *source, size_t offset);
