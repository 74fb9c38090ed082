// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag/render.h"

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void put_error(const char *problem, va_list args) __attribute__((format(printf, 1, 0)));

static void put_error(const char *problem, va_list args)
{
    fputs("ctc: error: ", stderr);
    vfprintf(stderr, problem, args);
    fputc('\n', stderr);
}

enum exit_code usage_error(const char *name, const char *problem, ...)
{
    const struct command *command = command_find(name);

    if (problem) {
        va_list args;

        va_start(args, problem);
        put_error(problem, args);
        va_end(args);
    }
    if (command)
        fprintf(stderr, "usage: ctc %s%s%s\n", command->name, command->usage[0] ? " " : "", command->usage);
    else
        fputs("usage: ctc POLICY, or ctc COMMAND ...; `ctc help` lists the commands\n", stderr);
    return EXIT_USAGE;
}

enum exit_code world_error(const char *problem, ...)
{
    va_list args;

    va_start(args, problem);
    put_error(problem, args);
    va_end(args);
    return EXIT_WORLD;
}

void report_diags(struct diag_list *diags, enum severity least)
{
    const bool colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    struct buf text = {0};

    diag_sort(diags);
    render_text(&text, diags, least, colour);
    if (text.length)
        fwrite(text.bytes, 1, text.length, stderr);
    buf_clear(&text);
}
