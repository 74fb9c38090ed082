// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define TICK       10000000L // nanoseconds between two looks at a process that was killed
#define LOOKS      100
#define STATE_TEXT 512 // bytes, of which those that are looked for are the first

#define START_FIELD 20 // the time of the start, behind the name

// The state is the first field behind the name, which may hold anything (proc_pid_stat(5)).
static bool look(int64_t id, char *state, uint64_t *start)
{
    char name[40], text[STATE_TEXT];
    struct slice rest, word;
    const char *at;
    ssize_t got;
    int file;

    snprintf(name, sizeof(name), "/proc/%" PRId64 "/stat", id);
    file = open(name, O_RDONLY | O_CLOEXEC);
    got = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
    if (file >= 0)
        close(file);
    if (got <= 0)
        return false;
    text[got] = '\0';
    at = strrchr(text, ')');
    if (!at)
        return false;
    rest = slice_of(at + 1);
    word = slice_word(&rest);
    *state = word.length ? word.at[0] : 'X';
    for (int field = 1; field < START_FIELD; field++)
        word = slice_word(&rest);
    return parse_number(word, UINT64_MAX, start);
}

struct process process_of(pid_t id)
{
    uint64_t start;
    char state;

    return look(id, &state, &start) ? (struct process){id, start} : (struct process){0};
}

enum process_state process_state(const struct process *process)
{
    uint64_t start;
    char state;

    if (process->id <= 0 || !look(process->id, &state, &start) || start != process->start || state == 'Z' ||
        state == 'X')
        return PROCESS_GONE;
    return state == 'T' || state == 't' ? PROCESS_STOPPED : PROCESS_ALIVE;
}

bool process_end(const struct process *process)
{
    if (process_state(process) == PROCESS_GONE || kill((pid_t)process->id, SIGKILL) < 0)
        return process_state(process) == PROCESS_GONE;
    for (int i = 0; i < LOOKS && process_state(process) != PROCESS_GONE; i++)
        nanosleep(&(struct timespec){.tv_nsec = TICK}, NULL);
    return process_state(process) == PROCESS_GONE;
}
