// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/fatal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/exit.h"

void fatal_no_memory(void)
{
    static const char text[] = "ctc: error: out of memory\n";

    // write(2), since stdio may allocate.
    const ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)written;
#ifdef FUZZING
    abort(); // a fuzzer keeps the input of what aborts, and of nothing that exits
#else
    _exit(EXIT_WORLD);
#endif
}
