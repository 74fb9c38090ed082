// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/stops.h"

// Of the three (termios(3)), SIGTTIN stops nobody here: nothing is read from a terminal while they are held back.
void stops_hold(sigset_t *before)
{
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGTSTP);
    sigaddset(&stops, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &stops, before);
}

void stops_release(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}
