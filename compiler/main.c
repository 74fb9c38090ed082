// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc: a compiler from host-firewall policies to rules that a Linux kernel obeys. The table of subcommands, and the way
// from the command line to one of them.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

const struct command commands[] = {
    {"compile",
     "[-4|-6] [-o FILE|DIR/] [--comments] [--without PASS,...] [--until PASS] [--explain-cost] "
     "[--allow-unproved] POLICY",
     "rules for iptables-restore; `ctc POLICY` is short for it", run_compile},
    {"check",
     "[-4|-6] [--strict] [--expect FILE] [--format text|json|sarif|github] POLICY|RULES..., or "
     "--live [--format text|json] [POLICY]",
     "all that is wrong, doubtful or worth knowing; whether this kernel tracks, and what makes it",
     run_check},
    {"explain", "[-4|-6] [--format text|json] POLICY|RULES PACKETS|-",
     "what becomes of packets, and which rule and line decides it", run_explain},
    {"diff",
     "[-4|-6] [--format text|json] [--fail-on any|widen] OLD NEW|--live [--via libiptc|restore] POLICY",
     "what traffic changes, by meaning, with a packet for each region; --live: what this kernel does "
     "otherwise",
     run_diff},
    {"build",
     "--layout redhat|debian [--root DIR] [--check] [--kernel VERSION] [--comments] [--allow-unproved] "
     "POLICY",
     "every file that a host needs, where its distribution looks for it", run_build},
    {"report", "[-o FILE] POLICY",
     "one page that shows what a policy means: who reaches what, what is proved, what it costs", run_report},
    {"tune",
     "[--sysctl|--modprobe|--modules|--live|--apply] [--kernel VERSION] [--formula auto|kernel|article] "
     "POLICY",
     "size, timeouts and modules of the tracking table, as the files a host reads at boot", run_tune},
    {"advise",
     "[--dump FILE] [--local ADDRESSES] [--top N] [--format text|json|prometheus] [--watch[=SECONDS]] "
     "[--write] "
     "[POLICY]",
     "who fills the tracking table, and what to untrack", run_advise},
    {"apply",
     "[--own tables|chains] [--now|--confirm SECONDS|--dry-run|--boot last|closed|--check] [--force] [--cut] "
     "[--fail-on any|widen] [--via libiptc|restore] [--format text|json] POLICY",
     "load the rules of both families into this kernel, all of them or none", run_apply},
    {"confirm", "[--cut]", "keep what waits for a confirmation", run_confirm},
    {"rollback", "", "the rules of before the last apply", run_rollback},
    {"status", "", "what is applied, and whether the kernel still has it", run_status},
    {"services", "", "the words that stand for ports", run_services},
    {"help", "[COMMAND]", "this text, or what a command does and takes", run_help},
};

const size_t command_count = sizeof(commands) / sizeof(*commands);

static void put_help(struct buf *text)
{
    buf_text(text,
             "ctc compiles a host-firewall policy, written in YAML, into rules for iptables-restore.\n\n"
             "usage: ctc [-4|-6] POLICY > /etc/sysconfig/iptables\n");
    for (size_t i = 0; i < command_count; i++)
        buf_printf(text, "       ctc %s%s%s\n%15s%s\n", commands[i].name, commands[i].usage[0] ? " " : "",
                   commands[i].usage, "", commands[i].about);
    buf_text(text, "\nPOLICY and RULES (what iptables-save prints) are files, or - for standard input; "
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

static enum exit_code unknown_command(const char *word)
{
    const char *names[sizeof(commands) / sizeof(*commands) + 1] = {0};

    for (size_t i = 0; i < command_count; i++)
        names[i] = commands[i].name;

    const char *nearest = nearest_word(slice_of(word), names);

    if (nearest)
        return usage_error("", "'%s' is neither a command nor a file; did you mean `ctc %s`?", word, nearest);
    return usage_error("", "'%s' is neither a command nor a file", word);
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
    const struct command *command = NULL;
    struct buf text = {0};

    for (size_t i = 0; i < command_count && !command; i++)
        if (strcmp(name, commands[i].name) == 0)
            command = &commands[i];
    if (!command)
        return unknown_command(name);
    put_command_help(&text, command);

    const enum exit_code code = write_output(&text);

    buf_clear(&text);
    return code;
}

enum exit_code run_help(int argc, char **argv)
{
    struct buf text = {0};

    if (argc == 2 && !is_help(argv[1]))
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

static enum exit_code run(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;

    if (!word)
        return usage_error("", NULL);
    if (is_help(word))
        return run_help(1, argv);
    if (strcmp(word, "--version") == 0)
        return print_version();
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(word, commands[i].name) == 0)
            return argc == 3 && is_help(argv[2]) ? help_on(word) : commands[i].run(argc - 1, argv + 1);
    if ((word[0] == '-' && word[1]) || is_file_name(word))
        return run_compile(argc, argv);
    return unknown_command(word);
}

int main(int argc, char **argv)
{
    // A reader that goes away, or a limit on file sizes, is an error of write(2) and no reason to die half-way.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return (int)run(argc, argv);
}
