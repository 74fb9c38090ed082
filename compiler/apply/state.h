// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where applies are remembered: files of mode 0600 in a directory of root's own, /run/ctc or what CTC_STATE_DIR names. The
// directory is held open, and nothing in it is followed that is no plain file. What outlives a start of the machine is in another
// one, /var/lib/ctc or what CTC_STATE_DIR names with `.lasting` behind it.
#pragma once

#include "base/buf.h"
#include "base/text.h"
#include "kernel/error.h"

// What there may be at one time, each a journal (apply/journal.h).
#define STATE_PENDING   "pending"   // an apply is under way, or waits for its confirmation
#define STATE_REVERTING "reverting" // somebody puts its old tables back
#define STATE_REVERTED  "reverted"  // the last one that did not stand
#define STATE_LAST      "last"      // the last one that stands
#define STATE_BEFORE    "before"    // the one that stood before it, and stands again when that is taken back

// The directory's descriptor, made where it is not there. -1, and why, where it is not to be had or others could write to it.
int state_open(struct kernel_error *error);
int state_open_lasting(struct kernel_error *error);

// Puts a file there, whole or not at all, in place of one of that name. Its descriptor, for reading and writing, with the lock of
// flock(2), which nobody gets as long as it is open, here or in a process that was forked; -1, and why, where that fails.
int state_write(int directory, const char *name, const struct buf *bytes, struct kernel_error *error);

// The same in parts: begins the file, whose bytes are added to it and synchronised, perhaps by another thread; and puts it there,
// unless there was a `problem` (an errno) with that: then false, and it is closed.
int state_begin(int directory, const char *name, struct kernel_error *error);
int state_add(int file, struct slice bytes); // an errno; 0: all is well
bool state_end(int directory, int file, const char *name, int problem, struct kernel_error *error);
void state_drop(int directory, int file); // what was begun is not wanted

// Opens a file for reading and writing. -1 and errno (ENOENT: there is none).
int state_find(int directory, const char *name);

// The same, and reads it.
int state_read(struct arena *arena, int directory, const char *name, struct slice *bytes);

// Reads one that is open. False and errno.
bool state_read_open(struct arena *arena, int file, struct slice *bytes);

// Whether there is a file of that name.
bool state_has(int directory, const char *name);

// Whether the file of that name is the one that is open.
bool state_is(int directory, int file, const char *name);

// Renames a file if it is the one that is open; false where it is not there any more, or another one is.
bool state_rename(int directory, int file, const char *from, const char *to);

// Makes a pending journal, the one that is open, the last one; what was that is kept as the one before it. False where it is not
// there any more.
bool state_settle(int directory, int file);

void state_remove(int directory, const char *name);
