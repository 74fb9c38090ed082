// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every exit code of ctc. Scripts depend on them; the manual page lists them.
#pragma once

enum exit_code {
    EXIT_FINE = 0,
    EXIT_POLICY = 1,     // the policy is wrong, or an expectation fails
    EXIT_USAGE = 2,      // wrong usage
    EXIT_WORLD = 3,      // a file, the kernel or a permission failed
    EXIT_DIFFERENCE = 4, // a difference was found
    EXIT_UNPROVED = 5,   // the rules could not be shown to mean what the policy says
};
