// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the subcommands share: their table, usage errors, and writing what they made.
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/exit.h"
#include "diag/diag.h"

struct command {
    const char *name;
    const char *usage; // arguments behind the name
    const char *about; // one line
    // argv[0] is the command's name. Gives the exit code.
    enum exit_code (*run)(int argc, char **argv);
};

extern const struct command commands[];
extern const size_t command_count;

const struct command *command_find(const char *name); // or NULL

#define COMMAND(name, usage, about) enum exit_code run_##name(int argc, char **argv);
#include "cli/commands.def"
#undef COMMAND

enum exit_code check_live(bool json, const char *sets,
                          const char *policy); // of run_check(); both may be NULL

// Says on standard error how the command is used, and gives EXIT_USAGE. `problem` may be NULL.
enum exit_code usage_error(const char *name, const char *problem, ...) __attribute__((format(printf, 2, 3)));

// Says on standard error what failed outside of ctc, a file or the kernel, and gives EXIT_WORLD.
enum exit_code world_error(const char *problem, ...) __attribute__((format(printf, 1, 2)));

// Prints the diagnostics of at least that severity on standard error, as text.
void report_diags(struct diag_list *diags, enum severity least);

// Writes all to standard output. EXIT_WORLD, with the reason on standard error, where that fails.
enum exit_code write_output(const struct buf *text);

// Writes all to a descriptor. False with errno where that fails.
bool write_whole(int fd, const struct buf *text);
