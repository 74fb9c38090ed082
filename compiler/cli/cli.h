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

enum exit_code run_compile(int argc, char **argv);
enum exit_code run_check(int argc, char **argv);
enum exit_code check_live(bool json, const char *policy); // of run_check(); `policy` may be NULL
enum exit_code run_explain(int argc, char **argv);
enum exit_code run_diff(int argc, char **argv);
enum exit_code run_report(int argc, char **argv);
enum exit_code run_advise(int argc, char **argv);
enum exit_code run_build(int argc, char **argv);
enum exit_code run_tune(int argc, char **argv);
enum exit_code run_apply(int argc, char **argv);
enum exit_code run_confirm(int argc, char **argv);
enum exit_code run_rollback(int argc, char **argv);
enum exit_code run_status(int argc, char **argv);
enum exit_code run_services(int argc, char **argv);
enum exit_code run_help(int argc, char **argv);

// Says on standard error how the command is used, and gives EXIT_USAGE. `problem` may be NULL.
enum exit_code usage_error(const char *name, const char *problem, ...) __attribute__((format(printf, 2, 3)));

// The one policy that is named behind the options. False, as a usage error, where it is none or more.
bool one_policy(const char *command, int argc, char **argv, const char **policy);

// Takes the options of a command, one after the other: `letters` and `words` as getopt_long(3) has them, `take` for each, with
// its value in `optarg`. It ends with the first that is none, or whose code is not EXIT_FINE, and gives that code; `optind` is
// then the first argument that is no option.
struct option;
enum exit_code take_options(const char *command, int argc, char **argv, const char *letters,
                            const struct option *words, enum exit_code (*take)(void *options, int option),
                            void *options);

// The number of the word among those that `option` takes (NULL ends them). False, as a usage error, where it is none.
bool choose_word(const char *command, const char *option, const char *word, const char *const *words,
                 int *number);

// An option that takes one of two words: whether it is the other one. EXIT_USAGE, said, where it is none of them.
enum exit_code take_either(const char *command, const char *option, const char *one, const char *other,
                           bool *is_other);

// Prints the diagnostics of at least that severity on standard error, as text.
void report_diags(struct diag_list *diags, enum severity least);

// Writes all to standard output. EXIT_WORLD, with the reason on standard error, where that fails.
enum exit_code write_output(const struct buf *text);

// Writes all to a descriptor. False with errno where that fails.
bool write_whole(int fd, const struct buf *text);
