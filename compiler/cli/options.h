// SPDX-License-Identifier: GPL-2.0-or-later
//
// The options of subcommands: rows that say what each sets, reading them, and those that several have.
#pragma once

#include <getopt.h>

#include "base/addr.h"
#include "cli/cli.h"

struct kernel_version;

struct option_row {
    const char *word; // behind "--"; NULL ends the rows
    char letter;      // behind "-"; 0: none
    int argument;     // no_argument, required_argument or optional_argument, as getopt_long(3) has them
    // Takes the option, with its value in `optarg`. Another code than EXIT_FINE, said, ends the reading.
    enum exit_code (*take)(const char *command, const struct option_row *row);
    void *into;               // what `take` sets
    int choice;               // to what, where the option has no value
    const char *const *words; // that the value is one of, ended by NULL
};

// Takes the options of a command, one after the other. It ends with the first that no row has, or whose code is not EXIT_FINE,
// and gives that code; `optind` is then the first argument that is no option.
enum exit_code take_options(const char *command, int argc, char **argv, const struct option_row *rows);

// The one policy that is named behind the options. EXIT_USAGE, said, where it is none or more.
enum exit_code take_policy(const char *command, int argc, char **argv, const char **policy);

// The number of the value among the words that `option` takes (NULL ends them). EXIT_USAGE, said, where it is none.
enum exit_code take_word(const char *command, const char *option, const char *const *words, int *number);

// Rows, by what an option sets: a flag; a number, to `choice`; a text, to its value; a number, to which of the words its value
// is; what `take` makes of its value.
struct option_row option_flag(const char *word, bool *flag);
struct option_row option_choice(const char *word, int choice, int *number);
struct option_row option_text(const char *word, const char **text);
struct option_row option_word(const char *word, const char *const *words, int *number);
struct option_row option_value(const char *word,
                               enum exit_code (*take)(const char *command, const struct option_row *row),
                               void *into);

// Rows for options that several commands have.
struct option_row option_ipv4(enum family *family); // and -4
struct option_row option_ipv6(enum family *family); // and -6
struct option_row option_json(bool *json);          // --format, text or json
struct option_row option_fail_on(bool *widen);      // --fail-on, any or widen
struct option_row option_output(const char **path); // --output and -o
struct option_row option_sets(const char **path);   // --sets
struct option_row option_kernel(struct kernel_version *version);

// clang-format off
#define OPTIONS_FAMILY(family)   option_ipv4(family), option_ipv6(family)
#define OPTIONS_COMPILE(compile) option_flag("comments", &(compile)->lower.comments), \
                                 option_flag("allow-unproved", &(compile)->allow_unproved)
// clang-format on
