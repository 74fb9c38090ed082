// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "kernel/child.h"
#include "kernel/lock.h"

#define TURN_WAIT  5000 // milliseconds; whoever is killed leaves a program that is killed too
#define REASON_MAX 400  // bytes of what a program says

const char *program_find(struct arena *arena, const char *name)
{
    static const char *const directories[] = {"/usr/sbin", "/sbin", "/usr/local/sbin"};

    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        const char *path = arena_printf(arena, "%s/%s", directories[i], name);
        struct stat found;

        if (stat(path, &found) == 0 && S_ISREG(found.st_mode) && access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

struct running {
    const struct program_call *call;
    int input, turn;
    pid_t parent;
};

// In the child. The turn stays open, so that it lasts as long as the program. The lock that iptables-legacy-restore takes is
// its input's, which nobody else has.
static int become(const void *context, int output)
{
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
    char lock[] = "XTABLES_LOCKFILE=/proc/self/fd/0";
    char *const environment[] = {path, locale, lock, NULL};
    const struct running *running = context;
    const struct program_call *call = running->call;
    char *arguments[sizeof(call->arguments) / sizeof(*call->arguments) + 2] = {NULL};
    const char *name = base_name(call->path); // by which it tells what it is to do
    struct arena arena = {0};

    arguments[0] = arena_copy(&arena, name, strlen(name));
    for (size_t i = 0; i + 2 < sizeof(arguments) / sizeof(*arguments) && call->arguments[i]; i++)
        arguments[i + 1] = arena_copy(&arena, call->arguments[i], strlen(call->arguments[i]));
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != running->parent ||
        (running->turn >= 0 && fcntl(running->turn, F_SETFD, 0) < 0) ||
        dup2(running->input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
        return 1;
    execve(call->path, arguments, environment);
    fprintf(stderr, "%s", strerror(errno));
    return 1;
}

// What it said, in one line: without its name in front, notes, and its advice to read the manual.
static const char *reason(struct arena *arena, const struct program_call *call, const struct buf *said)
{
    const char *name = base_name(call->path);
    struct slice rest = {said->bytes, said->length}, line;
    struct buf text = {0};

    while (rest.length) {
        const char *colon;

        if (!slice_split(rest, '\n', &line, &rest)) {
            line = rest;
            rest.length = 0;
        }
        line = slice_trim(line);
        colon = line.length ? memchr(line.at, ':', line.length) : NULL;
        if (colon && slice_starts(line, name) && strncmp(line.at + strlen(name), " v", 2) == 0)
            line = slice_trim((struct slice){colon + 1, line.length - (size_t)(colon + 1 - line.at)});
        if (!line.length || line.at[0] == '#' || slice_starts(line, "Try `") || text.length > REASON_MAX)
            continue;
        buf_printf(&text, "%s%.*s", text.length ? "; " : "",
                   (int)(line.length > REASON_MAX ? REASON_MAX : line.length), line.at);
    }
    return buf_to_arena(&text, arena);
}

static bool judge(const struct program_call *call, int status, const struct buf *said,
                  struct kernel_error *error)
{
    const char *why = reason(error->arena, call, said);

    if (status < 0)
        return kernel_fail(error, KERNEL_FAILED, "%s was not done in %u s, and was stopped", call->path,
                           call->milliseconds / 1000);
    if (WIFSIGNALED(status))
        return kernel_fail(error, KERNEL_FAILED, "%s was ended by signal %d", call->path, WTERMSIG(status));
    if (status == 0)
        return true;
    if (strstr(why, "Permission denied") || strstr(why, "not permitted"))
        return kernel_fail(error, KERNEL_PERMISSION, "%s: " KERNEL_NEEDS, call->path);
    return kernel_fail(error, KERNEL_REFUSED, "%s: %s", call->path,
                       why[0] ? why : arena_printf(error->arena, "exit status %d", WEXITSTATUS(status)));
}

// A file that is nowhere, for it may be larger than a pipe.
static int open_input(const struct buf *input, struct kernel_error *error)
{
    const int file = memfd_create("input", MFD_CLOEXEC);

    if (file >= 0 && (!input || child_write(file, (struct slice){input->bytes, input->length})) &&
        lseek(file, 0, SEEK_SET) == 0)
        return file;
    kernel_fail(error, KERNEL_FAILED, "cannot write what a program is to read: %s", strerror(errno));
    if (file >= 0)
        close(file);
    return -1;
}

bool program_run(const struct program_call *call, struct buf *output, struct kernel_error *error)
{
    struct running running = {.call = call, .turn = -1, .parent = getpid()};
    struct buf said = {0};
    struct child child;
    bool fine;

    running.input = open_input(call->input, error);
    fine = running.input >= 0;
    if (fine && call->in_turn)
        fine = (running.turn = xtables_turn(TURN_WAIT, error)) >= 0;
    if (fine && !child_start(&child, become, &running))
        fine = kernel_fail(error, KERNEL_FAILED, "cannot start %s: %s", call->path, strerror(errno));
    if (running.input >= 0)
        close(running.input);
    xtables_unlock(running.turn);
    if (fine)
        fine = judge(call, child_wait(&child, call->milliseconds, output, &said), &said, error);
    buf_clear(&said);
    return fine;
}
