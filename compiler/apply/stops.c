// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/stops.h"

static void hold(const int *signals, size_t count, sigset_t *before)
{
    sigset_t held;

    sigemptyset(&held);
    for (size_t i = 0; i < count; i++)
        sigaddset(&held, signals[i]);
    pthread_sigmask(SIG_BLOCK, &held, before);
}

// Of the three (termios(3)), SIGTTIN stops nobody here: nothing is read from a terminal while they are held back.
void stops_hold(sigset_t *before)
{
    static const int signals[] = {SIGTSTP, SIGTTOU};

    hold(signals, sizeof(signals) / sizeof(*signals), before);
}

void ends_hold(sigset_t *before)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

    hold(signals, sizeof(signals) / sizeof(*signals), before);
}

void stops_release(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}
