// SPDX-License-Identifier: GPL-2.0-or-later
//
// The options of subcommands: reading them, and those that several have.
#pragma once

#include <getopt.h>

#include "base/addr.h"
#include "cli/cli.h"

struct compile_options;
struct kernel_version;

// Takes the options of a command, one after the other: `letters` and `words` as getopt_long(3) has them, `take` for each, with
// its value in `optarg`. It ends with the first that is none, or whose code is not EXIT_FINE, and gives that code; `optind` is
// then the first argument that is no option.
enum exit_code take_options(const char *command, int argc, char **argv, const char *letters,
                            const struct option *words, enum exit_code (*take)(void *options, int option),
                            void *options);

// The one policy that is named behind the options. EXIT_USAGE, said, where it is none or more.
enum exit_code take_policy(const char *command, int argc, char **argv, const char **policy);

// The number of the value among the words that `option` takes (NULL ends them). EXIT_USAGE, said, where it is none.
enum exit_code take_word(const char *command, const char *option, const char *const *words, int *number);

// Options of several commands: rows of their `words`, and what takes each. All give EXIT_USAGE, said, where the value does not
// fit.

// clang-format off
#define OPTIONS_FAMILY  {"ipv4", no_argument, NULL, '4'}, {"ipv6", no_argument, NULL, '6'}
#define OPTION_FORMAT   {"format", required_argument, NULL, 'f'}
#define OPTION_FAIL_ON  {"fail-on", required_argument, NULL, 'w'}
#define OPTION_OUTPUT   {"output", required_argument, NULL, 'o'}
#define OPTION_KERNEL   {"kernel", required_argument, NULL, 'k'}
#define OPTION_VIA      {"via", required_argument, NULL, 'v'}
#define OPTIONS_COMPILE {"comments", no_argument, NULL, 'c'}, {"allow-unproved", no_argument, NULL, 'u'}
// clang-format on

enum exit_code take_family(int option, enum family *family); // the letters are "46"
enum exit_code take_json(const char *command, bool *json);   // --format, text or json
enum exit_code take_fail_on(const char *command, bool *widen);
enum exit_code take_output(const char *command, const char **path); // the letter is "o:"
enum exit_code take_kernel(const char *command, struct kernel_version *version);
enum exit_code take_compile(int option, struct compile_options *options); // 'c' or 'u'
