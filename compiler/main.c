// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc: a compiler from host-firewall policies to rules that a Linux kernel obeys. The table of subcommands, and the way
// from the command line to one of them.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

const struct command commands[] = {
#define COMMAND(name, usage, about) {#name, usage, about, run_##name},
#include "cli/commands.def"
#undef COMMAND
};

const size_t command_count = sizeof(commands) / sizeof(*commands);

static void put_help(struct buf *text)
{
    buf_text(text,
             "ctc compiles a host-firewall policy, written in YAML, into rules for iptables-restore.\n\n"
             "usage: ctc [-4|-6] POLICY > /etc/sysconfig/iptables\n"
             "       ctc COMMAND ...\n\n");
    for (size_t i = 0; i < command_count; i++)
        buf_printf(text, "  %-10s %s\n", commands[i].name, commands[i].about);
    buf_text(text, "\n`ctc help COMMAND` says what a command takes.\n"
                   "POLICY and RULES (what iptables-save prints) are files, or - for standard input; "
                   "PACKETS is a set such as\n"
                   "`in eth0 tcp from 192.0.2.0/24 to port 22 new`, see ctc(1).\n"
                   "Exit codes: 0 fine; 1 the policy is wrong; 2 wrong usage; 3 a file, the kernel or a "
                   "permission failed;\n"
                   "4 a difference was found; 5 not proved.\n"
                   "See ctc(1) for the command, ctc-policy(5) for the language.\n");
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

// Says of a word that no command is called so, and which was meant, or which there are. `command` is what it stands behind, or
// "", `problem` what is wrong with the word.
static enum exit_code unknown_command(const char *command, const char *problem, const char *word)
{
    const char *names[sizeof(commands) / sizeof(*commands) + 1] = {0};
    struct buf known = {0};

    for (size_t i = 0; i < command_count; i++) {
        names[i] = commands[i].name;
        buf_printf(&known, "%s%s", i == 0 ? "" : i + 1 < command_count ? ", " : " and ", names[i]);
    }

    const char *meant = suggested_word(slice_of(word), names);

    if (meant)
        usage_error(command, "%s '%s'; did you mean `ctc %s%s%s`?", problem, word, command,
                    command[0] ? " " : "", meant);
    else
        usage_error(command, "%s '%s'; the commands are %.*s", problem, word, (int)known.length, known.bytes);
    buf_clear(&known);
    return EXIT_USAGE;
}

static const struct {
    const char *command, *written, *about;
} options[] = {
#define OPTION(command, written, about) {command, written, about},
#include "cli/options.def"
#undef OPTION
};

static void put_command_help(struct buf *text, const struct command *command)
{
    buf_printf(text, "ctc %s: %s\n\nusage: ctc %s%s%s\n", command->name, command->about, command->name,
               command->usage[0] ? " " : "", command->usage);
    for (size_t i = 0, told = 0; i < sizeof(options) / sizeof(*options); i++)
        if (strcmp(options[i].command, command->name) == 0)
            buf_printf(text, "%s  %-20s %s\n", told++ ? "" : "\n", options[i].written, options[i].about);
    buf_printf(text, "\nSee ctc(1) for more, and ctc-policy(5) for the language.\n");
}

static enum exit_code help_on(const char *name)
{
    const struct command *command = command_find(name);
    struct buf text = {0};

    if (!command)
        return unknown_command("help", "there is no help on", name);
    put_command_help(&text, command);

    const enum exit_code code = write_output(&text);

    buf_clear(&text);
    return code;
}

enum exit_code run_help(int argc, char **argv)
{
    struct buf text = {0};

    if (argc == 2)
        return help_on(argv[1]);
    if (argc > 2)
        return usage_error("help", NULL);
    put_help(&text);

    const enum exit_code code = write_output(&text);

    buf_clear(&text);
    return code;
}

static enum exit_code print_version(void)
{
    struct buf text = {0};

    buf_text(&text, "ctc " CTC_VERSION "\n");

    const enum exit_code code = write_output(&text);

    buf_clear(&text);
    return code;
}

static bool is_file_name(const char *word)
{
    return strcmp(word, "-") == 0 || strpbrk(word, "./") || access(word, F_OK) == 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_help(argv[i]))
            return true;
    return false;
}

static enum exit_code run(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    const struct command *command = word ? command_find(word) : NULL;

    if (!word)
        return usage_error("", NULL);
    if (is_help(word))
        return run_help(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0)
        return print_version();
    if (command)
        return asks_for_help(argc, argv) ? help_on(word) : command->run(argc - 1, argv + 1);
    if ((word[0] == '-' && word[1]) || is_file_name(word))
        return asks_for_help(argc, argv) ? help_on("compile") : run_compile(argc, argv);
    return unknown_command("", "there is no command and no file", word);
}

// What the caller has closed would be the number of the first file that is opened, and what is said would be written into that.
// What stands in for it cannot be read, or written to, either.
static bool fill_standard_descriptors(void)
{
    bool fine = true;

    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO && fine; descriptor++)
        fine = fcntl(descriptor, F_GETFD) >= 0 ||
               open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) == descriptor;
    return fine;
}

int main(int argc, char **argv)
{
    if (!fill_standard_descriptors())
        return EXIT_WORLD;
    // A reader that goes away, or a limit on file sizes, is an error of write(2) and no reason to die half-way.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return (int)run(argc, argv);
}
